// TLB entries that another page took the place of. The banks are direct-mapped, so two pages in steady use may want one place:
// the one that lost is found here, without a page walk, and the two change places.
//
// Whatever is dropped from a bank, all victims go: that is rare beside the conflicts they are for.

import { CPU_TLB_VICTIM_COUNT, CPU_TLB_VICTIMS, TLB_ENTRY_SIZE, TLB_VICTIM_BANK, TLB_VICTIM_SIZE, TLB_VICTIMS } from "../../layout";

// @ts-ignore: decorator
@inline
function victimAt(cpu: usize, n: u32): usize {
  return cpu + CPU_TLB_VICTIMS + <usize>(n & (TLB_VICTIMS - 1)) * TLB_VICTIM_SIZE;
}

export function clearVictims(cpu: usize): void {
  store<u32>(cpu, 0, CPU_TLB_VICTIM_COUNT);
}

/** Keeps the entry, which belongs to the bank of this number. */
export function keepVictim(cpu: usize, entry: usize, bank: u32): void {
  const count = load<u32>(cpu, CPU_TLB_VICTIM_COUNT);
  const victim = victimAt(cpu, count);
  memory.copy(victim, entry, TLB_ENTRY_SIZE);
  store<u32>(victim, bank, TLB_VICTIM_BANK);
  // Above twice the room only the position in it counts.
  store<u32>(cpu, count + 1 < 2 * TLB_VICTIMS ? count + 1 : TLB_VICTIMS + ((count + 1) & (TLB_VICTIMS - 1)), CPU_TLB_VICTIM_COUNT);
}

/** The victim of a bank that has `page` as its tag at the offset `tag` (TLB_READ and so on); 0 when there is none. */
export function findVictim(cpu: usize, bank: u32, page: u64, tag: usize): usize {
  const count = min<u32>(load<u32>(cpu, CPU_TLB_VICTIM_COUNT), TLB_VICTIMS);
  for (let n: u32 = 0; n < count; n++) {
    const victim = victimAt(cpu, n);
    if (load<u64>(victim + tag) == page && load<u32>(victim, TLB_VICTIM_BANK) == bank) return victim;
  }
  return 0;
}
