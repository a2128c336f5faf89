// Delivery of exceptions and interrupts in 32-bit protected mode (16- and 32-bit gates, stack switch through the 32-bit TSS) and
// in real mode. SDM volume 3, chapters 6 and 20.

import { CPU_IDTR_BASE, CPU_IDTR_LIMIT, FLAG_AC, FLAG_IF, FLAG_TF, SEG_CS, SEG_SS } from "../../layout";
import { getFlags, setFlags } from "../flags";
import { EVENT_SOFTWARE, enterHandler, fail, gateCodeLevel, idtError, readTask, savedFlags } from "./gates";
import { memoryValue, readSystem } from "../mmu/access";
import { updateMode } from "../mode";
import {
  beginFrame, descriptorAttributes, descriptorBase, frameFailed, framePointer, loadDescriptor, loadedDescriptor,
  loadSegmentCache, pushOnFrame, setRealSegment, stackWidthMask,
} from "../segments/segments";
import { cpl, gpr, rip, RSP, segBase, segSelector, setGpr, setRip, VECTOR_GP, VECTOR_NP, VECTOR_TS } from "../state";

/** One delivery in protected mode; false with the exception that stopped it recorded. */
export function deliverProtected(cpu: usize, vector: u32, error: u32, withError: bool, event: u32): bool {
  const at = vector << 3;
  const fault = idtError(vector, event);
  if (at + 7 > load<u32>(cpu, CPU_IDTR_LIMIT)) return fail(cpu, VECTOR_GP, fault);
  if (!readSystem(cpu, load<u64>(cpu, CPU_IDTR_BASE) + at, 8)) return false;
  const gate = memoryValue;
  const type = <u32>(gate >> 40) & 0x1f;
  if (type != 6 && type != 7 && type != 14 && type != 15) return fail(cpu, VECTOR_GP, fault);
  if (event == EVENT_SOFTWARE && (<u32>(gate >> 45) & 3) < cpl(cpu)) return fail(cpu, VECTOR_GP, fault);
  if ((gate & (1 << 47)) == 0) return fail(cpu, VECTOR_NP, fault);
  const wide = (type & 8) != 0;
  const target = (gate & 0xffff) | (wide ? (gate >> 32) & 0xffff_0000 : 0);
  const selector = <u32>(gate >> 16) & 0xffff;
  const level = gateCodeLevel(cpu, selector, false, event);
  if (level < 0) return false;
  const code = loadedDescriptor;
  const inner = <u32>level < cpl(cpu);
  let stack = segBase(cpu, SEG_SS);
  let sp = gpr(cpu, RSP);
  let mask = stackWidthMask(cpu);
  let ss: u32 = 0;
  let ssDescriptor: u64 = 0;
  if (inner) {
    if (!readTask(cpu, 4 + level * 8, 4, event)) return false;
    sp = memoryValue;
    if (!readTask(cpu, 8 + level * 8, 2, event)) return false;
    ss = <u32>memoryValue;
    if (!loadDescriptor(cpu, ss, VECTOR_TS)) return false;
    ssDescriptor = loadedDescriptor;
    stack = descriptorBase(ssDescriptor);
    mask = (descriptorAttributes(ssDescriptor) & 0x4000) != 0 ? 0xffff_ffff : 0xffff;
  }
  beginFrame(cpu, stack, sp, mask, wide ? 4 : 2);
  if (inner) {
    pushOnFrame(cpu, segSelector(cpu, SEG_SS));
    pushOnFrame(cpu, gpr(cpu, RSP));
  }
  pushOnFrame(cpu, savedFlags(cpu, event));
  pushOnFrame(cpu, segSelector(cpu, SEG_CS));
  pushOnFrame(cpu, rip(cpu));
  if (withError) pushOnFrame(cpu, error);
  if (frameFailed) return false;
  const moved = framePointer;
  if (inner) loadSegmentCache(cpu, SEG_SS, (ss & ~3) | <u32>level, ssDescriptor);
  setGpr(cpu, RSP, (gpr(cpu, RSP) & ~mask & (inner ? 0 : ~(<u64>0))) | (moved & mask));
  enterHandler(cpu, selector, code, <u32>level, target, type);
  return true;
}

/** Real mode: FLAGS, CS, IP on the stack; the vector table gives CS:IP. */
export function deliverReal(cpu: usize, vector: u32): bool {
  if ((vector << 2) + 3 > load<u32>(cpu, CPU_IDTR_LIMIT)) return fail(cpu, VECTOR_GP, 0);
  if (!readSystem(cpu, load<u64>(cpu, CPU_IDTR_BASE) + (vector << 2), 4)) return false;
  const entry = <u32>memoryValue;
  beginFrame(cpu, segBase(cpu, SEG_SS), gpr(cpu, RSP), 0xffff, 2);
  pushOnFrame(cpu, getFlags(cpu));
  pushOnFrame(cpu, segSelector(cpu, SEG_CS));
  pushOnFrame(cpu, rip(cpu));
  if (frameFailed) return false;
  setGpr(cpu, RSP, (gpr(cpu, RSP) & ~(<u64>0xffff)) | (framePointer & 0xffff));
  setFlags(cpu, getFlags(cpu) & ~(FLAG_IF | FLAG_TF | FLAG_AC));
  setRealSegment(cpu, SEG_CS, entry >> 16);
  setRip(cpu, entry & 0xffff);
  updateMode(cpu);
  return true;
}
