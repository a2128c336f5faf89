// An instruction of a region: its handler's form and the fields of its micro-op, read once.

import type { HandlerEntry } from "../decode/handlers.ts";
import {
  UOP_A,
  UOP_ADDRESS_SHIFT,
  UOP_B,
  UOP_BASE,
  UOP_DISP,
  UOP_HANDLER,
  UOP_IMM,
  UOP_INDEX,
  UOP_LENGTH,
  UOP_LINEAR_SHIFT,
  UOP_OFFSET,
  UOP_SCALE,
  UOP_SEGMENT,
} from "../layout.ts";

export interface Instruction {
  /** Address of the micro-op, or its offset in an image. */
  readonly uop: number;
  /** Distance from the start of the page in which the region is entered. */
  readonly place: number;
  readonly entry: HandlerEntry;
  readonly length: number;
  readonly a: number;
  readonly b: number;
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  readonly segment: number;
  readonly addressShift: number;
  readonly linearShift: number;
  readonly displacement: number;
  readonly immediate: bigint;
  /** Distance from the start of its page. */
  readonly offset: number;
}

export function readInstruction(
  view: DataView,
  entries: readonly HandlerEntry[],
  uop: number,
  place: number,
): Instruction {
  return {
    uop,
    place,
    entry: entries[view.getUint32(uop + UOP_HANDLER, true)] as HandlerEntry,
    offset: view.getUint16(uop + UOP_OFFSET, true),
    length: view.getUint8(uop + UOP_LENGTH),
    a: view.getUint16(uop + UOP_A, true),
    b: view.getUint16(uop + UOP_B, true),
    base: view.getUint16(uop + UOP_BASE, true),
    index: view.getUint16(uop + UOP_INDEX, true),
    scale: view.getUint8(uop + UOP_SCALE),
    segment: view.getUint16(uop + UOP_SEGMENT, true),
    addressShift: view.getUint8(uop + UOP_ADDRESS_SHIFT),
    linearShift: view.getUint8(uop + UOP_LINEAR_SHIFT),
    displacement: view.getInt32(uop + UOP_DISP, true),
    immediate: view.getBigInt64(uop + UOP_IMM, true),
  };
}

/** The place a direct jump or call goes to; undefined for any other instruction. */
export function jumpTarget({ entry, immediate, place, offset }: Instruction): number | undefined {
  const isRelative = entry.form.operands.some((o) => o.kind === "relative");
  return isRelative ? Number(immediate) + place - offset : undefined;
}
