// A binary of the repository that is used only if its SHA-256 is the one recorded beside it (sha256sum's format).

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { HearthError } from "@hearth/machine/errors";

/** Where a file and the list with its checksum are. */
export interface CheckedFile {
  readonly url: URL;
  readonly sums: URL;
}

/** The file's bytes. Throws HearthError guest.missing if it cannot be read, guest.checksum if it is not what was built. */
export async function readChecked(file: CheckedFile): Promise<Uint8Array> {
  const expected = await expectedSum(file);
  const bytes = await read(file.url);
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== expected)
    throw new HearthError(
      "guest.checksum",
      `${fileURLToPath(file.url)} is damaged: its SHA-256 is not the recorded one.`,
      {
        details: { expected, actual },
      },
    );
  return bytes;
}

async function expectedSum(file: CheckedFile): Promise<string> {
  const name = basename(fileURLToPath(file.url));
  const text = new TextDecoder().decode(await read(file.sums));
  for (const line of text.split("\n")) {
    const [sum, listed] = line.split(/ [ *]/);
    if (listed === name && sum !== undefined && /^[0-9a-f]{64}$/.test(sum)) return sum;
  }
  throw new HearthError("guest.checksum", `${fileURLToPath(file.sums)} has no SHA-256 for ${name}.`);
}

async function read(url: URL): Promise<Uint8Array> {
  try {
    return await readFile(url);
  } catch (cause) {
    throw new HearthError("guest.missing", `${fileURLToPath(url)} cannot be read.`, { cause });
  }
}
