// What the host's side of a vsock connection looks like to its user: a byte stream with backpressure both ways, made
// of plain callbacks so that it works in any runtime. No timers: whoever waits for `open` sets a deadline.

/** Why a stream is over: both sides ended · the guest reset or refused it · the driver went away · `destroy`. */
export type VsockCloseReason = "finished" | "reset" | "refused" | "transport-reset" | "destroyed";

/** Callbacks of one stream. They may call any method of the stream. */
export interface VsockStreamHandlers {
  /** The guest accepted; only for streams made by `connect`. */
  open?: () => void;
  /** Bytes from the guest; the chunk belongs to the callee. */
  data?: (chunk: Uint8Array) => void;
  /** The guest sends no more. */
  end?: () => void;
  /** `write` returned false and there is room again. */
  drain?: () => void;
  /** The last call, exactly once. */
  close?: (reason: VsockCloseReason) => void;
}

/** One connection. */
export interface VsockStream {
  readonly hostPort: number;
  readonly guestPort: number;
  readonly isClosed: boolean;
  /** Replaced at will; what arrives without a `data` handler is dropped, so pause first to attach one later. */
  handlers: VsockStreamHandlers;
  /**
   * Sends bytes, in order; `data` must not change afterwards. False asks to wait for `drain`: nothing is lost, but more
   * is kept in memory. Ignored after `end` and after close.
   */
  write(data: Uint8Array): boolean;
  /** No more writes: the guest reads the end after everything written before. */
  end(): void;
  /** Drops everything and resets the connection. */
  destroy(): void;
  /** Stops `data`; the guest is held back when its credit is used up. */
  pause(): void;
  resume(): void;
}
