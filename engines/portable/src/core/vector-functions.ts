// The functions of the core that vector instructions call and that need no guest memory: a part of the core, and all of it that
// their tests compile.

export { sseFloat } from "./sse";
export { compareStrings, crc32c } from "./sse-string";
