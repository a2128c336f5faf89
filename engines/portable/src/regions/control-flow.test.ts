import assert from "node:assert/strict";
import { test } from "node:test";
import { analyseControlFlow } from "./control-flow.ts";
import { NO_NODE, packNodes, type RegionNode, unpackNodes } from "./image.ts";

/** Nodes from their edges: where each jumps and where it falls through to. */
function graph(...edges: readonly (readonly [taken: number, next: number])[]): RegionNode[] {
  return edges.map(([taken, next], i) => ({ first: i, count: 1, end: i + 1, taken, next, returnPlace: 0 }));
}

test("a node reached one way is written where it is reached, a merge behind what dominates it", () => {
  const flow = analyseControlFlow(graph([2, 1], [3, NO_NODE], [NO_NODE, 3], [NO_NODE, NO_NODE]));
  assert.equal(flow.edgeKind(0, 1), "inline");
  assert.equal(flow.edgeKind(0, 2), "inline");
  assert.equal(flow.edgeKind(1, 3), "forward");
  assert.equal(flow.edgeKind(2, 3), "forward");
  assert.deepEqual(flow.mergesBehind(0), [3]);
  assert.equal(flow.isLoop(0), false);
});

test("an edge to a dominator is a loop", () => {
  const flow = analyseControlFlow(graph([NO_NODE, 1], [1, 2], [0, NO_NODE]));
  assert.equal(flow.edgeKind(1, 1), "back");
  assert.equal(flow.edgeKind(2, 0), "back");
  assert.ok(flow.isLoop(0) && flow.isLoop(1) && !flow.isLoop(2));
  assert.equal(flow.edgeKind(0, 1), "inline");
});

test("an edge into the middle of a loop leaves the region", () => {
  // 0 goes to 1 and to 2, which are a loop without a head that both ways share.
  const flow = analyseControlFlow(graph([2, 1], [2, NO_NODE], [1, NO_NODE]));
  const kinds = [flow.edgeKind(1, 2), flow.edgeKind(2, 1)];
  assert.equal(kinds.filter((kind) => kind === "leave").length, 1);
  assert.ok(!flow.isLoop(1) && !flow.isLoop(2));
});

test("a conditional jump to the following instruction makes a merge of it", () => {
  const flow = analyseControlFlow(graph([1, 1], [NO_NODE, NO_NODE]));
  assert.equal(flow.edgeKind(0, 1), "forward");
  assert.deepEqual(flow.mergesBehind(0), [1]);
});

test("merges behind one node come last first", () => {
  const flow = analyseControlFlow(graph([3, 1], [4, 2], [3, NO_NODE], [4, NO_NODE], [NO_NODE, NO_NODE]));
  assert.deepEqual(flow.mergesBehind(0), [4, 3]);
});

test("nodes keep every field when packed", () => {
  const nodes = [{ first: 1, count: 2, end: -3, taken: NO_NODE, next: 0, returnPlace: 4100 }];
  assert.deepEqual(unpackNodes(packNodes(nodes)), nodes);
});
