// The x86 branch filter of xz ("BCJ x86", filter 0x04): the compressor turned the relative targets of CALL and JMP
// (opcodes 0xE8, 0xE9) into absolute ones; this turns them back. Opcode bytes seen in the four bytes before decide
// whether a candidate is taken, exactly as the compressor decided. Source: the public xz format, section 5.3.2.

/** For the opcode history (bit 0 = one byte ago, …): may a branch be taken there at all, and which byte must be looked at. */
const IS_ALLOWED = [true, true, true, false, true, false, false, false];
const BYTE_TO_CHECK = [0, 1, 2, 2, 3, 3, 3, 3];

/** Undoes the filter in place over bytes [start, end), which are one whole block. */
export function undoX86Filter(bytes: Uint8Array, start: number, end: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let history = 0;
  let lastOpcode = start - 5;
  for (let at = start; at < end - 4; at++) {
    if (((bytes[at] as number) & 0xfe) !== 0xe8) continue;
    const distance = at - lastOpcode;
    lastOpcode = at;
    history = distance > 3 ? 0 : (history << (distance - 1)) & 7;
    if (history !== 0) {
      const suspect = bytes[at + 4 - (BYTE_TO_CHECK[history] as number)] as number;
      if (!IS_ALLOWED[history] || isSignByte(suspect)) {
        history = (history << 1) | 1;
        continue;
      }
    }
    if (!isSignByte(bytes[at + 4] as number)) {
      history = (history << 1) | 1;
      continue;
    }
    view.setUint32(at + 1, toRelative(view.getUint32(at + 1, true), at - start + 5, history), true);
    at += 4;
  }
}

/** The top byte of a plausible 25-bit branch target. */
function isSignByte(byte: number): boolean {
  return byte === 0x00 || byte === 0xff;
}

function toRelative(absolute: number, nextInstruction: number, history: number): number {
  let target = absolute;
  for (;;) {
    const relative = (target - nextInstruction) >>> 0;
    const bits = (BYTE_TO_CHECK[history] as number) * 8;
    if (history === 0 || !isSignByte((relative >>> (24 - bits)) & 0xff)) return signExtend25(relative);
    target = (relative ^ (2 ** (32 - bits) - 1)) >>> 0;
  }
}

function signExtend25(value: number): number {
  return ((value << 7) >> 7) >>> 0;
}
