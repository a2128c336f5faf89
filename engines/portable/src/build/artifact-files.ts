// The engine's build folder: which files there are, and whether they still belong to the sources.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL("..", import.meta.url));
export const BUILD_FOLDER = fileURLToPath(new URL("../../build", import.meta.url));
export const STAMP_FILE = join(BUILD_FOLDER, "stamp");
export const ARTIFACT_FILES = {
  core: join(BUILD_FOLDER, "core.wasm"),
  interpreter: join(BUILD_FOLDER, "interpreter.wasm"),
  decoderTables: join(BUILD_FOLDER, "decoder-tables.bin"),
} as const;

/** What the artifacts are made from: everything but the runtime and the rest of this folder. */
const BUILT_FROM = [
  "build/build-engine.ts",
  "core",
  "decode",
  "encoder",
  "interpreter",
  "isa",
  "lowering",
  "layout.ts",
  "layout-decoder.ts",
  "layout-sse.ts",
];

/** A digest of the sources: artifacts with the same stamp need no building. */
export function sourceStamp(): string {
  const hash = createHash("sha256");
  for (const entry of BUILT_FROM) addToHash(hash, join(SOURCES, entry));
  return hash.digest("hex");
}

function addToHash(hash: ReturnType<typeof createHash>, path: string): void {
  if (path.endsWith(".test.ts")) return;
  if (path.endsWith(".ts")) {
    hash.update(path.slice(SOURCES.length)).update(readFileSync(path));
    return;
  }
  for (const name of readdirSync(path).toSorted()) addToHash(hash, join(path, name));
}

export function isFresh(): boolean {
  if (!existsSync(STAMP_FILE)) return false;
  return readFileSync(STAMP_FILE, "utf8") === sourceStamp();
}
