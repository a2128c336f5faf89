// x87 control and state in memory: FLDCW, FNSTENV, FLDENV, FNSAVE, FRSTOR, FNINIT, FNCLEX. SDM volume 1, §8.1.8 and §8.1.10.
//
// Images are those of protected mode in every mode. Selectors and opcode are stored as zero, see x87-state.ts.

import { CPU_BOUNCE, CPU_FDP, CPU_FIP, CPU_FOP, CPU_FPR, CPU_FTW } from "../../layout";
import { commitBounce, hostForRead, hostForWrite, probeWrite } from "../mmu/access";
import { FAULT, NEXT } from "../state";
import {
  copy80, EXCEPTIONS, fcw, fsw, setControlAndStatus, setFsw, stackRegister,
} from "./x87-state";

const ENVIRONMENT_16: u32 = 14;
const ENVIRONMENT_32: u32 = 28;
const REGISTER_BYTES: u32 = 10;
const FCW_INITIAL: u32 = 0x37f;

const TAG_VALID: u32 = 0;
const TAG_ZERO: u32 = 1;
const TAG_SPECIAL: u32 = 2;
const TAG_EMPTY: u32 = 3;

/** What a full tag word says of a register that is in use. */
function tagOf(register: usize): u32 {
  const exponent = <u32>load<u16>(register, 8) & 0x7fff;
  const significand = load<u64>(register);
  if (exponent == 0) return significand == 0 ? TAG_ZERO : TAG_SPECIAL;
  return exponent == 0x7fff || <i64>significand >= 0 ? TAG_SPECIAL : TAG_VALID;
}

function fullTagWord(cpu: usize): u32 {
  const inUse = <u32>load<u8>(cpu, CPU_FTW);
  let word: u32 = 0;
  for (let r: u32 = 0; r < 8; r++) {
    const tag = ((inUse >> r) & 1) != 0 ? tagOf(cpu + CPU_FPR + (r << 4)) : TAG_EMPTY;
    word |= tag << (r << 1);
  }
  return word;
}

function setFullTagWord(cpu: usize, word: u32): void {
  let inUse: u32 = 0;
  for (let r: u32 = 0; r < 8; r++) {
    if (((word >> (r << 1)) & 3) != TAG_EMPTY) inUse |= 1 << r;
  }
  store<u8>(cpu, <u8>inUse, CPU_FTW);
}

function putEnvironment16(cpu: usize, at: usize): void {
  store<u16>(at, <u16>fcw(cpu));
  store<u16>(at, <u16>fsw(cpu), 2);
  store<u16>(at, <u16>fullTagWord(cpu), 4);
  store<u16>(at, <u16>load<u64>(cpu, CPU_FIP), 6);
  store<u16>(at, 0, 8);
  store<u16>(at, <u16>load<u64>(cpu, CPU_FDP), 10);
  store<u16>(at, 0, 12);
}

function putEnvironment32(cpu: usize, at: usize): void {
  store<u32>(at, fcw(cpu) | 0xffff_0000);
  store<u32>(at, fsw(cpu) | 0xffff_0000, 4);
  store<u32>(at, fullTagWord(cpu) | 0xffff_0000, 8);
  store<u32>(at, <u32>load<u64>(cpu, CPU_FIP), 12);
  store<u32>(at, (<u32>load<u16>(cpu, CPU_FOP) & 0x7ff) << 16, 16);
  store<u32>(at, <u32>load<u64>(cpu, CPU_FDP), 20);
  store<u32>(at, 0xffff_0000, 24);
}

function takeEnvironment16(cpu: usize, at: usize): void {
  setControlAndStatus(cpu, load<u16>(at), load<u16>(at, 2));
  setFullTagWord(cpu, load<u16>(at, 4));
  store<u64>(cpu, load<u16>(at, 6), CPU_FIP);
  store<u64>(cpu, load<u16>(at, 10), CPU_FDP);
  store<u16>(cpu, 0, CPU_FOP);
}

function takeEnvironment32(cpu: usize, at: usize): void {
  setControlAndStatus(cpu, load<u16>(at), load<u16>(at, 4));
  setFullTagWord(cpu, load<u16>(at, 8));
  store<u64>(cpu, load<u32>(at, 12), CPU_FIP);
  store<u64>(cpu, load<u32>(at, 20), CPU_FDP);
  store<u16>(cpu, <u16>(load<u16>(at, 18) & 0x7ff), CPU_FOP);
}

function environmentBytes(operandBytes: u32): u32 {
  return operandBytes == 2 ? ENVIRONMENT_16 : ENVIRONMENT_32;
}

/** Stores the environment; false when that faulted. */
function storeEnvironment(cpu: usize, address: u64, operandBytes: u32): bool {
  const host = hostForWrite(cpu, address, environmentBytes(operandBytes));
  if (host == 0) return false;
  if (operandBytes == 2) putEnvironment16(cpu, host);
  else putEnvironment32(cpu, host);
  if (host == <u32>cpu + CPU_BOUNCE) commitBounce(cpu);
  return true;
}

function loadEnvironment(cpu: usize, address: u64, operandBytes: u32): bool {
  const host = hostForRead(cpu, address, environmentBytes(operandBytes));
  if (host == 0) return false;
  if (operandBytes == 2) takeEnvironment16(cpu, host);
  else takeEnvironment32(cpu, host);
  return true;
}

/** FNSTENV; masks all exceptions afterwards. */
export function fpuStoreEnvironment(cpu: usize, _uop: usize, address: u64, operandBytes: u32): u32 {
  if (!storeEnvironment(cpu, address, operandBytes)) return FAULT;
  setControlAndStatus(cpu, fcw(cpu) | EXCEPTIONS, fsw(cpu));
  return NEXT;
}

/** FLDENV. */
export function fpuLoadEnvironment(cpu: usize, _uop: usize, address: u64, operandBytes: u32): u32 {
  return loadEnvironment(cpu, address, operandBytes) ? NEXT : FAULT;
}

/** FNSAVE: environment and registers in stack order, then FNINIT. */
export function fpuSave(cpu: usize, uop: usize, address: u64, operandBytes: u32): u32 {
  const environment = environmentBytes(operandBytes);
  if (!probeWrite(cpu, address, environment + 8 * REGISTER_BYTES)) return FAULT;
  if (!storeEnvironment(cpu, address, operandBytes)) return FAULT;
  for (let i: u32 = 0; i < 8; i++) {
    const host = hostForWrite(cpu, address + environment + i * REGISTER_BYTES, REGISTER_BYTES);
    if (host == 0) return FAULT;
    copy80(host, stackRegister(cpu, i));
    if (host == <u32>cpu + CPU_BOUNCE) commitBounce(cpu);
  }
  return fpuInitialize(cpu, uop);
}

/** Can an image be read, of less than a page? False with the exception recorded. */
export function probeImage(cpu: usize, address: u64, bytes: u32): bool {
  const lastPage = (address + bytes - 1) & ~(<u64>0xfff);
  if (hostForRead(cpu, address, 1) == 0) return false;
  return lastPage <= address || hostForRead(cpu, lastPage, 1) != 0;
}

/** FRSTOR. */
export function fpuRestore(cpu: usize, _uop: usize, address: u64, operandBytes: u32): u32 {
  const environment = environmentBytes(operandBytes);
  if (!probeImage(cpu, address, environment + 8 * REGISTER_BYTES)) return FAULT;
  if (!loadEnvironment(cpu, address, operandBytes)) return FAULT;
  for (let i: u32 = 0; i < 8; i++) {
    const host = hostForRead(cpu, address + environment + i * REGISTER_BYTES, REGISTER_BYTES);
    if (host == 0) return FAULT;
    copy80(stackRegister(cpu, i), host);
  }
  return NEXT;
}

/** FLDCW. An exception that is flagged and becomes unmasked is pending from now on. */
export function fpuLoadControl(cpu: usize, _uop: usize, value: u32): u32 {
  setControlAndStatus(cpu, value, fsw(cpu));
  return NEXT;
}

/** FNINIT; registers keep their contents. */
export function fpuInitialize(cpu: usize, _uop: usize): u32 {
  setControlAndStatus(cpu, FCW_INITIAL, 0);
  store<u8>(cpu, 0, CPU_FTW);
  store<u16>(cpu, 0, CPU_FOP);
  store<u64>(cpu, 0, CPU_FIP);
  store<u64>(cpu, 0, CPU_FDP);
  return NEXT;
}

/** FNCLEX. */
export function fpuClearExceptions(cpu: usize, _uop: usize): u32 {
  setFsw(cpu, fsw(cpu) & 0x7f00);
  return NEXT;
}
