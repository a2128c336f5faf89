// `--profile`: the report on standard error, the flame graph and folded stacks in files.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hearth } from "./hearth-command.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "hearth-profile-"));
});
after(() => rm(folder, { recursive: true, force: true }));

test("a profiled command does what it does, and its profile is left behind", async () => {
  const [svg, stacks, map] = ["p.svg", "p.folded", "System.map"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(map, "ffffffff81000000 T everything_in_the_kernel\n");
  const files = [`--profile=${svg}`, "--profile-stacks", stacks, "--system-map", map];
  const { code, stdout, stderr } = await hearth(["run", ...files, "sh", "-c", "echo done; exit 7"]);
  assert.equal(code, 7);
  assert.equal(stdout, "done\n");
  assert.match(stderr, /where time went/);
  assert.match(stderr, /%\s+interpreter\n/);
  assert.match(stderr, /%\s+decoding\n/);
  assert.match(stderr, /kernel everything_in_the_kernel\n/);
  assert.match(stderr, /blocks decoded\n/);
  assert.match(stderr, /virtio-vsock\n/);
  assert.match(await readFile(svg, "utf8"), /^<svg .*<\/svg>\n$/s);
  assert.match(await readFile(stacks, "utf8"), /^guest;kernel;everything_in_the_kernel \d+$/m);
});

test("a boot has a profile too", async () => {
  const svg = join(folder, "boot.svg");
  const { code, stderr } = await hearth(["boot", `--profile=${svg}`], { stdin: "poweroff\n" });
  assert.equal(code, 0);
  assert.match(stderr, /ends of slices/);
  assert.match(await readFile(svg, "utf8"), /guest/);
});

test("symbols that cannot be read are said before anything runs", async () => {
  const missing = await hearth(["boot", "--profile", "--system-map", join(folder, "none")]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /\(profile\.system-map\)/);
  const other = join(folder, "other");
  await writeFile(other, "no symbols here\n");
  const empty = await hearth(["run", "--profile", "--system-map", other, "true"]);
  assert.equal(empty.code, 1);
  assert.match(empty.stderr, /is it a System\.map\? \(profile\.system-map\)/);
});
