// One interpreter handler: an instruction form whose operands are fields of the micro-op it is called with.
//
//   handler(cpu, uop) → exit code        a handler ends by a tail call to the next micro-op's handler, or returns
//
// Local 0 is the vCPU's area, local 1 the micro-op; everything else is a fresh local.

import type { Code } from "../encoder/bytes.ts";
import {
  type Expr,
  i32,
  i64,
  ifThen,
  localGet,
  localSet,
  returnValue,
  select,
  type ValueType,
} from "../encoder/expressions.ts";
import type { Signature } from "../encoder/module.ts";
import { computeFlags, patchAux } from "../isa/flags.ts";
import type { Form, Operand } from "../isa/forms.ts";
import type { CoreFunction, FlagSource, Size } from "../isa/lowering.ts";
import {
  CPU_BUDGET,
  CPU_CODE_PAGE,
  CPU_FLAG_AUX,
  CPU_FLAG_RESULT,
  CPU_GPR,
  CPU_SEG,
  CPU_UOP,
  EXIT_RESUME,
  SEG_CS,
  SEG_SIZE,
  UOP_A,
  UOP_ADDRESS_SHIFT,
  UOP_B,
  UOP_BASE,
  UOP_DISP,
  UOP_IMM,
  UOP_INDEX,
  UOP_LENGTH,
  UOP_LINEAR_SHIFT,
  UOP_LINK,
  UOP_OFFSET,
  UOP_SCALE,
  UOP_SEGMENT,
  UOP_SIZE,
} from "../layout.ts";
import { loadHost, storeHost } from "../lowering/host-access.ts";
import { CPU, dispatch, spendBudget, tailCall } from "../lowering/linkage.ts";
import { WasmLowering } from "../lowering/wasm-lowering.ts";

export const HANDLER_SIGNATURE: Signature = { params: ["i32", "i32"], results: ["i32"] };

export const UOP: Expr = localGet(1, "i32");
const RCX = 1;

export class HandlerLowering extends WasmLowering {
  readonly code: Code[] = [];
  readonly locals: ValueType[] = [];
  readonly mayDefer = false;
  #sink: Code[] = this.code;
  #ended = false;

  /** Ends the handler with a dispatch to the following micro-op, unless it already left. */
  finish(): void {
    if (!this.#ended) this.emit(dispatch(this.linkage, i32.add(UOP, i32.const(UOP_SIZE))));
  }

  slot(operand: number): Expr {
    return i32.load16U(UOP, this.#slotOf(operand));
  }

  gpr(register: number, bits: Size): Expr {
    return this.let(loadHost(CPU, CPU_GPR + register * 8, bits));
  }

  setGpr(register: number, bits: Size, value: Expr): void {
    this.emit(storeRegister(CPU, CPU_GPR + register * 8, bits, value, true));
  }

  countRegister(): Expr {
    return this.let(i64.and(i64.load(CPU, CPU_GPR + RCX * 8), maskOf(UOP_SCALE)));
  }

  /** Only a 16-bit count leaves the bits above it alone. */
  setCountRegister(value: Expr): void {
    const mask = this.let(maskOf(UOP_SCALE));
    const kept = i64.and(i64.load(CPU, CPU_GPR + RCX * 8), i64.const(~0xffffn));
    const upper = select(kept, i64.const(0), i64.eq(mask, i64.const(0xffff)));
    this.emit(i64.store(CPU, CPU_GPR + RCX * 8, i64.or(upper, i64.and(value, mask))));
  }

  field(offset: number, type: "i32" | "i64"): Expr {
    return this.let(type === "i32" ? i32.load(CPU, offset) : i64.load(CPU, offset));
  }

  setField(offset: number, value: Expr): void {
    this.emit(value.type === "i32" ? i32.store(CPU, offset, value) : i64.store(CPU, offset, value));
  }

  flagResult(): Expr {
    return i64.load(CPU, CPU_FLAG_RESULT);
  }

  flagAux(): Expr {
    return i32.load(CPU, CPU_FLAG_AUX);
  }

  setFlags(result: Expr, aux: Expr): void {
    const boundAux = this.let(aux);
    this.emit(i64.store(CPU, CPU_FLAG_RESULT, result));
    this.emit(i32.store(CPU, CPU_FLAG_AUX, boundAux));
  }

  /** A handler does not know what comes next: flags are computed at once. */
  setFlagSource(source: FlagSource): void {
    const { result, aux } = computeFlags(this, source);
    this.setFlags(result, aux);
  }

  setCarry(cf: Expr, of?: Expr): void {
    this.setFlags(this.flagResult(), patchAux(this, this.let(this.flagAux()), cf, of));
  }

  flagSource(): undefined {
    return undefined;
  }

  knownCarry(): undefined {
    return undefined;
  }

  carryForLater(): undefined {
    return undefined;
  }

  system(name: CoreFunction, ...args: readonly Expr[]): void {
    const status = this.let(this.coreCall(name, [CPU, UOP, ...args], "i32"));
    this.if(status, () => this.leave(i32.sub(status, i32.const(1))));
  }

  nextRip(): Expr {
    const inPage = i32.add(i32.load16U(UOP, UOP_OFFSET), i32.load8U(UOP, UOP_LENGTH));
    return this.let(i64.add(i64.load(CPU, CPU_CODE_PAGE), i64.extend32U(inPage)));
  }

  jump(): void {
    if (this.size === 16) this.jumpTo(this.#target16());
    else this.emit(this.#jumpRelative());
    this.#ended = this.#sink === this.code;
  }

  jumpTo(address: Expr): void {
    this.emit(spendBudget());
    this.emit(tailCall(this.linkage.jumpFar, [CPU, address]));
    this.#ended = this.#sink === this.code;
  }

  deferIf(): never {
    throw new Error("there is nothing below the interpreter");
  }

  protected emit(code: Code): void {
    this.#sink.push(code);
  }

  protected nested(body: () => void): Code {
    const outer = this.#sink;
    const inner: Code[] = [];
    this.#sink = inner;
    body();
    this.#sink = outer;
    return inner;
  }

  protected newLocal(type: ValueType): number {
    this.locals.push(type);
    return 1 + this.locals.length;
  }

  protected immediate(bits: Size): Expr {
    return bits === 64 ? i64.load(UOP, UOP_IMM) : i32.load(UOP, UOP_IMM);
  }

  protected readRegister(operand: number, bits: Size): Expr {
    return this.let(loadHost(this.#register(this.#slotOf(operand)), 0, bits));
  }

  protected writeRegister(operand: number, bits: Size, value: Expr): void {
    const general = isGeneral(this.operand(operand));
    this.emit(storeRegister(this.#register(this.#slotOf(operand)), 0, bits, value, general));
  }

  protected effective(delta: Expr | undefined): Expr {
    const base = i64.add(i64.load(this.#register(UOP_BASE), 0), i64.load32S(UOP, UOP_DISP));
    const index = (): Expr => i64.shl(i64.load(this.#register(UOP_INDEX), 0), i64.load8U(UOP, UOP_SCALE));
    const sum = this.addressing === "base" ? base : i64.add(base, index());
    const offset = delta ? i64.add(sum, delta) : sum;
    return this.let(this.addressing === "general" ? i64.and(offset, maskOf(UOP_ADDRESS_SHIFT)) : offset);
  }

  protected inSegment(offset: Expr): Expr {
    const sum = i64.add(offset, i64.load(this.#register(UOP_SEGMENT), 0));
    return this.let(i64.and(sum, maskOf(UOP_LINEAR_SHIFT)));
  }

  protected leave(exit: Expr): void {
    this.emit(i32.store(CPU, CPU_UOP, UOP));
    this.emit(returnValue(exit));
  }

  /** With a 16-bit operand size IP is cut to 16 bits. */
  #target16(): Expr {
    const segmentBase = this.field(CPU_SEG + SEG_CS * SEG_SIZE, "i64");
    const target = i64.add(i64.load(CPU, CPU_CODE_PAGE), i64.load(UOP, UOP_IMM));
    return this.let(i64.add(segmentBase, i64.and(i64.sub(target, segmentBase), i64.const(0xffff))));
  }

  /** A jump inside its page is linked to the target's micro-ops at its first use; others go through the jump cache. */
  #jumpRelative(): Code {
    const link = this.newLocal("i32");
    const bound = localGet(link, "i32");
    const linked = i32.and(i32.ne(bound, i32.const(0)), i32.gtS(i32.load(CPU, CPU_BUDGET), i32.const(0)));
    const target = i64.add(i64.load(CPU, CPU_CODE_PAGE), i64.load(UOP, UOP_IMM));
    return [
      spendBudget(),
      localSet(link, i32.load(UOP, UOP_LINK)),
      ifThen(linked, dispatch(this.linkage, bound)),
      ifThen(i64.geU(i64.load(UOP, UOP_IMM), i64.const(4096)), tailCall(this.linkage.jumpFar, [CPU, target])),
      localSet(link, this.coreCall("linkJump", [CPU, UOP], "i32")),
      ifThen(bound, dispatch(this.linkage, bound)),
      returnValue(i32.const(EXIT_RESUME)),
    ];
  }

  #slotOf(operand: number): number {
    return slotOf(this.form, operand) === "a" ? UOP_A : UOP_B;
  }

  /** Address of the register whose byte offset the micro-op holds in `field`. */
  #register(field: number): Expr {
    return i32.add(CPU, i32.load16U(UOP, field));
  }
}

/** The slot of a register operand: the first one is in `a`, the second in `b`; memory, immediates and fixed ones have none. */
export function slotOf(form: Form, operand: number): "a" | "b" {
  const WITHOUT_SLOT = ["immediate", "relative", "absolute", "fixed", "memory"];
  const inSlots = form.operands.filter((o) => !WITHOUT_SLOT.includes(o.kind));
  const position = inSlots.indexOf(form.operands[operand] as Operand);
  if (position < 0 || position > 1)
    throw new Error(`operand ${operand} of ${form.text} has no register slot`);
  return position === 0 ? "a" : "b";
}

/** 32-bit writes to general registers clear the upper half; vector registers keep what is above. */
function isGeneral(o: Operand): boolean {
  return o.kind === "rm" || o.kind === "reg" || o.kind === "opcode" || o.kind === "rmRegister";
}

function storeRegister(address: Expr, offset: number, bits: Size, value: Expr, general: boolean): Code {
  if (bits === 32 && general) return i64.store(address, offset, i64.extend32U(value));
  return storeHost(address, offset, bits, value);
}

function maskOf(shiftField: number): Expr {
  return i64.shrU(i64.const(-1n), i64.load8U(UOP, shiftField));
}
