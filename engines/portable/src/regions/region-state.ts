// Guest registers as locals of a region's function: general registers and lazy flags. They are loaded where the function is
// entered and written back where it is left; which ones is known only at the end, so both are places filled in later.

import type { Code } from "../encoder/bytes.ts";
import { type Expr, i32, i64, localGet, localSet, type ValueType } from "../encoder/expressions.ts";
import { CPU_BUDGET, CPU_FLAG_AUX, CPU_FLAG_RESULT, CPU_GPR } from "../layout.ts";
import { CPU } from "../lowering/linkage.ts";

interface Cached {
  readonly local: number;
  readonly type: "i32" | "i64";
  readonly offset: number;
  isDirty: boolean;
}

export class RegionState {
  readonly locals: ValueType[] = [];
  readonly #cached = new Map<number, Cached>();
  readonly #spills: Code[][] = [];
  readonly #reloads: Code[][] = [];

  newLocal(type: ValueType): number {
    this.locals.push(type);
    return 1 + this.locals.length;
  }

  gpr(register: number): Expr {
    return this.#get(CPU_GPR + register * 8, "i64");
  }

  setGpr(register: number, value: Expr): Code {
    return this.#set(CPU_GPR + register * 8, "i64", value);
  }

  flagResult(): Expr {
    return this.#get(CPU_FLAG_RESULT, "i64");
  }

  flagAux(): Expr {
    return this.#get(CPU_FLAG_AUX, "i32");
  }

  setFlagResult(value: Expr): Code {
    return this.#set(CPU_FLAG_RESULT, "i64", value);
  }

  setFlagAux(value: Expr): Code {
    return this.#set(CPU_FLAG_AUX, "i32", value);
  }

  budget(): Expr {
    return this.#get(CPU_BUDGET, "i32");
  }

  setBudget(value: Expr): Code {
    return this.#set(CPU_BUDGET, "i32", value);
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
      .map((c) => {
        const value = localGet(c.local, c.type);
        return c.type === "i64" ? i64.store(CPU, c.offset, value) : i32.store(CPU, c.offset, value);
      });
    const loads = cached.map((c) =>
      localSet(c.local, c.type === "i64" ? i64.load(CPU, c.offset) : i32.load(CPU, c.offset)),
    );
    for (const place of this.#spills) place.push(...stores);
    for (const place of this.#reloads) place.push(...loads);
  }

  #cache(offset: number, type: "i32" | "i64"): Cached {
    let cached = this.#cached.get(offset);
    if (!cached) {
      cached = { local: this.newLocal(type), type, offset, isDirty: false };
      this.#cached.set(offset, cached);
    }
    return cached;
  }

  #get(offset: number, type: "i32" | "i64"): Expr {
    return localGet(this.#cache(offset, type).local, type);
  }

  #set(offset: number, type: "i32" | "i64", value: Expr): Code {
    const cached = this.#cache(offset, type);
    cached.isDirty = true;
    return localSet(cached.local, value);
  }
}
