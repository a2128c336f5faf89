// Finding hot code. A slice is given out in parts; where a part ends by its budget there was a jump, the more often the hotter its
// target. Such samples are counted by the micro-op there, and a place with enough of them is put into a ring that the host side
// empties between slices. A block that was hot in an earlier run is known by its digest and goes there when it is decoded.

import {
  CPU_MODE, CPU_TLB, ENGINE_COUNT_REGION_SAMPLES, ENGINE_COUNT_SAMPLES, ENGINE_FIRST_REGION, ENGINE_HOT_PUT, ENGINE_HOT_TAKEN,
  ENGINE_SAMPLE_PERIOD,
  HEAT_BASE, HEAT_BITS, HOT_BANK, HOT_BY_SAMPLES, HOT_KNOWN, HOT_LINEAR, HOT_REASON, HOT_RING_BASE, HOT_RING_BITS, HOT_SAMPLES,
  HOT_SIZE, HOT_UOP, KNOWN_BLOCKS_BASE, KNOWN_BLOCKS_BITS, MODE_CODE16, MODE_CODE_MASK, MODE_SINGLE, UOP_HANDLER, UOP_SIZE,
} from "../../layout";

const GOLDEN: u32 = 0x9e37_79b1;
let variation: u32 = 1;

/** Blocks to the next sample; varied, so that no loop of the guest keeps step with it. */
export function samplePeriod(): i32 {
  variation = variation * 1_103_515_245 + 12_345;
  const period = load<u32>(ENGINE_SAMPLE_PERIOD);
  return <i32>(period + (((variation >> 16) * period) >> 17) + 1);
}

/** A part of a slice ended with a jump to `linear`, where execution goes on at `uop`. */
export function noteSample(cpu: usize, linear: u64, uop: u32): void {
  const firstRegion = load<u32>(ENGINE_FIRST_REGION);
  if (firstRegion == 0 || !isRegionMode(load<u32>(cpu, CPU_MODE))) return;
  store<u64>(ENGINE_COUNT_SAMPLES, load<u64>(ENGINE_COUNT_SAMPLES) + 1);
  if (load<u32>(uop, UOP_HANDLER) >= firstRegion) {
    store<u64>(ENGINE_COUNT_REGION_SAMPLES, load<u64>(ENGINE_COUNT_REGION_SAMPLES) + 1);
    return;
  }
  const counter: usize = HEAT_BASE + ((((uop >> 5) * GOLDEN) >>> (32 - HEAT_BITS)) << 3);
  const count = load<u32>(counter, 4);
  if (load<u32>(counter) == uop) {
    store<u32>(counter, count + 1, 4);
    if ((count + 1) % HOT_SAMPLES == 0) putHot(cpu, linear, uop, HOT_BY_SAMPLES);
  } else if (count > 1) store<u32>(counter, count - 1, 4);
  else {
    store<u32>(counter, uop);
    store<u32>(counter, 1, 4);
  }
}

/** Regions are made of 64-bit and 32-bit code. */
function isRegionMode(mode: u32): bool {
  return (mode & MODE_CODE_MASK) != MODE_CODE16 && (mode & MODE_SINGLE) == 0;
}

/** When the ring is full the place is left out: if it is hot it comes again. */
function putHot(cpu: usize, linear: u64, uop: u32, reason: u32): void {
  const put = load<u32>(ENGINE_HOT_PUT);
  if (put - load<u32>(ENGINE_HOT_TAKEN) >= 1 << HOT_RING_BITS) return;
  const entry: usize = HOT_RING_BASE + (put & ((1 << HOT_RING_BITS) - 1)) * HOT_SIZE;
  store<u64>(entry, linear, HOT_LINEAR);
  store<u32>(entry, uop, HOT_UOP);
  store<u32>(entry, load<u32>(cpu, CPU_TLB), HOT_BANK);
  store<u32>(entry, reason, HOT_REASON);
  store<u32>(ENGINE_HOT_PUT, put + 1);
}

/** Digest of a block's micro-ops as they come from the decoder; never 0. */
export function digestOf(mode: u32, uops: u32, count: u32): u32 {
  let digest: u64 = mode;
  const end = uops + count * UOP_SIZE;
  for (let at: usize = uops; at < end; at += 8) digest = rotr<u64>((digest ^ load<u64>(at)) * 0x9e37_79b9_7f4a_7c15, 29);
  const folded = <u32>(digest ^ (digest >> 32));
  return folded == 0 ? 1 : folded;
}

/** A block has been decoded. */
export function noteDecoded(cpu: usize, linear: u64, uop: u32, digest: u32): void {
  for (let i = digest; ; i++) {
    const known = load<u32>(KNOWN_BLOCKS_BASE + ((i & ((1 << KNOWN_BLOCKS_BITS) - 1)) << 2));
    if (known == 0) return;
    if (known == digest) break;
  }
  if (isRegionMode(load<u32>(cpu, CPU_MODE))) putHot(cpu, linear, uop, HOT_KNOWN);
}

/** Micro-ops are going to be used anew. */
export function clearHeat(): void {
  memory.fill(HEAT_BASE, 0, 8 << HEAT_BITS);
  store<u32>(ENGINE_HOT_TAKEN, load<u32>(ENGINE_HOT_PUT));
}
