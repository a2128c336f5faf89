// CPUID, time stamp counter, interrupt flag, HLT, segment bases and descriptor queries.
// SDM volume 2. Also what the micro-ops that stand for no instruction do.

import {
  CPU_BUDGET, CPU_CPUID_COUNT, CPU_CPUID_LEAVES, CPU_FLAGS_OTHER, CPU_HALTED,
  CPU_MSR_KERNEL_GS_BASE, CPU_MSR_TSC_AUX, CPU_PAUSE, CPU_SEG, CPU_TSC_FREQUENCY, CPU_TSC_OFFSET, EXIT_HALT, FLAG_AC, FLAG_IF,
  FLAG_IOPL, PAUSE_ENDED, PAUSE_SHORTENS, SEG_GS, SEG_SIZE, SHADOW_STI, UOP_IMM,
} from "../../layout";
import { nowNs, randomBits } from "../env";
import { getFlags, setArithmeticFlags } from "../flags";
import { memoryValue, probeWrite, readMemory } from "../mmu/access";
import { updateBank } from "../mode";
import { descriptorAttributes, descriptorLimit, loadDescriptor, loadedDescriptor } from "../segments/segments";
import {
  attend, cpl, cr4, CR4_FSGSBASE, CR4_TSD, faultAt, flagsOther, gpr, holdInterrupts, isCanonical, isProtected, mayInterrupt, NEXT, nextRipOf, raiseAt, RAX, RBX, RCX, RDX, RESUME, ripOf, segBase, setGpr, setRip, setSlot,
  VECTOR_GP, VECTOR_UD,
} from "../state";

const EXIT_CODE_HALT: u32 = EXIT_HALT + 1;

export function redecode(cpu: usize, uop: usize): u32 {
  setRip(cpu, ripOf(cpu, uop));
  return RESUME;
}

export function raiseImmediate(cpu: usize, uop: usize): u32 {
  return raiseAt(cpu, uop, <u32>load<u64>(uop, UOP_IMM), 0);
}

export function undefinedInstruction(cpu: usize, uop: usize): u32 {
  return raiseAt(cpu, uop, VECTOR_UD, 0);
}

/** HLT waits behind itself; the run loop tells the machine. */
export function halt(cpu: usize, uop: usize): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  setRip(cpu, nextRipOf(cpu, uop));
  store<u32>(cpu, 1, CPU_HALTED);
  return EXIT_CODE_HALT;
}

/** PAUSE is a hint that somebody else should run: where another vCPU waits for its turn it ends the slice, else it shortens it. */
export function pause(cpu: usize, uop: usize): u32 {
  if (load<u32>(cpu, CPU_PAUSE) != PAUSE_SHORTENS) {
    store<u32>(cpu, PAUSE_ENDED, CPU_PAUSE);
    setRip(cpu, nextRipOf(cpu, uop));
    return RESUME;
  }
  store<i32>(cpu, load<i32>(cpu, CPU_BUDGET) - 32, CPU_BUDGET);
  return NEXT;
}

/** VMCALL, VMMCALL: no hypercall is offered; the answer is -KVM_ENOSYS. */
export function hypercall(cpu: usize, uop: usize): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_UD, 0);
  setGpr(cpu, RAX, -(<u64>1000));
  return NEXT;
}

function mayChangeInterrupts(cpu: usize): bool {
  return !isProtected(cpu) || cpl(cpu) <= (flagsOther(cpu) & FLAG_IOPL) >> 12;
}

export function clearInterruptFlag(cpu: usize, uop: usize): u32 {
  if (!mayChangeInterrupts(cpu)) return raiseAt(cpu, uop, VECTOR_GP, 0);
  store<u32>(cpu, flagsOther(cpu) & ~FLAG_IF, CPU_FLAGS_OTHER);
  return NEXT;
}

/** The block goes on for one more instruction (the form is marked so) and then looks for interrupts. */
export function setInterruptFlag(cpu: usize, uop: usize): u32 {
  if (!mayChangeInterrupts(cpu)) return raiseAt(cpu, uop, VECTOR_GP, 0);
  if ((flagsOther(cpu) & FLAG_IF) != 0) return NEXT;
  store<u32>(cpu, flagsOther(cpu) | FLAG_IF, CPU_FLAGS_OTHER);
  holdInterrupts(cpu, nextRipOf(cpu, uop), SHADOW_STI);
  if (mayInterrupt(cpu)) attend(cpu);
  return NEXT;
}

export function clearAccessCheck(cpu: usize, uop: usize): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_UD, 0);
  store<u32>(cpu, flagsOther(cpu) & ~FLAG_AC, CPU_FLAGS_OTHER);
  updateBank(cpu);
  return NEXT;
}

export function setAccessCheck(cpu: usize, uop: usize): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_UD, 0);
  store<u32>(cpu, flagsOther(cpu) | FLAG_AC, CPU_FLAGS_OTHER);
  updateBank(cpu);
  return NEXT;
}

export function timestamp(cpu: usize): u64 {
  const ticks = nowNs() * load<f64>(cpu, CPU_TSC_FREQUENCY) * 1e-9;
  return <u64>ticks + load<u64>(cpu, CPU_TSC_OFFSET);
}

export function readTimestamp(cpu: usize, uop: usize): u32 {
  if ((cr4(cpu) & CR4_TSD) != 0 && cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  const now = timestamp(cpu);
  setGpr(cpu, RAX, now & 0xffff_ffff);
  setGpr(cpu, RDX, now >> 32);
  return NEXT;
}

export function readTimestampAndId(cpu: usize, uop: usize): u32 {
  const status = readTimestamp(cpu, uop);
  if (status == NEXT) setGpr(cpu, RCX, load<u32>(cpu, CPU_MSR_TSC_AUX));
  return status;
}

/** No performance counters are offered. */
export function readPerformanceCounter(cpu: usize, uop: usize): u32 {
  return raiseAt(cpu, uop, VECTOR_GP, 0);
}

export function cpuid(cpu: usize, _uop: usize): u32 {
  const leaf = <u32>gpr(cpu, RAX);
  const subleaf = <u32>gpr(cpu, RCX);
  // A leaf that is not there reads as zero.
  const found = findLeaf(cpu, load<u32>(cpu, CPU_CPUID_COUNT), leaf, subleaf);
  let a: u32 = 0;
  let b: u32 = 0;
  let c: u32 = 0;
  let d: u32 = 0;
  if (found != 0) {
    a = load<u32>(found, 8);
    b = load<u32>(found, 12);
    c = load<u32>(found, 16);
    d = load<u32>(found, 20);
  }
  setGpr(cpu, RAX, a);
  setGpr(cpu, RBX, b);
  setGpr(cpu, RCX, c);
  setGpr(cpu, RDX, d);
  return NEXT;
}

function findLeaf(cpu: usize, count: u32, leaf: u32, subleaf: u32): usize {
  for (let i: u32 = 0; i < count; i++) {
    const at = cpu + CPU_CPUID_LEAVES + i * 24;
    if (load<u32>(at) != leaf) continue;
    const wanted = load<i32>(at, 4);
    if (wanted < 0 || <u32>wanted == subleaf) return at;
  }
  return 0;
}

/** RDRAND, RDSEED: CF says that the value is good. */
export function random(cpu: usize, _uop: usize, slot: u32, bytes: u32): u32 {
  const low = <u64>randomBits();
  setSlot(cpu, slot, bytes == 8 ? low | (<u64>randomBits() << 32) : low, bytes);
  setArithmeticFlags(cpu, 1);
  return NEXT;
}

export function swapGs(cpu: usize, uop: usize): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  const base = segBase(cpu, SEG_GS);
  setBase(cpu, SEG_GS, load<u64>(cpu, CPU_MSR_KERNEL_GS_BASE));
  store<u64>(cpu, base, CPU_MSR_KERNEL_GS_BASE);
  return NEXT;
}

function setBase(cpu: usize, n: u32, base: u64): void {
  store<u64>(cpu + n * SEG_SIZE, base, CPU_SEG);
}

export function readSegmentBase(cpu: usize, uop: usize, n: u32, slot: u32, bytes: u32): u32 {
  if ((cr4(cpu) & CR4_FSGSBASE) == 0) return raiseAt(cpu, uop, VECTOR_UD, 0);
  setSlot(cpu, slot, segBase(cpu, n), bytes);
  return NEXT;
}

export function writeSegmentBase(cpu: usize, uop: usize, n: u32, value: u64): u32 {
  if ((cr4(cpu) & CR4_FSGSBASE) == 0) return raiseAt(cpu, uop, VECTOR_UD, 0);
  if (!isCanonical(value)) return raiseAt(cpu, uop, VECTOR_GP, 0);
  setBase(cpu, n, value);
  return NEXT;
}

/** Checks before an access made of several parts that `bytes` can be written at `address`. */
export function checkWrite(cpu: usize, uop: usize, address: u64, bytes: u32): u32 {
  return probeWrite(cpu, address, bytes) ? NEXT : faultAt(cpu, uop);
}

export function setZeroFlag(cpu: usize, _uop: usize, set: u32): u32 {
  const flags = getFlags(cpu) & ~0x40;
  setArithmeticFlags(cpu, set != 0 ? flags | 0x40 : flags);
  return NEXT;
}

/** A descriptor that LAR, LSL, VERR and VERW may look at; -1 otherwise. Never faults on the selector itself. */
function visibleDescriptor(cpu: usize, selector: u32): i64 {
  if ((selector & 0xfffc) == 0 || !loadDescriptor(cpu, selector, VECTOR_GP)) return -1;
  const attributes = descriptorAttributes(loadedDescriptor);
  const conforming = (attributes & 0x1c) == 0x1c;
  const dpl = (attributes >> 5) & 3;
  if (!conforming && (dpl < cpl(cpu) || dpl < (selector & 3))) return -1;
  return attributes;
}

export function verifySegment(cpu: usize, uop: usize, selector: u32, write: u32): u32 {
  if (!isProtected(cpu)) return raiseAt(cpu, uop, VECTOR_UD, 0);
  const attributes = <i32>visibleDescriptor(cpu, selector);
  let good = attributes >= 0 && (attributes & 0x10) != 0;
  const code = (attributes & 8) != 0;
  const bit = (attributes & 2) != 0;
  good = good && (write != 0 ? !code && bit : !code || bit);
  return setZeroFlag(cpu, uop, good ? 1 : 0);
}

export function loadAccessRights(cpu: usize, uop: usize, slot: u32, selector: u32, bytes: u32): u32 {
  if (!isProtected(cpu)) return raiseAt(cpu, uop, VECTOR_UD, 0);
  const attributes = <i32>visibleDescriptor(cpu, selector);
  const type = attributes & 0x1f;
  // System types with access rights: TSS, LDT, call and task gates.
  const good = attributes >= 0 && ((type & 0x10) != 0 || type == 2 || type == 9 || type == 11 || type == 12 || type == 1 || type == 3 || type == 4 || type == 5);
  if (good) setSlot(cpu, slot, (loadedDescriptor >> 32) & 0xff_ff00, bytes);
  return setZeroFlag(cpu, uop, good ? 1 : 0);
}

export function loadSegmentLimit(cpu: usize, uop: usize, slot: u32, selector: u32, bytes: u32): u32 {
  if (!isProtected(cpu)) return raiseAt(cpu, uop, VECTOR_UD, 0);
  const attributes = <i32>visibleDescriptor(cpu, selector);
  const type = attributes & 0x1f;
  const good = attributes >= 0 && ((type & 0x10) != 0 || type == 2 || type == 9 || type == 11 || type == 1 || type == 3);
  if (good) setSlot(cpu, slot, descriptorLimit(loadedDescriptor), bytes);
  return setZeroFlag(cpu, uop, good ? 1 : 0);
}

/** BOUND (legacy): vector 5 outside the signed bounds. */
export function bound(cpu: usize, uop: usize, slot: u32, address: u64, bytes: u32): u32 {
  if (!readMemory(cpu, address, bytes)) return faultAt(cpu, uop);
  const low = bytes == 2 ? <i32>(<i16>memoryValue) : <i32>memoryValue;
  if (!readMemory(cpu, address + bytes, bytes)) return faultAt(cpu, uop);
  const high = bytes == 2 ? <i32>(<i16>memoryValue) : <i32>memoryValue;
  const value = bytes == 2 ? <i32>load<i16>(cpu + slot) : load<i32>(cpu + slot);
  return value < low || value > high ? raiseAt(cpu, uop, 5, 0) : NEXT;
}
