// Memory of large buffers, given back at once: the garbage collector sees small objects and is in no hurry.

/** Below this a buffer may share its memory with others, and is not worth it. */
const LARGE_BYTES = 1024 * 1024;

/** Frees the memory behind `bytes`, which nobody may use afterwards. */
export function giveBack(bytes: Uint8Array | undefined): void {
  const buffer = bytes?.buffer;
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= LARGE_BYTES) buffer.transfer(0);
}
