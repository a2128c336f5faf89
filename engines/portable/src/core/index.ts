// The portable engine's core: everything that is not the meaning of an instruction. Compiled as one WebAssembly module; its
// exports are what instructions call (`compute` and `system` of isa/lowering.ts) and what the runtime needs.

export { arenaIsFull, invalidateCodePage, linkJump, resetBlocks, resolveJump } from "./blocks";
export {
  checkUserModeAccess, clearTaskSwitched, invalidatePage, invalidatePcid, loadMachineStatus, loadTable, readControl,
  readDebug, readLdtSelector, readMachineStatus, readTaskSelector, requireSupervisor, storeTable, writeControl, writeDebug,
} from "./control";
export { getFlags, setFlags } from "./flags";
export {
  asciiAdjust, asciiDivide, asciiMultiply, decimalAdjust, divide128S, divide128U, mulHighS, mulHighU,
} from "./integer";
export { softwareInterrupt } from "./interrupts";
export { commitBounce, readSlow, updateSlow, writeSlow } from "./memory";
export { updateMode } from "./mode";
export { readMsr, writeMsr } from "./msr";
export { flushTlb } from "./paging";
export { portIn, portOut } from "./ports";
export { checkSecondPage, exitReason, nextEntry } from "./run";
export { loadLdt, loadSegment, loadTask, segmentSelector } from "./segments";
export {
  callLegacy, enter, jumpLegacy, leaveLegacy, popAll, popFlags, popLegacyToMemory, popLegacyToRegister, popSegment, pushAll,
  pushFlags, pushLegacy, pushReturnLegacy, pushSegment, returnLegacy,
} from "./stack";
export {
  compareString, inputString, loadString, moveString, outputString, scanString, storeString, translateByte,
} from "./string";
export {
  bound, checkWrite, clearAccessCheck, clearInterruptFlag, cpuid, halt, hypercall, loadAccessRights, loadSegmentLimit, pause,
  raiseImmediate, random, readPerformanceCounter, readSegmentBase, readTimestamp, readTimestampAndId, redecode,
  setAccessCheck, setInterruptFlag, setZeroFlag, swapGs, undefinedInstruction, verifySegment, writeSegmentBase,
} from "./system";
export {
  farCall, farJump, farReturn, interruptReturn, syscall, sysenter, sysexit, sysret,
} from "./transfer";
export * from "./vector-functions";
export * from "./x87";
