// The functions of the core that vector instructions call.

export { storeMasked } from "./masked-store";
export { sseFloat } from "./sse";
export { compareStrings, crc32c } from "./sse-string";
