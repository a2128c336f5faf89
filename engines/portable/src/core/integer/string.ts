// String instructions. SDM volume 2, MOVS and its relatives, REP. An iteration moves one element; runs inside pages are moved in
// bulk. RSI, RDI and RCX are exact wherever an instruction stops: at a fault, or for interrupts, to be resumed.

import {
  CPU_BOUNCE, CPU_BUDGET, CPU_GPR, FLAG_DF, SEG_ES, UOP_ADDRESS_SHIFT, UOP_IMM, UOP_LINEAR_SHIFT,
  UOP_SEGMENT,
} from "../../layout";
import { setArithmeticFlags } from "../flags";
import { isStepping } from "../interrupts/debug";
import { hostForWrite, memoryValue, probeRead, readMemory, writeMemory } from "../mmu/access";
import { TRANSLATE_DEVICE, TRANSLATE_FAULT } from "../mmu/paging";
import { portInput, portOutput, portsAllowed } from "../system/ports";
import {
  faultAt, flagsOther, gpr, maskOf, NEXT, RAX, RBX, RCX, RDI, RDX, RESUME, ripOf, RSI, segBase, setGpr, setRip,
  setSlot,
} from "../state";

/** Most work before the run loop is asked again, in bytes moved in bulk; keeps interrupts prompt and slices short. */
const SLICE_WORK: u64 = 1 << 20;
/** What an element moved alone counts for. */
const ELEMENT_WORK: u64 = 64;
/** Work that costs as much as a block of instructions. */
const WORK_OF_BLOCK_SHIFT: u64 = 9;

// The instruction being run.
let addressMask: u64 = 0;
let linearMask: u64 = 0;
let sourceBase: u64 = 0;
let targetBase: u64 = 0;
let step: u64 = 0;
let repeated: bool = false;
let work: u64 = 0;

function begin(cpu: usize, uop: usize, bytes: u32): void {
  addressMask = ~(<u64>0) >> load<u8>(uop, UOP_ADDRESS_SHIFT);
  linearMask = ~(<u64>0) >> load<u8>(uop, UOP_LINEAR_SHIFT);
  sourceBase = load<u64>(cpu + load<u16>(uop, UOP_SEGMENT));
  targetBase = load<u8>(uop, UOP_LINEAR_SHIFT) == 0 ? 0 : segBase(cpu, SEG_ES);
  step = (flagsOther(cpu) & FLAG_DF) != 0 ? -(<u64>bytes) : bytes;
  repeated = load<u64>(uop, UOP_IMM) != 0;
  work = 0;
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

/** Takes the work done off the slice. */
function spend(cpu: usize): void {
  store<i32>(cpu, load<i32>(cpu, CPU_BUDGET) - <i32>(work >> WORK_OF_BLOCK_SHIFT), CPU_BUDGET);
}

function finish(cpu: usize): u32 {
  spend(cpu);
  return NEXT;
}

/** Leaves in the middle, to come back to the same instruction. */
function pauseAt(cpu: usize, uop: usize): u32 {
  spend(cpu);
  setRip(cpu, ripOf(cpu, uop));
  store<i32>(cpu, load<i32>(cpu, CPU_BUDGET) - 1, CPU_BUDGET);
  return RESUME;
}

/** Is there more to do, but the run loop to be asked first? Single steps and breakpoints trap after every element. */
function mustPause(cpu: usize): bool {
  return remaining(cpu) != 0 && (work >= SLICE_WORK || load<i32>(cpu, CPU_BUDGET) <= 0 || isStepping(cpu));
}

/** Elements that fit before a page ends or an offset wraps, going up; 0 when even one does not, or each is to be seen alone. */
function bulkElements(cpu: usize, bytes: u32, withSource: bool): u64 {
  if (<i64>step < 0 || !repeated || isStepping(cpu)) return 0;
  let room = roomAt(targetAddress(cpu), gpr(cpu, RDI));
  if (withSource) room = min<u64>(room, roomAt(sourceAddress(cpu), gpr(cpu, RSI)));
  return min<u64>(room / bytes, remaining(cpu));
}

function roomAt(linear: u64, offset: u64): u64 {
  const inPage = 0x1000 - (linear & 0xfff);
  const beforeWrap = addressMask - (offset & addressMask);
  return beforeWrap < inPage ? beforeWrap + 1 : inPage;
}

export function moveString(cpu: usize, uop: usize, bytes: u32): u32 {
  begin(cpu, uop, bytes);
  while (remaining(cpu) != 0) {
    const elements = bulkElements(cpu, bytes, true);
    if (elements > 1) {
      if (!moveBulk(cpu, <u32>elements, bytes)) return faultAt(cpu, uop);
      advance(cpu, RSI, elements * bytes);
      advance(cpu, RDI, elements * bytes);
      count(cpu, elements);
      work += elements * bytes;
    } else {
      if (!readMemory(cpu, sourceAddress(cpu), bytes)) return faultAt(cpu, uop);
      if (!writeMemory(cpu, targetAddress(cpu), bytes, memoryValue)) return faultAt(cpu, uop);
      advance(cpu, RSI, step);
      advance(cpu, RDI, step);
      count(cpu, 1);
      work += ELEMENT_WORK;
    }
    if (!repeated) return NEXT;
    if (mustPause(cpu)) return pauseAt(cpu, uop);
  }
  return finish(cpu);
}

/** Copies inside one page each; element by element where the ranges overlap upwards, since the pattern must repeat. */
function moveBulk(cpu: usize, elements: u32, bytes: u32): bool {
  const total = elements * bytes;
  const source = probeRead(cpu, sourceAddress(cpu));
  if (source == TRANSLATE_FAULT) return false;
  if (source == TRANSLATE_DEVICE) return moveElements(cpu, elements, bytes);
  const target = hostForWrite(cpu, targetAddress(cpu), total);
  if (target == 0) return false;
  if (target == <u32>cpu + CPU_BOUNCE) return moveElements(cpu, elements, bytes);
  if (target <= source || target >= source + total) memory.copy(target, source, total);
  else for (let i: u32 = 0; i < total; i += bytes) memory.copy(target + i, source + i, bytes);
  return true;
}

/** Device memory on either side. All elements are in the same two pages, so only the first one can fault. */
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
  while (remaining(cpu) != 0) {
    const elements = bulkElements(cpu, bytes, false);
    if (elements > 1) {
      const target = hostForWrite(cpu, targetAddress(cpu), <u32>elements * bytes);
      if (target == 0) return faultAt(cpu, uop);
      if (target != <u32>cpu + CPU_BOUNCE) {
        fillBulk(target, <u32>elements, bytes, value);
        advance(cpu, RDI, elements * bytes);
        count(cpu, elements);
        work += elements * bytes;
        if (mustPause(cpu)) return pauseAt(cpu, uop);
        continue;
      }
    }
    if (!writeMemory(cpu, targetAddress(cpu), bytes, value)) return faultAt(cpu, uop);
    advance(cpu, RDI, step);
    count(cpu, 1);
    work += ELEMENT_WORK;
    if (!repeated) return NEXT;
    if (mustPause(cpu)) return pauseAt(cpu, uop);
  }
  return finish(cpu);
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
    work += ELEMENT_WORK;
    if (mustPause(cpu)) return pauseAt(cpu, uop);
  }
  return finish(cpu);
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
    if (!repeated || !goesOn(uop, equal)) return finish(cpu);
    work += ELEMENT_WORK;
    if (mustPause(cpu)) return pauseAt(cpu, uop);
  }
  return finish(cpu);
}

export function scanString(cpu: usize, uop: usize, bytes: u32): u32 {
  begin(cpu, uop, bytes);
  while (remaining(cpu) != 0) {
    if (!readMemory(cpu, targetAddress(cpu), bytes)) return faultAt(cpu, uop);
    advance(cpu, RDI, step);
    count(cpu, 1);
    const equal = compare(cpu, gpr(cpu, RAX), memoryValue, bytes);
    if (!repeated || !goesOn(uop, equal)) return finish(cpu);
    work += ELEMENT_WORK;
    if (mustPause(cpu)) return pauseAt(cpu, uop);
  }
  return finish(cpu);
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
    work += ELEMENT_WORK;
    if (mustPause(cpu)) return pauseAt(cpu, uop);
  }
  return finish(cpu);
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
    work += ELEMENT_WORK;
    if (mustPause(cpu)) return pauseAt(cpu, uop);
  }
  return finish(cpu);
}

/** XLAT: AL = [rBX + AL]. */
export function translateByte(cpu: usize, uop: usize): u32 {
  begin(cpu, uop, 1);
  const offset = (gpr(cpu, RBX) + (gpr(cpu, RAX) & 0xff)) & addressMask;
  if (!readMemory(cpu, (sourceBase + offset) & linearMask, 1)) return faultAt(cpu, uop);
  setSlot(cpu, CPU_GPR, memoryValue, 1);
  return NEXT;
}
