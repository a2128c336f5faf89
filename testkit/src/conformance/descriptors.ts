// Segment descriptors, gates and the GDT every conformance guest starts with. SDM volume 3, chapters 3 and 6.

import type { GuestMemory, SegmentRegister } from "@hearth/machine";

/** Attribute words as SegmentRegister has them. */
export const Attributes = {
  code64: 0xa09b,
  code32: 0xc09b,
  code16: 0x009b,
  data32: 0xc093,
  data16: 0x0093,
  userCode64: 0xa0fb,
  userCode32: 0xc0fb,
  userData: 0xc0f3,
  tssAvailable: 0x0089,
  tssBusy: 0x008b,
} as const;

/** Selectors of the GDT. User selectors carry privilege 3; their order suits SYSRET and SYSEXIT. */
export const Selector = {
  code: 0x08,
  data: 0x10,
  userCode32: 0x1b,
  userData: 0x23,
  userCode64: 0x2b,
  /** 16 bytes in long mode. */
  task: 0x30,
  code32: 0x40,
  code16: 0x48,
  data16: 0x50,
  code64: 0x58,
  /** Left for a case to fill in. */
  spare: 0x60,
} as const;

export const GDT_BYTES = 0x80;
/** 16-bit code reaches the 64 KiB that programs are loaded at. */
export const CODE16_BASE = 0x1_0000;
const FLAT_LIMIT = 0xf_ffff;

/** A segment descriptor; the limit is in units of the granularity bit in `attributes`. */
export function descriptor(base: number, limit: number, attributes: number): bigint {
  const low = BigInt(limit & 0xffff) | (BigInt(base & 0xff_ffff) << 16n);
  const high = BigInt(attributes & 0xff) | (BigInt((limit >> 16) | ((attributes >> 8) & 0xf0)) << 8n);
  return low | (high << 40n) | (BigInt(base >>> 24) << 56n);
}

export interface GateOptions {
  readonly selector: number;
  /** 14 interrupt gate, 15 trap gate; 6 and 7 are their 16-bit forms. */
  readonly type?: number;
  readonly privilege?: number;
  readonly present?: boolean;
  /** Long mode: interrupt stack table entry, 0 for none. */
  readonly ist?: number;
}

/** First eight bytes of a gate, all of it outside long mode. */
export function gate(target: bigint, options: GateOptions): bigint {
  const { selector, type = 14, privilege = 0, present = true, ist = 0 } = options;
  const access = BigInt((present ? 0x80 : 0) | (privilege << 5) | type);
  const low = (target & 0xffffn) | (BigInt(selector) << 16n) | (BigInt(ist) << 32n);
  return low | (access << 40n) | (((target >> 16n) & 0xffffn) << 48n);
}

/** Writes the GDT; `code` is what selector 0x08 is. */
export function writeGdt(memory: GuestMemory, gpa: number, code: number, taskGpa: number): void {
  const put = (selector: number, attributes: number, limit = FLAT_LIMIT, base = 0): void =>
    memory.writeU64(gpa + (selector & ~7), descriptor(base, limit, attributes));
  put(Selector.code, code);
  put(Selector.data, Attributes.data32);
  put(Selector.userCode32, Attributes.userCode32);
  put(Selector.userData, Attributes.userData);
  put(Selector.userCode64, Attributes.userCode64);
  put(Selector.task, Attributes.tssAvailable, TASK_LIMIT, taskGpa);
  put(Selector.code32, Attributes.code32);
  put(Selector.code16, Attributes.code16, 0xffff, CODE16_BASE);
  put(Selector.data16, Attributes.data16, 0xffff);
  put(Selector.code64, Attributes.code64);
}

/** Task state segment with a port bitmap of 256 ports behind it. */
export const TASK_BITMAP_OFFSET = 0x68;
export const TASK_LIMIT = TASK_BITMAP_OFFSET + 32;

/** A flat segment as its descriptor would load it. */
export function flatSegment(selector: number, attributes: number): SegmentRegister {
  return { selector, base: 0n, limit: 0xffff_ffff, attributes };
}

export const NULL_SEGMENT: SegmentRegister = { selector: 0, base: 0n, limit: 0, attributes: 0 };
