// V8's custom section "compilationHints": for each function when it is compiled and by which compiler. Without it functions are
// compiled when first called, by the baseline compiler, and code that is known to be hot waits for the optimizing one.
// Engines that do not know the section take no notice of it.

import { flatten, name, readUnsignedLeb, unsignedLeb, vector } from "./bytes.ts";

const FUNCTION_SECTION = 3;
const CODE_SECTION = 10;
const EAGER = 2;
const OPTIMIZED = 2;
/** When, then the compiler of the first code, then that of the code it ends with. */
const OPTIMIZED_AT_ONCE = EAGER | (OPTIMIZED << 2) | (OPTIMIZED << 4);

/** The same module, with optimized code of all its functions made together with it. */
export function optimizedAtOnce(wasm: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { functions, codeOffset } = outline(wasm);
  const content = flatten([
    name("compilationHints"),
    vector(new Array<number>(functions).fill(OPTIMIZED_AT_ONCE)),
  ]);
  return flatten([
    wasm.subarray(0, codeOffset),
    [0, unsignedLeb(content.length), content],
    wasm.subarray(codeOffset),
  ]);
}

/** How many functions a module of our own has, and where its code section starts, or would. */
function outline(wasm: Uint8Array): { readonly functions: number; readonly codeOffset: number } {
  let functions = 0;
  let at = 8;
  while (at < wasm.length) {
    const id = wasm[at];
    const { value, next } = readUnsignedLeb(wasm, at + 1);
    if (id === CODE_SECTION) return { functions, codeOffset: at };
    if (id === FUNCTION_SECTION) functions = readUnsignedLeb(wasm, next).value;
    at = next + value;
  }
  return { functions, codeOffset: at };
}
