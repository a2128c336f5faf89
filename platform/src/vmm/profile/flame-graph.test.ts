import assert from "node:assert/strict";
import { test } from "node:test";
import { flameGraph } from "./flame-graph.ts";
import { addStack, newTree } from "./stack-tree.ts";

function boxes(svg: string) {
  const found = svg.matchAll(/<title>([^<]*)<\/title><rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g);
  return [...found].map(([, title, x, y, width]) => ({
    title,
    x: Number(x),
    y: Number(y),
    width: Number(width),
  }));
}

test("a frame is as wide as its time and lies above its caller, the longest first", () => {
  const tree = newTree("all");
  addStack(tree, ["short"], 1000);
  addStack(tree, ["long", "inner"], 3000);
  const [root, long, inner, short] = boxes(flameGraph("t", [tree]));
  assert.equal(root?.title, "all: 4.0 ms, 100.00 %");
  assert.equal(long?.title, "long: 3.0 ms, 75.00 %");
  assert.equal(long?.width, 885);
  assert.equal(long?.x, root?.x);
  assert.equal(short?.x, 895);
  assert.equal(inner?.width, 885);
  assert.ok((inner?.y ?? 0) < (long?.y ?? 0) && (long?.y ?? 0) < (root?.y ?? 0));
  assert.equal(short?.y, long?.y);
});

test("several trees lie one below the other", () => {
  const [a, b] = [newTree("a"), newTree("b")];
  addStack(a, ["x"], 1);
  addStack(b, ["y"], 1);
  const [rootA, , rootB] = boxes(flameGraph("t", [a, b]));
  assert.ok((rootA?.y ?? 0) < (rootB?.y ?? 0));
});

test("names are escaped and what is too narrow is left out", () => {
  const tree = newTree("all");
  addStack(tree, ['<b> & "c"'], 1_000_000);
  addStack(tree, ["narrow"], 1);
  const svg = flameGraph("<t>", [tree]);
  assert.match(svg, /data-name="&#60;b&#62; &#38; &#34;c&#34;"/);
  assert.match(svg, />&#60;t&#62;</);
  assert.doesNotMatch(svg, /narrow/);
});

test("nothing recorded is a graph all the same", () => {
  assert.equal(boxes(flameGraph("t", [newTree("all")])).length, 1);
});
