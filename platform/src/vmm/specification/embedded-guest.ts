// The kernel and root file system that come with Hearth.

import { openInitrd, openKernel, type PreparedKernel, type UnpackedKernels } from "@hearth/images";
import { baseInitramfs, kernelImage } from "@hearth/guest";

/** Throws HearthError guest.* when the files are missing or damaged. */
export async function embeddedKernel(unpacked?: UnpackedKernels): Promise<PreparedKernel> {
  return openKernel(await kernelImage(), "the embedded kernel", unpacked);
}

/** For a machine of `memoryBytes`. Errors as `embeddedKernel`. */
export async function embeddedInitrd(memoryBytes: number): Promise<Uint8Array> {
  return openInitrd(await baseInitramfs(), memoryBytes);
}
