// What authors of Belljar plugins in JavaScript use beside the bindings of their own WIT.
//
// A plugin that is an actor is built without WASI, so the engine's own clock and random numbers have nothing behind
// them: Math.random() would repeat the numbers of the build, and Date.now() would stand still. Importing this module
// puts the host's in their place: Math.random, Date (with new Date() and Date()), performance.now,
// crypto.getRandomValues, and console, whose lines go to the host's log.
//
// The generator is the host's, which seeds it for each actor and keeps its state, so nothing here needs to be saved.

import { now, monotonic } from 'belljar:plugin/clock@0.1.0';
import { bytes, next } from 'belljar:plugin/random@0.1.0';
import { log } from 'belljar:plugin/log@0.1.0';

// The most bytes that crypto.getRandomValues may be asked for, by its own standard; the host's limit is the same.
const RANDOM_BYTES_MAX = 65536;

const EngineDate = Date;

// The time in milliseconds since 1970, as Date.now has it.
const nowMs = () => Number(now() / 1_000_000n);

class HostDate extends EngineDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [nowMs()] : parts));
  }

  static now() {
    return nowMs();
  }
}

// Date may also be called without `new`, which a class may not; it then returns the time as a text.
globalThis.Date = new Proxy(HostDate, {
  apply: () => new HostDate().toString(),
});
// A date says that it was made by Date, as everywhere.
HostDate.prototype.constructor = globalThis.Date;

// As many bits as a number holds exactly.
Math.random = () => Number(next() >> 11n) / 2 ** 53;

globalThis.performance ??= {};
globalThis.performance.now = () => Number(monotonic()) / 1e6;

globalThis.crypto ??= {};
globalThis.crypto.getRandomValues = (array) => {
  if (array.byteLength > RANDOM_BYTES_MAX) {
    throw new RangeError(`at most ${RANDOM_BYTES_MAX} random bytes can be had at once`);
  }
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(bytes(array.byteLength));
  return array;
};

const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value) ?? String(value));
const line = (level) => (...values) => log(level, values.map(text).join(' '));

globalThis.console = {
  trace: line('trace'),
  debug: line('debug'),
  log: line('info'),
  info: line('info'),
  warn: line('warn'),
  error: line('error'),
};
