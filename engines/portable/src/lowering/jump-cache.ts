// The way through the jump cache (core/mmu/jump-cache.ts) in generated code: from a linear address to the micro-ops there, if they
// have been gone to before in the present context. Regions have it at their end, each its own: one indirect jump that all share
// would be foretold badly by the host's CPU.

import type { Code } from "../encoder/bytes.ts";
import { type Expr, i32, i64, ifThen, localGet, localSet } from "../encoder/expressions.ts";
import { CPU_CODE_PAGE, CPU_CONTEXT, CPU_JUMP_CACHE, JUMP_CACHE_BITS } from "../layout.ts";
import { CPU, dispatch, type Linkage } from "./linkage.ts";

/** Goes to `address` (an i64 local's value) if it is in the cache and `isDue` holds; `scratch` is an i32 local. */
export function jumpIfCached(linkage: Linkage, address: Expr, isDue: Expr, scratch: number): Code {
  const entry = localGet(scratch, "i32");
  const folded = i64.xor(address, i64.shrU(address, i64.const(JUMP_CACHE_BITS)));
  const mixed = i32.xor(i32.wrap(folded), i32.load(CPU, CPU_CONTEXT));
  const index = i32.and(mixed, i32.const((1 << JUMP_CACHE_BITS) - 1));
  const isSameContext = i32.eq(i32.load(entry, CPU_JUMP_CACHE + 12), i32.load(CPU, CPU_CONTEXT));
  const hit = i32.and(i64.eq(i64.load(entry, CPU_JUMP_CACHE), address), isSameContext);
  return [
    localSet(scratch, i32.add(CPU, i32.shl(index, i32.const(4)))),
    ifThen(i32.and(hit, isDue), [
      i64.store(CPU, CPU_CODE_PAGE, i64.and(address, i64.const(~0xfffn))),
      dispatch(linkage, i32.load(entry, CPU_JUMP_CACHE + 8), scratch),
    ]),
  ];
}
