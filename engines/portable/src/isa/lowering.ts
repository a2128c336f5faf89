// What an instruction is described in: the operations its meaning is built from.
//
// The same description is given to the interpreter, whose operands are fields of a micro-op, and to the region compiler,
// whose operands are constants and locals. Rules that make faults precise, whichever of the two listens:
//   1. Everything that can fault (reads, `readForWrite`, a `write` to memory) comes before any change of register or flag.
//   2. `write` to a memory operand is the last thing that can fault; register and flag writes follow it.
//   3. Values handed out by this interface are bound: they keep their value whatever is written afterwards.
// Integers of up to 32 bits are i32 with the bits above the size zero, 64-bit ones i64, vectors v128.

import type { Expr, ValueType } from "../encoder/expressions.ts";

/** Operand size in bits. */
export type Size = 8 | 16 | 32 | 64 | 128;

/** Functions of the core that an instruction may call: name → parameter types after (cpu, uop), see core/index.ts. */
export type CoreFunction = string;

/**
 * Flags that are not computed yet: the operation and its operands, at most 64 bits wide and bound. `b` is the second operand of
 * an addition, subtraction or signed multiplication and, for INC and DEC, the carry (i32, 0 or 1) that they leave alone. Values
 * narrower than 32 bits may have bits above their size.
 */
export interface FlagSource {
  readonly operation: "add" | "sub" | "inc" | "dec" | "logic" | "imul";
  readonly size: Size;
  readonly a: Expr;
  readonly b: Expr;
  readonly result: Expr;
}

export interface Lowering {
  /** Operand size of this form, as prefixes and mode decided. */
  readonly size: Size;
  readonly mnemonic: string;
  readonly operandCount: number;

  isMemory(operand: number): boolean;
  operandIsImmediate(operand: number): boolean;
  operandSize(operand: number): Size;

  /** The operand's value; `bits` reads only that much of it. */
  read(operand: number, bits?: Size): Expr;
  /** As `read`, for an operand that `write` will change: a memory operand is checked for writing. */
  readForWrite(operand: number): Expr;
  /** Writes a register operand (32-bit writes clear the upper half) or a memory operand. */
  write(operand: number, value: Expr, bits?: Size): void;
  /** Linear address of a memory operand, with its segment base. */
  linearAddress(operand: number): Expr;
  /** The same, moved by `delta` before the address is cut to its size. */
  linearAddressPlus(operand: number, delta: Expr): Expr;
  /** Offset part of a memory operand's address: what LEA gives. */
  effectiveAddress(operand: number): Expr;
  /** The number or byte offset held in the operand's register slot, for core functions. */
  slot(operand: number): Expr;

  /** General register by number, in any size. */
  gpr(register: number, bits: Size): Expr;
  setGpr(register: number, bits: Size, value: Expr): void;

  /** rCX, as wide as the address size; for LOOP and JrCXZ. */
  countRegister(): Expr;
  setCountRegister(value: Expr): void;

  load(address: Expr, bits: Size): Expr;
  store(address: Expr, bits: Size, value: Expr): void;

  /** Address of the vCPU's area, for core functions. */
  cpu(): Expr;
  /** A field of the vCPU's state. */
  field(offset: number, type: "i32" | "i64"): Expr;
  setField(offset: number, value: Expr): void;

  /** Lazy flags, see flags.ts. */
  flagResult(): Expr;
  flagAux(): Expr;
  setFlags(result: Expr, aux: Expr): void;
  /** As `setFlags`, but the tier decides when they are computed. */
  setFlagSource(source: FlagSource): void;
  /** Replaces CF and, when it is given, OF; both bound, 0 or 1. The other flags stay. */
  setCarry(cf: Expr, of?: Expr): void;
  /** CF where it is known apart from the other flags. */
  knownCarry(): Expr | undefined;
  /** CF as an expression that is computed where it is used, if it then still can be; not to be bound. */
  carryForLater(): Expr | undefined;
  /** Where the present flags come from, if that is known while code is generated. */
  flagSource(): FlagSource | undefined;

  /** Binds a value. */
  let(value: Expr): Expr;
  /** A variable that `assign` may change. */
  variable(type: ValueType, value: Expr): Expr;
  assign(variable: Expr, value: Expr): void;
  if(condition: Expr, yes: () => void, no?: () => void): void;
  /** Runs `body` while the i32 `condition` is not zero. */
  while(condition: Expr, body: () => void): void;

  /** Raises the exception `vector` at this instruction when `condition` holds. */
  faultIf(condition: Expr, vector: number): void;
  /** Whether this instruction, as long as it has changed nothing, may be left to the interpreter: it is done better there. */
  readonly mayDefer: boolean;
  /**
   * Leaves the instruction to the interpreter where the condition holds. `known` names a condition that, once it did not hold,
   * holds no sooner than after a core function or a change of a field.
   */
  deferIf(condition: Expr, known?: string): void;
  /** Calls a core function that only computes. */
  compute(name: CoreFunction, args: readonly Expr[], type: ValueType): Expr;
  /** Calls a core function that may fault, change the mode or leave: its result decides how execution goes on. */
  system(name: CoreFunction, ...args: readonly Expr[]): void;

  /** RIP of the following instruction. */
  nextRip(): Expr;
  /** Goes to the instruction's relative target. */
  jump(): void;
  jumpIf(condition: Expr): void;
  /** Goes to a linear address. */
  jumpTo(address: Expr): void;
}

/** An instruction: its forms in the manual's notation (see forms.ts) and its meaning. */
export interface Instruction {
  readonly mnemonic: string;
  readonly forms: readonly string[];
  readonly lower: (m: Lowering) => void;
}

export function instruction(
  mnemonic: string,
  forms: readonly string[],
  lower: (m: Lowering) => void,
): Instruction {
  return { mnemonic, forms, lower };
}
