// What the runner's thread and the main thread say to each other. Plain data only; byte arrays are transferred, not
// copied. Every message to the runner is followed by a ring of the doorbell (see doorbell.ts).

import type { TranslationLink } from "@hearth/engine-portable/connect";
import { HearthError } from "@hearth/machine/errors";
import type { RecordedProfile } from "../profile/recorded-profile.ts";
import type { MachineSpecification } from "../specification/specification.ts";

/** What the worker is started with. */
export interface RunnerStart {
  readonly specification: MachineSpecification;
  readonly doorbell: SharedArrayBuffer;
  /** Folder of the compile cache, if the main thread uses one. */
  readonly compileCachePath: string | undefined;
  /** To the thread that compiles guest code. */
  readonly translation: TranslationLink;
  /** Where decompressed kernels are kept; nowhere if undefined. */
  readonly kernelFolderPath: string | undefined;
}

/** Main thread to runner. `id` names a vsock stream; the main thread chooses it. */
export type ToRunner =
  | { readonly kind: "console-input"; readonly bytes: Uint8Array }
  /** So many bytes of console output have been consumed. */
  | { readonly kind: "console-taken"; readonly sizeBytes: number }
  | { readonly kind: "connect"; readonly id: number; readonly port: number }
  | { readonly kind: "data"; readonly id: number; readonly bytes: Uint8Array }
  /** So many bytes of the stream have been consumed. */
  | { readonly kind: "taken"; readonly id: number; readonly sizeBytes: number }
  | { readonly kind: "close"; readonly id: number }
  | { readonly kind: "stop" };

/** Runner to main thread. `started` or `failed-to-start` comes first, `ended` last. */
export type FromRunner =
  | { readonly kind: "started"; readonly engine: string }
  | { readonly kind: "failed-to-start"; readonly error: PlainError }
  | { readonly kind: "console"; readonly bytes: Uint8Array }
  /** The guest's agent listens. */
  | { readonly kind: "agent-ready" }
  | { readonly kind: "connected"; readonly id: number }
  | { readonly kind: "data"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: "closed"; readonly id: number; readonly reason: string }
  /** Right before the end, if a profile was asked for. */
  | { readonly kind: "profile"; readonly profile: RecordedProfile }
  | { readonly kind: "ended"; readonly end: PlainEnd };

/** MachineEnd with its error flattened. */
export interface PlainEnd {
  readonly reason: "power-off" | "reset" | "panic" | "stopped" | "failed";
  readonly console: readonly string[];
  readonly message?: string;
  readonly error?: PlainError;
}

/** An error as data: structured cloning would lose the class and the code. */
export interface PlainError {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly stack: string | undefined;
}

/** Anything thrown, as data. What is no HearthError is a bug of ours: code internal.bug. */
export function flattenError(error: unknown): PlainError {
  const stack = error instanceof Error ? error.stack : undefined;
  if (error instanceof HearthError) {
    const details = JSON.parse(JSON.stringify(error.details)) as Record<string, unknown>;
    return { code: error.code, message: error.message, details, stack };
  }
  const text = error instanceof Error ? error.message : String(error);
  return { code: "internal.bug", message: `Hearth has a bug: ${text}`, details: {}, stack };
}

/** The other direction of `flattenError`. */
export function unflattenError(plain: PlainError): HearthError {
  const cause = plain.code === "internal.bug" ? plain.stack : undefined;
  return new HearthError(plain.code, plain.message, { details: plain.details, cause });
}
