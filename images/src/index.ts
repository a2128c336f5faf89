// @hearth/images: kernels and RAM disks (and, with their own issues, OCI images and root file systems) for a machine.

export { giveBack } from "./give-back.ts";
export { openInitrd, readInitrd } from "./initrd.ts";
export { MAX_KERNEL_BYTES } from "./kernel/decompress.ts";
export { type PreparedKernel } from "./kernel/prepare-kernel.ts";
export { openKernel, readBootFile, readKernel } from "./kernel/read-kernel.ts";
export { UnpackedKernels } from "./kernel/unpacked-kernels.ts";
