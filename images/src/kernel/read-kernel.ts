// Boot files from disk: the one place where a path the user typed becomes bytes or one clear error.

import { readFile } from "node:fs/promises";
import { HearthError } from "@hearth/machine/errors";
import { giveBack } from "../give-back.ts";
import { type PreparedKernel, prepareKernel } from "./prepare-kernel.ts";

/** Reads and prepares the kernel at `path`. Throws HearthError kernel.missing, kernel.unreadable or as `prepareKernel`. */
export async function readKernel(path: string): Promise<PreparedKernel> {
  const file = await readBootFile(path, "kernel");
  const kernel = prepareKernel(file, path);
  if (kernel.bytes.buffer !== file.buffer) giveBack(file);
  return kernel;
}

/** Reads a whole file; `area` (kernel, initrd) chooses the error codes `area.missing` and `area.unreadable`. */
export async function readBootFile(path: string, area: "kernel" | "initrd"): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new HearthError(`${area}.missing`, `There is no ${area} at ${path}.`, { cause });
    const reason = code === "EISDIR" ? "it is a directory" : (code ?? String(cause));
    throw new HearthError(`${area}.unreadable`, `The ${area} ${path} cannot be read: ${reason}.`, { cause });
  }
}
