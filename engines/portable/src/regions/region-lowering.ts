// One instruction of a region: operands are constants of its micro-op and registers are locals.

import type { Code } from "../encoder/bytes.ts";
import {
  type Expr,
  hintOf,
  i32,
  i64,
  ifThen,
  localGet,
  localSet,
  returnValue,
  unlikely,
  type ValueType,
} from "../encoder/expressions.ts";
import { slotOf } from "../interpreter/handler.ts";
import { computeFlags } from "../isa/flags.ts";
import type { CoreFunction, FlagSource, Size } from "../isa/lowering.ts";
import {
  CPU_BUDGET,
  CPU_CODE_PAGE,
  CPU_GPR,
  CPU_UOP,
  CPU_ZERO,
  ENGINE_COUNT_INVALIDATIONS,
} from "../layout.ts";
import { loadHost, storeHost } from "../lowering/host-access.ts";
import { CPU } from "../lowering/linkage.ts";
import { WasmLowering } from "../lowering/wasm-lowering.ts";
import { type CoreEffects, coreEffects, MAPPING_CHANGES } from "./core-effects.ts";
import { pageOfPlace } from "./image.ts";
import { type Instruction, jumpTarget } from "./instruction.ts";
import type { RegionCode } from "./region-code.ts";
import { isVector, readVectorPart, writeVectorPart } from "./vector-registers.ts";

/** Ways from the node an instruction is in, with `level` labels open. */
export interface Transfers {
  /** To the node the last instruction jumps to; undefined when that is not in the region. */
  taken(level: number): Code | undefined;
  /** A return that finds `address` where the call came from goes on in the region; undefined when it left the outermost call. */
  returned(address: Expr, level: number): Code | undefined;
}

const SLOW_PATHS: ReadonlySet<CoreFunction> = new Set([
  "readSlow",
  "writeSlow",
  "updateSlow",
  "commitBounce",
]);
const INVALIDATIONS = i32.load(i32.const(0), ENGINE_COUNT_INVALIDATIONS);
const RCX = 1;

export class RegionLowering extends WasmLowering {
  readonly code: Code[] = [];
  readonly mayDefer: boolean;
  /** Nothing after the instruction can be reached. */
  isEnded = false;
  readonly #instruction: Instruction;
  readonly #index: number;
  readonly #region: RegionCode;
  readonly #transfers: Transfers;
  #sink: Code[] = this.code;
  #level: number;
  /** A local that is set when translated code was dropped during this instruction. */
  #touched: number | undefined;

  /**
   * `index` is that of the micro-op in the region, `level` the number of labels open. The instruction a region is entered at
   * must not defer: the interpreter would come back to the region.
   */
  constructor(
    instruction: Instruction,
    index: number,
    region: RegionCode,
    transfers: Transfers,
    level: number,
    isEntry: boolean,
  ) {
    const { form, size, addressing } = instruction.entry;
    super(form, size, addressing, region.linkage);
    this.#instruction = instruction;
    this.#index = index;
    this.#region = region;
    this.#transfers = transfers;
    this.#level = level;
    this.mayDefer = !isEntry;
  }

  deferIf(condition: Expr, known?: string): void {
    if (known !== undefined && this.#region.known.has(known)) return;
    super.if(unlikely(condition), () => this.#goTo(this.#region.linear(this.#instruction.place)));
    if (known !== undefined) this.#region.known.add(known);
  }

  /** After the instruction: leaves if this region may have been dropped. */
  finish(): void {
    if (this.isEnded) return;
    this.#leaveIfTouched(() => this.#region.linear(this.#end()));
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
    return this.let(i64.and(this.#region.state.gpr(RCX), maskOf(this.#instruction.scale)));
  }

  setCountRegister(value: Expr): void {
    const { scale } = this.#instruction;
    const { state } = this.#region;
    const masked = i64.and(value, maskOf(scale));
    const kept = i64.and(state.gpr(RCX), i64.const(~0xffffn));
    this.emit(state.setGpr(RCX, scale === 48 ? i64.or(kept, masked) : masked));
  }

  field(offset: number, type: "i32" | "i64"): Expr {
    if (isVector(offset)) return this.#readGeneral(offset, 64);
    return this.let(type === "i32" ? i32.load(CPU, offset) : i64.load(CPU, offset));
  }

  setField(offset: number, value: Expr): void {
    this.#region.known = new Set();
    if (isVector(offset)) this.#writeGeneral(offset, 64, value);
    else this.emit(value.type === "i32" ? i32.store(CPU, offset, value) : i64.store(CPU, offset, value));
  }

  flagResult(): Expr {
    return this.#flagValues().result;
  }

  flagAux(): Expr {
    return this.#flagValues().aux;
  }

  setFlags(result: Expr, aux: Expr): void {
    this.#region.flags.now = { held: "values", result: this.let(result), aux: this.let(aux) };
  }

  setFlagSource(source: FlagSource): void {
    this.#region.flags.now = { held: "source", source };
  }

  setCarry(cf: Expr, of?: Expr): void {
    this.#region.flags.patch(cf, of);
  }

  knownCarry(): Expr | undefined {
    const { now } = this.#region.flags;
    return now.held === "patched" ? now.cf : undefined;
  }

  carryForLater(): Expr | undefined {
    return this.#region.flags.carryForLater();
  }

  flagSource(): FlagSource | undefined {
    const { now } = this.#region.flags;
    return now.held === "source" ? now.source : undefined;
  }

  system(name: CoreFunction, ...args: readonly Expr[]): void {
    const effects = coreEffects(name);
    const call = this.coreCall(name, [CPU, this.#region.uop(this.#index), ...args], "i32");
    if (effects) this.#callKnown(effects, call);
    else this.#callUnknown(call);
    if (MAPPING_CHANGES.has(name)) this.#goTo(this.#region.linear(this.#end()));
  }

  #callKnown({ general, flags: usesFlags }: CoreEffects, call: Expr): void {
    const { state, flags } = this.#region;
    this.emit([state.spill(general), usesFlags ? flags.toFields() : []]);
    if (usesFlags) flags.now = { held: "fields" };
    const status = this.let(this.#watched(call));
    this.emit(state.reload(general));
    super.if(unlikely(status), () => this.leave(i32.sub(status, i32.const(1))));
  }

  #callUnknown(call: Expr): void {
    const { state, flags } = this.#region;
    this.emit([state.spill(), flags.toFields()]);
    flags.now = { held: "fields" };
    this.#region.known = new Set();
    const status = this.let(this.#watched(call));
    super.if(unlikely(status), () => {
      this.emit(i32.store(CPU, CPU_UOP, this.#region.uop(this.#index)));
      this.emit(returnValue(i32.sub(status, i32.const(1))));
    });
    this.emit(state.reload());
  }

  nextRip(): Expr {
    return this.let(this.#region.linear(this.#end()));
  }

  jump(): void {
    const target = jumpTarget(this.#instruction) as number;
    this.#leaveIfTouched(() => this.#region.linear(target));
    const inRegion = this.#transfers.taken(this.#level);
    if (inRegion) this.emit(inRegion);
    else this.#goTo(this.#region.linear(target));
    this.isEnded ||= this.#sink === this.code;
  }

  jumpTo(address: Expr): void {
    const bound = this.let(address);
    this.#leaveIfTouched(() => bound);
    const inRegion =
      this.form.mnemonic === "ret" ? this.#transfers.returned(bound, this.#level + 1) : undefined;
    if (inRegion) this.emit(inRegion);
    this.#goTo(bound);
    this.isEnded ||= this.#sink === this.code;
  }

  /** Flags that only one branch changes are in the locals behind both. */
  override if(condition: Expr, yes: () => void, no?: () => void): void {
    if (condition.constant !== undefined) return super.if(condition, yes, no);
    const region = this.#region;
    const { flags } = region;
    const before = flags.now;
    const knownBefore = region.known;
    region.known = new Set(knownBefore);
    const yesCode = this.nested(yes);
    const afterYes = flags.now;
    const knownAfterYes = region.known;
    flags.now = before;
    region.known = knownBefore;
    const noCode = no ? this.nested(no) : [];
    const afterNo = flags.now;
    region.known = region.known.intersection(knownAfterYes);
    const isSame = afterYes === before && afterNo === before;
    const yesEnd = isSame ? [] : flags.toLocals(afterYes);
    const noEnd = isSame ? [] : flags.toLocals(afterNo);
    if (!isSame) flags.now = { held: "locals" };
    this.emit([condition.code, hintOf(condition), 0x04, 0x40, yesCode, yesEnd, 0x05, noCode, noEnd, 0x0b]);
  }

  override while(condition: Expr, body: () => void): void {
    this.#level++;
    super.while(condition, body);
    this.#level--;
  }

  protected emit(code: Code): void {
    this.#sink.push(code);
  }

  protected nested(body: () => void): Code {
    const outer = this.#sink;
    const inner: Code[] = [];
    this.#sink = inner;
    this.#level++;
    body();
    this.#level--;
    this.#sink = outer;
    return inner;
  }

  protected newLocal(type: ValueType): number {
    return this.#region.state.newTemporary(type);
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
    this.emit(this.#region.leave(exit, this.#index, this.#level));
  }

  /** Slow paths may ask for attention, which they do through the budget in memory; stores may change code. */
  protected override coreCall(name: CoreFunction, args: readonly Expr[], type: ValueType): Expr {
    const inner = super.coreCall(name, args, type);
    if (!SLOW_PATHS.has(name)) return inner;
    const { state } = this.#region;
    const result = this.newLocal("i32");
    const code = [
      i32.store(CPU, CPU_BUDGET, state.budget()),
      localSet(result, name === "readSlow" ? inner : this.#watched(inner)),
      state.setBudget(i32.load(CPU, CPU_BUDGET)),
      localGet(result, "i32").code,
    ];
    return { type, code };
  }

  protected override tlb(): Expr {
    return this.#region.state.tlb();
  }

  /** Place of the following instruction. */
  #end(): number {
    return this.#instruction.place + this.#instruction.length;
  }

  #leaveIfTouched(address: () => Expr): void {
    if (this.#touched === undefined) return;
    super.if(unlikely(localGet(this.#touched, "i32")), () => this.#goTo(address()));
  }

  #goTo(address: Expr): void {
    this.emit(this.#region.goTo(address, this.#level));
  }

  #flagValues(): { readonly result: Expr; readonly aux: Expr } {
    return this.#region.flags.values(
      (value) => this.let(value),
      (code) => this.emit(code),
      (source) => computeFlags(this, source),
    );
  }

  /** The same call, which also notes when translated code was dropped during it: perhaps this region's own. */
  #watched(call: Expr): Expr {
    this.#touched ??= this.#declareTouched();
    const before = this.newLocal("i32");
    const result = this.newLocal("i32");
    const code = [
      localSet(before, INVALIDATIONS),
      localSet(result, call),
      ifThen(unlikely(i32.ne(localGet(before, "i32"), INVALIDATIONS)), localSet(this.#touched, i32.const(1))),
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
    if (offset === CPU_CODE_PAGE) return this.#region.linear(pageOfPlace(this.#instruction.place) << 12);
    return offset < CPU_ZERO ? this.#region.state.gpr(offset >> 3) : i64.load(CPU, offset);
  }

  #readGeneral(offset: number, bits: Size): Expr {
    if (isVector(offset)) return this.let(readVectorPart(this.#region.state, offset, bits));
    if (offset >= CPU_ZERO) return this.let(loadHost(CPU, offset, bits));
    const whole = this.#region.state.gpr(offset >> 3);
    if (bits === 64) return this.let(whole);
    const low = i32.wrap(whole);
    if (bits === 32) return this.let(low);
    const shifted = (offset & 7) === 1 ? i32.shrU(low, i32.const(8)) : low;
    return this.let(i32.and(shifted, i32.const(bits === 8 ? 0xff : 0xffff)));
  }

  #writeGeneral(offset: number, bits: Size, value: Expr): void {
    const { state } = this.#region;
    if (isVector(offset)) return this.emit(writeVectorPart(state, offset, bits, value));
    if (offset >= CPU_ZERO) return this.emit(storeHost(CPU, offset, bits, value));
    const register = offset >> 3;
    if (bits === 64) this.emit(state.setGpr(register, value));
    else if (bits === 32) this.emit(state.setGpr(register, i64.extend32U(value)));
    else
      this.emit(
        state.setGpr(register, withPart(state.gpr(register), bits, (offset & 7) === 1 ? 8n : 0n, value)),
      );
  }
}

/** A 64-bit register with `bits` of it, from bit `shift`, replaced. */
function withPart(whole: Expr, bits: Size, shift: bigint, value: Expr): Expr {
  const narrow = i32.and(value, i32.const(bits === 8 ? 0xff : 0xffff));
  const mask = (bits === 8 ? 0xffn : 0xffffn) << shift;
  const part = shift === 0n ? i64.extend32U(narrow) : i64.shl(i64.extend32U(narrow), i64.const(shift));
  return i64.or(i64.and(whole, i64.const(~mask)), part);
}

function maskOf(shift: number): Expr {
  return i64.const(0xffff_ffff_ffff_ffffn >> BigInt(shift));
}
