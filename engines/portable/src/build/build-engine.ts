// Builds the engine's artifacts: compiles the core, generates the interpreter and the decoder's tables. Written to a folder of
// their own first and renamed, so that two builders at once do no harm.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { HearthError } from "@hearth/machine";
import { buildDecoderTables } from "../decode/tables.ts";
import { buildInterpreter } from "../interpreter/module.ts";
import { CORE_DATA_BASE } from "../layout.ts";
import { ARTIFACT_FILES, BUILD_FOLDER, STAMP_FILE, sourceStamp } from "./artifact-files.ts";

const MEMORY_PAGES = 65536;
const CORE_SOURCE = fileURLToPath(new URL("../core/index.ts", import.meta.url));

export async function buildEngine(): Promise<void> {
  const stamp = sourceStamp();
  await mkdir(BUILD_FOLDER, { recursive: true });
  const work = await mkdtemp(join(BUILD_FOLDER, "making-"));
  try {
    const core = join(work, "core.wasm");
    await compileCore(core);
    const { bytes, handlers } = buildInterpreter(MEMORY_PAGES);
    await writeFile(join(work, "interpreter.wasm"), bytes);
    await writeFile(join(work, "decoder-tables.bin"), buildDecoderTables(handlers));
    await writeFile(join(work, "stamp"), stamp);
    await rename(core, ARTIFACT_FILES.core);
    await rename(join(work, "interpreter.wasm"), ARTIFACT_FILES.interpreter);
    await rename(join(work, "decoder-tables.bin"), ARTIFACT_FILES.decoderTables);
    await rename(join(work, "stamp"), STAMP_FILE);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function compileCore(output: string): Promise<void> {
  const args = [
    compilerPath(),
    CORE_SOURCE,
    "-o",
    output,
    "--runtime",
    "stub",
    "--importMemory",
    "--sharedMemory",
    "--initialMemory",
    "1024",
    "--maximumMemory",
    String(MEMORY_PAGES),
    "--memoryBase",
    String(CORE_DATA_BASE),
    "--enable",
    "simd",
    "--enable",
    "threads",
    "--enable",
    "bulk-memory",
    "--noAssert",
    // Keeps the names of functions, for the profile and for stack traces: 14 KB.
    "--debug",
    "-O3",
  ];
  try {
    await promisify(execFile)(process.execPath, args);
  } catch (cause) {
    throw new HearthError("engine.build-failed", "The portable engine's core did not compile.", { cause });
  }
}

function compilerPath(): string {
  try {
    const manifest = createRequire(import.meta.url).resolve("assemblyscript/package.json");
    return join(dirname(manifest), "bin", "asc.js");
  } catch (cause) {
    const message = "The portable engine is not built, and its compiler is not installed; run npm ci.";
    throw new HearthError("engine.not-built", message, { cause });
  }
}
