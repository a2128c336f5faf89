// One instruction of a region: operands are constants of its micro-op and registers are locals.

import type { Code } from "../encoder/bytes.ts";
import {
  type Expr,
  i32,
  i64,
  localGet,
  localSet,
  returnValue,
  type ValueType,
} from "../encoder/expressions.ts";
import { slotOf } from "../interpreter/handler.ts";
import type { CoreFunction, Size } from "../isa/lowering.ts";
import {
  CPU_BUDGET,
  CPU_CODE_PAGE,
  CPU_GPR,
  CPU_UOP,
  CPU_ZERO,
  ENGINE_COUNT_INVALIDATIONS,
} from "../layout.ts";
import { loadHost, storeHost } from "../lowering/host-access.ts";
import { CPU, type Linkage, tailCall } from "../lowering/linkage.ts";
import { WasmLowering } from "../lowering/wasm-lowering.ts";
import type { RegionInstruction } from "./region.ts";
import type { RegionState } from "./region-state.ts";

/** How a region's code goes to another place in its page. */
export interface Transfers {
  /** Code that goes to the node at `offset`, from `depth` nested constructs inside the present node; undefined: not a node. */
  to(offset: number, depth: number): Code | undefined;
}

const SLOW_PATHS: ReadonlySet<CoreFunction> = new Set([
  "readSlow",
  "writeSlow",
  "updateSlow",
  "commitBounce",
]);
const INVALIDATIONS = i32.load(i32.const(0), ENGINE_COUNT_INVALIDATIONS);

export class RegionLowering extends WasmLowering {
  readonly code: Code[] = [];
  isEnded = false;
  readonly #instruction: RegionInstruction;
  readonly #state: RegionState;
  readonly #transfers: Transfers;
  #sink: Code[] = this.code;
  #depth = 0;
  /** A local that is set when translated code was dropped during this instruction. */
  #touched: number | undefined;

  constructor(instruction: RegionInstruction, state: RegionState, transfers: Transfers, linkage: Linkage) {
    const { form, size, addressing } = instruction.entry;
    super(form, size, addressing, linkage);
    this.#instruction = instruction;
    this.#state = state;
    this.#transfers = transfers;
  }

  /** After the instruction: leaves if this region may have been dropped. */
  finish(): void {
    if (this.#touched === undefined || this.isEnded) return;
    const next = this.#instruction.offset + this.#instruction.length;
    this.if(localGet(this.#touched, "i32"), () => this.emit(exitTo(next, this.#state, this.linkage)));
  }

  slot(operand: number): Expr {
    return i32.const(this.#slot(operand));
  }

  gpr(register: number, bits: Size): Expr {
    return this.#readGeneral(CPU_GPR + register * 8, bits);
  }

  setGpr(register: number, bits: Size, value: Expr): void {
    this.#writeGeneral(CPU_GPR + register * 8, bits, value);
  }

  countRegister(): Expr {
    return this.let(i64.and(this.#state.gpr(1), maskOf(this.#instruction.scale)));
  }

  setCountRegister(value: Expr): void {
    const { scale } = this.#instruction;
    const masked = i64.and(value, maskOf(scale));
    const kept = i64.and(this.#state.gpr(1), i64.const(~0xffffn));
    this.emit(this.#state.setGpr(1, scale === 48 ? i64.or(kept, masked) : masked));
  }

  field(offset: number, type: "i32" | "i64"): Expr {
    return this.let(type === "i32" ? i32.load(CPU, offset) : i64.load(CPU, offset));
  }

  setField(offset: number, value: Expr): void {
    this.emit(value.type === "i32" ? i32.store(CPU, offset, value) : i64.store(CPU, offset, value));
  }

  flagResult(): Expr {
    return this.#state.flagResult();
  }

  flagAux(): Expr {
    return this.#state.flagAux();
  }

  setFlags(result: Expr, aux: Expr): void {
    const boundAux = this.let(aux);
    this.emit(this.#state.setFlagResult(result));
    this.emit(this.#state.setFlagAux(boundAux));
  }

  system(name: CoreFunction, ...args: readonly Expr[]): void {
    this.emit(this.#state.spill());
    const call = this.coreCall(name, [CPU, i32.const(this.#instruction.uop), ...args], "i32");
    const status = this.let(this.#watched(call));
    this.if(status, () => {
      this.emit(i32.store(CPU, CPU_UOP, i32.const(this.#instruction.uop)));
      this.emit(returnValue(i32.sub(status, i32.const(1))));
    });
    this.emit(this.#state.reload());
  }

  nextRip(): Expr {
    const { offset, length } = this.#instruction;
    return this.let(i64.add(i64.load(CPU, CPU_CODE_PAGE), i64.const(offset + length)));
  }

  jump(): void {
    const target = this.#instruction.immediate;
    const inRegion =
      this.form.mnemonic === "call" ? undefined : this.#transfers.to(Number(target), this.#depth);
    this.emit(inRegion ?? exitTo(target, this.#state, this.linkage));
    this.isEnded ||= this.#sink === this.code;
  }

  jumpTo(address: Expr): void {
    const bound = this.let(address);
    this.emit(exitToLinear(bound, this.#state, this.linkage));
    this.isEnded ||= this.#sink === this.code;
  }

  protected emit(code: Code): void {
    this.#sink.push(code);
  }

  protected nested(body: () => void): Code {
    const outer = this.#sink;
    const inner: Code[] = [];
    this.#sink = inner;
    this.#depth++;
    body();
    this.#depth--;
    this.#sink = outer;
    return inner;
  }

  override while(condition: Expr, body: () => void): void {
    this.#depth++;
    super.while(condition, body);
    this.#depth--;
  }

  protected newLocal(type: ValueType): number {
    return this.#state.newLocal(type);
  }

  protected immediate(bits: Size): Expr {
    const value = this.#instruction.immediate;
    return bits === 64 ? i64.const(value) : i32.const(Number(BigInt.asIntN(32, value)));
  }

  protected readRegister(operand: number, bits: Size): Expr {
    return this.#readGeneral(this.#slot(operand), bits);
  }

  protected writeRegister(operand: number, bits: Size, value: Expr): void {
    this.#writeGeneral(this.#slot(operand), bits, value);
  }

  protected effective(delta: Expr | undefined): Expr {
    const { base, index, scale, displacement, addressShift } = this.#instruction;
    let sum: Expr = i64.const(displacement);
    const baseValue = this.#addressPart(base);
    if (baseValue) sum = displacement === 0 ? baseValue : i64.add(baseValue, sum);
    const indexValue = this.addressing === "base" ? undefined : this.#addressPart(index);
    if (indexValue) sum = i64.add(sum, scale === 0 ? indexValue : i64.shl(indexValue, i64.const(scale)));
    if (delta) sum = i64.add(sum, delta);
    return this.let(
      this.addressing === "general" && addressShift !== 0 ? i64.and(sum, maskOf(addressShift)) : sum,
    );
  }

  protected inSegment(offset: Expr): Expr {
    const { segment, linearShift } = this.#instruction;
    const sum = segment === CPU_ZERO ? offset : i64.add(offset, i64.load(CPU, segment));
    return this.let(linearShift === 0 ? sum : i64.and(sum, maskOf(linearShift)));
  }

  protected leave(exit: Expr): void {
    this.emit(this.#state.spill());
    this.emit(i32.store(CPU, CPU_UOP, i32.const(this.#instruction.uop)));
    this.emit(returnValue(exit));
  }

  /** Slow paths may ask for attention, which they do through the budget in memory; stores may change code. */
  protected override coreCall(name: CoreFunction, args: readonly Expr[], type: ValueType): Expr {
    const inner = super.coreCall(name, args, type);
    if (!SLOW_PATHS.has(name)) return inner;
    const result = this.newLocal("i32");
    const code = [
      i32.store(CPU, CPU_BUDGET, this.#state.budget()),
      localSet(result, name === "readSlow" ? inner : this.#watched(inner)),
      this.#state.setBudget(i32.load(CPU, CPU_BUDGET)),
      localGet(result, "i32").code,
    ];
    return { type, code };
  }

  /** The same call, which also notes when translated code was dropped during it: perhaps this region's own. */
  #watched(call: Expr): Expr {
    this.#touched ??= this.#declareTouched();
    const before = this.newLocal("i32");
    const result = this.newLocal("i32");
    const changed = i32.ne(localGet(before, "i32"), INVALIDATIONS);
    const code = [
      localSet(before, INVALIDATIONS),
      localSet(result, call),
      localSet(this.#touched, i32.or(localGet(this.#touched, "i32"), changed)),
      localGet(result, "i32").code,
    ];
    return { type: "i32", code };
  }

  /** The flag is cleared at the start of the instruction. */
  #declareTouched(): number {
    const local = this.newLocal("i32");
    this.code.unshift(localSet(local, i32.const(0)));
    return local;
  }

  #slot(operand: number): number {
    return slotOf(this.form, operand) === "a" ? this.#instruction.a : this.#instruction.b;
  }

  #addressPart(offset: number): Expr | undefined {
    if (offset === CPU_ZERO) return undefined;
    return offset < CPU_ZERO ? this.#state.gpr(offset >> 3) : i64.load(CPU, offset);
  }

  #readGeneral(offset: number, bits: Size): Expr {
    if (offset >= CPU_ZERO) return this.let(loadHost(CPU, offset, bits));
    const whole = this.#state.gpr(offset >> 3);
    if (bits === 64) return this.let(whole);
    const low = i32.wrap(whole);
    if (bits === 32) return this.let(low);
    const shifted = (offset & 7) === 1 ? i32.shrU(low, i32.const(8)) : low;
    return this.let(i32.and(shifted, i32.const(bits === 8 ? 0xff : 0xffff)));
  }

  #writeGeneral(offset: number, bits: Size, value: Expr): void {
    if (offset >= CPU_ZERO) {
      this.emit(storeHost(CPU, offset, bits, value));
      return;
    }
    const register = offset >> 3;
    if (bits === 64) this.emit(this.#state.setGpr(register, value));
    else if (bits === 32) this.emit(this.#state.setGpr(register, i64.extend32U(value)));
    else {
      const shift = (offset & 7) === 1 ? 8n : 0n;
      const mask = (bits === 8 ? 0xffn : 0xffffn) << shift;
      const part = i64.shl(
        i64.extend32U(i32.and(value, i32.const(bits === 8 ? 0xff : 0xffff))),
        i64.const(shift),
      );
      const kept = i64.and(this.#state.gpr(register), i64.const(~mask));
      this.emit(this.#state.setGpr(register, i64.or(kept, part)));
    }
  }
}

/** Leaves the region for a place relative to the code page. */
export function exitTo(target: number | bigint, state: RegionState, linkage: Linkage): Code {
  return exitToLinear(i64.add(i64.load(CPU, CPU_CODE_PAGE), i64.const(target)), state, linkage);
}

function exitToLinear(address: Expr, state: RegionState, linkage: Linkage): Code {
  const spent = state.setBudget(i32.sub(state.budget(), i32.const(1)));
  return [spent, state.spill(), tailCall(linkage.jumpFar, [CPU, address])];
}

function maskOf(shift: number): Expr {
  return i64.const(0xffff_ffff_ffff_ffffn >> BigInt(shift));
}
