// What is left of a module when its machine code is kept beside it: everything but the bodies of its functions, which nobody reads
// any more. Compilers may take modules with the same bytes for the same, so each shell has its identity in it.

import { flatten, name, readUnsignedLeb, unsignedLeb } from "./bytes.ts";

const CUSTOM_SECTION = 0;
const CODE_SECTION = 10;
/** No locals, `unreachable`, `end`; its length in front. */
const NO_BODY = [3, 0, 0x00, 0x0b];
/** It speaks of places in the bodies. */
const BRANCH_HINTS = "metadata.code.branch_hint";

/** `identity` is what no other module's machine code has, such as a hash of it. */
export function moduleShell(wasm: Uint8Array, identity: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [wasm.subarray(0, 8)];
  for (let at = 8; at < wasm.length; ) {
    const length = readUnsignedLeb(wasm, at + 1);
    const end = length.next + length.value;
    if (wasm[at] === CODE_SECTION) parts.push(emptyBodies(readUnsignedLeb(wasm, length.next).value));
    else if (!isBranchHints(wasm, at, length.next)) parts.push(wasm.subarray(at, end));
    at = end;
  }
  parts.push(section(CUSTOM_SECTION, flatten([name("identity"), [...identity]])));
  return flatten(parts);
}

function emptyBodies(count: number): Uint8Array<ArrayBuffer> {
  return section(CODE_SECTION, flatten([unsignedLeb(count), new Array(count).fill(NO_BODY)]));
}

function section(id: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  return flatten([id, unsignedLeb(content.length), content]);
}

function isBranchHints(wasm: Uint8Array, at: number, contentAt: number): boolean {
  if (wasm[at] !== CUSTOM_SECTION) return false;
  const { value, next } = readUnsignedLeb(wasm, contentAt);
  return new TextDecoder().decode(wasm.subarray(next, next + value)) === BRANCH_HINTS;
}
