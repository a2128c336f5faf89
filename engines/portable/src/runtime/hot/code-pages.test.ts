import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGE_VERSIONS_BASE, RAM_BASE } from "../../layout.ts";
import { CodePages } from "./code-pages.ts";

const HOST = RAM_BASE + 0x3000;

function pages() {
  const view = new DataView(new ArrayBuffer(PAGE_VERSIONS_BASE + 0x1000));
  const nowhere = { peekBlock: () => 0, peekAddress: () => 0, watchCode: () => 0 };
  return {
    found: new CodePages(view, nowhere),
    setVersion: (version: number) => view.setUint32(PAGE_VERSIONS_BASE + 3 * 4, version, true),
  };
}

test("a page is current until its code is dropped", () => {
  const { found, setVersion } = pages();
  const page = { host: HOST, version: found.versionOf(HOST) };
  assert.ok(found.isCurrent(page));
  setVersion(1);
  assert.ok(!found.isCurrent(page));
});

test("a page that changes between uses again and again is not steady, and is again after a while", (t) => {
  let nowMs = 0;
  t.mock.method(performance, "now", () => nowMs);
  const { found } = pages();
  let version = 0;
  const use = () => found.areSteady([{ host: HOST, version }]);
  for (let uses = 0; uses < 100; uses++) assert.ok(use());
  for (let changes = 0; changes < 24; changes++) {
    version++;
    assert.ok(use());
  }
  version++;
  assert.ok(!use());
  nowMs += 1000;
  assert.ok(use());
});

test("a page that is not mapped has no region", () => {
  assert.equal(pages().found.find(0, 0x1000n, Int32Array.of(0)), undefined);
});
