// IN and OUT, with the I/O permission check: IOPL and the bitmap of the task state segment. SDM volume 1, chapter 19.

import { CPU_GPR, FLAG_IOPL, SEG_TR } from "../../layout";
import { readPort, writePort } from "../env";
import { memoryValue, readSystem } from "../mmu/access";
import {
  cpl, faultAt, flagsOther, gpr, isProtected, NEXT, raise, RAX, segAttributes, segBase, segLimit, setSlot, VECTOR_GP,
} from "../state";

/** May the present privilege use the ports? False with #GP recorded. */
export function portsAllowed(cpu: usize, port: u32, bytes: u32): bool {
  if (!isProtected(cpu) || cpl(cpu) <= (flagsOther(cpu) & FLAG_IOPL) >> 12) return true;
  if (bitmapAllows(cpu, port, bytes)) return true;
  raise(cpu, VECTOR_GP, 0);
  return false;
}

function bitmapAllows(cpu: usize, port: u32, bytes: u32): bool {
  const limit = segLimit(cpu, SEG_TR);
  const is32 = (segAttributes(cpu, SEG_TR) & 0x8d) == 0x89;
  if (!is32 || limit < 103) return false;
  const base = segBase(cpu, SEG_TR);
  if (!readSystem(cpu, base + 102, 2)) return false;
  const at = <u32>memoryValue + (port >> 3);
  if (at + 1 > limit) return false;
  if (!readSystem(cpu, base + at, 2)) return false;
  const wanted = ((1 << bytes) - 1) << (port & 7);
  return (<u32>memoryValue & wanted) == 0;
}

export function portInput(port: u32, bytes: u32): u32 {
  return readPort(port, bytes);
}

export function portOutput(port: u32, bytes: u32, value: u32): void {
  writePort(port, bytes, bytes == 4 ? value : value & ((1 << (bytes << 3)) - 1));
}

export function portIn(cpu: usize, uop: usize, port: u32, bytes: u32): u32 {
  if (!portsAllowed(cpu, port, bytes)) return faultAt(cpu, uop);
  setSlot(cpu, CPU_GPR, portInput(port, bytes), bytes);
  return NEXT;
}

export function portOut(cpu: usize, uop: usize, port: u32, bytes: u32): u32 {
  if (!portsAllowed(cpu, port, bytes)) return faultAt(cpu, uop);
  portOutput(port, bytes, <u32>gpr(cpu, RAX));
  return NEXT;
}
