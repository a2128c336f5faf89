// Exit codes of the command (docs/cli.md, "Exit codes"). A program's own code passes through `hearth run` unchanged.

export const ExitCode = {
  Success: 0,
  /** Hearth could not do what was asked; the line on standard error says why. */
  Error: 1,
  /** The command line is wrong. */
  Usage: 2,
  /** The guest's kernel panicked, or the guest ended before the command did. */
  GuestEnded: 3,
  /** `--timeout` ran out. */
  Timeout: 124,
  /** The guest could not take the program's user, directory or resources. */
  NotStarted: 125,
  NotExecutable: 126,
  NotFound: 127,
  /** Plus the signal's number. */
  SignalBase: 128,
} as const;
