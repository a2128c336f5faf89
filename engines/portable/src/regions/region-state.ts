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

const ACCESS = { i32, i64, v128 };

export class RegionState {
  readonly locals: ValueType[] = [];
  /** Temporaries in use at the present place. */
  temporaries = new Set<number>();
  readonly #known: { readonly type: ValueType; readonly local: number }[] = [];
  readonly #cached = new Map<number, Cached>();
  readonly #spills: Code[][] = [];
  readonly #reloads: Code[][] = [];

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

  /** Code that writes all changed registers back. */
  spill(): Code {
    const place: Code[] = [];
    this.#spills.push(place);
    return place;
  }

  /** Code that loads all registers anew; also the start of the function. */
  reload(): Code {
    const place: Code[] = [];
    this.#reloads.push(place);
    return place;
  }

  /** Fills the places; nothing may be asked of the state afterwards. */
  finish(): void {
    const cached = [...this.#cached.values()];
    const stores = cached
      .filter((c) => c.isDirty)
      .map((c) => ACCESS[c.type].store(CPU, c.offset, localGet(c.local, c.type)));
    const loads = cached.map((c) => localSet(c.local, ACCESS[c.type].load(CPU, c.offset)));
    for (const place of this.#spills) place.push(...stores);
    for (const place of this.#reloads) place.push(...loads);
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
