// Flags inside a region. Along a straight run it is known while code is generated where they come from, and nothing is computed
// until something asks. Where runs meet, kind and operands go through three locals, and only leaving the region turns them into
// result and aux (isa/flags.ts).

import { type Code, unsignedLeb } from "../encoder/bytes.ts";
import { call, type Expr, i32, i64, ifElse, ifThen, localGet, localSet } from "../encoder/expressions.ts";
import { AUX_PO, auxOf, signExtend } from "../isa/flags.ts";
import type { FlagSource, Size } from "../isa/lowering.ts";
import {
  CPU_FLAG_AUX,
  CPU_FLAG_RESULT,
  FLAGS_ADD,
  FLAGS_DEC,
  FLAGS_EXPLICIT,
  FLAGS_IMUL,
  FLAGS_INC,
  FLAGS_SUB,
} from "../layout.ts";
import { CPU, type Linkage } from "../lowering/linkage.ts";
import type { RegionState } from "./region-state.ts";

/** Where the flags are: in the vCPU's fields, in the three locals, computed, still to be computed, or elsewhere but for CF and OF. */
export type HeldFlags =
  | { readonly held: "fields" }
  | { readonly held: "locals" }
  | { readonly held: "values"; readonly result: Expr; readonly aux: Expr }
  | { readonly held: "source"; readonly source: FlagSource }
  | { readonly held: "patched"; readonly base: HeldFlags; readonly cf: Expr; readonly of: Expr | undefined };

const KINDS = { add: FLAGS_ADD, sub: FLAGS_SUB, inc: FLAGS_INC, dec: FLAGS_DEC, imul: FLAGS_IMUL };
const SIZES: readonly Size[] = [8, 16, 32, 64];

interface Triple {
  readonly kind: Expr;
  readonly a: Expr;
  readonly b: Expr;
}

export class RegionFlags {
  now: HeldFlags = { held: "fields" };
  readonly #linkage: Linkage;
  readonly #kind: number;
  readonly #a: number;
  readonly #b: number;

  constructor(state: RegionState, linkage: Linkage) {
    this.#linkage = linkage;
    this.#kind = state.newLocal("i32");
    this.#a = state.newLocal("i64");
    this.#b = state.newLocal("i64");
  }

  /** Locals that the flags at the present place depend on. */
  dependencies(): Set<number> {
    return new Set(partsOf(this.now).flatMap(({ local }) => (local === undefined ? [] : [local])));
  }

  /** Replaces CF and, when it is given, OF. */
  patch(cf: Expr, of: Expr | undefined): void {
    const { now } = this;
    this.now =
      now.held === "patched" ? { ...now, cf, of: of ?? now.of } : { held: "patched", base: now, cf, of };
  }

  /** CF computed where the expression stands, from the three locals; undefined when it is not in them. */
  carryForLater(): Expr | undefined {
    if (this.now.held !== "locals") return undefined;
    const { kind, a, b } = this.#triple(this.now);
    const index = this.#linkage.coreFunction("carryOfFlags", ["i32", "i32", "i64", "i64"], "i32");
    const general = call(index, [CPU, kind, a, b], "i32");
    const keepsCarry = i32.ltU(i32.sub(kind, i32.const(FLAGS_INC)), i32.const(FLAGS_IMUL - FLAGS_INC));
    return ifElse(keepsCarry, i32.wrap(b), general);
  }

  /** Puts flags held anywhere into the locals. */
  toLocals(flags: HeldFlags = this.now): Code {
    if (flags.held === "locals") return [];
    if (flags.held === "patched") return this.#patchedToLocals(flags.base, flags.cf, flags.of);
    const { kind, a, b } = this.#triple(flags);
    // The last operand may be computed from what the locals hold now.
    return [b.code, localSet(this.#a, a), localSet(this.#kind, kind), 0x21, unsignedLeb(this.#b)];
  }

  #patchedToLocals(base: HeldFlags, cf: Expr, of: Expr | undefined): Code {
    const aux = i32.wrap(localGet(this.#b, "i64"));
    const overflow = of ?? i32.shrU(i32.add(aux, i32.const(AUX_PO)), i32.const(31));
    const patched = i32.or(i32.and(aux, i32.const(0x3fff_ffff)), auxOf(cf, overflow));
    return [this.toLocals(base), this.#settleLocals(), localSet(this.#b, i64.extend32U(patched))];
  }

  /** Puts the flags into the vCPU's fields. */
  toFields(): Code {
    const { now } = this;
    if (now.held === "fields") return [];
    if (now.held === "patched") return [this.toLocals(), this.localsToFields()];
    return this.#store(this.#triple(now));
  }

  /** The same for a place that all exits share: there the flags are in the locals. */
  localsToFields(): Code {
    return this.#store(this.#triple({ held: "locals" }));
  }

  /** Code that makes result and aux available, bound by `bind`. */
  values(bind: (value: Expr) => Expr, emit: (code: Code) => void, compute: ComputeFlags): FlagValues {
    const { now } = this;
    if (now.held === "values") return now;
    if (now.held === "patched") emit(this.toLocals());
    else if (now.held === "locals") emit(this.#settleLocals());
    const values = now.held === "source" ? compute(now.source) : this.#plainValues();
    const bound = { result: bind(values.result), aux: bind(values.aux) };
    this.now = { held: "values", ...bound };
    return bound;
  }

  /** After `#settleLocals`, or with the fields up to date. */
  #plainValues(): FlagValues {
    if (this.now.held === "fields")
      return { result: i64.load(CPU, CPU_FLAG_RESULT), aux: i32.load(CPU, CPU_FLAG_AUX) };
    return { result: localGet(this.#a, "i64"), aux: i32.wrap(localGet(this.#b, "i64")) };
  }

  /** Turns whatever the locals hold into result and aux. */
  #settleLocals(): Code {
    const triple = this.#triple({ held: "locals" });
    return ifThen(triple.kind, [
      this.#store(triple),
      localSet(this.#a, i64.load(CPU, CPU_FLAG_RESULT)),
      localSet(this.#b, i64.load32U(CPU, CPU_FLAG_AUX)),
      localSet(this.#kind, i32.const(FLAGS_EXPLICIT)),
    ]);
  }

  #store({ kind, a, b }: Triple): Code {
    const direct = [i64.store(CPU, CPU_FLAG_RESULT, a), i64.store32(CPU, CPU_FLAG_AUX, b)];
    if (kind.constant === FLAGS_EXPLICIT) return direct;
    const index = this.#linkage.coreFunction("storeFlags", ["i32", "i32", "i64", "i64"], "i32");
    const computed = [call(index, [CPU, kind, a, b], "i32").code, 0x1a];
    if (kind.constant !== undefined) return computed;
    return [kind.code, 0x04, 0x40, computed, 0x05, direct, 0x0b];
  }

  #triple(flags: Exclude<HeldFlags, { held: "patched" }>): Triple {
    const explicit = i32.const(FLAGS_EXPLICIT);
    switch (flags.held) {
      case "fields":
        return { kind: explicit, a: i64.load(CPU, CPU_FLAG_RESULT), b: i64.load32U(CPU, CPU_FLAG_AUX) };
      case "locals":
        return {
          kind: localGet(this.#kind, "i32"),
          a: localGet(this.#a, "i64"),
          b: localGet(this.#b, "i64"),
        };
      case "values":
        return { kind: explicit, a: flags.result, b: widened(flags.aux) };
      case "source":
        return sourceTriple(flags.source);
    }
  }
}

export interface FlagValues {
  readonly result: Expr;
  readonly aux: Expr;
}

export type ComputeFlags = (source: FlagSource) => FlagValues;

function sourceTriple({ operation, size, a, b, result }: FlagSource): Triple {
  if (operation === "logic")
    return { kind: i32.const(FLAGS_EXPLICIT), a: signExtend(result, size), b: i64.const(0) };
  const kind = i32.const(KINDS[operation] + SIZES.indexOf(size));
  return { kind, a: widened(a), b: widened(b) };
}

/** What must not be overwritten while flags are held like this. */
function partsOf(flags: HeldFlags): readonly Expr[] {
  switch (flags.held) {
    case "values":
      return [flags.result, flags.aux];
    case "source":
      return [flags.source.a, flags.source.b, flags.source.result];
    case "patched":
      return [...partsOf(flags.base), flags.cf, ...(flags.of ? [flags.of] : [])];
    default:
      return [];
  }
}

const widened = (value: Expr): Expr => (value.type === "i64" ? value : i64.extend32U(value));
