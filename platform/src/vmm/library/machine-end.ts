// Why a machine is no longer running.

import type { HearthError } from "@hearth/machine/errors";

/** The end of a machine's life. `console` holds the last lines the guest wrote. */
export type MachineEnd =
  /** The guest powered itself off (ACPI), or halted for ever with interrupts off. */
  | { readonly reason: "power-off"; readonly console: readonly string[] }
  /** The guest reset itself: keyboard controller, triple fault. Hearth does not start it again by itself. */
  | { readonly reason: "reset"; readonly console: readonly string[] }
  /** The guest's kernel panicked; `message` is its own first line. */
  | { readonly reason: "panic"; readonly message: string; readonly console: readonly string[] }
  /** `stop` was called. */
  | { readonly reason: "stopped"; readonly console: readonly string[] }
  /** Hearth itself failed; the machine cannot go on. */
  | { readonly reason: "failed"; readonly error: HearthError; readonly console: readonly string[] };
