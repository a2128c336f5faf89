// The kernel and root file system that come with Hearth.

import { openInitrd, type PreparedKernel, prepareKernel } from "@hearth/images";
import { baseInitramfs, kernelImage } from "@hearth/guest";

/** Throws HearthError guest.* when the files are missing or damaged. */
export async function embeddedKernel(): Promise<PreparedKernel> {
  return prepareKernel(await kernelImage(), "the embedded kernel");
}

/** For a machine of `memoryBytes`. Errors as `embeddedKernel`. */
export async function embeddedInitrd(memoryBytes: number): Promise<Uint8Array> {
  return openInitrd(await baseInitramfs(), memoryBytes);
}
