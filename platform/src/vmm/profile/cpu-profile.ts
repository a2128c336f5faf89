// V8's CPU profile (Chrome DevTools protocol, domain Profiler): a tree of frames, and which node was on top at each sample.

/** A function as V8 names it. */
export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

/** Times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly endTime: number;
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

/** The frames of each node from the outermost one inwards, without V8's "(root)". */
export function stacksOf(profile: CpuProfile): Map<number, readonly CallFrame[]> {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const stacks = new Map<number, readonly CallFrame[]>();
  const open: [ProfileNode, readonly CallFrame[]][] = profile.nodes.slice(0, 1).map((root) => [root, []]);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, stack] = next;
    stacks.set(node.id, stack);
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) open.push([child, [...stack, child.callFrame]]);
    }
  }
  return stacks;
}

/** Calls `visit` for each sample with its node, its time and how long it stands for. */
export function eachSample(
  profile: CpuProfile,
  visit: (node: number, timeUs: number, durationUs: number) => void,
): void {
  const deltas = profile.timeDeltas ?? [];
  let timeUs = profile.startTime;
  profile.samples?.forEach((node, i) => {
    const durationUs = Math.max(0, deltas[i] ?? 0);
    timeUs += durationUs;
    visit(node, timeUs, durationUs);
  });
}
