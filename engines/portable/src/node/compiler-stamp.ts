// Which compiler made a translation: a digest of all that decides what the WebAssembly of a region is, what it is made from, and
// what machine code V8 makes of it.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sourceStamp } from "../build/artifact-files.ts";
import { machineCodeTag } from "./machine-code.ts";

const FOLDERS = ["../regions", "../translation"].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);

/** 32 bytes. */
export function compilerStamp(): Uint8Array {
  const hash = createHash("sha256").update(sourceStamp()).update(machineCodeTag());
  for (const folder of FOLDERS) {
    const names = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
    for (const name of names.toSorted()) hash.update(name).update(readFileSync(join(folder, name)));
  }
  return hash.digest();
}
