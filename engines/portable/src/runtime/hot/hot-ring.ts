// The ring of places that the core found hot (core/decode/heat.ts), emptied between slices.

import {
  BLOCK_DIGEST,
  BLOCK_HEADER_SIZE,
  BLOCK_MODE,
  ENGINE_HOT_PUT,
  ENGINE_HOT_TAKEN,
  HOT_BANK,
  HOT_KNOWN,
  HOT_LINEAR,
  HOT_REASON,
  HOT_RING_BASE,
  HOT_RING_BITS,
  HOT_SIZE,
  HOT_UOP,
} from "../../layout.ts";

/** A block that is worth a region. */
export interface HotPlace {
  /** Its first micro-op. */
  readonly uop: number;
  readonly linear: bigint;
  /** The TLB bank and the decoder mode it was seen with. */
  readonly bank: number;
  readonly mode: number;
  /** Digest of its micro-ops. */
  readonly digest: number;
  /** Hot in an earlier run, not yet in this one. */
  readonly isKnown: boolean;
}

/** The place of a block that was decoded at `linear`. */
export function placeOfBlock(
  view: DataView,
  block: Pick<HotPlace, "uop" | "linear" | "bank" | "isKnown">,
): HotPlace {
  const header = block.uop - BLOCK_HEADER_SIZE;
  const mode = view.getUint32(header + BLOCK_MODE, true);
  return { ...block, mode, digest: view.getUint32(header + BLOCK_DIGEST, true) };
}

/** Takes all there are. */
export function takeHotPlaces(view: DataView): HotPlace[] {
  const put = view.getUint32(ENGINE_HOT_PUT, true);
  const places: HotPlace[] = [];
  for (let taken = view.getUint32(ENGINE_HOT_TAKEN, true); taken !== put; taken = (taken + 1) >>> 0) {
    const entry = HOT_RING_BASE + (taken & ((1 << HOT_RING_BITS) - 1)) * HOT_SIZE;
    places.push(
      placeOfBlock(view, {
        uop: view.getUint32(entry + HOT_UOP, true),
        linear: view.getBigUint64(entry + HOT_LINEAR, true),
        bank: view.getUint32(entry + HOT_BANK, true),
        isKnown: view.getUint32(entry + HOT_REASON, true) === HOT_KNOWN,
      }),
    );
  }
  view.setUint32(ENGINE_HOT_TAKEN, put, true);
  return places;
}
