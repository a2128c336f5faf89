// Guest-linear memory accesses: the slow paths of the handlers (TLB misses, page crossings, device memory, pages with code) and
// the accessors the core itself uses.
//
// An access that is not plain RAM is assembled in the vCPU's bounce buffer; a store there is followed by `commitBounce`, which
// cannot fault because both pages were checked before.

import {
  CPU_BOUNCE, CPU_BOUNCE_BYTES, CPU_BOUNCE_FIRST_BYTES, CPU_BOUNCE_GPA0, CPU_BOUNCE_GPA1, CPU_BOUNCE_HOST0,
  CPU_BOUNCE_HOST1, CPU_COUNT_SLOW_READS, CPU_COUNT_SLOW_WRITES, CPU_TLB, CPU_TLB_BANKS, PAGE_BLOCKS_BASE, RAM_BASE, TLB_ADDEND, TLB_BANK_SUPERVISOR, TLB_READ, TLB_WRITE,
} from "../../layout";
import { count } from "../count";
import { invalidateWrite } from "../decode/blocks";
import { checkDataBreakpoint } from "../interrupts/debug";
import { readMmio, writeMmio } from "../env";
import { ACCESS_READ, ACCESS_WRITE, translate, TRANSLATE_DEVICE, TRANSLATE_FAULT, translatedGpa } from "./paging";
import { currentBank, recallEntry, tlbEntryOf } from "./tlb";

/** Result of `readMemory` and its like. */
export let memoryValue: u64 = 0;

const PAGE_MASK: u64 = ~(<u64>0xfff);

/** Slow path of a read: offset in the memory of the bytes (RAM or the bounce buffer), 0 when it faulted. */
export function readSlow(cpu: usize, va: u64, bytes: u32): u32 {
  count(cpu, CPU_COUNT_SLOW_READS);
  return readInBank(cpu, va, bytes, currentBank(cpu));
}

function readInBank(cpu: usize, va: u64, bytes: u32, bank: u32): u32 {
  checkDataBreakpoint(cpu, va, bytes, false);
  const first = <u32>(0x1000 - (va & 0xfff));
  if (first >= bytes) {
    const known = recallEntry(cpu, va, bank, TLB_READ);
    if (known != 0) return known;
    const host = translate(cpu, va, ACCESS_READ, bank);
    if (host != TRANSLATE_DEVICE) return host;
    readDevice(translatedGpa, cpu + CPU_BOUNCE, bytes);
    return <u32>cpu + CPU_BOUNCE;
  }
  const host0 = translate(cpu, va, ACCESS_READ, bank);
  if (host0 == TRANSLATE_FAULT) return 0;
  const gpa0 = translatedGpa;
  const host1 = translate(cpu, va + first, ACCESS_READ, bank);
  if (host1 == TRANSLATE_FAULT) return 0;
  const gpa1 = translatedGpa;
  const bounce = cpu + CPU_BOUNCE;
  if (host0 == TRANSLATE_DEVICE) readDevice(gpa0, bounce, first);
  else memory.copy(bounce, host0, first);
  if (host1 == TRANSLATE_DEVICE) readDevice(gpa1, bounce + first, bytes - first);
  else memory.copy(bounce + first, host1, bytes - first);
  return <u32>bounce;
}

/** Slow path of a write that replaces all `bytes`: where to put them; `commitBounce` must follow if it is the bounce buffer. */
export function writeSlow(cpu: usize, va: u64, bytes: u32): u32 {
  count(cpu, CPU_COUNT_SLOW_WRITES);
  return writeInBank(cpu, va, bytes, currentBank(cpu), false);
}

/** As `writeSlow`, with the present content there to be read first. */
export function updateSlow(cpu: usize, va: u64, bytes: u32): u32 {
  count(cpu, CPU_COUNT_SLOW_WRITES);
  return writeInBank(cpu, va, bytes, currentBank(cpu), true);
}

function writeInBank(cpu: usize, va: u64, bytes: u32, bank: u32, update: bool): u32 {
  checkDataBreakpoint(cpu, va, bytes, true);
  const first = min<u32>(<u32>(0x1000 - (va & 0xfff)), bytes);
  if (first == bytes) {
    const known = recallEntry(cpu, va, bank, TLB_WRITE);
    if (known != 0) return known;
  }
  const host0 = translate(cpu, va, ACCESS_WRITE, bank);
  if (host0 == TRANSLATE_FAULT) return 0;
  const gpa0 = translatedGpa;
  if (first == bytes && host0 != TRANSLATE_DEVICE) {
    invalidateWrite(cpu, host0, bytes);
    return host0;
  }
  let host1: u32 = 0;
  let gpa1: u64 = 0;
  if (first != bytes) {
    host1 = translate(cpu, va + first, ACCESS_WRITE, bank);
    if (host1 == TRANSLATE_FAULT) return 0;
    gpa1 = translatedGpa;
  }
  const bounce = cpu + CPU_BOUNCE;
  store<u32>(cpu, bytes, CPU_BOUNCE_BYTES);
  store<u32>(cpu, first, CPU_BOUNCE_FIRST_BYTES);
  store<u32>(cpu, host0, CPU_BOUNCE_HOST0);
  store<u32>(cpu, host1, CPU_BOUNCE_HOST1);
  store<u64>(cpu, gpa0, CPU_BOUNCE_GPA0);
  store<u64>(cpu, gpa1, CPU_BOUNCE_GPA1);
  if (update) {
    if (host0 == TRANSLATE_DEVICE) readDevice(gpa0, bounce, first);
    else memory.copy(bounce, host0, first);
    if (host1 == TRANSLATE_DEVICE) readDevice(gpa1, bounce + first, bytes - first);
    else if (first != bytes) memory.copy(bounce + first, host1, bytes - first);
  }
  return <u32>bounce;
}

/** Carries out the write that was assembled in the bounce buffer. */
export function commitBounce(cpu: usize): u32 {
  const bounce = cpu + CPU_BOUNCE;
  const first = load<u32>(cpu, CPU_BOUNCE_FIRST_BYTES);
  const rest = load<u32>(cpu, CPU_BOUNCE_BYTES) - first;
  commitPart(cpu, load<u32>(cpu, CPU_BOUNCE_HOST0), load<u64>(cpu, CPU_BOUNCE_GPA0), bounce, first);
  if (rest != 0)
    commitPart(cpu, load<u32>(cpu, CPU_BOUNCE_HOST1), load<u64>(cpu, CPU_BOUNCE_GPA1), bounce + first, rest);
  return 0;
}

function commitPart(cpu: usize, host: u32, gpa: u64, source: usize, bytes: u32): void {
  if (host == TRANSLATE_DEVICE) {
    writeDevice(gpa, source, bytes);
    return;
  }
  invalidateWrite(cpu, host, bytes);
  memory.copy(host, source, bytes);
}

/** Device accesses go out in naturally aligned pieces of at most four bytes. */
function pieceOf(gpa: u64, bytes: u32): u32 {
  if (bytes >= 4 && (gpa & 3) == 0) return 4;
  return bytes >= 2 && (gpa & 1) == 0 ? 2 : 1;
}

function readDevice(gpa: u64, target: usize, bytes: u32): void {
  for (let done: u32 = 0; done < bytes; ) {
    const piece = pieceOf(gpa + done, bytes - done);
    const value = readMmio(<f64>(gpa + done), piece);
    if (piece == 4) store<u32>(target + done, value);
    else if (piece == 2) store<u16>(target + done, <u16>value);
    else store<u8>(target + done, <u8>value);
    done += piece;
  }
}

function writeDevice(gpa: u64, source: usize, bytes: u32): void {
  for (let done: u32 = 0; done < bytes; ) {
    const piece = pieceOf(gpa + done, bytes - done);
    const at = source + done;
    writeMmio(<f64>(gpa + done), piece, piece == 4 ? load<u32>(at) : piece == 2 ? <u32>load<u16>(at) : <u32>load<u8>(at));
    done += piece;
  }
}

/** Fast path first, for the core's own accesses in the present privilege. 0 when it faulted. */
export function hostForRead(cpu: usize, va: u64, bytes: u32): u32 {
  const entry = tlbEntryOf(load<u32>(cpu, CPU_TLB), va);
  if (load<u64>(entry, TLB_READ) == ((va + bytes - 1) & PAGE_MASK)) return <u32>va + load<u32>(entry, TLB_ADDEND);
  return readSlow(cpu, va, bytes);
}

export function hostForWrite(cpu: usize, va: u64, bytes: u32): u32 {
  const entry = tlbEntryOf(load<u32>(cpu, CPU_TLB), va);
  if (load<u64>(entry, TLB_WRITE) == ((va + bytes - 1) & PAGE_MASK)) return <u32>va + load<u32>(entry, TLB_ADDEND);
  return writeSlow(cpu, va, bytes);
}

function takeValue(host: u32, bytes: u32): void {
  if (bytes == 8) memoryValue = load<u64>(host);
  else if (bytes == 4) memoryValue = load<u32>(host);
  else if (bytes == 2) memoryValue = load<u16>(host);
  else memoryValue = load<u8>(host);
}

/** Reads 1, 2, 4 or 8 bytes into `memoryValue`; false with the exception recorded when it faults. */
export function readMemory(cpu: usize, va: u64, bytes: u32): bool {
  const host = hostForRead(cpu, va, bytes);
  if (host == 0) return false;
  takeValue(host, bytes);
  return true;
}

function putValue(cpu: usize, host: u32, bytes: u32, value: u64): void {
  if (bytes == 8) store<u64>(host, value);
  else if (bytes == 4) store<u32>(host, <u32>value);
  else if (bytes == 2) store<u16>(host, <u16>value);
  else store<u8>(host, <u8>value);
  if (host == <u32>cpu + CPU_BOUNCE) commitBounce(cpu);
}

export function writeMemory(cpu: usize, va: u64, bytes: u32, value: u64): bool {
  const host = hostForWrite(cpu, va, bytes);
  if (host == 0) return false;
  putValue(cpu, host, bytes, value);
  return true;
}

/**
 * Where the byte at `va` is read from: an offset in the memory, TRANSLATE_FAULT with the exception recorded, or TRANSLATE_DEVICE,
 * in which case the device was not read.
 */
export function probeRead(cpu: usize, va: u64): u32 {
  const entry = tlbEntryOf(load<u32>(cpu, CPU_TLB), va);
  if (load<u64>(entry, TLB_READ) == (va & PAGE_MASK)) return <u32>va + load<u32>(entry, TLB_ADDEND);
  return translate(cpu, va, ACCESS_READ, currentBank(cpu));
}

/** Could `bytes` be written at `va`? False with the exception recorded. Writes nothing. */
export function probeWrite(cpu: usize, va: u64, bytes: u32): bool {
  const entry = tlbEntryOf(load<u32>(cpu, CPU_TLB), va);
  if (load<u64>(entry, TLB_WRITE) == ((va + bytes - 1) & PAGE_MASK)) return true;
  if (translate(cpu, va, ACCESS_WRITE, currentBank(cpu)) == TRANSLATE_FAULT) return false;
  const last = va + bytes - 1;
  if (((va ^ last) & PAGE_MASK) == 0) return true;
  return translate(cpu, last & PAGE_MASK, ACCESS_WRITE, currentBank(cpu)) != TRANSLATE_FAULT;
}

/** The processor's own accesses to descriptor tables and task state: supervisor whatever the privilege, whose bank is the first. */
export function readSystem(cpu: usize, va: u64, bytes: u32): bool {
  const entry = tlbEntryOf(cpu + CPU_TLB_BANKS, va);
  const hit = load<u64>(entry, TLB_READ) == ((va + bytes - 1) & PAGE_MASK);
  const host = hit ? <u32>va + load<u32>(entry, TLB_ADDEND) : readInBank(cpu, va, bytes, TLB_BANK_SUPERVISOR);
  if (host == 0) return false;
  takeValue(host, bytes);
  return true;
}

export function writeSystem(cpu: usize, va: u64, bytes: u32, value: u64): bool {
  const entry = tlbEntryOf(cpu + CPU_TLB_BANKS, va);
  const hit = load<u64>(entry, TLB_WRITE) == ((va + bytes - 1) & PAGE_MASK);
  const host = hit ? <u32>va + load<u32>(entry, TLB_ADDEND) : writeInBank(cpu, va, bytes, TLB_BANK_SUPERVISOR, false);
  if (host == 0) return false;
  putValue(cpu, host, bytes, value);
  return true;
}

/** Is there translated code in the page of this memory offset? */
export function pageHasCode(host: u32): bool {
  return load<u32>(PAGE_BLOCKS_BASE + (((host & ~0xfff) - RAM_BASE) >> 10)) != 0;
}
