// What the engine's generated code wants of V8: it says at its branches which way they mostly go, so that code for TLB misses,
// faults and exits stays out of the way, and which functions are to be optimized at once, since they are known to be hot; and
// machine code is kept (machine-code.ts). A V8 that knows the flags no more, or by default, runs without them.

import { setFlagsFromString } from "node:v8";

const FLAGS = [
  "--experimental-wasm-branch-hinting",
  "--experimental-wasm-compilation-hints",
  "--allow-natives-syntax",
];

/** For the whole process, and to be called in each thread before the engine's modules are compiled. */
export function setV8Flags(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}
