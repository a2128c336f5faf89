// hearth-init as an ordinary process of the host: compiled once for a test file, one process and Unix socket for each test.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const BUILD_SCRIPT = fileURLToPath(new URL("../build.sh", import.meta.url));

/** HEARTH_INIT_BINARY names a binary to test instead of a fresh one: with sanitizers, for example. */
const readyMade = process.env["HEARTH_INIT_BINARY"];

const folder = mkdtempSync(join(tmpdir(), "hearth-init-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** False, or why tests of hearth-init cannot run here: for node:test's `skip`. */
export const skipReason: string | false = compile();

function compile(): string | false {
  if (process.platform !== "linux") return "hearth-init runs on Linux only";
  if (readyMade !== undefined) return false;
  try {
    execFileSync(BUILD_SCRIPT, [join(folder, "hearth-init")], { stdio: ["ignore", "ignore", "pipe"] });
    return false;
  } catch (error) {
    const text = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
    if (/not found|No such file|cannot find/.test(text))
      return "no C compiler that makes static programs here";
    throw error;
  }
}

/** A running hearth-init. */
export interface Bench {
  readonly agent: ChildProcess;
  /** An empty directory of this test. */
  readonly folder: string;
  /** A new connection to it. */
  connect(): Promise<Socket>;
}

let benches = 0;

/** Starts one; it ends with the test. */
export async function startAgent(context: TestContext): Promise<Bench> {
  const own = mkdtempSync(join(folder, `${benches++}-`));
  const path = join(own, "s");
  const agent = spawn(readyMade ?? join(folder, "hearth-init"), ["--listen-unix", path], {
    stdio: "inherit",
  });
  const sockets: Socket[] = [];
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    agent.kill("SIGTERM"); // so that it hangs up what it started
  });
  const open = async (): Promise<Socket> => {
    const socket = await connectTo(path, agent);
    sockets.push(socket);
    return socket;
  };
  return { agent, folder: own, connect: open };
}

/** Tries until the agent listens, as a host does with a guest that is booting. */
async function connectTo(path: string, agent: ChildProcess): Promise<Socket> {
  for (;;) {
    try {
      return await new Promise((resolve, reject) => {
        const socket = connect(path, () => resolve(socket)).once("error", reject);
      });
    } catch (error) {
      if (agent.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}
