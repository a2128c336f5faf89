/*
 * The launcher under an older Node, which a preloaded script pretends: arguments, standard streams, exit code
 * and signals must pass through, and without a Node to hand over to it must say in one line what to do.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("..", import.meta.url));

/** Stands in for the real command. */
const COMMAND = `
const [mode, argument] = process.argv.slice(2);
console.log(process.versions.node.split(".")[0] === "18" ? "old" : "new", ...process.argv.slice(2));
if (mode === "exit") process.exitCode = Number(argument);
if (mode === "kill") process.kill(process.pid, argument);
if (mode === "cat") process.stdin.pipe(process.stdout);
if (mode === "wait") {
  process.on("SIGTERM", () => { console.log("terminated"); process.exit(9); });
  console.log("ready");
  setTimeout(() => {}, 60_000);
}
`;
const PRETEND_OLD =
  'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.20.8" } });\n';

type Ended = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
};

let root = "";

before(() => {
  root = mkdtempSync(join(tmpdir(), "hearth-launcher-"));
  cpSync(join(REPOSITORY, "bin"), join(root, "bin"), { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(root, "cli/src"), { recursive: true });
  writeFileSync(join(root, "package.json"), '{ "type": "module" }');
  writeFileSync(join(root, "cli/src/main.ts"), COMMAND);
  writeFileSync(join(root, "old.mjs"), PRETEND_OLD);
  symlinkSync(join(REPOSITORY, "node_modules"), join(root, "node_modules"));
});

after(() => rmSync(root, { recursive: true, force: true }));

function launch(folder: string, args: readonly string[], old = true) {
  const preload = old ? ["--import", join(root, "old.mjs")] : [];
  return spawn(process.execPath, [...preload, join(folder, "bin/hearth"), ...args]);
}

async function ended(child: ReturnType<typeof launch>, input = ""): Promise<Ended> {
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  child.stdin.end(input);
  return new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, out, err })));
}

test("a new Node runs the command itself", async () => {
  assert.deepEqual(await ended(launch(root, ["exit", "3"], false)), {
    code: 3,
    signal: null,
    out: "new exit 3\n",
    err: "",
  });
});

test("an old Node hands over, with arguments and exit code", async () => {
  assert.deepEqual(await ended(launch(root, ["exit", "7"])), {
    code: 7,
    signal: null,
    out: "new exit 7\n",
    err: "",
  });
});

test("standard input passes through", async () => {
  assert.equal((await ended(launch(root, ["cat"]), "hello\n")).out, "new cat\nhello\n");
});

test("the launcher ends by the signal that ended the command", async () => {
  assert.equal((await ended(launch(root, ["kill", "SIGKILL"]))).signal, "SIGKILL");
});

test("a signal to the launcher reaches the command", async () => {
  const child = launch(root, ["wait"]);
  child.stdout.on("data", (chunk) => String(chunk).includes("ready") && child.kill("SIGTERM"));
  const { code, out } = await ended(child);
  assert.equal(code, 9);
  assert.match(out, /terminated/);
});

test("without a Node to hand over to, one line says what to do", async () => {
  const bare = join(root, "bare");
  cpSync(join(root, "bin"), join(bare, "bin"), { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(bare, "package.json"), '{ "type": "module" }');
  const { code, out, err } = await ended(launch(bare, ["run"]));
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.match(err, /^hearth: needs Node 24 or newer .* run "npm ci" in .*\n$/);
});
