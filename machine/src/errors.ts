// The two kinds of error that are values or exceptions in Hearth. The third kind, a guest doing something odd,
// is never an exception: it becomes an architectural fault, a device status bit, or is ignored and counted.

/** Something the operator or the environment got wrong. `code` is stable: `area.reason`, for example `kernel.truncated`. */
export class HearthError extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "HearthError";
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** A broken promise inside Hearth. It stops the machine it happened in; nobody catches it and goes on. */
export class AssertionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AssertionError";
  }
}

/** Throws AssertionError unless `condition` holds. For our own bugs only, never for guest or operator input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
