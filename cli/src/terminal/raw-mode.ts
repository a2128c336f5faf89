// The terminal in raw mode: every key goes to the guest, Ctrl-C included.

/** Switches standard input to raw mode until disposed; does nothing where it is no terminal. */
export function rawMode(): Disposable {
  const { stdin } = process;
  if (!stdin.isTTY) return { [Symbol.dispose]: () => {} };
  stdin.setRawMode(true);
  const restore = () => {
    stdin.setRawMode(false);
  };
  process.once("exit", restore);
  return {
    [Symbol.dispose]: () => {
      process.off("exit", restore);
      restore();
    },
  };
}

/** Size of the terminal that shows the output; 24 × 80 where there is none. */
export function terminalSize(): { rows: number; columns: number } {
  return { rows: process.stdout.rows ?? 24, columns: process.stdout.columns ?? 80 };
}
