// A region as plain data: all that a translation is made from, and nothing of where it lies in memory. Two machines with the same
// code have the same images, so an image is also the key under which its translation is kept.

/** What a region is compiled from. */
export interface RegionImage {
  /** The region's micro-ops in the order of their addresses, UOP_SIZE bytes each: handlers of the interpreter, no links. */
  readonly uops: Uint8Array<ArrayBuffer>;
  /** For each micro-op the distance of its instruction from the start of the entry's page. */
  readonly places: Int32Array<ArrayBuffer>;
  /** Pages of the region, as distances from the entry's page in pages; the first is 0. At most RECORD_MAX_PAGES. */
  readonly pages: Int32Array<ArrayBuffer>;
  /** NODE_WORDS words a node; the first node is the entry. */
  readonly nodes: Int32Array<ArrayBuffer>;
}

/** A straight run of instructions. Nodes are named by their index, places as in `RegionImage.places`. */
export interface RegionNode {
  /** First micro-op and how many. */
  readonly first: number;
  readonly count: number;
  /** Place behind the last instruction. */
  readonly end: number;
  /** Where the last instruction jumps, when that is a node, also for a call or a return; else NO_NODE. */
  readonly taken: number;
  /** The node behind the last instruction; else NO_NODE. */
  readonly next: number;
  /** For a return whose `taken` is a node: the place it is expected to return to. */
  readonly returnPlace: number;
}

export const NO_NODE = -1;
const NODE_WORDS = 6;

export function packNodes(nodes: readonly RegionNode[]): Int32Array<ArrayBuffer> {
  return Int32Array.from(nodes.flatMap((n) => [n.first, n.count, n.end, n.taken, n.next, n.returnPlace]));
}

export function unpackNodes(words: Int32Array): RegionNode[] {
  return Array.from({ length: words.length / NODE_WORDS }, (_, i) => {
    const [first, count, end, taken, next, returnPlace] = words.subarray(
      i * NODE_WORDS,
    ) as unknown as number[];
    return { first, count, end, taken, next, returnPlace } as RegionNode;
  });
}

/** The page a place is in, as a distance from the entry's page in pages. */
export function pageOfPlace(place: number): number {
  return place >> 12;
}
