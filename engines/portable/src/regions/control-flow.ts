// The shape of a region's graph, for code with structured control flow: reverse postorder, dominators, loops, merges. After
// N. Ramsey, "Beyond Relooper" (2022). A jump into the middle of a loop cannot be written that way: such an edge leaves the region.

import { NO_NODE, type RegionNode } from "./image.ts";

/** How an edge is written: the target's code goes here, or a branch forward, or one back to a loop, or the region is left. */
export type EdgeKind = "inline" | "forward" | "back" | "leave";

export interface ControlFlow {
  isLoop(node: number): boolean;
  edgeKind(from: number, to: number): EdgeKind;
  /** Nodes that `node` dominates at once and that are reached by several edges: they are written behind it, last one first. */
  mergesBehind(node: number): readonly number[];
}

export function analyseControlFlow(nodes: readonly RegionNode[]): ControlFlow {
  const successors = nodes.map(({ taken, next }) => [taken, next].filter((n) => n !== NO_NODE));
  const order = reversePostorder(successors);
  const position = new Map(order.map((node, i) => [node, i]));
  const at = (node: number): number => position.get(node) as number;
  const isRetreating = (from: number, to: number): boolean => at(to) <= at(from);
  const firstGuess = dominators(
    order,
    at,
    edgesInto(order, successors, () => true),
  );
  const leaves = (from: number, to: number): boolean =>
    isRetreating(from, to) && !dominates(firstGuess, at, to, from);
  const into = edgesInto(order, successors, (from, to) => !leaves(from, to));
  const idom = dominators(order, at, into);
  const forward = (node: number): number =>
    (into.get(node) ?? []).filter((from) => !isRetreating(from, node)).length;
  const isMerge = (node: number): boolean => forward(node) > 1;
  return {
    isLoop: (node) => (into.get(node) ?? []).some((from) => isRetreating(from, node)),
    edgeKind: (from, to) => {
      if (leaves(from, to)) return "leave";
      if (isRetreating(from, to)) return "back";
      return isMerge(to) ? "forward" : "inline";
    },
    mergesBehind: (node) =>
      order.filter((n) => n !== order[0] && isMerge(n) && idom.get(n) === node).reverse(),
  };
}

/** Nodes that can be reached, each before what it leads to unless that is a loop. */
function reversePostorder(successors: readonly (readonly number[])[]): number[] {
  const order: number[] = [];
  const seen = new Set<number>();
  const visit = (node: number): void => {
    seen.add(node);
    for (const next of successors[node] ?? []) if (!seen.has(next)) visit(next);
    order.push(node);
  };
  visit(0);
  return order.reverse();
}

function edgesInto(
  order: readonly number[],
  successors: readonly (readonly number[])[],
  isKept: (from: number, to: number) => boolean,
): Map<number, number[]> {
  const into = new Map<number, number[]>();
  for (const from of order) {
    for (const to of successors[from] ?? []) {
      if (isKept(from, to)) into.set(to, [...(into.get(to) ?? []), from]);
    }
  }
  return into;
}

/** Immediate dominators by iteration (Cooper, Harvey and Kennedy 2001); the entry is its own. */
function dominators(
  order: readonly number[],
  at: (node: number) => number,
  into: ReadonlyMap<number, readonly number[]>,
): Map<number, number> {
  const entry = order[0] as number;
  const idom = new Map<number, number>([[entry, entry]]);
  const meet = (a: number, b: number): number => {
    let [x, y] = [a, b];
    while (x !== y) {
      if (at(x) > at(y)) x = idom.get(x) as number;
      else y = idom.get(y) as number;
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of order.slice(1)) {
      const known = (into.get(node) ?? []).filter((from) => idom.has(from));
      if (known.length === 0) continue;
      const dominator = known.reduce(meet);
      changed ||= idom.get(node) !== dominator;
      idom.set(node, dominator);
    }
  }
  return idom;
}

function dominates(
  idom: ReadonlyMap<number, number>,
  at: (node: number) => number,
  a: number,
  b: number,
): boolean {
  let node = b;
  while (at(node) > at(a)) node = idom.get(node) as number;
  return node === a;
}
