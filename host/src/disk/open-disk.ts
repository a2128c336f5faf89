// Opens a disk file in one of three ways and says what is wrong with it in the operator's words.

import fs from "node:fs/promises";
import { constants, open as openCallback } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { HearthError } from "@hearth/machine";
import { DiskFile } from "./disk-file.ts";
import type { DiskMode, HostDisk } from "./host-disk.ts";
import { OverlayDisk } from "./overlay-disk.ts";
import { RawDisk } from "./raw-disk.ts";

const SECTOR_BYTES = 512;
const SERIAL_BYTES = 20;
const openFd = promisify(openCallback);

export interface OpenDiskOptions {
  readonly mode: DiskMode;
  /** What the guest sees as the serial number, at most 20 characters; the file's name if absent. */
  readonly serial?: string;
  /** Where a copy-on-write overlay is put; the system's temporary directory if absent. */
  readonly overlayDirectory?: string;
}

/**
 * Opens the raw disk image at `path`. Throws HearthError: `disk.missing`, `disk.unreadable`, `disk.not-writable`,
 * `disk.not-a-file`, `disk.empty`, `disk.overlay`.
 */
export async function openDisk(path: string, options: OpenDiskOptions): Promise<HostDisk> {
  const isReadOnly = options.mode !== "read-write";
  const fileBytes = await checkFile(path);
  const sizeBytes = fileBytes - (fileBytes % SECTOR_BYTES);
  const warnings =
    sizeBytes === fileBytes
      ? []
      : [`The last ${fileBytes - sizeBytes} bytes of ${path} are not a whole sector and stay invisible.`];
  const serial = (options.serial ?? basename(path)).replace(/[^\x20-\x7e]/g, "_").slice(0, SERIAL_BYTES);
  const file = new DiskFile(path, await openImage(path, isReadOnly));
  if (options.mode !== "copy-on-write") return new RawDisk(file, { sizeBytes, isReadOnly, serial, warnings });
  try {
    const overlay = await openOverlay(options.overlayDirectory ?? tmpdir());
    return new OverlayDisk(file, overlay, { sizeBytes, serial, warnings });
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

async function checkFile(path: string): Promise<number> {
  const stat = await fs.stat(path).catch((cause) => {
    throw openFailure(path, cause, "unreadable");
  });
  if (stat.isDirectory())
    throw new HearthError("disk.not-a-file", `The disk ${path} is a directory, not a disk image.`);
  if (!stat.isFile()) throw new HearthError("disk.not-a-file", `The disk ${path} is not a regular file.`);
  if (stat.size < SECTOR_BYTES)
    throw new HearthError(
      "disk.empty",
      `The disk ${path} has ${stat.size} bytes, less than one sector of 512.`,
    );
  return stat.size;
}

async function openImage(path: string, isReadOnly: boolean): Promise<number> {
  try {
    return await openFd(path, isReadOnly ? constants.O_RDONLY : constants.O_RDWR);
  } catch (cause) {
    throw openFailure(path, cause, isReadOnly ? "unreadable" : "not-writable");
  }
}

function openFailure(path: string, cause: unknown, reason: "unreadable" | "not-writable"): HearthError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT") return new HearthError("disk.missing", `There is no disk file ${path}.`, { cause });
  const what = reason === "unreadable" ? "read" : "written";
  const why =
    code === "EACCES" || code === "EPERM"
      ? "permission denied"
      : code === "EROFS"
        ? "read-only file system"
        : message;
  return new HearthError(`disk.${reason}`, `The disk file ${path} cannot be ${what}: ${why}.`, { cause });
}

/** The overlay has no name once it is open, so that nothing is left behind however this process ends. */
async function openOverlay(directory: string): Promise<DiskFile> {
  const path = join(directory, `hearth-overlay-${randomBytes(8).toString("hex")}`);
  let file: DiskFile | undefined;
  try {
    file = new DiskFile(
      path,
      await openFd(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600),
    );
    await fs.unlink(path);
    return file;
  } catch (cause) {
    await file?.close();
    const { message } = cause as Error;
    throw new HearthError(
      "disk.overlay",
      `Could not make the overlay of a disk in ${directory}: ${message}.`,
      { cause },
    );
  }
}
