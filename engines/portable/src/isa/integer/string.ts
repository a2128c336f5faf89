// MOVS CMPS STOS LODS SCAS INS OUTS with their repeat prefixes, XLAT. SDM volume 2. The core runs them: it goes page by page and
// keeps RCX, RSI and RDI exact wherever it stops. The micro-op carries the address size, the source segment and, as its
// immediate, the repeat prefix (0 none, 1 REP or REPE, 2 REPNE).

import { i32 } from "../../encoder/expressions.ts";
import { instruction, type Lowering } from "../lowering.ts";

const run = (name: string) => (m: Lowering) => m.system(name, i32.const(m.size / 8));

function stringForms(byteOpcode: number): string[] {
  const hex = (n: number): string => n.toString(16);
  return [`${hex(byteOpcode)} string b`, `${hex(byteOpcode + 1)} string v`];
}

function xlat(m: Lowering): void {
  m.system("translateByte");
}

export const STRING = [
  instruction("movs", stringForms(0xa4), run("moveString")),
  instruction("cmps", stringForms(0xa6), run("compareString")),
  instruction("stos", stringForms(0xaa), run("storeString")),
  instruction("lods", stringForms(0xac), run("loadString")),
  instruction("scas", stringForms(0xae), run("scanString")),
  instruction("ins", ["6c string b", "6d string z"], run("inputString")),
  instruction("outs", ["6e string b", "6f string z"], run("outputString")),
  instruction("xlat", ["d7 string b"], xlat),
];
