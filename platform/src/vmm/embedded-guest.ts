// The kernel and root file system that come with Hearth.

import { type PreparedKernel, prepareKernel } from "@hearth/images";
import { baseInitramfs, kernelImage } from "@hearth/guest";

/** Throws HearthError guest.* when the files are missing or damaged. */
export async function embeddedKernel(): Promise<PreparedKernel> {
  return prepareKernel(await kernelImage(), "the embedded kernel");
}

export async function embeddedInitrd(): Promise<Uint8Array> {
  return baseInitramfs();
}
