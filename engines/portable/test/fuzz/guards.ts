// Watches the engine's own part of the memory while a guest does its worst: places nothing may ever write, tables that never change,
// and translations that must lie in guest RAM.

import assert from "node:assert/strict";
import type { GuestMemory } from "@hearth/machine";
import * as L from "../../src/layout.ts";

const PATTERN = 0xc5;
const CPU = L.VCPU_AREA_BASE;

interface Range {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Unused places around everything that guest-given values index. */
const UNUSED: readonly Range[] = [
  { name: "before the core's data", start: 0x10, end: L.CORE_DATA_BASE },
  {
    name: "between CPUID leaves and the TLB's state",
    start: CPU + L.CPU_CPUID_LEAVES + L.MAX_CPUID_LEAVES * 24,
    end: CPU + L.CPU_TLB_KIND,
  },
  {
    name: "between filters and counters",
    start: CPU + L.CPU_LARGE_FILTER + (1 << (L.LARGE_FILTER_BITS - 3)),
    end: CPU + L.CPU_COUNT_EXCEPTIONS,
  },
  {
    name: "between counters and jump cache",
    start: CPU + L.CPU_COUNT_EXCEPTIONS + 32 * 8,
    end: CPU + L.CPU_JUMP_CACHE,
  },
  {
    name: "between jump cache and TLB",
    start: CPU + L.CPU_JUMP_CACHE + (16 << L.JUMP_CACHE_BITS),
    end: CPU + L.CPU_TLB_BANKS,
  },
  {
    name: "behind the TLB's logs",
    start: CPU + L.CPU_TLB_LOGS + L.TLB_BANKS * (2 << L.TLB_BITS),
    end: CPU + L.VCPU_AREA_SIZE,
  },
  { name: "another vCPU", start: CPU + L.VCPU_AREA_SIZE, end: CPU + 2 * L.VCPU_AREA_SIZE },
];

const UNTOUCHED = new Uint8Array(L.VCPU_AREA_SIZE).fill(PATTERN);

export class Guards {
  readonly #memory: GuestMemory;
  readonly #decoderTables: Uint8Array;

  /** Fills the unused places. */
  constructor(memory: GuestMemory) {
    this.#memory = memory;
    for (const { start, end } of UNUSED) memory.bytes.fill(PATTERN, start, end);
    this.#decoderTables = memory.bytes.slice(L.DECODER_TABLE_BASE, L.VCPU_AREA_BASE);
  }

  check(): void {
    for (const { name, start, end } of UNUSED) {
      const bytes = this.#memory.bytes.subarray(start, end);
      if (Buffer.compare(bytes, UNTOUCHED.subarray(0, bytes.length)) === 0) continue;
      const at = bytes.findIndex((byte) => byte !== PATTERN);
      assert.fail(`written ${name}, at 0x${(start + at).toString(16)}`);
    }
    const tables = this.#memory.bytes.subarray(L.DECODER_TABLE_BASE, L.VCPU_AREA_BASE);
    assert.equal(Buffer.compare(tables, this.#decoderTables), 0, "the decoder's tables were written");
    this.#checkTlb();
    this.#checkArena();
  }

  #checkTlb(): void {
    const { view, ramBytes } = this.#memory;
    const entries = L.TLB_BANKS << L.TLB_BITS;
    for (let i = 0; i < entries; i++) {
      // A bank of which no log was kept has not been used since power-on.
      const logged = view.getUint32(CPU + L.CPU_TLB_LOG_COUNTS + (i >> L.TLB_BITS) * 4, true);
      if (logged > 1 << L.TLB_BITS) continue;
      const at = CPU + L.CPU_TLB_BANKS + i * L.TLB_ENTRY_SIZE;
      const page = view.getUint32(at + L.TLB_PAGE, true) & ~0xfff;
      for (const field of [L.TLB_READ, L.TLB_WRITE, L.TLB_EXECUTE]) {
        const tag = view.getBigUint64(at + field, true);
        if ((tag & 0xfffn) !== 0n) continue;
        const host = (Number(tag & 0xffff_ffffn) + view.getUint32(at + L.TLB_ADDEND, true)) >>> 0;
        const inRam = host >= L.RAM_BASE && host < L.RAM_BASE + ramBytes;
        assert.ok(inRam && host === page >>> 0, `TLB entry ${i} leads to 0x${host.toString(16)}`);
        assert.equal(Number((tag >> 12n) & BigInt((1 << L.TLB_BITS) - 1)), i & ((1 << L.TLB_BITS) - 1));
      }
    }
  }

  #checkArena(): void {
    const next = this.#memory.view.getUint32(L.ENGINE_ARENA_NEXT, true);
    assert.ok(next >= L.UOP_ARENA_BASE && next <= L.UOP_ARENA_END, `arena pointer 0x${next.toString(16)}`);
  }
}
