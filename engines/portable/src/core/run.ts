// Between blocks: what happens before micro-ops are entered. Exceptions, interrupts, single step, the end of a slice.

import {
  CPU_BUDGET, CPU_BUDGET_ASIDE, CPU_BUDGET_LATER, CPU_CODE_PAGE, CPU_DR6, CPU_FLAGS_OTHER, CPU_HALTED, CPU_HELD_HITS, CPU_INTERRUPT_REQUEST, CPU_INTERRUPT_SHADOW, CPU_KICK, CPU_MODE,
  CPU_NMI_BLOCKED, CPU_NMI_REQUEST, CPU_PAUSE, CPU_SEG, CPU_SHADOW_RIP, CPU_UOP, CPU_VECTOR, EXIT_EXCEPTION, EXIT_HALT, EXIT_RESUME, EXIT_SHUTDOWN,
  EXIT_STOP, FLAG_IF, FLAG_RF, MODE_SINGLE, BLOCK_DEAD, BLOCK_HEADER_SIZE, BLOCK_HOST, PAUSE_ENDED, SEG_FS, SEG_GS, SEG_SIZE, SHADOW_STACK, UOP_BASE, UOP_HANDLER, UOP_IMM,
  UOP_SEGMENT, UOP_SIZE,
} from "../layout";
import { HANDLER_REDECODE } from "../layout-decoder";
import { noteSample, samplePeriod } from "./decode/heat";
import { arenaIsFull, enterAt, resetBlocks } from "./decode/blocks";
import { beginStepping, DR6_BS, endStepping, instructionBreakpoints, isStepping, stepTraps, takeDataHits } from "./interrupts/debug";
import { acknowledgeInterrupt } from "./env";
import { fetchAddress } from "./mmu/fetch";
import { NO_VECTOR } from "./interrupts/gates";
import { deliverException, deliverInterrupt } from "./interrupts/interrupts";
import { takeNonCanonical } from "./mmu/paging";
import { updateMode } from "./mode";
import {
  faultAt, flagsOther, linearOfRip, NEXT, raise, RBP, RESUME, rip, ripOf, RSP, setRip, VECTOR_DB, VECTOR_NMI, VECTOR_SS,
} from "./state";

/** Exit code of the slice, valid when `nextEntry` answered 0. */
let sliceExit: u32 = EXIT_STOP;
/** Budget of the slice while single steps borrow its field. */
let savedBudget: i32 = 0;
/** One instruction is run alone because the one before it holds interrupts off. */
let inShadow: bool = false;

export function exitReason(_cpu: usize): u32 {
  return sliceExit;
}

function leave(code: u32): u32 {
  sliceExit = code;
  return 0;
}

/**
 * Takes note of how the last run of handlers ended and answers the micro-op to go on at, or 0 when the slice is over. A slice
 * starts with EXIT_RESUME and the budget set.
 */
export function nextEntry(cpu: usize, ended: u32): u32 {
  if (ended == EXIT_EXCEPTION) {
    setRip(cpu, ripOf(cpu, load<u32>(cpu, CPU_UOP)));
    if (takeNonCanonical() && usesStack(load<u32>(cpu, CPU_UOP))) store<u32>(cpu, VECTOR_SS, CPU_VECTOR);
    finishStep(cpu, false);
    if (!deliverException(cpu)) return leave(EXIT_SHUTDOWN);
  } else if (ended != EXIT_RESUME && ended != EXIT_HALT) {
    return leave(ended);
  } else if (!finishStep(cpu, true)) return leave(EXIT_SHUTDOWN);
  store<i32>(cpu, load<i32>(cpu, CPU_BUDGET) + load<i32>(cpu, CPU_BUDGET_ASIDE), CPU_BUDGET);
  store<i32>(cpu, 0, CPU_BUDGET_ASIDE);
  const isSample = load<i32>(cpu, CPU_BUDGET) <= 0 && ended == EXIT_RESUME;
  giveOutBudget(cpu);
  for (;;) {
    const shadow = shadowIsAhead(cpu);
    if (!shadow && !deliverPending(cpu)) return leave(EXIT_SHUTDOWN);
    if (load<u32>(cpu, CPU_HALTED) != 0) return leave(EXIT_HALT);
    if (load<i32>(cpu, CPU_BUDGET) <= 0 || load<u32>(cpu, CPU_KICK) != 0) return leave(EXIT_STOP);
    if (load<u32>(cpu, CPU_PAUSE) == PAUSE_ENDED) return leave(EXIT_STOP);
    // Coming here costs a block, so that a guest whose handlers only fault does not run for ever.
    store<i32>(cpu, load<i32>(cpu, CPU_BUDGET) - 1, CPU_BUDGET);
    if (shadow) enterShadow(cpu);
    if (!deliverInstructionBreakpoint(cpu)) return leave(EXIT_SHUTDOWN);
    store<u32>(cpu, NO_VECTOR, CPU_VECTOR);
    const linear = linearOfRip(cpu, rip(cpu));
    const uop = enterAt(cpu, linear);
    if (uop != 0) {
      takeNonCanonical();
      store<u32>(cpu, 0, CPU_INTERRUPT_SHADOW);
      if (isSample) noteSample(cpu, linear, uop);
      beginStep(cpu);
      return uop;
    }
    if (load<u32>(cpu, CPU_VECTOR) != NO_VECTOR) {
      if (!deliverException(cpu)) return leave(EXIT_SHUTDOWN);
    } else if (arenaIsFull()) resetBlocks(cpu);
  }
  return 0;
}

/** When the present part of the slice is used up, the next one. A last part has no sample behind it. */
function giveOutBudget(cpu: usize): void {
  while (load<i32>(cpu, CPU_BUDGET) <= 0) {
    const later = load<i32>(cpu, CPU_BUDGET_LATER);
    if (later <= 0) return;
    const part = min(later, samplePeriod());
    store<i32>(cpu, later - part, CPU_BUDGET_LATER);
    store<i32>(cpu, load<i32>(cpu, CPU_BUDGET) + part, CPU_BUDGET);
  }
}

/** Is the instruction that must be run before interrupts are looked at still to come? Mostly it was in the same block. */
function shadowIsAhead(cpu: usize): bool {
  return load<u32>(cpu, CPU_INTERRUPT_SHADOW) != 0 && load<u64>(cpu, CPU_SHADOW_RIP) == rip(cpu);
}

function enterShadow(cpu: usize): void {
  inShadow = true;
  store<u32>(cpu, load<u32>(cpu, CPU_MODE) | MODE_SINGLE, CPU_MODE);
}

/** Whether the memory operand, or the operand there is without one, is in the stack segment. */
function usesStack(uop: usize): bool {
  const base = <u32>load<u16>(uop, UOP_BASE);
  const segment = <u32>load<u16>(uop, UOP_SEGMENT);
  return (base == RSP << 3 || base == RBP << 3) && segment != CPU_SEG + SEG_FS * SEG_SIZE && segment != CPU_SEG + SEG_GS * SEG_SIZE;
}

/** Non-maskable interrupts, then maskable ones when RFLAGS.IF allows. False: triple fault. */
function deliverPending(cpu: usize): bool {
  if (load<u32>(cpu, CPU_NMI_REQUEST) != 0 && load<u32>(cpu, CPU_NMI_BLOCKED) == 0) {
    store<u32>(cpu, 0, CPU_NMI_REQUEST);
    store<u32>(cpu, 1, CPU_NMI_BLOCKED);
    store<u32>(cpu, 0, CPU_HALTED);
    return deliverInterrupt(cpu, VECTOR_NMI);
  }
  if (load<u32>(cpu, CPU_INTERRUPT_REQUEST) == 0 || (flagsOther(cpu) & FLAG_IF) == 0) return true;
  const vector = acknowledgeInterrupt(cpu);
  if (vector < 0) return true;
  store<u32>(cpu, 0, CPU_HALTED);
  return deliverInterrupt(cpu, <u32>vector);
}

function deliverInstructionBreakpoint(cpu: usize): bool {
  if ((load<u32>(cpu, CPU_MODE) & MODE_SINGLE) == 0) return true;
  const hits = instructionBreakpoints(cpu, linearOfRip(cpu, rip(cpu)));
  if (hits == 0) return true;
  store<u64>(cpu, load<u64>(cpu, CPU_DR6) | hits, CPU_DR6);
  raise(cpu, VECTOR_DB, 0);
  return deliverException(cpu);
}

/** In MODE_SINGLE the budget is one block, so that control comes back after one instruction. */
function beginStep(cpu: usize): void {
  if ((load<u32>(cpu, CPU_MODE) & MODE_SINGLE) == 0) return;
  beginStepping(cpu);
  savedBudget = load<i32>(cpu, CPU_BUDGET);
  takeDataHits();
  store<i32>(cpu, 1, CPU_BUDGET);
  // RF covers one instruction.
  store<u32>(cpu, flagsOther(cpu) & ~FLAG_RF, CPU_FLAGS_OTHER);
}

/** Ends a step; with `completed` its traps are delivered. False: triple fault. */
function finishStep(cpu: usize, completed: bool): bool {
  if (!isStepping(cpu)) return true;
  const stepTrap = stepTraps(cpu);
  endStepping(cpu);
  store<i32>(cpu, savedBudget, CPU_BUDGET);
  if (inShadow) {
    inShadow = false;
    updateMode(cpu);
  }
  const held = load<u64>(cpu, CPU_HELD_HITS);
  store<u64>(cpu, 0, CPU_HELD_HITS);
  if (!completed) return true;
  const hits = held | takeDataHits();
  if (load<u32>(cpu, CPU_INTERRUPT_SHADOW) == SHADOW_STACK && shadowIsAhead(cpu)) {
    store<u64>(cpu, hits, CPU_HELD_HITS);
    return true;
  }
  if (!stepTrap && hits == 0) return true;
  store<u64>(cpu, load<u64>(cpu, CPU_DR6) | hits | (stepTrap ? DR6_BS : 0), CPU_DR6);
  store<u32>(cpu, 0, CPU_HALTED);
  raise(cpu, VECTOR_DB, 0);
  return deliverException(cpu);
}

/** Before an instruction that crosses a page: fetches through the second page and compares with what it was decoded from. */
export function checkSecondPage(cpu: usize, uop: usize): u32 {
  const second = fetchAddress(cpu, load<u64>(cpu, CPU_CODE_PAGE) + 0x1000);
  if (second == 0) return faultAt(cpu, uop);
  if (<u64>second == load<u64>(uop, UOP_IMM)) return NEXT;
  // Another page is mapped there now: this block is of no use any more.
  store<u32>(uop - BLOCK_HEADER_SIZE, BLOCK_DEAD, BLOCK_HOST);
  store<u32>(uop, HANDLER_REDECODE, UOP_HANDLER);
  store<u32>(uop + UOP_SIZE, HANDLER_REDECODE, UOP_HANDLER);
  setRip(cpu, ripOf(cpu, uop));
  return RESUME;
}
