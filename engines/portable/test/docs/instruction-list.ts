// docs/instructions.md, made from the instruction tables: every form with its sizes and modes, in the order of the tables.

import { ARITHMETIC } from "../../src/isa/integer/arithmetic.ts";
import { BITS } from "../../src/isa/integer/bits.ts";
import { MOVE } from "../../src/isa/integer/move.ts";
import { MULTIPLY } from "../../src/isa/integer/multiply.ts";
import { SHIFT } from "../../src/isa/integer/shift.ts";
import { STRING } from "../../src/isa/integer/string.ts";
import type { Instruction } from "../../src/isa/lowering.ts";
import { CONTROL } from "../../src/isa/system/control.ts";
import { STACK } from "../../src/isa/system/stack.ts";
import { SYSTEM } from "../../src/isa/system/system.ts";
import { VECTOR } from "../../src/isa/vector.ts";
import { X87 } from "../../src/isa/x87/x87.ts";

/** Headings and the tables below them; together all instructions there are. */
export const FAMILIES: readonly (readonly [string, readonly Instruction[]])[] = [
  ["Arithmetic and logic", ARITHMETIC],
  ["Shifts and rotations", SHIFT],
  ["Multiplication, division, decimal adjustment", MULTIPLY],
  ["Moves, conversions, flags", MOVE],
  ["Bits", BITS],
  ["Stack", STACK],
  ["Transfers of control", CONTROL],
  ["Strings", STRING],
  ["System", SYSTEM],
  ["x87", X87],
  ["MMX and SSE to SSE4.2", VECTOR],
];

const INTRODUCTION = `# Instructions of the portable engine

Made from the tables in \`engines/portable/src/isa\` by \`HEARTH_UPDATE_DOCS=1 npm test -- engines/portable/test/docs\`; a test
fails when it is out of date. What is not in this list raises #UD. Faults, flags and results are compared with a processor's,
form by form: see [add-an-instruction.md](add-an-instruction.md).

A form is written as in the opcode map of Intel's manual (volume 2, appendix A): a mandatory prefix, the opcode bytes with
\`/reg\` (extension in ModRM.reg), \`m\` or \`r\` (memory or register only), \`=xx\` (exactly this ModRM byte) or \`+r\` (register in
the opcode), then the operands.

| letter | operand | | suffix | size |
|---|---|---|---|---|
| E, G | general register or memory; general register | | b w d q x | 8, 16, 32, 64, 128 bits |
| Z, R | register in the opcode; register form only | | v | 16, 32 or 64 bits by prefix |
| M | memory only | | z | 16 or 32 bits by prefix |
| V, W, U | XMM register; or memory; register form only | | y | 32 or 64 bits by prefix |
| P, Q, N | MMX register; or memory; register form only | | p | an address |
| I, J, O | immediate, relative target, absolute address | | bs | 8 bits, sign-extended |
| S, C, D, T | segment, control, debug, x87 register | | | |

\`o64\`: in 64-bit mode only. \`i64\`: not in 64-bit mode. \`d64\`, \`f64\`: 64 bits wide there by default, or always. \`lock\`: LOCK
is allowed with a memory operand. The tables' other options, which concern the engine only, are left out here.
`;

/** Options that say something about the instruction and not about the engine. */
const SHOWN = new Set(["o64", "i64", "d64", "f64", "lock", "w0", "w1"]);
const OPCODE = /^(np|[0-9a-f]{2}(\/[0-7])?[mr]?(\+r)?(=[0-9a-f]{2})?)$/;

function formText(form: string): string {
  const words = form.split(" ");
  const end = words.findIndex((word) => !OPCODE.test(word));
  // Options look like opcode bytes, but come behind them.
  const shown = (word: string, at: number): boolean =>
    end < 0 || at < end || /[A-Z]/.test(word) || SHOWN.has(word);
  return words.filter(shown).join(" ");
}

function familyText([heading, instructions]: (typeof FAMILIES)[number]): string {
  const byMnemonic = new Map<string, string[]>();
  for (const { mnemonic, forms } of instructions)
    byMnemonic.set(mnemonic, [...(byMnemonic.get(mnemonic) ?? []), ...forms.map(formText)]);
  const rows = [...byMnemonic].map(
    ([mnemonic, forms]) => `| ${mnemonic} | ${forms.map((form) => `\`${form}\``).join(" · ")} |`,
  );
  return [`## ${heading}`, "", "| instruction | forms |", "|---|---|", ...rows, ""].join("\n");
}

/** The whole page. */
export function instructionList(): string {
  const forms = FAMILIES.flatMap(([, instructions]) => instructions.flatMap((i) => i.forms)).length;
  const mnemonics = new Set(FAMILIES.flatMap(([, instructions]) => instructions.map((i) => i.mnemonic))).size;
  const count = `${mnemonics} instructions in ${forms} forms.\n`;
  return [INTRODUCTION, count, ...FAMILIES.map(familyText)].join("\n");
}
