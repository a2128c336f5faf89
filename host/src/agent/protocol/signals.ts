// Linux signal numbers on x86-64 (include/uapi/asm-generic/signal.h). The guest's, so not os.constants: the host may be
// another system with other numbers.

const NAMES = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGILL",
  "SIGTRAP",
  "SIGABRT",
  "SIGBUS",
  "SIGFPE",
  "SIGKILL",
  "SIGUSR1",
  "SIGSEGV",
  "SIGUSR2",
  "SIGPIPE",
  "SIGALRM",
  "SIGTERM",
  "SIGSTKFLT",
  "SIGCHLD",
  "SIGCONT",
  "SIGSTOP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGPROF",
  "SIGWINCH",
  "SIGIO",
  "SIGPWR",
  "SIGSYS",
] as const;

/** A signal by its Linux name. */
export type SignalName = (typeof NAMES)[number];

/** SIGTERM for 15; "SIGRTn" style numbers above 31 come back as "SIG34". */
export function signalName(number: number): string {
  return NAMES[number - 1] ?? `SIG${number}`;
}

/** 15 for SIGTERM. */
export function signalNumber(name: SignalName): number {
  return NAMES.indexOf(name) + 1;
}
