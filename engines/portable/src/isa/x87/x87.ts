// x87 instructions, d8 to df: transfers, arithmetic, comparisons. SDM volume 2; control and saved state are in x87-state.ts.
// Numbers and the register stack are the core's; here are operands and the checks that come before them.
//
// A pending exception is raised before memory is touched, and memory faults before anything changes. The aliases that
// processors run without documenting them are in the tables, as the opcode's last forms.

import { type Expr, i32, i64 } from "../../encoder/expressions.ts";
import { CPU_CR0, CPU_FCW, CPU_FDP, CPU_FLOAT_SCRATCH } from "../../layout.ts";
import { condition, setFlagsFromByte } from "../flags.ts";
import { type Instruction, instruction, type Lowering, type Size } from "../lowering.ts";
import { X87_STATE } from "./x87-state.ts";

const FSW_ES_IN_CONTROL_AND_STATUS = 23;
const CR0_NE_BIT = 5;

/** An instruction that first raises a pending exception: FSW.ES and CR0.NE. */
function waiting(mnemonic: string, forms: readonly string[], lower: (m: Lowering) => void): Instruction {
  return instruction(mnemonic, forms, (m) => {
    const summary = i32.shrU(m.field(CPU_FCW, "i32"), i32.const(FSW_ES_IN_CONTROL_AND_STATUS));
    const native = i32.shrU(m.field(CPU_CR0, "i32"), i32.const(CR0_NE_BIT));
    m.faultIf(i32.and(i32.and(summary, native), i32.const(1)), 16);
    lower(m);
  });
}

const notePointer = (m: Lowering): void => m.setField(CPU_FDP, m.effectiveAddress(0));

/** Reads a memory operand; its address becomes the last data pointer. */
function loadOperand(m: Lowering, bits: Size): Expr {
  const value = m.load(m.linearAddress(0), bits);
  notePointer(m);
  return value;
}

/** A 64-bit piece and the 16 bits behind it. */
function loadTenBytes(m: Lowering): readonly [Expr, Expr] {
  const address = m.linearAddress(0);
  const low = m.load(address, 64);
  const high = m.load(i64.add(address, i64.const(8)), 16);
  notePointer(m);
  return [low, high];
}

function loadInteger(m: Lowering, bits: 16 | 32 | 64): Expr {
  const value = loadOperand(m, bits);
  if (bits === 64) return value;
  return m.let(bits === 32 ? i64.extend32S(value) : i64.extend16(i64.extend32U(value)));
}

/** `name(cpu, uop, numbers…)`. */
const plain = (mnemonic: string, form: string, name: string, ...numbers: readonly number[]): Instruction =>
  waiting(mnemonic, [`${form} fpu`], (m) => m.system(name, ...numbers.map(i32.const)));
/** `name(cpu, uop, stack register number, numbers…)`. */
const onRegister = (
  mnemonic: string,
  forms: readonly string[],
  name: string,
  ...numbers: readonly number[]
): Instruction =>
  waiting(
    mnemonic,
    forms.map((form) => `${form} T fpu`),
    (m) => m.system(name, m.slot(0), ...numbers.map(i32.const)),
  );

/** Formats of a store, as core/x87/x87-transfer.ts numbers them. */
const FORMATS = [
  "f32",
  "f64",
  "f80",
  "i16",
  "i32",
  "i64",
  "i16 truncated",
  "i32 truncated",
  "i64 truncated",
  "decimal",
] as const;
type Format = (typeof FORMATS)[number];

const store = (mnemonic: string, form: string, format: Format, pop: 0 | 1): Instruction =>
  waiting(mnemonic, [`${form} Mp fpu ea`], (m) => {
    m.system("fpuStore", m.linearAddress(0), i32.const(FORMATS.indexOf(format)), i32.const(pop));
    notePointer(m);
  });

const loads = [
  waiting("fld", ["d9/0m Md fpu ea"], (m) => m.system("fpuLoadF32", loadOperand(m, 32))),
  waiting("fld", ["dd/0m Mq fpu ea"], (m) => m.system("fpuLoadF64", loadOperand(m, 64))),
  waiting("fld", ["db/5m Mp fpu ea"], (m) => m.system("fpuLoadF80", ...loadTenBytes(m))),
  waiting("fild", ["df/0m Mw fpu ea"], (m) => m.system("fpuLoadInteger", loadInteger(m, 16))),
  waiting("fild", ["db/0m Md fpu ea"], (m) => m.system("fpuLoadInteger", loadInteger(m, 32))),
  waiting("fild", ["df/5m Mq fpu ea"], (m) => m.system("fpuLoadInteger", loadInteger(m, 64))),
  waiting("fbld", ["df/4m Mp fpu ea"], (m) => m.system("fpuLoadDecimal", ...loadTenBytes(m))),
  onRegister("fld", ["d9/0r"], "fpuLoadRegister"),
  ...["fld1", "fldl2t", "fldl2e", "fldpi", "fldlg2", "fldln2", "fldz"].map((name, n) =>
    plain(name, `d9=${(0xe8 + n).toString(16)}`, "fpuLoadConstant", n),
  ),
];

const stores = [
  store("fst", "d9/2m", "f32", 0),
  store("fstp", "d9/3m", "f32", 1),
  store("fst", "dd/2m", "f64", 0),
  store("fstp", "dd/3m", "f64", 1),
  store("fstp", "db/7m", "f80", 1),
  store("fist", "df/2m", "i16", 0),
  store("fistp", "df/3m", "i16", 1),
  store("fist", "db/2m", "i32", 0),
  store("fistp", "db/3m", "i32", 1),
  store("fistp", "df/7m", "i64", 1),
  store("fisttp", "df/1m", "i16 truncated", 1),
  store("fisttp", "db/1m", "i32 truncated", 1),
  store("fisttp", "dd/1m", "i64 truncated", 1),
  store("fbstp", "df/6m", "decimal", 1),
  onRegister("fst", ["dd/2r"], "fpuStoreRegister", 0),
  onRegister("fstp", ["dd/3r", "df/2r", "df/3r"], "fpuStoreRegister", 1),
  onRegister("fstp", ["d9/3r"], "fpuStoreRegisterUnchecked"),
];

const moves = [
  onRegister("fxch", ["d9/1r", "dd/1r", "df/1r"], "fpuExchange"),
  onRegister("ffree", ["dd/0r"], "fpuFree", 0),
  onRegister("ffreep", ["df/0r"], "fpuFree", 1),
  plain("fdecstp", "d9=f6", "fpuRotate", 7),
  plain("fincstp", "d9=f7", "fpuRotate", 1),
  // By the condition codes of Jcc: below, equal, below or equal, unordered (parity).
  ...[2, 4, 6, 10].flatMap((code, reg) =>
    [code, code + 1].map((cc, negated) =>
      waiting("fcmov", [`${negated ? "db" : "da"}/${reg}r T fpu`], (m) =>
        m.system("fpuMoveIf", m.slot(0), m.let(condition(m, cc))),
      ),
    ),
  ),
];

/** By ModRM.reg; FCOM and FCOMP are 2 and 3. */
const OPERATIONS = ["add", "mul", "com", "comp", "sub", "subr", "div", "divr"];
const CALCULATIONS = [0, 1, 4, 5, 6, 7];

const arithmetic = [
  ...OPERATIONS.flatMap((name, op) => [
    waiting(`f${name}`, [`d8/${op}m Md fpu ea`], (m) =>
      m.system("fpuArithmeticF32", i32.const(op), loadOperand(m, 32)),
    ),
    waiting(`f${name}`, [`dc/${op}m Mq fpu ea`], (m) =>
      m.system("fpuArithmeticF64", i32.const(op), loadOperand(m, 64)),
    ),
    waiting(`fi${name}`, [`da/${op}m Md fpu ea`], (m) =>
      m.system("fpuArithmeticInteger", i32.const(op), loadInteger(m, 32)),
    ),
    waiting(`fi${name}`, [`de/${op}m Mw fpu ea`], (m) =>
      m.system("fpuArithmeticInteger", i32.const(op), loadInteger(m, 16)),
    ),
  ]),
  ...CALCULATIONS.flatMap((op) =>
    [
      ["d8", 0, 0],
      ["dc", 1, 0],
      ["de", 1, 1],
    ].map(([opcode, toOther, pop]) =>
      waiting(`f${OPERATIONS[op]}`, [`${opcode}/${op}r T fpu`], (m) =>
        m.system(
          "fpuArithmetic",
          i32.const(op),
          m.slot(0),
          i32.const(Number(toOther)),
          i32.const(Number(pop)),
        ),
      ),
    ),
  ),
  plain("fchs", "d9=e0", "fpuSign", 0x8000, 0xffff),
  plain("fabs", "d9=e1", "fpuSign", 0, 0x7fff),
  plain("fsqrt", "d9=fa", "fpuSquareRoot"),
  plain("frndint", "d9=fc", "fpuRoundToInteger"),
  plain("fscale", "d9=fd", "fpuScale"),
  plain("fprem", "d9=f8", "fpuRemainder", 0),
  plain("fprem1", "d9=f5", "fpuRemainder", 1),
  plain("fxtract", "d9=f4", "fpuExtract"),
];

const functions = [
  plain("fsin", "d9=fe", "fpuFunction", 0),
  plain("fcos", "d9=ff", "fpuFunction", 1),
  plain("f2xm1", "d9=f0", "fpuFunction", 2),
  plain("fpatan", "d9=f3", "fpuFunctionOfTwo", 0),
  plain("fyl2x", "d9=f1", "fpuFunctionOfTwo", 1),
  plain("fyl2xp1", "d9=f9", "fpuFunctionOfTwo", 2),
  plain("fsincos", "d9=fb", "fpuFunctionPair", 0),
  plain("fptan", "d9=f2", "fpuFunctionPair", 1),
];

/** FCOMI and FUCOMI set ZF, PF and CF and clear the other three. */
const compareFlags = (mnemonic: string, form: string, quiet: 0 | 1, pop: 0 | 1): Instruction =>
  waiting(mnemonic, [`${form} T fpu`], (m) => {
    m.system("fpuCompareFlags", m.slot(0), i32.const(quiet), i32.const(pop));
    setFlagsFromByte(m, m.field(CPU_FLOAT_SCRATCH, "i32"), i32.const(0));
  });

const comparisons = [
  onRegister("fcom", ["d8/2r", "dc/2r"], "fpuCompare", 0, 0),
  onRegister("fcomp", ["d8/3r", "dc/3r", "de/2r"], "fpuCompare", 0, 1),
  plain("fcompp", "de=d9", "fpuCompare", 1, 0, 2),
  onRegister("fucom", ["dd/4r"], "fpuCompare", 1, 0),
  onRegister("fucomp", ["dd/5r"], "fpuCompare", 1, 1),
  plain("fucompp", "da=e9", "fpuCompare", 1, 1, 2),
  compareFlags("fcomi", "db/6r", 0, 0),
  compareFlags("fcomip", "df/6r", 0, 1),
  compareFlags("fucomi", "db/5r", 1, 0),
  compareFlags("fucomip", "df/5r", 1, 1),
  plain("ftst", "d9=e4", "fpuTest"),
  plain("fxam", "d9=e5", "fpuExamine"),
];

export const X87: readonly Instruction[] = [
  ...loads,
  ...stores,
  ...moves,
  ...arithmetic,
  ...functions,
  ...comparisons,
  ...X87_STATE(waiting),
];
