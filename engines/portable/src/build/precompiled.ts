// Machine code of the engine's modules, made once for each V8 and kept in the build folder. A file belongs to a module and to what
// machineCodeTag() tells apart; its first 32 bytes are a checksum of the others.

import { createHash } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { optimizedAtOnce } from "../encoder/compilation-hints.ts";
import { machineCodeTag } from "../node/machine-code.ts";
import type { MachineCode } from "../runtime/artifacts.ts";
import { BUILD_FOLDER } from "./artifact-files.ts";

const SUFFIX = ".code";
const CHECKSUM_BYTES = 32;

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function fileName(wasm: Uint8Array): string {
  return `${sha256(wasm).toString("hex").slice(0, 16)}-${machineCodeTag()}${SUFFIX}`;
}

/** The machine code of a module; undefined when none was made for this V8, or it is damaged. */
export async function readPrecompiled(
  wasm: Uint8Array,
  folder = BUILD_FOLDER,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = await readFile(join(folder, fileName(wasm))).catch(() => undefined);
  if (bytes === undefined) return undefined;
  const code = bytes.subarray(CHECKSUM_BYTES);
  return sha256(code).equals(bytes.subarray(0, CHECKSUM_BYTES)) ? code : undefined;
}

/** Makes what is missing for these modules; all other machine code goes. */
export async function precompile(
  modules: readonly Uint8Array<ArrayBuffer>[],
  machineCode: MachineCode,
  folder = BUILD_FOLDER,
): Promise<void> {
  const names = modules.map(fileName);
  for (const name of readdirSync(folder))
    if (name.endsWith(SUFFIX) && !names.includes(name)) rmSync(join(folder, name), { force: true });
  for (const wasm of modules) {
    if ((await readPrecompiled(wasm, folder)) !== undefined) continue;
    const code = machineCode.of(new WebAssembly.Module(optimizedAtOnce(wasm)));
    const path = join(folder, fileName(wasm));
    await writeFile(`${path}.${process.pid}`, Buffer.concat([sha256(code), code]));
    await rename(`${path}.${process.pid}`, path);
  }
}
