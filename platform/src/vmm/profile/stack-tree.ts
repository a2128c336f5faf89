// Time as a tree of frames: what flame graphs are drawn from.

export interface StackTree {
  readonly name: string;
  /** Time of this frame with everything above it. */
  us: number;
  readonly children: Map<string, StackTree>;
}

export function newTree(name: string): StackTree {
  return { name, us: 0, children: new Map() };
}

/** Adds time to a path of frames below `root`. */
export function addStack(root: StackTree, frames: readonly string[], us: number): void {
  root.us += us;
  let node = root;
  for (const name of frames) {
    let child = node.children.get(name);
    if (child === undefined) {
      child = newTree(name);
      node.children.set(name, child);
    }
    child.us += us;
    node = child;
  }
}

/** One line a stack, frames joined by semicolons, then the time in microseconds: the input of common flame-graph tools. */
export function foldStacks(root: StackTree): string {
  const lines: string[] = [];
  const visit = (node: StackTree, path: string): void => {
    let own = node.us;
    for (const child of node.children.values()) {
      own -= child.us;
      visit(child, `${path};${child.name.replaceAll(";", ",")}`);
    }
    if (Math.round(own) > 0) lines.push(`${path} ${Math.round(own)}`);
  };
  visit(root, root.name);
  return `${lines.sort().join("\n")}\n`;
}
