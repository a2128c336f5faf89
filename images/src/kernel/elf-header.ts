// The checks on a kernel's ELF header that are about the user having given the right file (System V ABI, gABI 4.1):
// class, machine and completeness. Loading its segments is the machine's affair (machine/src/boot).

import { HearthError } from "@hearth/machine/errors";

const CLASS_64 = 2;
const MACHINE_X86_64 = 62;
const MACHINE_I386 = 3;
const MACHINE_NAMES: Readonly<Record<number, string>> = {
  2: "SPARC",
  8: "MIPS",
  20: "PowerPC",
  21: "PowerPC",
  22: "S/390",
  40: "ARM",
  43: "SPARC",
  183: "ARM (AArch64)",
  243: "RISC-V",
  258: "LoongArch",
};
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const SEGMENT_LOAD = 1;
const SEGMENT_INTERPRETER = 3;

export function isElf(file: Uint8Array): boolean {
  return file[0] === 0x7f && file[1] === 0x45 && file[2] === 0x4c && file[3] === 0x46;
}

/** Throws HearthError (kernel.wrong-architecture, .32-bit, .truncated, .not-a-kernel) unless `file` can be an x86-64 kernel. */
export function checkKernelElf(file: Uint8Array, source: string): void {
  if (file.length < 20) throw truncated(source);
  const isBigEndian = file[5] === 2;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const machine = view.getUint16(18, !isBigEndian);
  if (machine !== MACHINE_X86_64 && machine !== MACHINE_I386)
    throw new HearthError(
      "kernel.wrong-architecture",
      `${source} is a kernel for ${MACHINE_NAMES[machine] ?? `ELF machine ${machine}`}; Hearth runs x86-64 guests.`,
      { details: { elfMachine: machine } },
    );
  if (file[4] !== CLASS_64 || machine === MACHINE_I386)
    throw new HearthError(
      "kernel.32-bit",
      `${source} is a 32-bit ELF file; Hearth boots 64-bit x86 kernels (CONFIG_64BIT=y).`,
    );
  if (file.length < HEADER_BYTES) throw truncated(source);
  checkSegments(file, view, source);
}

function checkSegments(file: Uint8Array, view: DataView, source: string): void {
  const tableOffset = Number(view.getBigUint64(32, true));
  const entryBytes = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (entryBytes < PROGRAM_HEADER_BYTES || count === 0) throw notAKernel(source, "it has no program headers");
  let loadable = 0;
  for (let i = 0; i < count; i++) {
    const at = tableOffset + i * entryBytes;
    if (at + PROGRAM_HEADER_BYTES > file.length) throw truncated(source);
    const kind = view.getUint32(at, true);
    if (kind === SEGMENT_INTERPRETER) throw notAKernel(source, "it is a program for Linux");
    if (kind !== SEGMENT_LOAD) continue;
    loadable++;
    const end = view.getBigUint64(at + 8, true) + view.getBigUint64(at + 32, true);
    if (end > BigInt(file.length)) throw truncated(source, Number(end), file.length);
  }
  if (loadable === 0) throw notAKernel(source, "it has nothing to load");
}

function notAKernel(source: string, reason: string): HearthError {
  return new HearthError("kernel.not-a-kernel", `${source} is not a kernel: ${reason}.`);
}

function truncated(source: string, expectedBytes?: number, actualBytes?: number): HearthError {
  const sizes =
    expectedBytes === undefined
      ? "its headers go beyond its end"
      : `its headers announce ${expectedBytes} bytes, the file has ${actualBytes}`;
  return new HearthError("kernel.truncated", `${source} is truncated: ${sizes}.`, {
    details: { expectedBytes, actualBytes },
  });
}
