// Micro-ops that stand for no instruction. Their order fixes their table slots (HANDLER_* in layout-decoder.ts).

import { instruction } from "./lowering.ts";

export const PSEUDO = [
  /** Overwrites every micro-op of a dropped block: look the address up again. */
  instruction("(redecode)", ["00 pseudo"], (m) => m.system("redecode")),
  /** An instruction that always faults here: the immediate holds the vector. */
  instruction("(raise)", ["00 pseudo"], (m) => m.system("raiseImmediate")),
  /** The block was cut: go on at the following address. */
  instruction("(continue)", ["00 pseudo"], (m) => m.jump()),
  /** Before an instruction that crosses a page: is the second page still the one it was decoded from? */
  instruction("(check page)", ["00 pseudo"], (m) => m.system("checkSecondPage")),
  /** 90 without REX.B: XCHG EAX,EAX would clear the upper half. */
  instruction("nop", ["00 pseudo"], () => {}),
];
