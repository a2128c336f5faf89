// The part of the lowering that is the same whoever listens: locals and control, operand kinds, guest memory through the TLB, calls
// of the core. Where operands come from and how execution leaves is left to the two tiers.

import type { Code } from "../encoder/bytes.ts";
import {
  call,
  type Expr,
  hintOf,
  i32,
  i64,
  likely,
  localGet,
  localSet,
  unlikely,
  type ValueType,
} from "../encoder/expressions.ts";
import type { Addressing, Form, Operand } from "../isa/forms.ts";
import type { CoreFunction, FlagSource, Lowering, Size } from "../isa/lowering.ts";
import {
  CPU_BOUNCE,
  CPU_ERROR_CODE,
  CPU_TLB,
  CPU_VECTOR,
  EXIT_EXCEPTION,
  TLB_ADDEND,
  TLB_READ,
  TLB_WRITE,
} from "../layout.ts";
import { loadHost, storeHost, tlbEntry } from "./host-access.ts";
import { CPU, type Linkage } from "./linkage.ts";

const PAGE_MASK = i64.const(~0xfffn);

export abstract class WasmLowering implements Lowering {
  readonly form: Form;
  readonly size: Size;
  readonly addressing: Addressing;
  readonly mnemonic: string;
  readonly operandCount: number;
  protected readonly linkage: Linkage;
  /** Memory operands that `readForWrite` translated: their offset in the memory, an i32 local. */
  readonly #translated = new Map<number, Expr>();

  constructor(form: Form, size: Size, addressing: Addressing, linkage: Linkage) {
    this.form = form;
    this.size = size;
    this.addressing = addressing;
    this.mnemonic = form.mnemonic;
    this.operandCount = form.operands.length;
    this.linkage = linkage;
  }

  /** Appends a statement where code is being generated. */
  protected abstract emit(code: Code): void;
  /** Generates `body` to a place of its own. */
  protected abstract nested(body: () => void): Code;
  protected abstract newLocal(type: ValueType): number;
  protected abstract immediate(bits: Size): Expr;
  protected abstract readRegister(operand: number, bits: Size): Expr;
  protected abstract writeRegister(operand: number, bits: Size, value: Expr): void;
  /** Base, index and displacement of the memory operand, plus `delta`, cut to the address size. */
  protected abstract effective(delta: Expr | undefined): Expr;
  /** Adds the operand's segment base where the way of addressing has one. */
  protected abstract inSegment(offset: Expr): Expr;
  /** Returns from the generated function with the position of the present instruction. */
  protected abstract leave(exit: Expr): void;

  abstract readonly mayDefer: boolean;
  abstract deferIf(condition: Expr, known?: string): void;
  abstract slot(operand: number): Expr;
  abstract gpr(register: number, bits: Size): Expr;
  abstract setGpr(register: number, bits: Size, value: Expr): void;
  abstract countRegister(): Expr;
  abstract setCountRegister(value: Expr): void;
  abstract field(offset: number, type: "i32" | "i64"): Expr;
  abstract setField(offset: number, value: Expr): void;
  abstract flagResult(): Expr;
  abstract flagAux(): Expr;
  abstract setFlags(result: Expr, aux: Expr): void;
  abstract setFlagSource(source: FlagSource): void;
  abstract setCarry(cf: Expr, of?: Expr): void;
  abstract knownCarry(): Expr | undefined;
  abstract carryForLater(): Expr | undefined;
  abstract flagSource(): FlagSource | undefined;
  abstract system(name: CoreFunction, ...args: readonly Expr[]): void;
  abstract nextRip(): Expr;
  abstract jump(): void;
  abstract jumpTo(address: Expr): void;

  isMemory(operand: number): boolean {
    const { kind } = this.operand(operand);
    if (kind === "memory") return true;
    return (kind === "rm" || kind === "vectorRm" || kind === "mmxRm") && this.addressing !== "register";
  }

  operandIsImmediate(operand: number): boolean {
    return this.operand(operand).kind === "immediate";
  }

  operandSize(operand: number): Size {
    const { size } = this.operand(operand);
    if (typeof size === "number") return size;
    if (size === "z") return this.size === 16 ? 16 : 32;
    return this.size;
  }

  read(operand: number, bits: Size = this.operandSize(operand)): Expr {
    const { kind, register } = this.operand(operand);
    if (kind === "immediate") return this.let(this.immediate(bits));
    if (this.isMemory(operand) || kind === "absolute") return this.load(this.linearAddress(operand), bits);
    return kind === "fixed" ? this.gpr(register as number, bits) : this.readRegister(operand, bits);
  }

  readForWrite(operand: number): Expr {
    const bits = this.operandSize(operand);
    if (!this.isMemory(operand)) return this.read(operand);
    const host = this.#translateForWrite(this.linearAddress(operand), bits, "updateSlow");
    this.#translated.set(operand, host);
    return this.let(loadHost(host, 0, bits));
  }

  write(operand: number, value: Expr, bits: Size = this.operandSize(operand)): void {
    const { kind, register } = this.operand(operand);
    const host = this.#translated.get(operand);
    if (host) this.#storeAndCommit(host, bits, value);
    else if (this.isMemory(operand) || kind === "absolute")
      this.store(this.linearAddress(operand), bits, value);
    else if (kind === "fixed") this.setGpr(register as number, bits, value);
    else this.writeRegister(operand, bits, value);
  }

  linearAddress(operand: number): Expr {
    if (this.operand(operand).kind === "absolute") return this.inSegment(this.immediate(64));
    return this.#linear(this.effective(undefined));
  }

  linearAddressPlus(_operand: number, delta: Expr): Expr {
    return this.#linear(this.effective(delta));
  }

  effectiveAddress(_operand: number): Expr {
    return this.effective(undefined);
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
    const va = this.let(address);
    const entry = this.let(tlbEntry(this.tlb(), va));
    this.if(
      this.#hits(entry, TLB_WRITE, va, bits),
      () => this.emit(storeHost(i32.add(i32.wrap(va), i32.load(entry, TLB_ADDEND)), 0, bits, bound)),
      () => {
        const host = this.variable("i32", i32.const(0));
        this.#translateSlowly("writeSlow", va, bits, host);
        this.#storeAndCommit(host, bits, bound);
      },
    );
  }

  let(value: Expr): Expr {
    return value.constant !== undefined || value.bytes ? value : this.variable(value.type, value);
  }

  variable(type: ValueType, value: Expr): Expr {
    const index = this.newLocal(type);
    this.emit(localSet(index, value));
    return localGet(index, type);
  }

  assign(variable: Expr, value: Expr): void {
    this.emit([value.code, 0x21, (variable.code as readonly Code[])[1] as Code]);
  }

  if(condition: Expr, yes: () => void, no?: () => void): void {
    if (condition.constant !== undefined) {
      if (condition.constant) yes();
      else no?.();
      return;
    }
    const body = this.nested(yes);
    const otherwise = no ? [0x05, this.nested(no)] : [];
    this.emit([condition.code, hintOf(condition), 0x04, 0x40, body, otherwise, 0x0b]);
  }

  while(condition: Expr, body: () => void): void {
    const inner = this.nested(body);
    this.emit([0x02, 0x40, 0x03, 0x40, condition.code, 0x45, 0x0d, 1, inner, 0x0c, 0, 0x0b, 0x0b]);
  }

  faultIf(condition: Expr, vector: number): void {
    this.if(unlikely(condition), () => {
      this.emit(i32.store(CPU, CPU_VECTOR, i32.const(vector)));
      this.emit(i32.store(CPU, CPU_ERROR_CODE, i32.const(0)));
      this.leave(i32.const(EXIT_EXCEPTION));
    });
  }

  compute(name: CoreFunction, args: readonly Expr[], type: ValueType): Expr {
    return this.let(this.coreCall(name, args, type));
  }

  jumpIf(condition: Expr): void {
    this.if(condition, () => this.jump());
  }

  /** Address of the present TLB bank. */
  protected tlb(): Expr {
    return i32.load(CPU, CPU_TLB);
  }

  protected coreCall(name: CoreFunction, args: readonly Expr[], type: ValueType): Expr {
    const params = args.map((a) => a.type);
    return call(this.linkage.coreFunction(name, params, type), args, type);
  }

  protected operand(index: number): Operand {
    const operand = this.form.operands[index];
    if (!operand) throw new Error(`${this.form.text} has no operand ${index}`);
    return operand;
  }

  #linear(effective: Expr): Expr {
    return this.addressing === "general" ? this.inSegment(effective) : effective;
  }

  #translateForWrite(address: Expr, bits: Size, slow: CoreFunction): Expr {
    const va = this.let(address);
    const host = this.variable("i32", i32.const(0));
    this.#translate(va, bits, TLB_WRITE, host, slow);
    return host;
  }

  /** host = TLB hit ? linear address + addend : the core's slow path. */
  #translate(va: Expr, bits: Size, tag: number, host: Expr, slow: CoreFunction): void {
    const entry = this.let(tlbEntry(this.tlb(), va));
    this.if(
      this.#hits(entry, tag, va, bits),
      () => this.assign(host, i32.add(i32.wrap(va), i32.load(entry, TLB_ADDEND))),
      () => this.#translateSlowly(slow, va, bits, host),
    );
  }

  /** i32: does the entry hold the page of the access, which must not cross into another? */
  #hits(entry: Expr, tag: number, va: Expr, bits: Size): Expr {
    const last = bits === 8 ? va : i64.add(va, i64.const(bits / 8 - 1));
    return likely(i64.eq(i64.load(entry, tag), i64.and(last, PAGE_MASK)));
  }

  /** The slow path answers 0 when it faulted. */
  #translateSlowly(slow: CoreFunction, va: Expr, bits: Size, host: Expr): void {
    this.assign(host, this.coreCall(slow, [CPU, va, i32.const(bits / 8)], "i32"));
    this.if(unlikely(i32.eqz(host)), () => this.leave(i32.const(EXIT_EXCEPTION)));
  }

  #storeAndCommit(host: Expr, bits: Size, value: Expr): void {
    this.emit(storeHost(host, 0, bits, value));
    this.if(unlikely(i32.eq(host, i32.add(CPU, i32.const(CPU_BOUNCE)))), () => {
      this.emit([this.coreCall("commitBounce", [CPU], "i32").code, 0x1a]);
    });
  }
}
