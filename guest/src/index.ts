// The embedded guest: the kernel and the base initramfs that Hearth boots when nothing else is asked for. Both are files
// of this package, built by guest/kernel/build.sh and guest/rootfs/build.sh; their SHA-256 is checked whenever they are read.

import { type CheckedFile, readChecked } from "./checked-file.ts";

export type { CheckedFile } from "./checked-file.ts";

/** The kernel as a bzImage with a zstd payload; the ELF with the PVH note is inside it. */
export const KERNEL_IMAGE: CheckedFile = {
  url: new URL("../kernel/vmlinuz", import.meta.url),
  sums: new URL("../kernel/SHA256SUMS", import.meta.url),
};

/** The base root file system, a gzip-compressed cpio: busybox, and hearth-init as /init. */
export const BASE_INITRAMFS: CheckedFile = {
  url: new URL("../rootfs/base.cpio.gz", import.meta.url),
  sums: new URL("../rootfs/SHA256SUMS", import.meta.url),
};

/** The embedded kernel's bytes (a bzImage). Throws HearthError guest.missing or guest.checksum. */
export function kernelImage(): Promise<Uint8Array> {
  return readChecked(KERNEL_IMAGE);
}

/** The base initramfs' bytes (gzip: unpack on the host, the guest's CPU is slower). Errors as kernelImage. */
export function baseInitramfs(): Promise<Uint8Array> {
  return readChecked(BASE_INITRAMFS);
}
