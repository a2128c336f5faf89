/*
 * The import checker on planted violations: one clean tree, then one change at a time, each of which
 * must be reported exactly once and at the right line.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkImports } from "./check-imports.ts";
import { scanImports } from "./import-scan.ts";
import { withTree } from "./planted-tree.ts";

function manifest(name: string, dependencies: readonly string[]): string {
  const declared = Object.fromEntries(dependencies.map((dependency) => [dependency, "0.1.0"]));
  return JSON.stringify({ name, exports: { ".": "./src/index.ts" }, dependencies: declared });
}

const CLEAN = {
  "package.json": JSON.stringify({ workspaces: ["machine", "engines/*", "host", "testkit"] }),
  "machine/package.json": manifest("@hearth/machine", []),
  "machine/src/index.ts": 'export * from "./memory.ts";\n',
  "machine/src/memory.ts": "export const page = 4096;\n",
  "machine/src/memory.test.ts":
    'import test from "node:test";\nimport { a } from "@hearth/testkit/mock/queue";\n',
  "machine/src/devices/serial/uart.ts": 'import { page } from "../../memory.ts";\n',
  "engines/portable/package.json": manifest("@hearth/engine-portable", ["@hearth/machine"]),
  "engines/portable/src/index.ts": 'import { page } from "@hearth/machine";\n',
  "engines/portable/src/build.ts": 'import { readFileSync } from "node:fs";\n',
  "engines/portable/src/core/mmu.ts": 'import { walk } from "./walk";\n',
  "engines/portable/src/core/walk.ts": "export const walk = 1;\n",
  "host/package.json": manifest("@hearth/host", ["@hearth/machine"]),
  "host/src/index.ts": 'import { open } from "node:fs";\nimport { page } from "@hearth/machine";\n',
  "testkit/package.json": JSON.stringify({
    name: "@hearth/testkit",
    exports: { ".": "./src/index.ts", "./*": "./src/*.ts" },
  }),
  "testkit/src/index.ts": "export const a = 1;\n",
  "testkit/src/mock/queue.ts": "export const a = 1;\n",
  "tools/script.ts": 'import { open } from "node:fs";\n',
};

/** File, its planted text, and what the one report must say. */
const PLANTED: readonly (readonly [name: string, file: string, text: string, report: RegExp])[] = [
  [
    "node: in machine",
    "machine/src/a.ts",
    '\nimport fs from "node:fs";\n',
    /^machine\/src\/a\.ts:2: .*without Node/,
  ],
  ["a multi-line import", "machine/src/a.ts", 'import {\n  open,\n} from "node:fs";\n', /without Node/],
  ["a type import", "machine/src/a.ts", 'import type { Stats } from "node:fs";\n', /without Node/],
  ["a dynamic import", "machine/src/a.ts", 'const fs = await import("node:fs");\n', /without Node/],
  ["an import() type", "machine/src/a.ts", 'type S = import("node:fs").Stats;\n', /without Node/],
  ["node: in an engine", "engines/portable/src/a.ts", 'import fs from "node:fs";\n', /without Node/],
  [
    "the layer above",
    "machine/src/a.ts",
    'import { x } from "@hearth/host";\n',
    /machine may not import @hearth\/host/,
  ],
  [
    "an engine in host",
    "host/src/a.ts",
    'export const y = 1;\nexport { x } from "@hearth/engine-portable";\n',
    /host may not import/,
  ],
  ["an npm package", "machine/src/a.ts", 'import { z } from "zod";\n', /npm package "zod"/],
  ["testkit outside tests", "host/src/a.ts", 'import { a } from "@hearth/testkit";\n', /only test files/],
  [
    "a path into a package",
    "host/src/a.ts",
    'import { p } from "../../machine/src/memory.ts";\n',
    /through its exports/,
  ],
  [
    "a subpath not exported",
    "host/src/a.ts",
    'import { p } from "@hearth/machine/src/memory.ts";\n',
    /not in the exports/,
  ],
  [
    "a subpath without a file",
    "host/src/a.test.ts",
    'import "@hearth/testkit/nothing";\n',
    /not in the exports/,
  ],
  [
    "a path out of the package",
    "host/src/a.ts",
    'import { p } from "../../tools/script.ts";\n',
    /outside the package/,
  ],
  ["a missing suffix", "machine/src/a.ts", 'import { p } from "./memory";\n', /is not a file/],
  [
    "a device importing another",
    "machine/src/devices/pit/a.ts",
    'import { u } from "../serial/uart.ts";\n',
    /on the bus/,
  ],
  [
    "a barrel",
    "machine/src/all.ts",
    '// All.\nexport {\n  page,\n} from "./memory.ts";\n',
    /only the entry of a package/,
  ],
  [
    "an own cycle",
    "machine/src/memory.ts",
    'import { b } from "./index.ts";\n',
    /import cycle: machine\/src\/index\.ts, machine/,
  ],
  ["a folder without a rule", "misc/a.ts", "export const a = 1;\n", /no rule for this folder/],
  [
    "an undeclared dependency",
    "testkit/src/a.ts",
    'import { p } from "@hearth/machine";\n',
    /not declared in testkit/,
  ],
];

test("a clean tree has no violation", () => {
  assert.deepEqual(withTree(CLEAN, checkImports), []);
});

for (const [name, file, text, report] of PLANTED) {
  test(`reports ${name}`, () => {
    const found = withTree({ ...CLEAN, [file]: text }, checkImports);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0] ?? "", report);
  });
}

test("text in comments is not an import", () => {
  const source = '// import a from "node:fs";\n/*\n * import("node:fs")\n */\n';
  assert.deepEqual(scanImports(source), []);
});
