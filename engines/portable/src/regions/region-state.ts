// Guest registers as locals of a region's function: general and vector registers, and what is left of the slice. They are loaded
// where the function is entered and written back where it is left; which ones is known only at the end, so both are places filled
// in later.

import type { Code } from "../encoder/bytes.ts";
import { type Expr, i32, i64, localGet, localSet, v128, type ValueType } from "../encoder/expressions.ts";
import { CPU_BUDGET, CPU_GPR, CPU_TLB } from "../layout.ts";
import { CPU } from "../lowering/linkage.ts";

type CachedType = "i32" | "i64" | "v128";

interface Cached {
  readonly local: number;
  readonly type: CachedType;
  readonly offset: number;
  isDirty: boolean;
}

/** Code to be filled in once it is known which registers the region holds. */
interface Place {
  readonly code: Code[];
  has(offset: number): boolean;
}

function addPlace(places: Place[], general: readonly number[] | undefined): Code {
  const offsets = general && new Set([...general.map((n) => CPU_GPR + n * 8), CPU_BUDGET, CPU_TLB]);
  const place = { code: [], has: (offset: number) => offsets?.has(offset) ?? true };
  places.push(place);
  return place.code;
}

const ACCESS = { i32, i64, v128 };

export class RegionState {
  readonly locals: ValueType[] = [];
  /** Temporaries in use at the present place. */
  temporaries = new Set<number>();
  readonly #known: { readonly type: ValueType; readonly local: number }[] = [];
  readonly #cached = new Map<number, Cached>();
  readonly #spills: Place[] = [];
  readonly #reloads: Place[] = [];

  newLocal(type: ValueType): number {
    this.locals.push(type);
    return 1 + this.locals.length;
  }

  /** A local for as long as it is among `temporaries`: few locals make a function cheap to enter. */
  newTemporary(type: ValueType): number {
    const reused = this.#known.find((t) => t.type === type && !this.temporaries.has(t.local));
    const local = reused?.local ?? this.newLocal(type);
    if (reused === undefined) this.#known.push({ type, local });
    this.temporaries.add(local);
    return local;
  }

  gpr(register: number): Expr {
    return this.#get(CPU_GPR + register * 8, "i64");
  }

  setGpr(register: number, value: Expr): Code {
    return this.#set(CPU_GPR + register * 8, "i64", value);
  }

  /** The vector register at an offset in the vCPU's area. */
  vector(offset: number): Expr {
    return this.#get(offset, "v128");
  }

  setVector(offset: number, value: Expr): Code {
    return this.#set(offset, "v128", value);
  }

  budget(): Expr {
    return this.#get(CPU_BUDGET, "i32");
  }

  setBudget(value: Expr): Code {
    return this.#set(CPU_BUDGET, "i32", value);
  }

  /** Address of the present TLB bank. */
  tlb(): Expr {
    return this.#get(CPU_TLB, "i32");
  }

  /** Code that writes changed registers back: all, or those general ones. What is left of the slice is always among them. */
  spill(general?: readonly number[]): Code {
    return addPlace(this.#spills, general);
  }

  /** Code that loads registers anew, all or those general ones; with all of them also the start of the function. */
  reload(general?: readonly number[]): Code {
    return addPlace(this.#reloads, general);
  }

  /** Fills the places; nothing may be asked of the state afterwards. */
  finish(): void {
    const cached = [...this.#cached.values()];
    const store = (c: Cached): Code => ACCESS[c.type].store(CPU, c.offset, localGet(c.local, c.type));
    const load = (c: Cached): Code => localSet(c.local, ACCESS[c.type].load(CPU, c.offset));
    for (const { code, has } of this.#spills)
      code.push(...cached.filter((c) => c.isDirty && has(c.offset)).map(store));
    for (const { code, has } of this.#reloads) code.push(...cached.filter((c) => has(c.offset)).map(load));
  }

  #cache(offset: number, type: CachedType): Cached {
    let cached = this.#cached.get(offset);
    if (!cached) {
      cached = { local: this.newLocal(type), type, offset, isDirty: false };
      this.#cached.set(offset, cached);
    }
    return cached;
  }

  #get(offset: number, type: CachedType): Expr {
    return localGet(this.#cache(offset, type).local, type);
  }

  #set(offset: number, type: CachedType, value: Expr): Code {
    const cached = this.#cache(offset, type);
    cached.isDirty = true;
    return localSet(cached.local, value);
  }
}
