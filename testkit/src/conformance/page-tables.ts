// Four-level page tables in a guest's RAM, built by the test. SDM volume 3, section 4.5.

import type { GuestMemory } from "@hearth/machine";

/** Bits of an entry. */
export const Pte = {
  present: 1n,
  writable: 2n,
  user: 4n,
  accessed: 0x20n,
  dirty: 0x40n,
  large: 0x80n,
  global: 0x100n,
  noExecute: 1n << 63n,
} as const;

const ADDRESS = 0x000f_ffff_ffff_f000n;
const SHIFTS = [39n, 30n, 21n, 12n] as const;

/** Pages of 4 KiB, 2 MiB, 1 GiB by the shift of their table level. */
export type PageShift = 12 | 21 | 30;

export class PageTables {
  readonly root: number;
  readonly #memory: GuestMemory;
  #next: number;

  /** Tables are taken one after the other from `gpa` up. */
  constructor(memory: GuestMemory, gpa: number) {
    this.#memory = memory;
    this.root = gpa;
    this.#next = gpa + 4096;
  }

  /** Maps one page and answers where its entry is. Tables above allow everything. */
  map(va: bigint, pa: bigint, flags: bigint, shift: PageShift = 12): number {
    const entry = this.entryOf(va, shift);
    const large = shift === 12 ? 0n : Pte.large;
    this.#memory.writeU64(entry, pa | flags | large);
    return entry;
  }

  /** Guest-physical address of the entry for `va` at a level; tables above it are made when missing. */
  entryOf(va: bigint, shift: number): number {
    let table = this.root;
    for (const level of SHIFTS) {
      const at = table + Number((va >> level) & 511n) * 8;
      if (Number(level) === shift) return at;
      table = this.#tableAt(at);
    }
    throw new Error(`no paging level with shift ${shift}`);
  }

  #tableAt(entry: number): number {
    const value = this.#memory.readU64(entry);
    if ((value & Pte.present) !== 0n) return Number(value & ADDRESS);
    const table = this.#next;
    this.#next += 4096;
    this.#memory.writeU64(entry, BigInt(table) | Pte.present | Pte.writable | Pte.user);
    return table;
  }
}
