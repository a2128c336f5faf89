// How a machine's run ends, and the states it goes through: created → running ⇄ paused → ended. An ended machine is not
// started again: a reset is carried out by making a new machine from the same specification.

export type MachineState = "created" | "running" | "paused" | "ended";

/** What pulled the reset line. */
export type ResetCause = "keyboard-controller" | "triple-fault" | "reset-register" | "init";

export type EndReason =
  /** The guest turned itself off through ACPI. */
  | { readonly kind: "power-off" }
  | { readonly kind: "reset"; readonly cause: ResetCause }
  /** The processor halted with interrupts off, as `halt` does: nothing can wake it. */
  | { readonly kind: "halt" }
  /** Hearth broke: the engine gave up or an assertion failed. `dump` is for a bug report. */
  | { readonly kind: "failure"; readonly message: string; readonly dump: string }
  /** The host ended it. */
  | { readonly kind: "stopped" };

/** One sentence for a person. */
export function describeEnd(reason: EndReason): string {
  switch (reason.kind) {
    case "power-off":
      return "The guest powered off.";
    case "reset":
      return `The guest reset the machine (${reason.cause.replaceAll("-", " ")}).`;
    case "halt":
      return "The guest halted with interrupts off.";
    case "failure":
      return `The machine failed: ${reason.message}`;
    case "stopped":
      return "The machine was stopped.";
  }
}
