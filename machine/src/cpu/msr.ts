// Model-specific registers that belong to no chip and that an engine leaves to the machine: constants of the profile,
// and registers that only remember what was written (memory types, which nothing here depends on).
// Not listed means #GP, which Linux expects and handles when it probes.

import { HearthError } from "../errors.ts";
import { type ChipState, openState } from "../snapshot/chip-state.ts";

const MSR_PLATFORM_ID = 0x17;
const MSR_MICROCODE_REVISION = 0x8b;
const MSR_MTRR_CAPABILITIES = 0xfe;
const MSR_ARCH_CAPABILITIES = 0x10a;
const MSR_MISC_ENABLE = 0x1a0;
const MSR_DEBUG_CONTROL = 0x1d9;
const MSR_MTRR_VARIABLE = 0x200;
const MSR_PAT = 0x277;
const MSR_MTRR_DEFAULT_TYPE = 0x2ff;
const MTRR_FIXED = [0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f];
const MTRR_VARIABLE_COUNT = 8;

/**
 * Nothing to mitigate: RDCL_NO 0, SKIP_VMENTRY_L1DFLUSH 3, SSB_NO 4, MDS_NO 5, PSCHANGE_MC_NO 6, TAA_NO 8,
 * SBDR_SSDP_NO 13, FBSDP_NO 14, PSDP_NO 15, BHI_NO 20, PBRSB_NO 24, GDS_NO 26, RFDS_NO 27, ITS_NO 62.
 */
export const ARCH_CAPABILITIES: bigint = [0, 3, 4, 5, 6, 8, 13, 14, 15, 20, 24, 26, 27, 62].reduce(
  (mask, bit) => mask | (1n << BigInt(bit)),
  0n,
);

const CONSTANTS: ReadonlyMap<number, bigint> = new Map([
  [MSR_PLATFORM_ID, 0n],
  [MSR_MTRR_CAPABILITIES, BigInt(MTRR_VARIABLE_COUNT) | (1n << 8n) | (1n << 10n)],
  [MSR_ARCH_CAPABILITIES, ARCH_CAPABILITIES],
]);

/** Reads as 0, writes are dropped. */
const IGNORED: ReadonlySet<number> = new Set([MSR_MICROCODE_REVISION, MSR_DEBUG_CONTROL]);

interface StoredMsr {
  readonly reset: bigint;
  /** Bits outside raise #GP. */
  readonly writable: bigint;
  /** Each byte is a memory type (SDM vol. 3A, 12.11.1, 12.12.2). */
  readonly hasTypes?: boolean;
}

const ALL_BITS = 0xffff_ffff_ffff_ffffn;
/** Eight memory types. */
const TYPE_BITS = 0x0707_0707_0707_0707n;
/** MTRR physical base and mask registers hold 40-bit addresses. */
const STORED: ReadonlyMap<number, StoredMsr> = new Map([
  [MSR_MISC_ENABLE, { reset: 1n, writable: ALL_BITS }],
  [MSR_PAT, { reset: 0x0007_0406_0007_0406n, writable: TYPE_BITS, hasTypes: true }],
  [MSR_MTRR_DEFAULT_TYPE, { reset: 0x806n, writable: 0xcffn }],
  ...MTRR_FIXED.map((index): [number, StoredMsr] => [
    index,
    { reset: 0n, writable: TYPE_BITS, hasTypes: true },
  ]),
  ...Array.from({ length: MTRR_VARIABLE_COUNT * 2 }, (_, i): [number, StoredMsr] => [
    MSR_MTRR_VARIABLE + i,
    { reset: 0n, writable: i % 2 === 0 ? 0xff_ffff_f0ffn : 0xff_ffff_f800n },
  ]),
]);

const STATE_KIND = "msr-file";
const STATE_VERSION = 1;

/** Types 2 and 3 are reserved. */
function areMemoryTypes(value: bigint): boolean {
  for (let rest = value; rest !== 0n; rest >>= 8n) if ((rest & 0xfen) === 2n) return false;
  return true;
}

/** One vCPU's registers of this kind. */
export class MsrFile {
  readonly #values = new Map<number, bigint>();

  constructor() {
    this.reset();
  }

  /** Undefined: #GP. */
  read(index: number): bigint | undefined {
    return this.#values.get(index) ?? CONSTANTS.get(index) ?? (IGNORED.has(index) ? 0n : undefined);
  }

  /** False: #GP. */
  write(index: number, value: bigint): boolean {
    const stored = STORED.get(index);
    if (stored === undefined) return IGNORED.has(index);
    if ((value & ~stored.writable) !== 0n) return false;
    if (stored.hasTypes === true && !areMemoryTypes(value)) return false;
    this.#values.set(index, value);
    return true;
  }

  reset(): void {
    for (const [index, stored] of STORED) this.#values.set(index, stored.reset);
  }

  state(): ChipState {
    return { kind: STATE_KIND, version: STATE_VERSION, data: { values: [...this.#values] } };
  }

  restore(state: ChipState): void {
    const values = openState(state, STATE_KIND, STATE_VERSION).list("values", STORED.size);
    this.reset();
    for (const pair of values) {
      const [index, value] = Array.isArray(pair) ? pair : [];
      const isTaken = typeof index === "number" && typeof value === "bigint" && this.write(index, value);
      if (!isTaken) throw new HearthError("snapshot.field", `Saved register ${index} cannot be ${value}.`);
    }
  }
}
