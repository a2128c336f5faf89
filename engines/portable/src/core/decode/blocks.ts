// Blocks of micro-ops: found by the physical place of their first byte and the decoder mode, dropped when the bytes change.
//
// A block never spans pages, except for the block of one instruction that crosses into the next page; that one is entered in the
// lists of both. Dropping a block overwrites its micro-ops with the "redecode" handler, so that links to it, and the very block
// that is running, come back through the run loop.

import {
  BLOCK_BYTES, BLOCK_DEAD, BLOCK_DIGEST, BLOCK_HASH_BASE, BLOCK_HASH_BITS, BLOCK_HASH_NEXT, BLOCK_HEADER_SIZE, BLOCK_HOST, BLOCK_MODE,
  BLOCK_PAGE_NEXT, BLOCK_UOP_COUNT, BLOCK_UOPS, CPU_BUDGET, CPU_CODE_PAGE, CPU_MODE,
  ENGINE_ARENA_NEXT, ENGINE_COUNT_ARENA_RESETS, ENGINE_COUNT_BLOCKS, ENGINE_COUNT_INVALIDATIONS, ENGINE_RAM_HIGH_BYTES,
  ENGINE_RAM_LOW_BYTES, MAX_BLOCK_INSTRUCTIONS, MODE_CODE64, MODE_CODE_MASK, MODE_SINGLE,
  PAGE_BLOCKS_BASE, PAGE_CODE_LINES_BASE, PAGE_VERSIONS_BASE, RAM_BASE, UOP_ARENA_BASE,
  UOP_ARENA_END, UOP_HANDLER, UOP_IMM, UOP_LINK, UOP_SIZE, VCPU_AREA_BASE, VCPU_AREA_SIZE,
} from "../../layout";
import { HANDLER_REDECODE } from "../../layout-decoder";
import { DECODE_FAULT, decodeBlock, decodedBytes, decodedUops } from "./decoder";
import { clearHeat, digestOf, noteDecoded } from "./heat";
import { fetchAddress, isGlobalCode, peekAddress } from "../mmu/fetch";
import { cachedJump, cacheJump, clearJumpCache } from "../mmu/jump-cache";
import { protectPage } from "../mmu/tlb";
import { endOfAreas, ripOfLinear, setRip } from "../state";

const PAGE_MASK: u64 = ~(<u64>0xfff);
/** The largest block, with a page-crossing entry's second header. */
const BLOCK_ROOM: u32 = 2 * BLOCK_HEADER_SIZE + (MAX_BLOCK_INSTRUCTIONS + 4) * UOP_SIZE;

function hashOf(host: u32, mode: u32): usize {
  const mixed = (host ^ (mode << 25)) * <u32>0x9e37_79b1;
  return BLOCK_HASH_BASE + ((mixed >>> (32 - BLOCK_HASH_BITS)) << 2);
}

/** Forgets every block; only between runs of handlers, since micro-ops are reused afterwards. */
export function resetBlocks(_cpu: usize): void {
  store<u32>(ENGINE_ARENA_NEXT, UOP_ARENA_BASE);
  memory.fill(BLOCK_HASH_BASE, 0, 4 << BLOCK_HASH_BITS);
  const pages = <usize>((load<u64>(ENGINE_RAM_LOW_BYTES) + load<u64>(ENGINE_RAM_HIGH_BYTES)) >> 12);
  memory.fill(PAGE_BLOCKS_BASE, 0, pages << 2);
  memory.fill(PAGE_CODE_LINES_BASE, 0, pages << 3);
  clearHeat();
  for (let area: usize = VCPU_AREA_BASE; area < endOfAreas(); area += VCPU_AREA_SIZE) clearJumpCache(area);
  store<u64>(ENGINE_COUNT_ARENA_RESETS, load<u64>(ENGINE_COUNT_ARENA_RESETS) + 1);
}

export function arenaIsFull(): bool {
  return load<u32>(ENGINE_ARENA_NEXT) + BLOCK_ROOM > <u32>UOP_ARENA_END;
}

/** Micro-ops for the code at `host`, decoded if need be; 0 when the arena is full. */
function blockAt(cpu: usize, linear: u64, host: u32): u32 {
  const mode = load<u32>(cpu, CPU_MODE);
  const bucket = hashOf(host, mode);
  let block = load<u32>(bucket);
  let previous: u32 = 0;
  while (block != 0) {
    const found = load<u32>(block, BLOCK_HOST);
    if (found == host && load<u32>(block, BLOCK_MODE) == mode) return load<u32>(block, BLOCK_UOPS);
    const next = load<u32>(block, BLOCK_HASH_NEXT);
    // Code that is rewritten again and again would leave a chain of dropped blocks.
    if (found != BLOCK_DEAD) previous = block;
    else if (previous == 0) store<u32>(bucket, next);
    else store<u32>(previous, next, BLOCK_HASH_NEXT);
    block = next;
  }
  if (arenaIsFull()) return 0;
  return addBlock(cpu, linear, host, mode, bucket);
}

function addBlock(cpu: usize, linear: u64, host: u32, mode: u32, bucket: usize): u32 {
  const block = load<u32>(ENGINE_ARENA_NEXT);
  const uops = block + BLOCK_HEADER_SIZE;
  const secondHost = decodeBlock(cpu, linear, host, mode, uops);
  if (secondHost == DECODE_FAULT) return 0;
  let next = uops + decodedUops * UOP_SIZE;
  const page = host & ~0xfff;
  const bytesHere = min<u32>(decodedBytes, 0x1000 - (host & 0xfff));
  writeHeader(block, host, mode, uops, load<u32>(bucket));
  const digest = digestOf(mode, uops, decodedUops);
  store<u32>(block, digest, BLOCK_DIGEST);
  store<u32>(bucket, block);
  listInPage(block, page, host & 0xfff, bytesHere);
  if (secondHost != 0) {
    writeHeader(next, BLOCK_DEAD, mode, uops, 0);
    listInPage(next, secondHost & ~0xfff, 0, decodedBytes - bytesHere);
    next += BLOCK_HEADER_SIZE;
  }
  store<u32>(ENGINE_ARENA_NEXT, next);
  store<u64>(ENGINE_COUNT_BLOCKS, load<u64>(ENGINE_COUNT_BLOCKS) + 1);
  noteDecoded(cpu, linear, uops, digest);
  return uops;
}

function writeHeader(block: u32, host: u32, mode: u32, uops: u32, hashNext: u32): void {
  store<u32>(block, hashNext, BLOCK_HASH_NEXT);
  store<u32>(block, host, BLOCK_HOST);
  store<u32>(block, mode, BLOCK_MODE);
  store<u32>(block, decodedUops, BLOCK_UOP_COUNT);
  store<u32>(block, decodedBytes, BLOCK_BYTES);
  store<u32>(block, uops, BLOCK_UOPS);
}

/** Enters a block in its page's list and marks the 64-byte lines it was decoded from. */
function listInPage(block: u32, page: u32, offset: u32, bytes: u32): void {
  const index = (page - RAM_BASE) >> 12;
  const head = PAGE_BLOCKS_BASE + (index << 2);
  if (load<u32>(head) == 0) protectPage(page);
  store<u32>(block, load<u32>(head), BLOCK_PAGE_NEXT);
  store<u32>(head, block);
  markLines(index, offset, bytes);
}

function markLines(index: u32, offset: u32, bytes: u32): void {
  const lines = PAGE_CODE_LINES_BASE + (index << 3);
  let marked = load<u64>(lines);
  for (let line = offset >> 6; line <= (offset + bytes - 1) >> 6; line++) marked |= (<u64>1) << line;
  store<u64>(lines, marked);
}

/** Writes to these bytes of one page, which a region has been made from elsewhere, count as changes of code. False: the arena is full. */
export function watchCode(_cpu: usize, host: u32, bytes: u32): bool {
  const index = (host - RAM_BASE) >> 12;
  if (load<u32>(PAGE_BLOCKS_BASE + (index << 2)) != 0) {
    markLines(index, host & 0xfff, bytes);
    return true;
  }
  if (arenaIsFull()) return false;
  const block = load<u32>(ENGINE_ARENA_NEXT);
  const end = block + BLOCK_HEADER_SIZE;
  memory.fill(block, 0, BLOCK_HEADER_SIZE);
  store<u32>(block, BLOCK_DEAD, BLOCK_HOST);
  store<u32>(block, end, BLOCK_UOPS);
  store<u32>(ENGINE_ARENA_NEXT, end);
  listInPage(block, host & ~0xfff, host & 0xfff, bytes);
  return true;
}

/** Before a write to RAM that missed the TLB: drops the page's blocks if it touches bytes they were decoded from. */
export function invalidateWrite(cpu: usize, host: u32, bytes: u32): void {
  const index = (host - RAM_BASE) >> 12;
  if (load<u32>(PAGE_BLOCKS_BASE + (index << 2)) == 0) return;
  const marked = load<u64>(PAGE_CODE_LINES_BASE + (index << 3));
  const from = (host & 0xfff) >> 6;
  const to = min<u32>(((host & 0xfff) + bytes - 1) >> 6, 63);
  for (let line = from; line <= to; line++) {
    if ((marked & ((<u64>1) << line)) != 0) {
      invalidateCodePage(index);
      return;
    }
  }
}

/** Drops all blocks of a RAM page, by its number. Also called by the host side when a device wrote there. */
export function invalidateCodePage(index: u32): void {
  const head = PAGE_BLOCKS_BASE + (index << 2);
  let block = load<u32>(head);
  while (block != 0) {
    const uops = load<u32>(block, BLOCK_UOPS);
    // The header right before the micro-ops is the one that lookups find, also for a second page's entry.
    store<u32>(uops - BLOCK_HEADER_SIZE, BLOCK_DEAD, BLOCK_HOST);
    const end = uops + load<u32>(block, BLOCK_UOP_COUNT) * UOP_SIZE;
    for (let uop = uops; uop < end; uop += UOP_SIZE) store<u32>(uop, HANDLER_REDECODE, UOP_HANDLER);
    block = load<u32>(block, BLOCK_PAGE_NEXT);
  }
  store<u32>(head, 0);
  const version = PAGE_VERSIONS_BASE + (index << 2);
  store<u32>(version, load<u32>(version) + 1);
  store<u64>(PAGE_CODE_LINES_BASE + (index << 3), 0);
  store<u64>(ENGINE_COUNT_INVALIDATIONS, load<u64>(ENGINE_COUNT_INVALIDATIONS) + 1);
}

/** Linear addresses wrap at 32 bits outside 64-bit mode. */
function wrapLinear(cpu: usize, linear: u64): u64 {
  return (load<u32>(cpu, CPU_MODE) & MODE_CODE_MASK) == MODE_CODE64 ? linear : linear & 0xffff_ffff;
}

/**
 * Micro-ops at a linear address, with the code page set and the jump cache filled. 0 with RIP set when the run loop must look
 * first: the slice is over, the fetch faults, the arena is full.
 */
export function resolveJump(cpu: usize, target: u64): u32 {
  const linear = wrapLinear(cpu, target);
  setRip(cpu, ripOfLinear(cpu, linear));
  if (load<i32>(cpu, CPU_BUDGET) <= 0) return 0;
  return enterAt(cpu, linear);
}

/** As `resolveJump` for the run loop itself, whatever the budget. */
export function enterAt(cpu: usize, linear: u64): u32 {
  const isSingle = (load<u32>(cpu, CPU_MODE) & MODE_SINGLE) != 0;
  let uops = isSingle ? 0 : cachedJump(cpu, linear);
  if (uops == 0 || load<u32>(uops, UOP_HANDLER) == HANDLER_REDECODE) {
    const host = fetchAddress(cpu, linear);
    if (host == 0) return 0;
    uops = blockAt(cpu, linear, host);
    if (uops == 0) return 0;
    if (!isSingle) cacheJump(cpu, linear, uops, !isGlobalCode(cpu, linear));
  }
  store<u64>(cpu, linear & PAGE_MASK, CPU_CODE_PAGE);
  return uops;
}

/** First use of a direct jump inside its page: links it. 0 as for `resolveJump`. */
export function linkJump(cpu: usize, uop: usize): u32 {
  const linear = load<u64>(cpu, CPU_CODE_PAGE) + load<u64>(uop, UOP_IMM);
  setRip(cpu, ripOfLinear(cpu, linear));
  if (load<i32>(cpu, CPU_BUDGET) <= 0) return 0;
  const host = fetchAddress(cpu, linear);
  if (host == 0) return 0;
  const uops = blockAt(cpu, linear, host);
  if (uops != 0 && load<u32>(uop, UOP_HANDLER) != HANDLER_REDECODE) store<u32>(uop, uops, UOP_LINK);
  return uops;
}

/** Micro-ops of a block that has been decoded at a linear address, in a page that `peekAddress` finds; else 0. */
export function peekBlock(cpu: usize, linear: u64): u32 {
  const host = peekAddress(cpu, linear);
  if (host == 0) return 0;
  const mode = load<u32>(cpu, CPU_MODE);
  let block = load<u32>(hashOf(host, mode));
  while (block != 0) {
    if (load<u32>(block, BLOCK_HOST) == host && load<u32>(block, BLOCK_MODE) == mode) return load<u32>(block, BLOCK_UOPS);
    block = load<u32>(block, BLOCK_HASH_NEXT);
  }
  return 0;
}
