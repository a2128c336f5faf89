// Writing to standard output and standard error at the reader's pace.

import type { Ending } from "../ending.ts";
import { ExitCode } from "../exit-codes.ts";

const SIGPIPE = 13;

/** Resolves when the stream can take more. */
export function write(stream: NodeJS.WriteStream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (stream.write(bytes)) resolve();
    else stream.once("drain", resolve);
  });
}

/** Copies everything from `source` to `stream`. */
export async function copy(source: AsyncIterable<Uint8Array>, stream: NodeJS.WriteStream): Promise<void> {
  for await (const chunk of source) await write(stream, chunk);
}

/** A reader that goes away (`hearth run … | head -1`) ends the command quietly, as it does any other. */
export function endWithReader(ending: Ending): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      const isGone = error.code === "EPIPE";
      ending.end(isGone ? ExitCode.SignalBase + SIGPIPE : ExitCode.Error, isGone ? "" : error.message);
    });
}
