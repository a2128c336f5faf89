import assert from "node:assert/strict";
import { test } from "node:test";
import { addStack, foldStacks, newTree } from "./stack-tree.ts";

test("times add up towards the root", () => {
  const tree = newTree("all");
  addStack(tree, ["a", "b"], 3);
  addStack(tree, ["a"], 2);
  addStack(tree, ["c"], 5);
  assert.equal(tree.us, 10);
  assert.equal(tree.children.get("a")?.us, 5);
  assert.equal(tree.children.get("a")?.children.get("b")?.us, 3);
});

test("a folded line holds the time that is a stack's own", () => {
  const tree = newTree("all");
  addStack(tree, ["a", "b;c"], 3);
  addStack(tree, ["a"], 2.4);
  assert.equal(foldStacks(tree), "all;a 2\nall;a;b,c 3\n");
});
