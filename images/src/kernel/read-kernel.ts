// Boot files from disk: the one place where a path the user typed becomes bytes or one clear error.

import { readFile } from "node:fs/promises";
import { HearthError } from "@hearth/machine/errors";
import { giveBack } from "../give-back.ts";
import { isElf } from "./elf-header.ts";
import { type PreparedKernel, prepareKernel } from "./prepare-kernel.ts";
import type { UnpackedKernels } from "./unpacked-kernels.ts";

/** Reads and prepares the kernel at `path`. Throws HearthError kernel.missing, kernel.unreadable or as `prepareKernel`. */
export async function readKernel(path: string, unpacked?: UnpackedKernels): Promise<PreparedKernel> {
  return openKernel(await readBootFile(path, "kernel"), path, unpacked);
}

/**
 * Prepares a kernel file, which is given back when it is not needed any more; decompresses it only if it is not among the `unpacked`.
 * Throws as `prepareKernel`.
 */
export function openKernel(file: Uint8Array, source: string, unpacked?: UnpackedKernels): PreparedKernel {
  const found = isElf(file) ? undefined : unpacked?.find(file);
  const kernel = prepareKernel(found ?? file, source);
  if (kernel.bytes.buffer === file.buffer) return kernel;
  if (found === undefined) unpacked?.keep(file, kernel.bytes);
  giveBack(file);
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
