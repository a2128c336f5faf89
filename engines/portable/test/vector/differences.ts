// What differs between two states after an instruction, apart from what is known to and documented.

import type { CpuAnswer, CpuCase } from "../oracle.ts";

export const USUAL_MXCSR = 0x1f80;
/** Rounding and masks; not the flags, flush-to-zero and denormals-are-zero. */
const CONTROL = 0x7f80;
/** Denormal operand, underflow, inexact: not kept where the host's own arithmetic is used. */
const NOT_KEPT = 0x32;
const FLAGS = 0x8d5n;
/** Instructions whose results the manual leaves to the implementation, within a relative error. */
const ESTIMATES = /^r(cp|sqrt)[ps]s$/;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const mxcsrOf = ({ fxsave }: { fxsave: Uint8Array }): number =>
  new DataView(fxsave.buffer, fxsave.byteOffset).getUint32(24, true);

/** Do single-precision lanes differ by no more than the manual allows? A tiny result may be flushed. */
function closeEnough(ours: Uint8Array, theirs: Uint8Array): boolean {
  const a = new Float32Array(ours.slice().buffer);
  const b = new Float32Array(theirs.slice().buffer);
  return a.every((x, i) => {
    const y = b[i] as number;
    const tiny = Math.max(Math.abs(x), Math.abs(y)) <= 2 ** -126;
    return Object.is(x, y) || tiny || Math.abs(x - y) <= Math.abs(y) * 1.5 * 2 ** -12;
  });
}

/** One line for each difference; none when the states agree. */
export function differences(mnemonic: string, before: CpuCase, ours: CpuAnswer, theirs: CpuAnswer): string[] {
  const found: string[] = [];
  const number = (name: string, a: bigint | number | undefined, b: bigint | number | undefined): void => {
    if (a !== b) found.push(`${name}: ${a?.toString(16)}, CPU ${b?.toString(16)}`);
  };
  const part = (name: string, at: number, bytes: number): void => {
    const [a, b] = [ours.fxsave.subarray(at, at + bytes), theirs.fxsave.subarray(at, at + bytes)];
    if (ESTIMATES.test(mnemonic) && name.startsWith("xmm") && closeEnough(a, b)) return;
    if (hex(a) !== hex(b)) found.push(`${name}: ${hex(a)}, CPU ${hex(b)}`);
  };
  number("vector", ours.vector, theirs.vector);
  number("rip", ours.rip, theirs.rip);
  number("flags", ours.rflags & FLAGS, theirs.rflags & FLAGS);
  if (theirs.vector === 14) {
    number("cr2", ours.cr2, theirs.cr2);
    number("error code", ours.errorCode, theirs.errorCode);
  }
  for (let n = 0; n < 16; n++) number(`gpr ${n}`, ours.gpr[n], theirs.gpr[n]);
  for (let n = 0; n < 16; n++) part(`xmm${n}`, 160 + n * 16, 16);
  for (let n = 0; n < 8; n++) part(`st${n}`, 32 + n * 16, 10);
  part("x87 status and tags", 2, 3);
  if (hex(ours.window) !== hex(theirs.window)) found.push("memory");
  const kept = (mxcsrOf(before) & CONTROL) === USUAL_MXCSR ? ~NOT_KEPT : -1;
  number("mxcsr", mxcsrOf(ours) & kept, mxcsrOf(theirs) & kept);
  return found.length === 0 ? found : [...found, `mxcsr before: ${mxcsrOf(before).toString(16)}`];
}
