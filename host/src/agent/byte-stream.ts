// What the agent's protocol runs over: bytes both ways, in order. A vsock connection in a machine, a Unix socket on a
// bench, two queues in a test. Flow control is the protocol's own, so `write` never waits.

import type { Socket } from "node:net";

/** A connected byte stream. Listeners are set once, before anything else happens; `onClose` is called exactly once. */
export interface ByteStream {
  /** Takes ownership of `bytes`. Ignored after the stream has closed. */
  write(bytes: Uint8Array): void;
  /** `listener` becomes the owner of the bytes it gets. */
  onData(listener: (bytes: Uint8Array) => void): void;
  /** Either side closed, or the transport failed (then with a reason). */
  onClose(listener: (reason?: Error) => void): void;
  close(): void;
}

/** A Node socket (Unix or TCP), already connected, as a ByteStream. */
export function socketStream(socket: Socket): ByteStream {
  let failure: Error | undefined;
  socket.on("error", (error) => {
    failure = error;
  });
  return {
    write: (bytes) => {
      if (socket.writable) socket.write(bytes);
    },
    onData: (listener) => socket.on("data", listener),
    onClose: (listener) => socket.once("close", () => listener(failure)),
    close: () => socket.destroy(),
  };
}
