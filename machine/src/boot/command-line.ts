// The kernel command line: what the user gave, with the machine's own words put in before any "--", because Linux hands
// everything after that to init.

import { HearthError } from "../errors.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { COMMAND_LINE_GPA, COMMAND_LINE_MAX_BYTES } from "./memory-layout.ts";

/** Adds `words` at the end of the kernel's part of `text`. */
export function insertKernelWords(text: string, words: readonly string[]): string {
  if (words.length === 0) return text.trim();
  const separator = /(^|\s)--(\s|$)/.exec(text);
  const kernelPart = separator === null ? text : text.slice(0, separator.index);
  const initPart = separator === null ? "" : text.slice(separator.index).trim();
  return [kernelPart.trim(), ...words, initPart].filter((part) => part !== "").join(" ");
}

/** The word that makes Linux's virtio_mmio driver look at a window (Documentation/admin-guide, virtio_mmio.device). */
export function virtioMmioWord(window: { gpa: number; sizeBytes: number; gsi: number }): string {
  return `virtio_mmio.device=${window.sizeBytes / 1024}K@0x${window.gpa.toString(16)}:${window.gsi}`;
}

/** Writes `text` and its final zero. Throws HearthError `boot.command-line`. */
export function writeCommandLine(memory: GuestMemory, text: string): void {
  const bytes = Array.from(text, (character) => character.charCodeAt(0));
  if (bytes.some((byte) => byte < 0x20 || byte > 0x7e))
    throw new HearthError(
      "boot.command-line",
      "The kernel command line may hold printable ASCII characters only.",
    );
  if (bytes.length >= COMMAND_LINE_MAX_BYTES)
    throw new HearthError(
      "boot.command-line",
      `The kernel command line has ${bytes.length} characters; at most ${COMMAND_LINE_MAX_BYTES - 1} fit.`,
    );
  memory.write(COMMAND_LINE_GPA, Uint8Array.from([...bytes, 0]));
}
