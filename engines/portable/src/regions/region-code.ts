// What all instructions of a region share while its code is generated: registers and flags, the ways out, the nesting of labels.
//
//   local 0  the vCPU's area          record   address of the region's record (layout.ts)
//   local 1  the entry's micro-op     base     linear address of the page the region is entered in
//
// Two labels enclose everything: a branch to the outer one goes to the linear address in a local, a branch to the inner one
// returns from the region with an exit code, at a micro-op.

import type { Code } from "../encoder/bytes.ts";
import { type Expr, i32, i64, localGet, localSet, returnValue } from "../encoder/expressions.ts";
import { CPU_CODE_PAGE, CPU_UOP, RECORD_UOPS, UOP_IMM, UOP_SIZE } from "../layout.ts";
import { jumpIfCached } from "../lowering/jump-cache.ts";
import { CPU, type Linkage, tailCall } from "../lowering/linkage.ts";
import { RegionFlags } from "./region-flags.ts";
import { RegionState } from "./region-state.ts";

const FAR_LABEL = 0;
const LEAVE_LABEL = 1;
/** Labels around the first node. */
export const OUTER_LABELS = 2;

export class RegionCode {
  readonly state = new RegionState();
  readonly flags: RegionFlags;
  /** Conditions that are known not to hold at the present place. */
  known = new Set<string>();
  readonly linkage: Linkage;
  readonly record: Expr = localGet(this.state.newLocal("i32"), "i32");
  readonly base: Expr = localGet(this.state.newLocal("i64"), "i64");
  readonly #target = this.state.newLocal("i64");
  readonly #exit = this.state.newLocal("i32");
  readonly #uop = this.state.newLocal("i32");

  constructor(linkage: Linkage) {
    this.linkage = linkage;
    this.flags = new RegionFlags(this.state, linkage);
  }

  /** Address of the micro-op with this index in the region. */
  uop(index: number): Expr {
    return i32.add(this.record, i32.const(RECORD_UOPS + index * UOP_SIZE));
  }

  /** Linear address of a place. */
  linear(place: number): Expr {
    return place === 0 ? this.base : i64.add(this.base, i64.const(place));
  }

  /** Leaves for a linear address; `level` labels are open. */
  goTo(address: Expr, level: number): Code {
    return [localSet(this.#target, address), this.flags.toLocals(), branch(level, FAR_LABEL)];
  }

  /** Returns an exit code with the vCPU at a micro-op. */
  leave(exit: Expr, uopIndex: number, level: number): Code {
    return [
      localSet(this.#exit, exit),
      localSet(this.#uop, this.uop(uopIndex)),
      this.flags.toLocals(),
      branch(level, LEAVE_LABEL),
    ];
  }

  /** The function around the code of the nodes. Nothing may be added to the region afterwards. */
  wrap(body: Code): Code {
    const { state } = this;
    const entry = [
      setLocal(this.record, i32.load(localGet(1, "i32"), UOP_IMM)),
      setLocal(this.base, i64.load(CPU, CPU_CODE_PAGE)),
      state.reload(),
    ];
    const leave: Code = [
      state.spill(),
      this.flags.localsToFields(),
      i32.store(CPU, CPU_UOP, localGet(this.#uop, "i32")),
      returnValue(localGet(this.#exit, "i32")),
    ];
    const far: Code = [
      state.setBudget(i32.sub(state.budget(), i32.const(1))),
      state.spill(),
      this.flags.localsToFields(),
      jumpIfCached(
        this.linkage,
        localGet(this.#target, "i64"),
        i32.gtS(state.budget(), i32.const(0)),
        this.#uop,
      ),
      tailCall(this.linkage.jumpFar, [CPU, localGet(this.#target, "i64")]),
    ];
    state.finish();
    return [entry, 0x02, 0x40, 0x02, 0x40, body, 0x00, 0x0b, leave, 0x0b, far];
  }
}

/** Branch out to the label that is the `label`th from the outside, with `level` labels open. */
export function branch(level: number, label: number): Code {
  const depth = level - 1 - label;
  return depth < 128 ? [0x0c, depth] : [0x0c, (depth & 127) | 128, depth >> 7];
}

function setLocal(local: Expr, value: Expr): Code {
  const index = (local.code as readonly Code[])[1] as Code;
  return [value.code, 0x21, index];
}
