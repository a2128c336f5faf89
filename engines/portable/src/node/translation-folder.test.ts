import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { StoredModule } from "../translation/kept-module.ts";
import { sha256 } from "./pack-file.ts";
import { TranslationFolder } from "./translation-folder.ts";

const compiler = sha256(Uint8Array.of(1));
const module = (fill: number, bytes = 8) => ({
  wasm: new Uint8Array(bytes).fill(fill),
  machineCode: new Uint8Array(bytes).fill(fill + 2),
  regions: new Uint8Array(0),
});
const contents = (modules: readonly StoredModule[]) => modules.map((stored) => stored.read());

/** Gives `use` the path of a folder that does not exist yet. */
function inFolder(use: (path: string) => void): void {
  const parent = mkdtempSync(join(tmpdir(), "hearth-translations-"));
  try {
    use(join(parent, "kept"));
  } finally {
    rmSync(parent, { recursive: true });
  }
}

const open = (path: string, maxBytes = 1 << 20) => new TranslationFolder({ path, compiler, maxBytes });
const packs = (path: string) => readdirSync(path).map((name) => join(path, name));

test("what one process saved, the next one loads", () => {
  inFolder((path) => {
    assert.deepEqual(open(path).load(), []);
    open(path).save([module(1)]);
    open(path).save([module(3)]);
    const loaded = contents(open(path).load());
    assert.deepEqual(
      loaded.toSorted((a, b) => (a?.wasm[0] ?? 0) - (b?.wasm[0] ?? 0)),
      [module(1), module(3)],
    );
  });
});

test("a damaged file is ignored and removed, the others are loaded", () => {
  inFolder((path) => {
    open(path).save([module(1)]);
    const [damaged] = packs(path) as [string];
    const bytes = readFileSync(damaged);
    writeFileSync(damaged, bytes.subarray(0, bytes.length - 1));
    open(path).save([module(3)]);
    assert.deepEqual(contents(open(path).load()), [module(3)]);
    assert.equal(packs(path).length, 1);
  });
});

test("another compiler's files are not loaded", () => {
  inFolder((path) => {
    open(path).save([module(1)]);
    const other = new TranslationFolder({ path, compiler: sha256(Uint8Array.of(2)), maxBytes: 1 << 20 });
    assert.deepEqual(other.load(), []);
    assert.deepEqual(contents(open(path).load()), [module(1)]);
  });
});

test("beyond its size the folder loses the oldest files", () => {
  inFolder((path) => {
    for (const fill of [1, 2, 3, 4]) {
      open(path, 2500).save([module(fill, 500)]);
      for (const file of packs(path))
        if (readFileSync(file).at(-1) === fill + 2) utimesSync(file, fill * 1000, fill * 1000);
    }
    assert.deepEqual(
      contents(open(path).load()).map((kept) => kept?.wasm[0]),
      [3, 4],
    );
  });
});

test("many small files become one, with everything in it once", () => {
  inFolder((path) => {
    for (let fill = 0; fill < 60; fill++) open(path).save([module(fill % 20)]);
    const first = open(path).load();
    assert.equal(packs(path).length, 1);
    assert.equal(first.length, 20);
    assert.deepEqual(contents(open(path).load()), contents(first));
  });
});

test("writers at the same time lose nothing", async () => {
  const parent = mkdtempSync(join(tmpdir(), "hearth-translations-"));
  const path = join(parent, "kept");
  const script = `
    import { sha256 } from ${JSON.stringify(new URL("./pack-file.ts", import.meta.url).href)};
    import { TranslationFolder } from ${JSON.stringify(new URL("./translation-folder.ts", import.meta.url).href)};
    const folder = new TranslationFolder({ path: ${JSON.stringify(path)}, compiler: sha256(Uint8Array.of(1)), maxBytes: 1 << 20 });
    for (let i = 0; i < 30; i++) {
      folder.save([{ wasm: Uint8Array.of(Number(process.argv[1]), i), machineCode: Uint8Array.of(i), regions: new Uint8Array(0) }]);
      if (i % 10 === 9) folder.load();
    }`;
  try {
    const writer = (number: string) =>
      promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, number]);
    await Promise.all([writer("1"), writer("2"), writer("3")]);
    assert.equal(open(path).load().length, 90);
  } finally {
    rmSync(parent, { recursive: true });
  }
});

test("a folder that cannot be written holds nothing and harms nobody", () => {
  inFolder((path) => {
    writeFileSync(path, "a file in its place");
    open(path).save([module(1)]);
    assert.deepEqual(open(path).load(), []);
  });
});
