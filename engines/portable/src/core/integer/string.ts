// String instructions. SDM volume 2, MOVS and its relatives, REP. An iteration moves one element; runs inside pages are moved in
// bulk. RSI, RDI and RCX are exact wherever an instruction stops: at a fault, or for interrupts, to be resumed.

import {
  CPU_BOUNCE, CPU_BUDGET, CPU_GPR, FLAG_DF, SEG_ES, UOP_ADDRESS_SHIFT, UOP_IMM, UOP_LINEAR_SHIFT,
  UOP_SEGMENT,
} from "../../layout";
import { setArithmeticFlags } from "../flags";
import { hostForRead, hostForWrite, memoryValue, readMemory, writeMemory } from "../mmu/access";
import { portInput, portOutput, portsAllowed } from "../system/ports";
import {
  faultAt, flagsOther, gpr, maskOf, NEXT, RAX, RBX, RCX, RDI, RDX, RESUME, ripOf, RSI, segBase, setGpr, setRip,
  setSlot,
} from "../state";

/** Most bytes moved before the run loop is asked again; keeps interrupts prompt. */
const SLICE_BYTES: u64 = 1 << 20;

// The instruction being run.
let addressMask: u64 = 0;
let linearMask: u64 = 0;
let sourceBase: u64 = 0;
let targetBase: u64 = 0;
let step: u64 = 0;
let repeated: bool = false;

function begin(cpu: usize, uop: usize, bytes: u32): void {
  addressMask = ~(<u64>0) >> load<u8>(uop, UOP_ADDRESS_SHIFT);
  linearMask = ~(<u64>0) >> load<u8>(uop, UOP_LINEAR_SHIFT);
  sourceBase = load<u64>(cpu + load<u16>(uop, UOP_SEGMENT));
  targetBase = load<u8>(uop, UOP_LINEAR_SHIFT) == 0 ? 0 : segBase(cpu, SEG_ES);
  step = (flagsOther(cpu) & FLAG_DF) != 0 ? -(<u64>bytes) : bytes;
  repeated = load<u64>(uop, UOP_IMM) != 0;
}

function sourceAddress(cpu: usize): u64 {
  return (sourceBase + (gpr(cpu, RSI) & addressMask)) & linearMask;
}

function targetAddress(cpu: usize): u64 {
  return (targetBase + (gpr(cpu, RDI) & addressMask)) & linearMask;
}

/** Adds to a register as wide as the address size. */
function advance(cpu: usize, n: u32, delta: u64): void {
  const old = gpr(cpu, n);
  const sum = (old + delta) & addressMask;
  setGpr(cpu, n, addressMask == 0xffff ? (old & ~(<u64>0xffff)) | sum : sum);
}

function remaining(cpu: usize): u64 {
  return repeated ? gpr(cpu, RCX) & addressMask : 1;
}

function count(cpu: usize, done: u64): void {
  if (repeated) advance(cpu, RCX, -done);
}

/** Leaves in the middle, to come back to the same instruction. */
function pauseAt(cpu: usize, uop: usize): u32 {
  setRip(cpu, ripOf(cpu, uop));
  store<i32>(cpu, load<i32>(cpu, CPU_BUDGET) - 1, CPU_BUDGET);
  return RESUME;
}

function interrupted(cpu: usize): bool {
  return load<i32>(cpu, CPU_BUDGET) <= 0;
}

/** Elements that fit before either page ends, going up; 0 when even one crosses. */
function bulkElements(cpu: usize, bytes: u32, withSource: bool): u64 {
  let room = 0x1000 - (targetAddress(cpu) & 0xfff);
  if (withSource) room = min<u64>(room, 0x1000 - (sourceAddress(cpu) & 0xfff));
  return min<u64>(room / bytes, remaining(cpu));
}

export function moveString(cpu: usize, uop: usize, bytes: u32): u32 {
  begin(cpu, uop, bytes);
  let moved: u64 = 0;
  while (remaining(cpu) != 0) {
    const elements = <i64>step > 0 && repeated ? bulkElements(cpu, bytes, true) : 0;
    if (elements > 1) {
      if (!moveBulk(cpu, <u32>elements, bytes)) return faultAt(cpu, uop);
      advance(cpu, RSI, elements * bytes);
      advance(cpu, RDI, elements * bytes);
      count(cpu, elements);
      moved += elements * bytes;
    } else {
      if (!readMemory(cpu, sourceAddress(cpu), bytes)) return faultAt(cpu, uop);
      if (!writeMemory(cpu, targetAddress(cpu), bytes, memoryValue)) return faultAt(cpu, uop);
      advance(cpu, RSI, step);
      advance(cpu, RDI, step);
      count(cpu, 1);
      moved += bytes;
    }
    if (!repeated) return NEXT;
    if (remaining(cpu) != 0 && (moved >= SLICE_BYTES || interrupted(cpu))) return pauseAt(cpu, uop);
  }
  return NEXT;
}

/** Copies inside one page each; element by element where the ranges overlap upwards, since the pattern must repeat. */
function moveBulk(cpu: usize, elements: u32, bytes: u32): bool {
  const total = elements * bytes;
  const source = hostForRead(cpu, sourceAddress(cpu), 1);
  if (source == 0) return false;
  if (source == <u32>cpu + CPU_BOUNCE) return moveElements(cpu, elements, bytes);
  const target = hostForWrite(cpu, targetAddress(cpu), total);
  if (target == 0) return false;
  if (target == <u32>cpu + CPU_BOUNCE) return moveElements(cpu, elements, bytes);
  if (target <= source || target >= source + total) memory.copy(target, source, total);
  else for (let i: u32 = 0; i < total; i += bytes) memory.copy(target + i, source + i, bytes);
  return true;
}

/** Device memory on either side. Both pages were found accessible, so no element can fault. */
function moveElements(cpu: usize, elements: u32, bytes: u32): bool {
  for (let i: u32 = 0; i < elements * bytes; i += bytes) {
    if (!readMemory(cpu, sourceAddress(cpu) + i, bytes)) return false;
    if (!writeMemory(cpu, targetAddress(cpu) + i, bytes, memoryValue)) return false;
  }
  return true;
}

export function storeString(cpu: usize, uop: usize, bytes: u32): u32 {
  begin(cpu, uop, bytes);
  const value = gpr(cpu, RAX);
  let moved: u64 = 0;
  while (remaining(cpu) != 0) {
    const elements = <i64>step > 0 && repeated ? bulkElements(cpu, bytes, false) : 0;
    if (elements > 1) {
      const target = hostForWrite(cpu, targetAddress(cpu), <u32>elements * bytes);
      if (target == 0) return faultAt(cpu, uop);
      if (target != <u32>cpu + CPU_BOUNCE) {
        fillBulk(target, <u32>elements, bytes, value);
        advance(cpu, RDI, elements * bytes);
        count(cpu, elements);
        moved += elements * bytes;
        if (remaining(cpu) != 0 && (moved >= SLICE_BYTES || interrupted(cpu))) return pauseAt(cpu, uop);
        continue;
      }
    }
    if (!writeMemory(cpu, targetAddress(cpu), bytes, value)) return faultAt(cpu, uop);
    advance(cpu, RDI, step);
    count(cpu, 1);
    moved += bytes;
    if (!repeated) return NEXT;
    if (remaining(cpu) != 0 && (moved >= SLICE_BYTES || interrupted(cpu))) return pauseAt(cpu, uop);
  }
  return NEXT;
}

function fillBulk(target: u32, elements: u32, bytes: u32, value: u64): void {
  const byte = value & 0xff;
  const pattern = byte * 0x0101_0101_0101_0101;
  if ((value & maskOf(bytes)) == (pattern & maskOf(bytes))) {
    memory.fill(target, <u8>byte, elements * bytes);
    return;
  }
  for (let i: u32 = 0; i < elements; i++) {
    if (bytes == 8) store<u64>(target + (i << 3), value);
    else if (bytes == 4) store<u32>(target + (i << 2), <u32>value);
    else store<u16>(target + (i << 1), <u16>value);
  }
}

export function loadString(cpu: usize, uop: usize, bytes: u32): u32 {
  begin(cpu, uop, bytes);
  while (remaining(cpu) != 0) {
    if (!readMemory(cpu, sourceAddress(cpu), bytes)) return faultAt(cpu, uop);
    setSlot(cpu, CPU_GPR, memoryValue, bytes);
    advance(cpu, RSI, step);
    count(cpu, 1);
    if (!repeated) return NEXT;
    if (remaining(cpu) != 0 && interrupted(cpu)) return pauseAt(cpu, uop);
  }
  return NEXT;
}

/** Sets the flags of left - right and answers whether they are equal. */
function compare(cpu: usize, left: u64, right: u64, bytes: u32): bool {
  const mask = maskOf(bytes);
  const top: u64 = (mask >> 1) + 1;
  const a = left & mask;
  const b = right & mask;
  const r = (a - b) & mask;
  let flags: u32 = a < b ? 1 : 0;
  if ((popcnt<u32>(<u32>r & 0xff) & 1) == 0) flags |= 4;
  if (((a ^ b ^ r) & 16) != 0) flags |= 16;
  if (r == 0) flags |= 0x40;
  if ((r & top) != 0) flags |= 0x80;
  if (((a ^ b) & (a ^ r) & top) != 0) flags |= 0x800;
  setArithmeticFlags(cpu, flags);
  return r == 0;
}

/** REPE goes on while equal, REPNE while different. */
function goesOn(uop: usize, equal: bool): bool {
  return (load<u64>(uop, UOP_IMM) == 1) == equal;
}

export function compareString(cpu: usize, uop: usize, bytes: u32): u32 {
  begin(cpu, uop, bytes);
  while (remaining(cpu) != 0) {
    if (!readMemory(cpu, sourceAddress(cpu), bytes)) return faultAt(cpu, uop);
    const left = memoryValue;
    if (!readMemory(cpu, targetAddress(cpu), bytes)) return faultAt(cpu, uop);
    advance(cpu, RSI, step);
    advance(cpu, RDI, step);
    count(cpu, 1);
    const equal = compare(cpu, left, memoryValue, bytes);
    if (!repeated || !goesOn(uop, equal)) return NEXT;
    if (remaining(cpu) != 0 && interrupted(cpu)) return pauseAt(cpu, uop);
  }
  return NEXT;
}

export function scanString(cpu: usize, uop: usize, bytes: u32): u32 {
  begin(cpu, uop, bytes);
  while (remaining(cpu) != 0) {
    if (!readMemory(cpu, targetAddress(cpu), bytes)) return faultAt(cpu, uop);
    advance(cpu, RDI, step);
    count(cpu, 1);
    const equal = compare(cpu, gpr(cpu, RAX), memoryValue, bytes);
    if (!repeated || !goesOn(uop, equal)) return NEXT;
    if (remaining(cpu) != 0 && interrupted(cpu)) return pauseAt(cpu, uop);
  }
  return NEXT;
}

export function inputString(cpu: usize, uop: usize, bytes: u32): u32 {
  begin(cpu, uop, bytes);
  const port = <u32>gpr(cpu, RDX) & 0xffff;
  if (!portsAllowed(cpu, port, bytes)) return faultAt(cpu, uop);
  while (remaining(cpu) != 0) {
    // The page must be there before the device is asked, for reading may change it.
    const host = hostForWrite(cpu, targetAddress(cpu), bytes);
    if (host == 0) return faultAt(cpu, uop);
    const value = portInput(port, bytes);
    writeMemory(cpu, targetAddress(cpu), bytes, value);
    advance(cpu, RDI, step);
    count(cpu, 1);
    if (!repeated) return NEXT;
    if (remaining(cpu) != 0 && interrupted(cpu)) return pauseAt(cpu, uop);
  }
  return NEXT;
}

export function outputString(cpu: usize, uop: usize, bytes: u32): u32 {
  begin(cpu, uop, bytes);
  const port = <u32>gpr(cpu, RDX) & 0xffff;
  if (!portsAllowed(cpu, port, bytes)) return faultAt(cpu, uop);
  while (remaining(cpu) != 0) {
    if (!readMemory(cpu, sourceAddress(cpu), bytes)) return faultAt(cpu, uop);
    portOutput(port, bytes, <u32>memoryValue);
    advance(cpu, RSI, step);
    count(cpu, 1);
    if (!repeated) return NEXT;
    if (remaining(cpu) != 0 && interrupted(cpu)) return pauseAt(cpu, uop);
  }
  return NEXT;
}

/** XLAT: AL = [rBX + AL]. */
export function translateByte(cpu: usize, uop: usize): u32 {
  begin(cpu, uop, 1);
  const offset = (gpr(cpu, RBX) + (gpr(cpu, RAX) & 0xff)) & addressMask;
  if (!readMemory(cpu, (sourceBase + offset) & linearMask, 1)) return faultAt(cpu, uop);
  setSlot(cpu, CPU_GPR, memoryValue, 1);
  return NEXT;
}
