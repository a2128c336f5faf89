// The portable engine's core: everything that is not the meaning of an instruction. Compiled as one WebAssembly module; its
// exports are what instructions call (`compute` and `system` of isa/lowering.ts) and what the runtime needs.

export { enterAt, invalidateCodePage, linkJump, peekBlock, resetBlocks, resolveJump, watchCode } from "./decode/blocks";
export {
  checkUserModeAccess, clearTaskSwitched, invalidatePage, invalidatePcid, loadMachineStatus, loadTable, readControl,
  readDebug, readLdtSelector, readMachineStatus, readTaskSelector, requireSupervisor, storeTable, writeControl, writeDebug,
} from "./system/control";
export { carryOfFlags, getFlags, setFlags, storeFlags } from "./flags";
export {
  asciiAdjust, asciiDivide, asciiMultiply, decimalAdjust, divide128S, divide128U,
} from "./integer/integer";
export { mulHighS, mulHighU } from "./integer/products";
export { debugInterrupt, softwareInterrupt } from "./interrupts/interrupts";
export { commitBounce, readSlow, updateSlow, writeSlow } from "./mmu/access";
export { peekAddress } from "./mmu/fetch";
export { updateMode } from "./mode";
export { readMsr, writeMsr } from "./system/msr";
export { resetTlb } from "./mmu/spaces";
export { portIn, portOut } from "./system/ports";
export { checkSecondPage, exitReason, nextEntry } from "./run";
export { loadLdt, loadSegment, loadTask, segmentSelector } from "./segments/segments";
export {
  callLegacy, enter, jumpLegacy, leaveLegacy, popAll, popFlags, popLegacyToMemory, popLegacyToRegister, popSegment, pushAll,
  pushFlags, pushLegacy, pushReturnLegacy, pushSegment, returnLegacy,
} from "./segments/stack";
export {
  compareString, inputString, loadString, moveString, outputString, scanString, storeString, translateByte,
} from "./integer/string";
export {
  bound, checkWrite, clearAccessCheck, clearInterruptFlag, cpuid, halt, hypercall, loadAccessRights, loadSegmentLimit, pause,
  raiseImmediate, random, readPerformanceCounter, readSegmentBase, readTimestamp, readTimestampAndId, redecode,
  setAccessCheck, setInterruptFlag, setZeroFlag, swapGs, undefinedInstruction, verifySegment, writeSegmentBase,
} from "./system/system";
export {
  farCall, farJump, farReturn, interruptReturn, syscall, sysenter, sysexit, sysret,
} from "./segments/transfer";
export * from "./vector/vector-functions";
export * from "./x87/x87";
