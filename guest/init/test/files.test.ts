// File requests through the agent: contents, attributes, directories, and errors by their names.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AgentClient, type GuestFiles, socketStream } from "@hearth/host";
import { HearthError } from "@hearth/machine/errors";
import { skipReason, startAgent } from "./agent-bench.ts";

const options = { skip: skipReason, timeout: 30_000 };

async function startFiles(context: TestContext): Promise<{ files: GuestFiles; folder: string }> {
  const bench = await startAgent(context);
  const client = await AgentClient.connect(socketStream(await bench.connect()));
  return { files: client.files, folder: bench.folder };
}

async function codeOf(outcome: Promise<unknown>): Promise<unknown> {
  return outcome.then(
    () => "no error",
    (error: unknown) => (error instanceof HearthError ? error.code : error),
  );
}

test("a file comes back as it was written, with its mode", options, async (context) => {
  const { files, folder } = await startFiles(context);
  const path = join(folder, "a/b/c");
  const bytes = new Uint8Array(1_000_003).map((_, i) => i * 7);
  assert.equal(await files.write(path, bytes, { parents: true, mode: 0o640 }), bytes.length);
  assert.equal(lstatSync(path).mode & 0o7777, 0o640);
  assert.deepEqual(Buffer.from(await files.read(path)), Buffer.from(bytes));
  await files.write(path, "short");
  assert.equal(readFileSync(path, "utf8"), "short");
  await files.write(path, "er", { append: true });
  assert.equal(await files.readText(path), "shorter");
  assert.equal(await files.write(join(folder, "empty"), ""), 0);
});

test("stat and list say what is there", options, async (context) => {
  const { files, folder } = await startFiles(context);
  writeFileSync(join(folder, "file"), "12345");
  mkdirSync(join(folder, "directory"));
  await files.symlink("file", join(folder, "link"));
  const kinds = (await files.list(folder)).map((entry) => [entry.name, entry.kind, entry.linkTarget]);
  assert.deepEqual(kinds, [
    ["directory", "directory", ""],
    ["file", "file", ""],
    ["link", "symlink", "file"],
    ["s", "socket", ""],
  ]);
  assert.equal((await files.stat(join(folder, "link"))).sizeBytes, 5);
  const link = await files.stat(join(folder, "link"), { followLinks: false });
  assert.deepEqual([link.kind, link.linkTarget], ["symlink", "file"]);
  assert.ok(Math.abs(link.modifiedMs - lstatSync(join(folder, "link")).mtimeMs) < 1);
});

test("a list longer than any frame comes whole", options, async (context) => {
  const { files, folder } = await startFiles(context);
  const many = join(folder, "many");
  mkdirSync(many);
  for (let i = 0; i < 1500; i++) writeFileSync(join(many, `${"n".repeat(100)}${i}`), "");
  assert.equal(new Set((await files.list(many)).map((entry) => entry.name)).size, 1500);
});

test("directories are made, renamed and removed", options, async (context) => {
  const { files, folder } = await startFiles(context);
  await files.makeDirectory(join(folder, "x/y/z"), { parents: true, mode: 0o700 });
  await files.makeDirectory(join(folder, "x/y/z"), { parents: true });
  assert.equal(lstatSync(join(folder, "x/y/z")).mode & 0o7777, 0o700);
  await files.write(join(folder, "x/y/z/f"), "f");
  await files.rename(join(folder, "x"), join(folder, "w"));
  assert.equal(await codeOf(files.remove(join(folder, "w"))), "file.not-empty");
  await files.remove(join(folder, "w"), { recursive: true });
  assert.equal(await codeOf(files.stat(join(folder, "w"))), "file.not-found");
  await files.remove(join(folder, "w"), { force: true });
});

test("removing a tree does not follow links out of it", options, async (context) => {
  const { files, folder } = await startFiles(context);
  mkdirSync(join(folder, "tree"));
  mkdirSync(join(folder, "kept"));
  writeFileSync(join(folder, "kept/file"), "");
  await files.symlink(join(folder, "kept"), join(folder, "tree/link"));
  await files.remove(join(folder, "tree"), { recursive: true });
  assert.equal(lstatSync(join(folder, "kept/file")).size, 0);
});

test("errors have the names the guest's kernel gives", options, async (context) => {
  const { files, folder } = await startFiles(context);
  const file = join(folder, "file");
  writeFileSync(file, "x");
  assert.equal(await codeOf(files.read(join(folder, "missing"))), "file.not-found");
  assert.equal(await codeOf(files.read(folder)), "file.is-a-directory");
  assert.equal(await codeOf(files.list(file)), "file.not-a-directory");
  assert.equal(await codeOf(files.makeDirectory(file)), "file.exists");
  assert.equal(await codeOf(files.write(file, "y", { exclusive: true })), "file.exists");
  assert.equal(await codeOf(files.write(join(folder, "no/parent"), "y".repeat(500_000))), "file.not-found");
  assert.equal(readFileSync(file, "utf8"), "x");
});

test("a file that never answers hangs only its own request", options, async (context) => {
  const { files, folder } = await startFiles(context);
  await files.write(join(folder, "file"), "x");
  execFileSync("mkfifo", [join(folder, "fifo")]);
  const hanging = files.readStream(join(folder, "fifo"));
  const first = hanging.next();
  assert.equal(await files.readText(join(folder, "file")), "x");
  writeFileSync(join(folder, "fifo"), "late");
  assert.equal(Buffer.from((await first).value ?? []).toString(), "late");
  assert.equal((await hanging.next()).done, true);
});
