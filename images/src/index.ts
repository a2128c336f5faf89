// @hearth/images: kernels (and, with their own issues, OCI images and root file systems) made ready for a machine.

export { MAX_KERNEL_BYTES } from "./kernel/decompress.ts";
export { type PreparedKernel, prepareKernel } from "./kernel/prepare-kernel.ts";
export { readBootFile, readKernel } from "./kernel/read-kernel.ts";
