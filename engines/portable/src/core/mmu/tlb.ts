// The software TLB: direct-mapped banks, one for the supervisor and two for each address space that is kept (spaces.ts).
//
// A tag is present only if the access it stands for needs no further thought: no write tag on clean pages, on pages with translated
// code, or on pages with a data breakpoint. The supervisor's bank holds global entries of every address space, and others only of
// the present one. Each bank has a log of what a flush has to look at, so that flushing costs what was filled since.

import {
  CPU_DR, CPU_DR7, CPU_LARGE_FILTER, CPU_SPACE, CPU_TLB, CPU_TLB_BANKS, CPU_TLB_HUGE, CPU_TLB_KIND, CPU_TLB_LOG_COUNTS,
  CPU_TLB_LOGS, ENGINE_COUNT_TLB_FILLS, LARGE_FILTER_BITS, PAGE_BLOCKS_BASE, PAGE_WRITERS_BASE, PAGE_WRITERS_MANY, RAM_BASE,
  TLB_ADDEND, TLB_BANK_SUPERVISOR, TLB_BANK_SUPERVISOR_AC, TLB_BANK_USER, TLB_BANKS, TLB_BITS, TLB_ENTRY_BITS, TLB_ENTRY_SIZE, TLB_EXECUTE,
  TLB_FLAG_1G, TLB_FLAG_2M, TLB_FLAG_GLOBAL, TLB_PAGE, TLB_READ, TLB_WRITE, VCPU_AREA_BASE,
  VCPU_AREA_SIZE,
} from "../../layout";
import { endOfAreas } from "../state";
import { clearVictims, findVictim, keepVictim } from "./victims";

const ENTRIES: u32 = 1 << TLB_BITS;
const BANK_BYTES: usize = 1 << (TLB_BITS + TLB_ENTRY_BITS);
const LOG_BYTES: usize = 2 << TLB_BITS;
/** Count of a log that does not tell everything. */
const LOG_INCOMPLETE: u32 = ENTRIES + 1;
const NO_TAG: u64 = 1;
const PAGE_MASK: u64 = ~(<u64>0xfff);

/** Offset of the entry for a linear address in the bank at `tlb`. */
// @ts-ignore: decorator
@inline
export function tlbEntryOf(tlb: usize, va: u64): usize {
  return tlb + ((<usize>(va >> (12 - TLB_ENTRY_BITS))) & (((1 << TLB_BITS) - 1) << TLB_ENTRY_BITS));
}

// @ts-ignore: decorator
@inline
function bankAt(cpu: usize, number: u32): usize {
  return cpu + CPU_TLB_BANKS + <usize>number * BANK_BYTES;
}

/** Number of a space's user bank; the one with access to user pages is the next. */
function firstBankOf(space: u32): u32 {
  return 1 + 2 * space;
}

function bankNumber(cpu: usize, kind: u32): u32 {
  if (kind == TLB_BANK_SUPERVISOR) return 0;
  return firstBankOf(load<u32>(cpu, CPU_SPACE)) + (kind == TLB_BANK_USER ? 0 : 1);
}

/** The kind of bank, TLB_BANK_*, that accesses of a privilege use. */
export function bankOf(privilege: u32, accessCheck: bool, smap: bool): u32 {
  if (privilege == 3) return TLB_BANK_USER;
  return accessCheck && smap ? TLB_BANK_SUPERVISOR_AC : TLB_BANK_SUPERVISOR;
}

export function selectBank(cpu: usize, kind: u32): void {
  store<u32>(cpu, kind, CPU_TLB_KIND);
  store<u32>(cpu, <u32>bankAt(cpu, bankNumber(cpu, kind)), CPU_TLB);
}

export function currentBank(cpu: usize): u32 {
  return load<u32>(cpu, CPU_TLB_KIND);
}

/** The kind of the bank at `tlb`; -1 if it is of an address space that is not the present one. */
export function presentKind(cpu: usize, tlb: u32): i32 {
  const number = (tlb - <u32>bankAt(cpu, 0)) / <u32>BANK_BYTES;
  if (number == 0) return TLB_BANK_SUPERVISOR;
  const offset = number - firstBankOf(load<u32>(cpu, CPU_SPACE));
  return offset > 1 ? -1 : offset == 0 ? TLB_BANK_USER : TLB_BANK_SUPERVISOR_AC;
}

/** Makes a bank's flush look at the entry. The supervisor's log is of the entries that are not global. */
function note(cpu: usize, number: u32, index: u32): void {
  const at = cpu + (number << 2);
  const count = load<u32>(at, CPU_TLB_LOG_COUNTS);
  if (count >= LOG_INCOMPLETE) return;
  store<u32>(at, count + 1, CPU_TLB_LOG_COUNTS);
  if (count < ENTRIES) store<u16>(cpu + CPU_TLB_LOGS + <usize>number * LOG_BYTES + (count << 1), <u16>index);
}

/** Before an entry with TLB_PAGE `old` is overwritten by one with `flags`. */
// @ts-ignore: decorator
@inline
function noteIfNeeded(cpu: usize, number: u32, va: u64, old: u32, flags: u32): void {
  const isGlobal = (flags & TLB_FLAG_GLOBAL) != 0;
  const mustNote = number != 0 ? old == 0 : !isGlobal && (old == 0 || (old & TLB_FLAG_GLOBAL) != 0);
  if (mustNote) note(cpu, number, <u32>(va >> 12) & (ENTRIES - 1));
}

/** Puts an entry that lost its place back, if it permits the access (TLB_READ and so on). Offset in the memory, or 0. */
export function recallEntry(cpu: usize, va: u64, kind: u32, tag: usize): u32 {
  const number = bankNumber(cpu, kind);
  const victim = findVictim(cpu, number, va & PAGE_MASK, tag);
  if (victim == 0) return 0;
  const entry = tlbEntryOf(bankAt(cpu, number), va);
  noteIfNeeded(cpu, number, va, load<u32>(entry, TLB_PAGE), load<u32>(victim, TLB_PAGE));
  for (let offset: usize = 0; offset < <usize>TLB_ENTRY_SIZE; offset += 8) {
    const other = load<u64>(entry + offset);
    store<u64>(entry + offset, load<u64>(victim + offset));
    store<u64>(victim + offset, other);
  }
  if (load<u64>(entry, TLB_WRITE) != NO_TAG) noteWriter(load<u32>(entry, TLB_PAGE) & ~0xfff, <u32>entry);
  return <u32>va + load<u32>(entry, TLB_ADDEND);
}

/** Enters a translation to RAM, unless data in the page is watched. `flags` are TLB_FLAG_*. */
export function fillTlb(cpu: usize, va: u64, host: u32, kind: u32, read: bool, write: bool, execute: bool, flags: u32): void {
  const page = host & ~0xfff;
  const tag = va & PAGE_MASK;
  if (hasDataBreakpoint(cpu, tag)) return;
  const number = bankNumber(cpu, kind);
  const entry = tlbEntryOf(bankAt(cpu, number), va);
  const old = load<u32>(entry, TLB_PAGE);
  if (old != 0 && !tagsCover(entry, va >> 12, 12)) keepVictim(cpu, entry, number);
  noteIfNeeded(cpu, number, va, old, flags);
  const codeFree = load<u32>(PAGE_BLOCKS_BASE + ((page - RAM_BASE) >> 10)) == 0;
  if (write && codeFree) noteWriter(page, <u32>entry);
  store<u64>(entry, read ? tag : NO_TAG, TLB_READ);
  store<u64>(entry, write && codeFree ? tag : NO_TAG, TLB_WRITE);
  store<u64>(entry, execute ? tag : NO_TAG, TLB_EXECUTE);
  store<u32>(entry, page - <u32>tag, TLB_ADDEND);
  store<u32>(entry, page | flags, TLB_PAGE);
  if ((flags & TLB_FLAG_2M) != 0) markLarge(cpu, va);
  if ((flags & TLB_FLAG_1G) != 0) store<u32>(cpu, 1, CPU_TLB_HUGE);
  store<u64>(ENGINE_COUNT_TLB_FILLS, load<u64>(ENGINE_COUNT_TLB_FILLS) + 1);
}

/** Is one of DR0 to DR3 watching data in this page? */
function hasDataBreakpoint(cpu: usize, page: u64): bool {
  const dr7 = load<u64>(cpu, CPU_DR7);
  if ((dr7 & 0xff) == 0) return false;
  for (let i: u32 = 0; i < 4; i++) {
    const enabled = (dr7 >> (i << 1)) & 3;
    const kind = (dr7 >> (16 + (i << 2))) & 3;
    if (enabled == 0 || kind == 0) continue;
    const watched = load<u64>(cpu + (i << 3), CPU_DR);
    if ((watched & PAGE_MASK) == page || ((watched + 7) & PAGE_MASK) == page) return true;
  }
  return false;
}

function largeBit(va: u64): u32 {
  return <u32>(va >> 22) & ((1 << LARGE_FILTER_BITS) - 1);
}

function markLarge(cpu: usize, va: u64): void {
  const bit = largeBit(va);
  const at = cpu + (bit >> 5 << 2);
  store<u32>(at, load<u32>(at, CPU_LARGE_FILTER) | ((<u32>1) << (bit & 31)), CPU_LARGE_FILTER);
}

/** May the TLB hold parts of a large page around the address? */
function mayBeLarge(cpu: usize, va: u64): bool {
  const bit = largeBit(va);
  return (load<u32>(cpu + (bit >> 5 << 2), CPU_LARGE_FILTER) & ((<u32>1) << (bit & 31))) != 0;
}

/** Remembers through which entry a RAM page is written, so that the tag can be found when the page gets code. */
function noteWriter(page: u32, entry: u32): void {
  const at = PAGE_WRITERS_BASE + ((page - RAM_BASE) >> 10);
  const known = load<u32>(at);
  if (known == entry || known == PAGE_WRITERS_MANY) return;
  const isStillWriter = known != 0 && isWriter(known, page);
  store<u32>(at, isStillWriter ? PAGE_WRITERS_MANY : entry);
}

function isWriter(entry: usize, page: u32): bool {
  return (load<u32>(entry, TLB_PAGE) & ~0xfff) == page && load<u64>(entry, TLB_WRITE) != NO_TAG;
}

/** Takes the write tag from every translation of a page that has just got translated code. */
export function protectPage(page: u32): void {
  const at = PAGE_WRITERS_BASE + ((page - RAM_BASE) >> 10);
  const known = load<u32>(at);
  store<u32>(at, 0);
  for (let cpu: usize = VCPU_AREA_BASE; cpu < endOfAreas(); cpu += VCPU_AREA_SIZE) clearVictims(cpu);
  if (known == 0) return;
  if (known != PAGE_WRITERS_MANY) {
    if (isWriter(known, page)) store<u64>(known, NO_TAG, TLB_WRITE);
    return;
  }
  for (let cpu: usize = VCPU_AREA_BASE; cpu < endOfAreas(); cpu += VCPU_AREA_SIZE) {
    for (let number: u32 = 0; number < <u32>TLB_BANKS; number++)
      if (number == 0 || logCount(cpu, number) != 0) protectInBank(bankAt(cpu, number), page);
  }
}

function protectInBank(start: usize, page: u32): void {
  for (let entry = start; entry < start + BANK_BYTES; entry += 1 << TLB_ENTRY_BITS)
    if ((load<u32>(entry, TLB_PAGE) & ~0xfff) == page) store<u64>(entry, NO_TAG, TLB_WRITE);
}

function dropEntry(entry: usize): void {
  store<u64>(entry, NO_TAG, TLB_READ);
  store<u64>(entry, NO_TAG, TLB_WRITE);
  store<u64>(entry, NO_TAG, TLB_EXECUTE);
  store<u32>(entry, 0, TLB_PAGE);
}

function logCount(cpu: usize, number: u32): u32 {
  return load<u32>(cpu + (number << 2), CPU_TLB_LOG_COUNTS);
}

/** Drops a bank's entries, of the supervisor's bank those that are not global. */
function flushBank(cpu: usize, number: u32): void {
  clearVictims(cpu);
  const count = logCount(cpu, number);
  const start = bankAt(cpu, number);
  if (count >= LOG_INCOMPLETE) {
    for (let entry = start; entry < start + BANK_BYTES; entry += 1 << TLB_ENTRY_BITS) dropUnlessKept(entry, number);
  } else {
    const log = cpu + CPU_TLB_LOGS + <usize>number * LOG_BYTES;
    for (let i: u32 = 0; i < count; i++)
      dropUnlessKept(start + (<usize>load<u16>(log + (i << 1)) << TLB_ENTRY_BITS), number);
  }
  store<u32>(cpu + (number << 2), 0, CPU_TLB_LOG_COUNTS);
}

// @ts-ignore: decorator
@inline
function dropUnlessKept(entry: usize, number: u32): void {
  if (number != 0 || (load<u32>(entry, TLB_PAGE) & TLB_FLAG_GLOBAL) == 0) dropEntry(entry);
}

/** Drops the translations of an address space's slot. */
export function flushSpaceBanks(cpu: usize, space: u32): void {
  flushBank(cpu, firstBankOf(space));
  flushBank(cpu, firstBankOf(space) + 1);
}

/** Drops what the supervisor's bank holds of the present address space alone. */
export function flushLocal(cpu: usize): void {
  flushBank(cpu, 0);
}

/** Drops the supervisor's bank with its global entries. No other bank may be in use. */
export function flushSupervisor(cpu: usize): void {
  clearVictims(cpu);
  const start = bankAt(cpu, 0);
  for (let entry = start; entry < start + BANK_BYTES; entry += 1 << TLB_ENTRY_BITS) dropEntry(entry);
  store<u32>(cpu, 0, CPU_TLB_LOG_COUNTS);
  memory.fill(cpu + CPU_LARGE_FILTER, 0, 1 << (LARGE_FILTER_BITS - 3));
  store<u32>(cpu, 0, CPU_TLB_HUGE);
}

/** Makes the first flush of each bank look at all of it: memory that was never written would look like tags. */
export function distrustBanks(cpu: usize): void {
  for (let number: u32 = 0; number < <u32>TLB_BANKS; number++)
    store<u32>(cpu + (number << 2), LOG_INCOMPLETE, CPU_TLB_LOG_COUNTS);
}

/** Drops one linear address from every bank, with all that came from a large page around it. Answers whether there may be one. */
export function dropAddress(cpu: usize, va: u64): bool {
  clearVictims(cpu);
  const isLarge = load<u32>(cpu, CPU_TLB_HUGE) != 0 || mayBeLarge(cpu, va);
  if (isLarge) dropRegion(cpu, va, load<u32>(cpu, CPU_TLB_HUGE) != 0 ? 30 : 22);
  const page = va >> 12;
  for (let number: u32 = 0; number < <u32>TLB_BANKS; number++) {
    if (number != 0 && logCount(cpu, number) == 0) continue;
    const entry = tlbEntryOf(bankAt(cpu, number), va);
    if (tagsCover(entry, page, 12)) dropEntry(entry);
  }
  return isLarge;
}

/** Does any tag of the entry lie in a region of 2^bits bytes? */
function tagsCover(entry: usize, region: u64, bits: u64): bool {
  const read = load<u64>(entry, TLB_READ);
  const write = load<u64>(entry, TLB_WRITE);
  const execute = load<u64>(entry, TLB_EXECUTE);
  return (
    (read != NO_TAG && read >> bits == region) ||
    (write != NO_TAG && write >> bits == region) ||
    (execute != NO_TAG && execute >> bits == region)
  );
}

function dropRegion(cpu: usize, va: u64, bits: u64): void {
  for (let number: u32 = 0; number < <u32>TLB_BANKS; number++) {
    if (number != 0 && logCount(cpu, number) == 0) continue;
    const start = bankAt(cpu, number);
    for (let entry = start; entry < start + BANK_BYTES; entry += 1 << TLB_ENTRY_BITS) {
      const isLarge = (load<u32>(entry, TLB_PAGE) & (TLB_FLAG_2M | TLB_FLAG_1G)) != 0;
      if (isLarge && tagsCover(entry, va >> bits, bits)) dropEntry(entry);
    }
  }
}
