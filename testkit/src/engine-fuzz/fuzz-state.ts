// Random start states: every mode, page tables with holes, wrong bits and loops, descriptor tables of which some entries are sound.

import type { GuestMemory, SegmentRegister, VcpuRegisters } from "@hearth/machine";
import { Attributes, gate, Selector, writeGdt } from "../conformance/descriptors.ts";
import { blankRegisters } from "../conformance/guest.ts";
import type { Prng } from "../prng.ts";
import { fuzzCode } from "./fuzz-code.ts";

/** Where things are, guest-physical; the first two MiB are mapped to themselves more often than not. */
export const FUZZ_RAM_BYTES = 4 * 1024 * 1024;
const GDT = 0x1000;
const IDT = 0x2000;
const TASK = 0x3000;
const TABLES = 0x1_0000;
const TABLES_BYTES = 0x6000;
export const FUZZ_TABLES = { start: TABLES, end: TABLES + TABLES_BYTES } as const;
const CODE = 0x8_0000;
const CODE_BYTES = 0x4000;
const STACK = 0x10_0000;

type Mode = "long" | "compatibility" | "pae" | "two-level" | "flat" | "real";
const MODES: readonly Mode[] = ["long", "long", "long", "compatibility", "pae", "two-level", "flat", "real"];

/** Fills RAM and answers the registers to start with. */
export function fuzzState(prng: Prng, memory: GuestMemory): VcpuRegisters {
  const mode = prng.pick(MODES);
  const user = prng.oneIn(2) && mode !== "real";
  fuzzCode(prng, memory.slice(CODE, CODE_BYTES));
  prng.fill(memory.slice(STACK - 0x1000, 0x2000));
  writeTables(prng, memory, mode);
  writeGdt(
    memory,
    GDT,
    mode === "long" || mode === "compatibility" ? Attributes.code64 : Attributes.code32,
    TASK,
  );
  writeIdt(prng, memory, mode);
  writeTask(prng, memory);
  memory.noteDeviceWrite(memory.offsetOf(0, memory.ramBytes), memory.ramBytes);
  return {
    ...blankRegisters(),
    ...generalRegisters(prng),
    ...systemRegisters(prng, mode, user),
    ...segments(mode, user),
  };
}

const random64 = (prng: Prng): bigint => (BigInt(prng.u32()) << 32n) | BigInt(prng.u32());

/** A value with which something happens: addresses, page borders, counts, sign changes. */
function interesting(prng: Prng): bigint {
  switch (prng.below(8)) {
    case 0:
      return random64(prng);
    case 1:
      return BigInt(prng.below(16));
    case 2:
      return BigInt(prng.below(FUZZ_RAM_BYTES));
    case 3:
      return BigInt(CODE + prng.below(CODE_BYTES));
    case 4:
      return BigInt(prng.below(0x400) * 0x1000) + BigInt(0x1000 - prng.below(20));
    case 5:
      return prng.pick([
        0x7fff_ffff_fff8n,
        0x8000_0000_0000n,
        0xffff_8000_0000_0000n,
        0xffff_ffff_ffff_fff9n,
        0xffff_fff9n,
      ]);
    case 6:
      return BigInt(0xfec0_0000 + prng.below(0x40_0000));
    default:
      return 1n << BigInt(prng.below(64));
  }
}

function generalRegisters(prng: Prng): Partial<VcpuRegisters> {
  const names = "rax rcx rdx rbx rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
  const rsp = prng.oneIn(8) ? interesting(prng) : BigInt(STACK - prng.below(64));
  const rip = BigInt(CODE + (prng.oneIn(4) ? 0x1000 - prng.below(16) : prng.below(CODE_BYTES)));
  const rflags =
    2n | (BigInt(prng.u32()) & 0x24_0ed5n) | (prng.oneIn(6) ? 0x100n : 0n) | (prng.oneIn(4) ? 0x3000n : 0n);
  return { ...Object.fromEntries(names.map((name) => [name, interesting(prng)])), rsp, rip, rflags };
}

function systemRegisters(prng: Prng, mode: Mode, user: boolean): Partial<VcpuRegisters> {
  const isLong = mode === "long" || mode === "compatibility";
  const paging = isLong || mode === "pae" || mode === "two-level" ? 0x8000_0000n : 0n;
  const protection = mode === "real" ? 0n : 1n;
  const pae = isLong || mode === "pae" ? 0x20n : 0n;
  const options = BigInt(prng.u32()) & 0x31_0f9cn;
  // SMEP would stop a supervisor whose code is in user pages at its first instruction.
  const smep = user ? 0x10_0000n : 0n;
  return {
    cr0: paging | protection | 0x30n | (BigInt(prng.u32()) & 0x5_0002n) | (prng.oneIn(8) ? 8n : 0n),
    cr2: random64(prng),
    cr3: BigInt(TABLES),
    cr4: pae | (options & ~0x10_0000n) | (options & smep) | (prng.oneIn(8) ? 0n : 0x600n),
    efer: (isLong ? 0x500n : 0n) | (BigInt(prng.u32()) & 0x801n),
    gdtr: { base: BigInt(GDT), limit: prng.oneIn(8) ? prng.below(0x10000) : 0x7f },
    idtr: { base: BigInt(IDT), limit: prng.oneIn(8) ? prng.below(0x1000) : 0xfff },
  };
}

function segments(mode: Mode, user: boolean): Partial<VcpuRegisters> {
  const privilege = user ? 3 : 0;
  const code = mode === "long" ? Attributes.code64 : mode === "real" ? 0x9b : Attributes.code32;
  const limit = mode === "real" ? 0xffff : 0xffff_ffff;
  const segment = (selector: number, attributes: number, base = 0): SegmentRegister => ({
    selector: selector | privilege,
    base: BigInt(base),
    limit,
    attributes: attributes | (privilege << 5),
  });
  const data = (): SegmentRegister =>
    segment(user ? Selector.userData : Selector.data, mode === "real" ? 0x93 : Attributes.data32);
  const selector = user ? (mode === "long" ? Selector.userCode64 : Selector.userCode32) : Selector.code;
  return {
    // Real mode reaches the code with a base, since IP has 16 bits.
    cs: segment(selector, code, mode === "real" ? CODE & ~0xffff : 0),
    ss: mode === "real" ? segment(0, 0x93, STACK & ~0xffff) : data(),
    ds: data(),
    es: data(),
    fs: data(),
    gs: data(),
    tr: { selector: Selector.task, base: BigInt(TASK), limit: 0x67 + 33, attributes: Attributes.tssBusy },
  };
}

function writeIdt(prng: Prng, memory: GuestMemory, mode: Mode): void {
  prng.fill(memory.slice(IDT, 0x1000));
  const isLong = mode === "long" || mode === "compatibility";
  const bytes = isLong ? 16 : 8;
  for (let vector = 0; vector < 256; vector++) {
    if (prng.oneIn(6)) continue;
    const at = IDT + vector * bytes;
    const options = {
      selector: Selector.code,
      type: 14 + prng.below(2),
      privilege: prng.below(4),
      ist: prng.below(12) & 7,
    };
    const target = BigInt(CODE + prng.below(CODE_BYTES));
    if (mode === "real") memory.writeU32(vector * 4, prng.below(CODE_BYTES) | ((CODE >> 4) << 16));
    else memory.writeU64(at, gate(target, isLong && !prng.oneIn(2) ? options : { ...options, ist: 0 }));
    if (isLong) memory.writeU64(at + 8, 0n);
  }
}

function writeTask(prng: Prng, memory: GuestMemory): void {
  prng.fill(memory.slice(TASK, 0x100));
  const isLong = prng.oneIn(2);
  for (let n = 0; n < 11; n++)
    if (!prng.oneIn(8)) memory.writeU64(TASK + 4 + n * 8, BigInt(STACK - prng.below(512)));
  if (!isLong) memory.writeU16(TASK + 8, Selector.data);
  memory.writeU16(TASK + 102, 0x68);
}

/** Tables for the mode: identity below 4 MiB with accidents, and junk above. */
function writeTables(prng: Prng, memory: GuestMemory, mode: Mode): void {
  prng.fill(memory.slice(TABLES, TABLES_BYTES));
  if (mode === "two-level") {
    for (let i = 0; i < 1024; i++)
      memory.writeU32(TABLES + 0x1000 + i * 4, Number(leaf(prng, i) & 0xffff_ffffn));
    memory.writeU32(TABLES, (TABLES + 0x1000) | 7);
    if (prng.oneIn(4)) memory.writeU32(TABLES, 0xe7);
    return;
  }
  const [root, pointers, directory, low, high] = [0, 1, 2, 3, 4].map((n) => TABLES + n * 0x1000) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const attributes = mode === "pae" ? 1n : 7n;
  memory.writeU64(root, BigInt(mode === "pae" ? directory : pointers) | attributes);
  memory.writeU64(root + 511 * 8, BigInt(prng.pick([root, pointers, directory])) | 7n);
  memory.writeU64(pointers, BigInt(directory) | 7n);
  memory.writeU64(pointers + 8, prng.pick([0x83n, 0x87n, BigInt(directory) | 7n]));
  memory.writeU64(directory, BigInt(low) | 7n);
  memory.writeU64(directory + 8, prng.oneIn(3) ? 0x20_00e7n : BigInt(high) | 7n);
  for (let i = 0; i < 1024; i++) memory.writeU64(low + i * 8, leaf(prng, i));
}

/** An entry that maps a page to itself, most of the time. */
function leaf(prng: Prng, page: number): bigint {
  if (!prng.oneIn(12)) return BigInt(page * 4096) | (prng.oneIn(8) ? BigInt(prng.below(0x1000)) : 7n);
  if (prng.oneIn(3)) return random64(prng);
  if (prng.oneIn(2)) return BigInt(0xfec0_0000 + prng.below(4) * 0x1000) | 7n;
  return BigInt(prng.below(FUZZ_RAM_BYTES / 4096) * 4096) | 7n;
}
