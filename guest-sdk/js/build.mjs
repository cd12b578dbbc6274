// Makes a component of a plugin's JavaScript: node build.mjs APP.js WIT-FOLDER OUT.wasm
//
// Every feature of the engine that needs WASI is left out, so that the component imports nothing but what its WIT
// names and can be an actor.

import { componentize } from '@bytecodealliance/componentize-js';
import { writeFile } from 'node:fs/promises';

const WITHOUT_WASI = ['http', 'fetch-event', 'stdio', 'random', 'clocks'];

// componentize-js 0.23 stops a call whose result is a negative s64: its engine takes the result as an unsigned number,
// and its bindings hand over a signed one. The bits are the same, so here they are handed over unsigned. When a later
// version writes its bindings in another way, this is an error, and time to see whether it is still needed.
const SIGNED = 'return BigInt.asIntN(64, converted);';
const UNSIGNED = 'return BigInt.asUintN(64, converted);';

async function allowNegativeResults() {
  const entry = import.meta.resolve('@bytecodealliance/componentize-js');
  const { splicer } = await import(new URL('../lib/spidermonkey-embedding-splicer.js', entry));
  const { spliceBindings } = splicer;
  splicer.spliceBindings = (...args) => {
    const spliced = spliceBindings(...args);
    if (spliced.jsBindings.includes('toInt64') && spliced.jsBindings.split(SIGNED).length !== 2) {
      throw new Error('componentize-js writes its bindings in another way than build.mjs expects');
    }
    return { ...spliced, jsBindings: spliced.jsBindings.replace(SIGNED, UNSIGNED) };
  };
}

const [app, wit, out] = process.argv.slice(2);
if (out === undefined) {
  console.error('usage: node build.mjs APP.js WIT-FOLDER OUT.wasm');
  process.exit(1);
}
await allowNegativeResults();
const { component } = await componentize({ sourcePath: app, witPath: wit, disableFeatures: WITHOUT_WASI });
await writeFile(out, component);
