/*
 * Finds import cycles between files: Tarjan's strongly connected components, written without recursion
 * so that a long import chain cannot exhaust the stack.
 */

type Frame = { readonly node: string; next: number };

/** Groups of two or more files that import each other in a ring, and files that import themselves. */
export function findCycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const cycles: string[][] = [];

  const enter = (node: string, frames: Frame[]): void => {
    index.set(node, index.size);
    low.set(node, index.size - 1);
    stack.push(node);
    onStack.add(node);
    frames.push({ node, next: 0 });
  };
  const lower = (node: string, value: number): void => {
    low.set(node, Math.min(low.get(node) ?? value, value));
  };
  const leave = (node: string): void => {
    if (low.get(node) !== index.get(node)) return;
    const members = stack.splice(stack.lastIndexOf(node));
    for (const member of members) onStack.delete(member);
    if (members.length > 1 || edges.get(node)?.includes(node)) cycles.push(members.sort());
  };

  for (const start of edges.keys()) {
    if (index.has(start)) continue;
    const frames: Frame[] = [];
    enter(start, frames);
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const next = edges.get(frame.node)?.[frame.next++];
      if (next === undefined) {
        frames.pop();
        leave(frame.node);
        const parent = frames.at(-1);
        if (parent !== undefined) lower(parent.node, low.get(frame.node) ?? 0);
      } else if (!index.has(next)) {
        enter(next, frames);
      } else if (onStack.has(next)) {
        lower(frame.node, index.get(next) ?? 0);
      }
    }
  }
  return cycles;
}
