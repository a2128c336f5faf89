// Where instruction bytes are: translation of linear code addresses, through the execute tags of the TLB.

import { CPU_CR2, CPU_ERROR_CODE, CPU_TLB, CPU_VECTOR, TLB_ADDEND, TLB_EXECUTE, TLB_FLAG_GLOBAL, TLB_PAGE } from "../../layout";
import { ACCESS_EXECUTE, takeNonCanonical, TRANSLATE_DEVICE, TRANSLATE_FAULT, translate } from "./paging";
import { raise, VECTOR_GP } from "../state";
import { currentBank, presentKind, recallEntry, tlbEntryOf } from "./tlb";

const PAGE_MASK: u64 = ~(<u64>0xfff);

/** Physical place of a linear code address: offset in the memory, or 0 with the exception recorded. */
export function fetchAddress(cpu: usize, linear: u64): u32 {
  const entry = tlbEntryOf(load<u32>(cpu, CPU_TLB), linear);
  if (load<u64>(entry, TLB_EXECUTE) == (linear & PAGE_MASK)) return <u32>linear + load<u32>(entry, TLB_ADDEND);
  const known = recallEntry(cpu, linear, currentBank(cpu), TLB_EXECUTE);
  if (known != 0) return known;
  const host = translate(cpu, linear, ACCESS_EXECUTE, currentBank(cpu));
  if (host != TRANSLATE_DEVICE) return host;
  // Code in device memory is not supported: the guest sees a general protection fault.
  raise(cpu, VECTOR_GP, 0);
  return TRANSLATE_FAULT;
}

/**
 * The same for the bank that CPU_TLB is made to point at, without a fault: 0 when the page is not mapped, or when the bank is of an
 * address space that is not the present one and the TLB knows no more.
 */
export function peekAddress(cpu: usize, linear: u64): u32 {
  const bank = load<u32>(cpu, CPU_TLB);
  const entry = tlbEntryOf(bank, linear);
  if (load<u64>(entry, TLB_EXECUTE) == (linear & PAGE_MASK)) return <u32>linear + load<u32>(entry, TLB_ADDEND);
  const kind = presentKind(cpu, bank);
  return kind < 0 ? 0 : walkQuietly(cpu, linear, <u32>kind);
}

/** Is the page of a code address, just fetched from, the same in every address space? */
export function isGlobalCode(cpu: usize, linear: u64): bool {
  const entry = tlbEntryOf(load<u32>(cpu, CPU_TLB), linear);
  return load<u64>(entry, TLB_EXECUTE) == (linear & PAGE_MASK) && (load<u32>(entry, TLB_PAGE) & TLB_FLAG_GLOBAL) != 0;
}

function walkQuietly(cpu: usize, linear: u64, kind: u32): u32 {
  const vector = load<u32>(cpu, CPU_VECTOR);
  const errorCode = load<u32>(cpu, CPU_ERROR_CODE);
  const faultAddress = load<u64>(cpu, CPU_CR2);
  const host = translate(cpu, linear, ACCESS_EXECUTE, kind);
  takeNonCanonical();
  store<u32>(cpu, vector, CPU_VECTOR);
  store<u32>(cpu, errorCode, CPU_ERROR_CODE);
  store<u64>(cpu, faultAddress, CPU_CR2);
  return host == TRANSLATE_DEVICE ? 0 : host;
}
