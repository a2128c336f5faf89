// Going to another page inside a region: the linear page must still lead to the page the region was formed from, and the code
// there must not have been dropped since.

import type { Code } from "../encoder/bytes.ts";
import { type Expr, i32, i64, ifThen, unlikely } from "../encoder/expressions.ts";
import {
  CPU_CODE_PAGE,
  CPU_STALE_RECORD,
  CPU_TLB,
  PAGE_VERSIONS_BASE,
  RAM_BASE,
  RECORD_PAGE_HOST,
  RECORD_PAGE_SIZE,
  RECORD_PAGE_VERSION,
  TLB_ADDEND,
  TLB_EXECUTE,
} from "../layout.ts";
import { tlbEntry } from "../lowering/host-access.ts";
import { CPU } from "../lowering/linkage.ts";
import type { RegionCode } from "./region-code.ts";

/**
 * Makes `page` (a distance from the entry's page) the code page, where control goes on. With `otherwise` the page is looked at
 * first; `index` is its number in the record.
 */
export function enterPage(
  region: RegionCode,
  page: number,
  index: number,
  otherwise: Code | undefined,
): Code {
  const address = region.linear(page << 12);
  const enter = i64.store(CPU, CPU_CODE_PAGE, address);
  if (otherwise === undefined) return enter;
  const { record } = region;
  const host = i32.load(record, index * RECORD_PAGE_SIZE + RECORD_PAGE_HOST);
  const entry = tlbEntry(i32.load(CPU, CPU_TLB), address);
  const isMapped = i32.and(
    i64.eq(i64.load(entry, TLB_EXECUTE), address),
    i32.eq(i32.add(i32.load(entry, TLB_ADDEND), i32.wrap(address)), host),
  );
  const version = i32.load(versionAddress(host), PAGE_VERSIONS_BASE);
  const isStale = i32.ne(version, i32.load(record, index * RECORD_PAGE_SIZE + RECORD_PAGE_VERSION));
  return [
    ifThen(unlikely(i32.eqz(isMapped)), otherwise),
    ifThen(unlikely(isStale), [i32.store(CPU, CPU_STALE_RECORD, record), otherwise]),
    enter,
  ];
}

/** Offset of a page's version, from the offset of the page in the memory. */
function versionAddress(host: Expr): Expr {
  return i32.shl(i32.shrU(i32.sub(host, i32.const(RAM_BASE)), i32.const(12)), i32.const(2));
}
