// One interpreter handler: an instruction form whose operands are fields of the micro-op it is called with.
//
//   handler(cpu, uop) → exit code        a handler ends by a tail call to the next micro-op's handler, or returns
//
// Local 0 is the vCPU's area, local 1 the micro-op; everything else is a fresh local.

import type { Code } from "../encoder/bytes.ts";
import {
  type Expr,
  type ValueType,
  call,
  i32,
  i64,
  ifThen,
  localGet,
  localSet,
  returnCallIndirect,
  returnValue,
  select,
  v128,
} from "../encoder/expressions.ts";
import type { ModuleBuilder, Signature } from "../encoder/module.ts";
import type { Addressing, Form, Operand } from "../isa/forms.ts";
import type { CoreFunction, Lowering, Size } from "../isa/lowering.ts";
import {
  CPU_BOUNCE,
  CPU_BUDGET,
  CPU_CODE_PAGE,
  CPU_FLAG_AUX,
  CPU_FLAG_RESULT,
  CPU_GPR,
  CPU_SEG,
  CPU_TLB,
  CPU_UOP,
  CPU_VECTOR,
  CPU_ERROR_CODE,
  EXIT_EXCEPTION,
  EXIT_RESUME,
  SEG_CS,
  SEG_SIZE,
  TLB_ADDEND,
  TLB_BITS,
  TLB_ENTRY_BITS,
  TLB_READ,
  TLB_WRITE,
  UOP_A,
  UOP_ADDRESS_SHIFT,
  UOP_B,
  UOP_BASE,
  UOP_DISP,
  UOP_HANDLER,
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

export const HANDLER_SIGNATURE: Signature = { params: ["i32", "i32"], results: ["i32"] };

/** The core's functions as the handlers module imports them, and the module's own shared routines. */
export interface Linkage {
  readonly builder: ModuleBuilder;
  readonly handlerType: number;
  coreFunction(name: CoreFunction, params: readonly ValueType[], result: ValueType): number;
  /** jumpFar(cpu, linear address) → exit code. */
  readonly jumpFar: number;
}

export const CPU: Expr = localGet(0, "i32");
export const UOP: Expr = localGet(1, "i32");

interface Place {
  /** Where a register operand lives, or a memory operand after translation for writing: an i32 local. */
  readonly host: Expr;
}

export class HandlerLowering implements Lowering {
  readonly size: Size;
  readonly mnemonic: string;
  readonly operandCount: number;
  readonly code: Code[] = [];
  readonly locals: ValueType[] = [];
  readonly #form: Form;
  readonly #addressing: Addressing;
  readonly #linkage: Linkage;
  readonly #writable = new Map<number, Place>();
  #sink: Code[] = this.code;
  #ended = false;

  constructor(form: Form, size: Size, addressing: Addressing, linkage: Linkage) {
    this.#form = form;
    this.size = size;
    this.mnemonic = form.mnemonic;
    this.operandCount = form.operands.length;
    this.#addressing = addressing;
    this.#linkage = linkage;
  }

  /** Ends the handler with a dispatch to the following micro-op, unless it already left. */
  finish(): void {
    if (!this.#ended) this.#emit(dispatch(this.#linkage, i32.add(UOP, i32.const(UOP_SIZE))));
  }

  isMemory(operand: number): boolean {
    const { kind } = this.#operand(operand);
    if (kind === "memory") return true;
    return (kind === "rm" || kind === "vectorRm" || kind === "mmxRm") && this.#addressing !== "register";
  }

  operandIsImmediate(operand: number): boolean {
    return this.#operand(operand).kind === "immediate";
  }

  operandSize(operand: number): Size {
    const { size } = this.#operand(operand);
    if (typeof size === "number") return size;
    if (size === "z") return this.size === 16 ? 16 : 32;
    return this.size;
  }

  read(operand: number, bits: Size = this.operandSize(operand)): Expr {
    const o = this.#operand(operand);
    if (o.kind === "immediate")
      return this.let(bits === 64 ? i64.load(UOP, UOP_IMM) : i32.load(UOP, UOP_IMM));
    if (this.isMemory(operand)) return this.load(this.linearAddress(operand), bits);
    if (o.kind === "absolute") return this.load(this.linearAddress(operand), bits);
    if (o.kind === "fixed") return this.gpr(o.register as number, bits);
    return this.let(loadHost(this.#registerAddress(operand), 0, bits));
  }

  readForWrite(operand: number): Expr {
    const bits = this.operandSize(operand);
    if (!this.isMemory(operand)) return this.read(operand);
    const host = this.#translateForWrite(this.linearAddress(operand), bits, "updateSlow");
    this.#writable.set(operand, { host });
    return this.let(loadHost(host, 0, bits));
  }

  write(operand: number, value: Expr, bits: Size = this.operandSize(operand)): void {
    const o = this.#operand(operand);
    if (this.isMemory(operand) || o.kind === "absolute") {
      const place = this.#writable.get(operand);
      if (place) this.#storeAndCommit(place.host, bits, value);
      else this.store(this.linearAddress(operand), bits, value);
    } else if (o.kind === "fixed") {
      this.setGpr(o.register as number, bits, value);
    } else {
      this.#emit(storeRegister(this.#registerAddress(operand), 0, bits, value, this.#isGeneral(o)));
    }
  }

  linearAddress(operand: number): Expr {
    if (this.#operand(operand).kind === "absolute") return this.#inSegment(i64.load(UOP, UOP_IMM));
    return this.#linear(this.effectiveAddress(operand));
  }

  linearAddressPlus(_operand: number, delta: Expr): Expr {
    return this.#linear(this.#effective(i64.add(this.#baseAndIndex(), delta)));
  }

  effectiveAddress(_operand: number): Expr {
    return this.#effective(this.#baseAndIndex());
  }

  slot(operand: number): Expr {
    return i32.load16U(UOP, this.#slotOf(operand));
  }

  gpr(register: number, bits: Size): Expr {
    return this.let(loadHost(CPU, CPU_GPR + register * 8, bits));
  }

  setGpr(register: number, bits: Size, value: Expr): void {
    this.#emit(storeRegister(CPU, CPU_GPR + register * 8, bits, value, true));
  }

  countRegister(): Expr {
    return this.let(i64.and(i64.load(CPU, CPU_GPR + 8), maskOf(UOP_SCALE)));
  }

  /** Only a 16-bit count leaves the bits above it alone. */
  setCountRegister(value: Expr): void {
    const mask = this.let(maskOf(UOP_SCALE));
    const kept = i64.and(i64.load(CPU, CPU_GPR + 8), i64.const(~0xffffn));
    const upper = select(kept, i64.const(0), i64.eq(mask, i64.const(0xffff)));
    this.#emit(i64.store(CPU, CPU_GPR + 8, i64.or(upper, i64.and(value, mask))));
  }

  cpu(): Expr {
    return CPU;
  }

  load(address: Expr, bits: Size): Expr {
    const va = this.let(address);
    const host = this.variable("i32", i32.const(0));
    this.#translate(va, bits, TLB_READ, host, "readSlow");
    return this.let(loadHost(host, 0, bits));
  }

  store(address: Expr, bits: Size, value: Expr): void {
    const bound = this.let(value);
    this.#storeAndCommit(this.#translateForWrite(address, bits, "writeSlow"), bits, bound);
  }

  field(offset: number, type: "i32" | "i64"): Expr {
    return this.let(type === "i32" ? i32.load(CPU, offset) : i64.load(CPU, offset));
  }

  setField(offset: number, value: Expr): void {
    this.#emit(value.type === "i32" ? i32.store(CPU, offset, value) : i64.store(CPU, offset, value));
  }

  flagResult(): Expr {
    return i64.load(CPU, CPU_FLAG_RESULT);
  }

  flagAux(): Expr {
    return i32.load(CPU, CPU_FLAG_AUX);
  }

  setFlags(result: Expr, aux: Expr): void {
    const boundAux = this.let(aux);
    this.#emit(i64.store(CPU, CPU_FLAG_RESULT, result));
    this.#emit(i32.store(CPU, CPU_FLAG_AUX, boundAux));
  }

  let(value: Expr): Expr {
    return this.variable(value.type, value);
  }

  variable(type: ValueType, value: Expr): Expr {
    const index = 2 + this.locals.length;
    this.locals.push(type);
    this.#emit(localSet(index, value));
    return localGet(index, type);
  }

  assign(variable: Expr, value: Expr): void {
    this.#emit([value.code, 0x21, (variable.code as readonly Code[])[1] as Code]);
  }

  if(condition: Expr, yes: () => void, no?: () => void): void {
    const body = this.#nested(yes);
    const otherwise = no ? [0x05, this.#nested(no)] : [];
    this.#emit([condition.code, 0x04, 0x40, body, otherwise, 0x0b]);
  }

  while(condition: Expr, body: () => void): void {
    const inner = this.#nested(body);
    this.#emit([0x02, 0x40, 0x03, 0x40, condition.code, 0x45, 0x0d, 1, inner, 0x0c, 0, 0x0b, 0x0b]);
  }

  faultIf(condition: Expr, vector: number): void {
    this.if(condition, () => {
      this.#emit(i32.store(CPU, CPU_VECTOR, i32.const(vector)));
      this.#emit(i32.store(CPU, CPU_ERROR_CODE, i32.const(0)));
      this.#leave(i32.const(EXIT_EXCEPTION));
    });
  }

  compute(name: CoreFunction, args: readonly Expr[], type: ValueType): Expr {
    const index = this.#linkage.coreFunction(
      name,
      args.map((a) => a.type),
      type,
    );
    return this.let(call(index, args, type));
  }

  system(name: CoreFunction, ...args: readonly Expr[]): void {
    const all = [CPU, UOP, ...args];
    const index = this.#linkage.coreFunction(
      name,
      all.map((a) => a.type),
      "i32",
    );
    const status = this.let(call(index, all, "i32"));
    this.if(status, () => this.#leave(i32.sub(status, i32.const(1))));
  }

  nextRip(): Expr {
    const inPage = i32.add(i32.load16U(UOP, UOP_OFFSET), i32.load8U(UOP, UOP_LENGTH));
    return this.let(i64.add(i64.load(CPU, CPU_CODE_PAGE), i64.extend32U(inPage)));
  }

  jump(): void {
    if (this.size === 16) this.jumpTo(this.#target16());
    else this.#emit(jumpRelative(this.#linkage, this));
    this.#ended = this.#sink === this.code;
  }

  jumpIf(condition: Expr): void {
    this.if(condition, () => this.jump());
  }

  jumpTo(address: Expr): void {
    this.#emit(spendBudget());
    this.#emit(tailCall(this.#linkage.jumpFar, [CPU, address]));
    this.#ended = this.#sink === this.code;
  }

  /** With a 16-bit operand size IP is cut to 16 bits. */
  #target16(): Expr {
    const segmentBase = this.field(CPU_SEG + SEG_CS * SEG_SIZE, "i64");
    const target = i64.add(i64.load(CPU, CPU_CODE_PAGE), i64.load(UOP, UOP_IMM));
    return this.let(i64.add(segmentBase, i64.and(i64.sub(target, segmentBase), i64.const(0xffff))));
  }

  #baseAndIndex(): Expr {
    const base = i64.add(i64.load(this.#register(UOP_BASE), 0), i64.load32S(UOP, UOP_DISP));
    if (this.#addressing === "base") return base;
    return i64.add(base, i64.shl(i64.load(this.#register(UOP_INDEX), 0), i64.load8U(UOP, UOP_SCALE)));
  }

  /** Cuts an offset to the address size, which only the general form of addressing needs. */
  #effective(offset: Expr): Expr {
    return this.let(this.#addressing === "general" ? i64.and(offset, maskOf(UOP_ADDRESS_SHIFT)) : offset);
  }

  #linear(effective: Expr): Expr {
    return this.#addressing === "general" ? this.#inSegment(effective) : effective;
  }

  #inSegment(offset: Expr): Expr {
    const sum = i64.add(offset, i64.load(this.#register(UOP_SEGMENT), 0));
    return this.let(i64.and(sum, maskOf(UOP_LINEAR_SHIFT)));
  }

  #emit(code: Code): void {
    this.#sink.push(code);
  }

  #nested(body: () => void): Code {
    const outer = this.#sink;
    const inner: Code[] = [];
    this.#sink = inner;
    body();
    this.#sink = outer;
    return inner;
  }

  /** Returns to the run loop with the position of this micro-op. */
  #leave(exit: Expr): void {
    this.#emit(i32.store(CPU, CPU_UOP, UOP));
    this.#emit(returnValue(exit));
  }

  #operand(index: number): Operand {
    const operand = this.#form.operands[index];
    if (!operand) throw new Error(`${this.#form.text} has no operand ${index}`);
    return operand;
  }

  #slotOf(operand: number): number {
    return slotOf(this.#form, operand) === "a" ? UOP_A : UOP_B;
  }

  #register(field: number): Expr {
    return i32.add(CPU, i32.load16U(UOP, field));
  }

  #registerAddress(operand: number): Expr {
    return this.#register(this.#slotOf(operand));
  }

  #isGeneral(o: Operand): boolean {
    return (
      o.kind === "rm" ||
      o.kind === "reg" ||
      o.kind === "opcode" ||
      o.kind === "rmRegister" ||
      o.kind === "fixed"
    );
  }

  #translateForWrite(address: Expr, bits: Size, slow: CoreFunction): Expr {
    const va = this.let(address);
    const host = this.variable("i32", i32.const(0));
    this.#translate(va, bits, TLB_WRITE, host, slow);
    return host;
  }

  /** host = TLB hit ? linear address + addend : the core's slow path, which answers 0 when it faulted. */
  #translate(va: Expr, bits: Size, tag: number, host: Expr, slow: CoreFunction): void {
    const entry = this.let(tlbEntry(va));
    const lastPage = i64.and(i64.add(va, i64.const(bits / 8 - 1)), i64.const(~0xfffn));
    this.if(
      i64.eq(i64.load(entry, tag), bits === 8 ? i64.and(va, i64.const(~0xfffn)) : lastPage),
      () => this.assign(host, i32.add(i32.wrap(va), i32.load(entry, TLB_ADDEND))),
      () => {
        const index = this.#linkage.coreFunction(slow, ["i32", "i64", "i32"], "i32");
        this.assign(host, call(index, [CPU, va, i32.const(bits / 8)], "i32"));
        this.if(i32.eqz(host), () => this.#leave(i32.const(EXIT_EXCEPTION)));
      },
    );
  }

  #storeAndCommit(host: Expr, bits: Size, value: Expr): void {
    this.#emit(storeHost(host, 0, bits, value));
    this.if(i32.eq(host, i32.add(CPU, i32.const(CPU_BOUNCE))), () => {
      const commit = this.#linkage.coreFunction("commitBounce", ["i32"], "i32");
      this.#emit([call(commit, [CPU], "i32").code, 0x1a]);
    });
  }
}

/** The slot of a register operand: the first one is in `a`, the second in `b`; memory, immediates and fixed ones have none. */
export function slotOf(form: Form, operand: number): "a" | "b" {
  const inSlots = form.operands.filter(
    (o) =>
      o.kind !== "immediate" &&
      o.kind !== "relative" &&
      o.kind !== "absolute" &&
      o.kind !== "fixed" &&
      o.kind !== "memory",
  );
  const position = inSlots.indexOf(form.operands[operand] as Operand);
  if (position < 0 || position > 1)
    throw new Error(`operand ${operand} of ${form.text} has no register slot`);
  return position === 0 ? "a" : "b";
}

function maskOf(shiftField: number): Expr {
  return i64.shrU(i64.const(-1n), i64.load8U(UOP, shiftField));
}

/** Address of the TLB entry for a linear address, in the bank of the present privilege. */
function tlbEntry(va: Expr): Expr {
  const shifted = i32.wrap(i64.shrU(va, i64.const(12 - TLB_ENTRY_BITS)));
  return i32.add(
    i32.load(CPU, CPU_TLB),
    i32.and(shifted, i32.const(((1 << TLB_BITS) - 1) << TLB_ENTRY_BITS)),
  );
}

function loadHost(address: Expr, offset: number, bits: Size): Expr {
  if (bits === 8) return i32.load8U(address, offset);
  if (bits === 16) return i32.load16U(address, offset);
  if (bits === 32) return i32.load(address, offset);
  return bits === 64 ? i64.load(address, offset) : v128.load(address, offset);
}

function storeHost(address: Expr, offset: number, bits: Size, value: Expr): Code {
  if (bits === 8) return i32.store8(address, offset, value);
  if (bits === 16) return i32.store16(address, offset, value);
  if (bits === 32) return i32.store(address, offset, value);
  return bits === 64 ? i64.store(address, offset, value) : v128.store(address, offset, value);
}

function storeRegister(address: Expr, offset: number, bits: Size, value: Expr, general: boolean): Code {
  if (bits === 32 && general) return i64.store(address, offset, i64.extend32U(value));
  return storeHost(address, offset, bits, value);
}

/** Tail call to the handler of the micro-op at `uop`, which becomes local `uopLocal`. */
export function dispatch(linkage: Linkage, uop: Expr, uopLocal = 1): Code {
  const next = localGet(uopLocal, "i32");
  return [
    localSet(uopLocal, uop),
    returnCallIndirect(linkage.handlerType, [CPU, next], i32.load(next, UOP_HANDLER)),
  ];
}

export function tailCall(functionIndex: number, args: readonly Expr[]): Code {
  const direct = call(functionIndex, args, "i32").code as readonly Code[];
  return [direct[0] as Code, 0x12, direct[2] as Code];
}

export function spendBudget(): Code {
  return i32.store(CPU, CPU_BUDGET, i32.sub(i32.load(CPU, CPU_BUDGET), i32.const(1)));
}

/** A jump inside its page is linked to the target's micro-ops at its first use; others go through the jump cache. */
function jumpRelative(linkage: Linkage, m: HandlerLowering): Code {
  const resolve = linkage.coreFunction("linkJump", ["i32", "i32"], "i32");
  const link = 2 + m.locals.length;
  m.locals.push("i32");
  const bound = localGet(link, "i32");
  const linked = i32.and(i32.ne(bound, i32.const(0)), i32.gtS(i32.load(CPU, CPU_BUDGET), i32.const(0)));
  return [
    spendBudget(),
    localSet(link, i32.load(UOP, UOP_LINK)),
    ifThen(linked, dispatch(linkage, bound)),
    ifThen(
      i64.geU(i64.load(UOP, UOP_IMM), i64.const(4096)),
      tailCall(linkage.jumpFar, [CPU, i64.add(i64.load(CPU, CPU_CODE_PAGE), i64.load(UOP, UOP_IMM))]),
    ),
    localSet(link, call(resolve, [CPU, UOP], "i32")),
    ifThen(bound, dispatch(linkage, bound)),
    returnValue(i32.const(EXIT_RESUME)),
  ];
}
