// Address spaces: which of them have translations kept, by PCID. SDM volume 3, section 4.10. Without CR4.PCIDE there is one, 0.
// A guest may use more PCIDs than there are slots; the one not used for longest is forgotten then, which is always allowed.

import {
  CPU_COUNT_ADDRESS_FLUSHES, CPU_COUNT_FULL_FLUSHES, CPU_COUNT_SPACE_FLUSHES, CPU_CR3, CPU_SPACE, CPU_SPACE_CLOCK, CPU_SPACES, SPACE_FREE, SPACE_LAST_USE, SPACE_PCID, SPACE_SIZE, SPACES,
} from "../../layout";
import { count } from "../count";
import { cr4, CR4_PCIDE } from "../state";
import { dropAllJumps, dropJumpsTo, dropLocalJumps, dropSpaceJumps, updateContext } from "./jump-cache";
import { currentBank, distrustBanks, dropAddress, flushLocal, flushSpaceBanks, flushSupervisor, selectBank } from "./tlb";

export function currentPcid(cpu: usize): u32 {
  return (cr4(cpu) & CR4_PCIDE) != 0 ? <u32>load<u64>(cpu, CPU_CR3) & 0xfff : 0;
}

// @ts-ignore: decorator
@inline
function slotAt(cpu: usize, space: u32): usize {
  return cpu + CPU_SPACES + space * SPACE_SIZE;
}

function findSpace(cpu: usize, pcid: u32): i32 {
  for (let space: u32 = 0; space < <u32>SPACES; space++)
    if (load<u32>(slotAt(cpu, space), SPACE_PCID) == pcid) return space;
  return -1;
}

function leastUsed(cpu: usize): u32 {
  let found: u32 = 0;
  let age: u32 = 0;
  const now = load<u32>(cpu, CPU_SPACE_CLOCK);
  for (let space: u32 = 0; space < <u32>SPACES; space++) {
    const slot = slotAt(cpu, space);
    if (load<u32>(slot, SPACE_PCID) == SPACE_FREE) return space;
    const since = now - load<u32>(slot, SPACE_LAST_USE);
    if (since < age) continue;
    age = since;
    found = space;
  }
  return found;
}

/** After CR3 was loaded: goes to the address space it names, with what is known of it if `keep`. */
export function enterSpace(cpu: usize, keep: bool): void {
  const pcid = currentPcid(cpu);
  const before = load<u32>(cpu, CPU_SPACE);
  const known = findSpace(cpu, pcid);
  const space = known >= 0 ? <u32>known : leastUsed(cpu);
  const slot = slotAt(cpu, space);
  const now = load<u32>(cpu, CPU_SPACE_CLOCK) + 1;
  store<u32>(cpu, now, CPU_SPACE_CLOCK);
  store<u32>(slot, pcid, SPACE_PCID);
  store<u32>(slot, now, SPACE_LAST_USE);
  const isFresh = known < 0 || !keep;
  if (isFresh) forget(cpu, space);
  if (!isFresh && space == before) return;
  flushLocal(cpu);
  dropLocalJumps(cpu);
  store<u32>(cpu, space, CPU_SPACE);
  selectBank(cpu, currentBank(cpu));
  updateContext(cpu);
}

function forget(cpu: usize, space: u32): void {
  count(cpu, CPU_COUNT_SPACE_FLUSHES);
  flushSpaceBanks(cpu, space);
  dropSpaceJumps(cpu, space);
}

/** Drops every translation of every address space, global ones too. */
export function flushEverything(cpu: usize): void {
  count(cpu, CPU_COUNT_FULL_FLUSHES);
  for (let space: u32 = 0; space < <u32>SPACES; space++) {
    if (load<u32>(slotAt(cpu, space), SPACE_PCID) != SPACE_FREE) flushSpaceBanks(cpu, space);
    store<u32>(slotAt(cpu, space), SPACE_FREE, SPACE_PCID);
  }
  flushSupervisor(cpu);
  dropAllJumps(cpu);
  enterSpace(cpu, false);
}

/** As `flushEverything`, for a vCPU whose area was written from outside or never used. */
export function resetTlb(cpu: usize): void {
  distrustBanks(cpu);
  for (let space: u32 = 0; space < <u32>SPACES; space++) store<u32>(slotAt(cpu, space), SPACE_FREE, SPACE_PCID);
  flushEverything(cpu);
}

/** Drops the translations of one PCID that are not global. */
export function flushPcid(cpu: usize, pcid: u32): void {
  if (pcid == currentPcid(cpu)) {
    enterSpace(cpu, false);
    return;
  }
  const space = findSpace(cpu, pcid);
  if (space < 0) return;
  forget(cpu, space);
  store<u32>(slotAt(cpu, space), SPACE_FREE, SPACE_PCID);
}

/** Drops the translations of every address space that are not global. */
export function flushSpaces(cpu: usize): void {
  for (let space: u32 = 0; space < <u32>SPACES; space++) {
    const slot = slotAt(cpu, space);
    if (load<u32>(slot, SPACE_PCID) == SPACE_FREE) continue;
    forget(cpu, space);
    store<u32>(slot, SPACE_FREE, SPACE_PCID);
  }
  enterSpace(cpu, false);
}

/** Drops one linear address, of every address space. What follows must be fetched anew. */
export function flushAddress(cpu: usize, va: u64): void {
  count(cpu, CPU_COUNT_ADDRESS_FLUSHES);
  const isLarge = dropAddress(cpu, va);
  dropJumpsTo(cpu, va, isLarge);
}
