// A counter in JavaScript. What it keeps between calls is in ordinary variables: the host keeps the plugin's whole
// memory, so nothing needs to be saved.

import './belljar.js';

// The values that were kept under one tag.
class Tag {
  values = [];
  mean = 0;
  squares = 0;

  // Welford's method, which keeps its precision where the sum of squares would lose it.
  keep(value) {
    const count = this.values.push(value);
    const distance = value - this.mean;
    this.mean += distance / count;
    this.squares += distance * (value - this.mean);
    return { count: BigInt(count), mean: this.mean, variance: this.squares / count };
  }
}

let sum = 0n;
const byName = new Map();
const draws = [];

export function init(config) {
  let fields;
  try {
    fields = JSON.parse(config);
  } catch (error) {
    // What is thrown as a text becomes the method's error; anything else would be a fault.
    throw `the configuration is no JSON: ${error.message}`;
  }
  const { start = 0, ...unknown } = fields ?? {};
  if (Object.keys(unknown).length > 0 || !Number.isSafeInteger(start)) {
    throw 'the configuration must be {} or like {"start": 100}';
  }
  sum = BigInt(start);
}

export function add(n) {
  sum = BigInt.asIntN(64, sum + n);
  return sum;
}

export function get() {
  return sum;
}

export function keep(name, value) {
  if (!byName.has(name)) {
    byName.set(name, new Tag());
  }
  return byName.get(name).keep(value);
}

export function kept(name) {
  const tag = byName.get(name);
  if (tag === undefined) {
    throw 'nothing was kept under this tag';
  }
  return tag.values;
}

export function tags() {
  return [...byName.keys()];
}

export function drawOne() {
  const half = () => BigInt(Math.floor(Math.random() * 2 ** 32));
  const draw = { number: (half() << 32n) | half(), timeNs: BigInt(Date.now()) * 1_000_000n };
  draws.push(draw);
  console.debug('drew', String(draw.number));
  return draw;
}

export function drawn() {
  return draws;
}
