// Flags inside a region. Along a straight run it is known while code is generated where they come from, and nothing is computed
// until something asks. Where runs meet, kind and operands go through three locals, and only leaving the region turns them into
// result and aux (isa/flags.ts).

import type { Code } from "../encoder/bytes.ts";
import { call, type Expr, i32, i64, ifThen, localGet, localSet } from "../encoder/expressions.ts";
import type { FlagSource } from "../isa/flags.ts";
import { signExtend } from "../isa/flags.ts";
import type { Size } from "../isa/lowering.ts";
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

/** Where the flags are: in the vCPU's fields, in the three locals, computed, or still to be computed. */
export type HeldFlags =
  | { readonly held: "fields" }
  | { readonly held: "locals" }
  | { readonly held: "values"; readonly result: Expr; readonly aux: Expr }
  | { readonly held: "source"; readonly source: FlagSource };

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
    const { now } = this;
    if (now.held === "fields" || now.held === "locals") return new Set();
    const parts =
      now.held === "values" ? [now.result, now.aux] : [now.source.a, now.source.b, now.source.result];
    return new Set(parts.flatMap(({ local }) => (local === undefined ? [] : [local])));
  }

  /** Puts flags held anywhere into the locals. */
  toLocals(flags: HeldFlags = this.now): Code {
    if (flags.held === "locals") return [];
    const { kind, a, b } = this.#triple(flags);
    return [localSet(this.#kind, kind), localSet(this.#a, a), localSet(this.#b, b)];
  }

  /** Puts the flags into the vCPU's fields. */
  toFields(): Code {
    return this.now.held === "fields" ? [] : this.#store(this.#triple(this.now));
  }

  /** The same for a place that all exits share: there the flags are in the locals. */
  localsToFields(): Code {
    return this.#store(this.#triple({ held: "locals" }));
  }

  /** Code that makes result and aux available, bound by `bind`. */
  values(bind: (value: Expr) => Expr, emit: (code: Code) => void, compute: ComputeFlags): FlagValues {
    const { now } = this;
    if (now.held === "values") return now;
    if (now.held === "locals") emit(this.#settleLocals());
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

  #triple(flags: HeldFlags): Triple {
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

const widened = (value: Expr): Expr => (value.type === "i64" ? value : i64.extend32U(value));
