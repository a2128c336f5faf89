// The terminal in raw mode: every key goes to the guest, Ctrl-C included, and the guest's output reaches the terminal as it
// is. Node's raw mode leaves output processing on (a line feed becomes carriage return and line feed), which full-screen
// programs do not survive, so that is switched off by stty where there is one.

import { spawnSync } from "node:child_process";

/** Switches standard input to raw mode until disposed; does nothing where it is no terminal. */
export function rawMode(): Disposable {
  const { stdin } = process;
  if (!stdin.isTTY) return { [Symbol.dispose]: () => {} };
  stdin.setRawMode(true);
  stty("-opost");
  const restore = () => {
    stty("opost");
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

/** Without stty the terminal stays nearly raw. */
function stty(setting: string): void {
  spawnSync("stty", [setting], { stdio: ["inherit", "ignore", "ignore"] });
}

/** Size of the terminal that shows the output; 24 × 80 where there is none. */
export function terminalSize(): { rows: number; columns: number } {
  return { rows: process.stdout.rows ?? 24, columns: process.stdout.columns ?? 80 };
}
