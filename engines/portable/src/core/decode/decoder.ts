// The decoder: instruction bytes to micro-ops, by the tables that decode/tables.ts derives from the instruction forms.
// SDM volume 2, chapter 2. One instruction is one micro-op; instructions the tables do not know become a micro-op that raises #UD.

import {
  CPU_CODE_PAGE, CPU_COUNT_UNDEFINED, CPU_FETCH_BUFFER, CPU_FPR, CPU_SEG, CPU_XMM, CPU_ZERO, DECODER_TABLE_BASE,
  MAX_BLOCK_INSTRUCTIONS, MODE_CODE16, MODE_CODE64, MODE_CODE_MASK, MODE_NO_FPU, MODE_NO_SSE, MODE_SINGLE, SEG_DS, SEG_FS,
  SEG_SIZE, SEG_SS, UOP_A, UOP_ADDRESS_SHIFT, UOP_B, UOP_BASE, UOP_DISP, UOP_HANDLER, UOP_IMM, UOP_INDEX, UOP_LENGTH,
  UOP_LINEAR_SHIFT, UOP_OFFSET, UOP_SCALE, UOP_SEGMENT, UOP_SIZE,
} from "../../layout";
import {
  ADDRESSING_FAST, ADDRESSING_MEMORY, ADDRESSING_REGISTER, CLASS_GPR, CLASS_GPR8, CLASS_MMX, CLASS_XMM, FORM_A,
  FORM_ADDRESSING, FORM_B, FORM_BASE, FORM_ENDS_BLOCK, FORM_FLAGS, FORM_FPU, FORM_HAS_MODRM, FORM_IMMEDIATE, FORM_LOCKABLE,
  FORM_SHADOW, FORM_SIZE, FORM_SIZE_RULE, FORM_STACK, FORM_SSE, FORM_STRING, FORMS_OFFSET, FROM_OPCODE, FROM_REG, HANDLER_CHECK_PAGE,
  HANDLER_CONTINUE, HANDLER_NOP, HANDLER_RAISE, IMM_ABSOLUTE, IMM_BYTE, IMM_BYTE_SIGNED, IMM_FAR, IMM_FULL, IMM_NONE,
  IMM_RELATIVE_8, IMM_RELATIVE_Z, IMM_WORD, IMM_WORD_BYTE, IMM_Z, NODE_MOD, NODE_MODE, NODE_PREFIX, NODE_REG, NODE_RM,
  NODE_W, NODES_OFFSET, REF_FORM, SIZE_FIXED_64, SIZE_V, SIZE_V_DEFAULT_64, SIZE_Y, SIZE_Z,
} from "../../layout-decoder";
import { count } from "../count";
import { fetchAddress } from "../mmu/fetch";
import { RSP, VECTOR_GP, VECTOR_NM, VECTOR_UD } from "../state";

/** Results of `decodeBlock`. */
export let decodedUops: u32 = 0;
export let decodedBytes: u32 = 0;
/** `decodeBlock`: the second page of a crossing instruction faulted; the exception is recorded. */
export const DECODE_FAULT: u32 = 1;

const MAX_LENGTH: u32 = 15;
/** `decodeInstruction`: the bytes at hand do not hold the whole instruction. */
const INCOMPLETE: u32 = 0;

// The instruction being decoded.
let bytesAt: usize = 0;
let bytesAvailable: u32 = 0;
let position: u32 = 0;
let incomplete: bool = false;
let modrm: i32 = -1;
let rex: u32 = 0;
let operandPrefix: bool = false;
let addressPrefix: bool = false;
let repeatPrefix: u32 = 0;
let segmentPrefix: i32 = -1;
let lockPrefix: bool = false;
let ripRelative: bool = false;
let formFlags: u32 = 0;

function nextByte(): u32 {
  if (position >= bytesAvailable) {
    incomplete = true;
    return 0;
  }
  return load<u8>(bytesAt + position++);
}

function nextValue(bytes: u32): u64 {
  if (position + bytes > bytesAvailable) {
    incomplete = true;
    position = bytesAvailable;
    return 0;
  }
  const at = bytesAt + position;
  position += bytes;
  if (bytes == 1) return load<u8>(at);
  if (bytes == 2) return load<u16>(at);
  return bytes == 4 ? <u64>load<u32>(at) : load<u64>(at);
}

/**
 * Decodes the block at `host` (offset in the memory of linear address `linear`) to `uops`. Answers 0, or the memory offset of the
 * second page when its one instruction crosses into it, or DECODE_FAULT.
 */
export function decodeBlock(cpu: usize, linear: u64, host: u32, mode: u32, uops: u32): u32 {
  const page = host & ~0xfff;
  let offset = host & 0xfff;
  let uop: usize = uops;
  let limit: u32 = (mode & MODE_SINGLE) != 0 ? 1 : MAX_BLOCK_INSTRUCTIONS;
  for (let count: u32 = 1; ; count++) {
    const length = decodeInstruction(cpu, page + offset, 0x1000 - offset, offset, mode, uop);
    if (length == INCOMPLETE) {
      if (count == 1) return decodeCrossing(cpu, linear, host, mode, uops);
      break;
    }
    offset += length;
    uop += UOP_SIZE;
    if ((formFlags & FORM_ENDS_BLOCK) != 0) return finishBlock(uops, uop, offset - (host & 0xfff));
    if ((formFlags & FORM_SHADOW) != 0) limit = min(limit, count + 1);
    if (count >= limit || offset >= 0x1000) break;
  }
  writeContinue(uop, offset);
  return finishBlock(uops, uop + UOP_SIZE, offset - (host & 0xfff));
}

function finishBlock(uops: u32, end: usize, bytes: u32): u32 {
  decodedUops = (<u32>end - uops) / UOP_SIZE;
  decodedBytes = bytes;
  return 0;
}

function writeContinue(uop: usize, offset: u32): void {
  clearUop(uop, offset);
  store<u32>(uop, HANDLER_CONTINUE, UOP_HANDLER);
  store<u64>(uop, offset, UOP_IMM);
}

function clearUop(uop: usize, offset: u32): void {
  memory.fill(uop, 0, UOP_SIZE);
  store<u16>(uop, CPU_ZERO, UOP_BASE);
  store<u16>(uop, CPU_ZERO, UOP_INDEX);
  store<u16>(uop, <u16>offset, UOP_OFFSET);
}

/** One instruction whose bytes lie in two pages: they are gathered first, and a check of the second page goes before it. */
function decodeCrossing(cpu: usize, linear: u64, host: u32, mode: u32, uops: u32): u32 {
  const offset = host & 0xfff;
  const here = 0x1000 - offset;
  const second = fetchAddress(cpu, linear + here);
  if (second == 0) return DECODE_FAULT;
  const buffer = cpu + CPU_FETCH_BUFFER;
  memory.copy(buffer, host, here);
  memory.copy(buffer + here, second, MAX_LENGTH + 1);
  clearUop(uops, offset);
  store<u32>(uops, HANDLER_CHECK_PAGE, UOP_HANDLER);
  store<u64>(uops, second, UOP_IMM);
  const length = decodeInstruction(cpu, <u32>buffer, here + MAX_LENGTH, offset, mode, uops + UOP_SIZE);
  const end: usize = uops + 2 * UOP_SIZE;
  const more: u32 = (formFlags & FORM_ENDS_BLOCK) != 0 ? 0 : UOP_SIZE;
  if (more != 0) writeContinue(end, offset + length);
  finishBlock(uops, end + more, length);
  return second;
}

/** Decodes one instruction at memory offset `at`, of which `available` bytes may be read. Answers its length or INCOMPLETE. */
function decodeInstruction(cpu: usize, at: u32, available: u32, offset: u32, mode: u32, uop: usize): u32 {
  clearUop(uop, offset);
  bytesAt = at;
  bytesAvailable = min(available, MAX_LENGTH);
  position = 0;
  incomplete = false;
  modrm = -1;
  ripRelative = false;
  formFlags = 0;
  let opcode = readPrefixes((mode & MODE_CODE_MASK) == MODE_CODE64);
  let map: u32 = 0;
  if (opcode == 0x0f) {
    map = 1;
    opcode = nextByte();
    if (opcode == 0x38 || opcode == 0x3a) {
      map = opcode == 0x38 ? 2 : 3;
      opcode = nextByte();
    }
  }
  const form: usize = incomplete ? 0 : selectForm(map, opcode, mode);
  if (form != 0) encodeOperands(uop, form, opcode, mode);
  if (incomplete) {
    if (available < MAX_LENGTH) return INCOMPLETE;
    return writeRaise(uop, VECTOR_GP);
  }
  if (form == 0) {
    count(cpu, CPU_COUNT_UNDEFINED);
    return writeRaise(uop, VECTOR_UD);
  }
  store<u8>(uop, <u8>position, UOP_LENGTH);
  const length = position;
  const fault = faultOf(mode);
  if (fault != 0) return writeRaise(uop, fault);
  if (map == 0 && opcode == 0x90 && (rex & 1) == 0 && repeatPrefix != 1) store<u32>(uop, HANDLER_NOP, UOP_HANDLER);
  return length;
}

/** The exception an instruction raises whatever its operands: misplaced LOCK, unusable x87 or SSE. */
function faultOf(mode: u32): u32 {
  const memoryForm = modrm >= 0 && modrm < 0xc0;
  if (lockPrefix && ((formFlags & FORM_LOCKABLE) == 0 || !memoryForm)) return VECTOR_UD;
  if ((formFlags & FORM_SSE) != 0 && (mode & MODE_NO_SSE) != 0) return VECTOR_UD;
  if ((formFlags & (FORM_SSE | FORM_FPU)) != 0 && (mode & MODE_NO_FPU) != 0) return VECTOR_NM;
  return 0;
}

function writeRaise(uop: usize, vector: u32): u32 {
  store<u32>(uop, HANDLER_RAISE, UOP_HANDLER);
  store<u64>(uop, vector, UOP_IMM);
  store<u8>(uop, <u8>position, UOP_LENGTH);
  formFlags = FORM_ENDS_BLOCK;
  return max<u32>(position, 1);
}

/** Reads the legacy and REX prefixes; answers the byte behind them. */
function readPrefixes(mode64: bool): u32 {
  rex = 0;
  operandPrefix = false;
  addressPrefix = false;
  repeatPrefix = 0;
  segmentPrefix = -1;
  lockPrefix = false;
  for (;;) {
    const byte = nextByte();
    if (incomplete) return 0;
    if (mode64 && (byte & 0xf0) == 0x40) {
      rex = byte;
      continue;
    }
    if (byte == 0x66) operandPrefix = true;
    else if (byte == 0x67) addressPrefix = true;
    else if (byte == 0xf0) lockPrefix = true;
    else if (byte == 0xf2) repeatPrefix = 2;
    else if (byte == 0xf3) repeatPrefix = 1;
    else if (byte == 0x64 || byte == 0x65) segmentPrefix = byte - 0x60;
    else if (byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e) {
      if (!mode64) segmentPrefix = (byte >> 3) & 3;
    } else return byte;
    rex = 0;
  }
  return 0;
}

function peekModrm(): u32 {
  if (modrm < 0) modrm = nextByte();
  return <u32>modrm;
}

/** Follows the tables' nodes to a form record; 0 when there is none. */
function selectForm(map: u32, opcode: u32, mode: u32): usize {
  let ref = <u32>load<u16>(DECODER_TABLE_BASE + (((map << 8) | opcode) << 1));
  while (ref != 0 && (ref & REF_FORM) == 0) {
    const node: usize = DECODER_TABLE_BASE + NODES_OFFSET + (ref << 1);
    let choice: u32 = 0;
    switch (<u32>load<u16>(node)) {
      case NODE_PREFIX:
        choice = repeatPrefix == 1 ? 2 : repeatPrefix == 2 ? 3 : operandPrefix ? 1 : 0;
        break;
      case NODE_REG:
        choice = (peekModrm() >> 3) & 7;
        break;
      case NODE_MOD:
        choice = peekModrm() >= 0xc0 ? 1 : 0;
        break;
      case NODE_RM:
        choice = peekModrm() & 7;
        break;
      case NODE_MODE:
        choice = (mode & MODE_CODE_MASK) == MODE_CODE64 ? 1 : 0;
        break;
      case NODE_W:
        choice = (rex >> 3) & 1;
        break;
    }
    if (incomplete) return 0;
    ref = load<u16>(node + ((choice + 1) << 1));
  }
  return ref == 0 ? 0 : DECODER_TABLE_BASE + FORMS_OFFSET + (ref & ~REF_FORM) * FORM_SIZE;
}

/** Operand size in bytes: prefix, REX.W and mode. */
function operandBytesOf(form: usize, mode: u32): u32 {
  const rule = <u32>load<u8>(form, FORM_SIZE_RULE);
  const code = mode & MODE_CODE_MASK;
  if (code == MODE_CODE64) {
    if ((rex & 8) != 0 || rule == SIZE_FIXED_64) return 8;
    if (operandPrefix) return 2;
    return rule == SIZE_V_DEFAULT_64 ? 8 : 4;
  }
  return (code == MODE_CODE16) != operandPrefix ? 2 : 4;
}

function sizeIndex(rule: u32, operandBytes: u32): u32 {
  if (rule == SIZE_V || rule == SIZE_V_DEFAULT_64) return operandBytes == 2 ? 0 : operandBytes == 4 ? 1 : 2;
  if (rule == SIZE_Z) return operandBytes == 2 ? 0 : 1;
  if (rule == SIZE_Y) return operandBytes == 8 ? 1 : 0;
  return 0;
}

/** Fills in the micro-op: registers, memory operand, immediate, handler. */
function encodeOperands(uop: usize, form: usize, opcode: u32, mode: u32): void {
  formFlags = load<u16>(form, FORM_FLAGS);
  // In 64-bit mode a near branch is never cut to 16 bits.
  const branch = load<u8>(form, FORM_IMMEDIATE) == IMM_RELATIVE_8 || load<u8>(form, FORM_IMMEDIATE) == IMM_RELATIVE_Z;
  const operandBytes = branch && (mode & MODE_CODE_MASK) == MODE_CODE64 ? 4 : operandBytesOf(form, mode);
  const addressing = <u32>load<u8>(form, FORM_ADDRESSING);
  const hasRegister = (addressing & ADDRESSING_REGISTER) != 0;
  const variants = ((addressing & ADDRESSING_MEMORY) != 0 ? ((addressing & ADDRESSING_FAST) != 0 ? 3 : 1) : 0) + (hasRegister ? 1 : 0);
  let variant: u32 = 0;
  // Nobody reads the base of an instruction without a memory operand, but a fault tells from it that this was the stack.
  if ((formFlags & FORM_STACK) != 0) store<u16>(uop, <u16>(RSP << 3), UOP_BASE);
  if ((formFlags & FORM_HAS_MODRM) != 0) {
    peekModrm();
    if (<u32>modrm < 0xc0 && (addressing & ADDRESSING_MEMORY) != 0) {
      const way = encodeMemory(uop, mode);
      variant = (hasRegister ? 1 : 0) + ((addressing & ADDRESSING_FAST) != 0 ? way : 0);
    }
  }
  encodeSlot(uop + UOP_A, load<u8>(form, FORM_A), opcode);
  encodeSlot(uop + UOP_B, load<u8>(form, FORM_B), opcode);
  if ((formFlags & FORM_STRING) != 0) encodeSegment(uop, mode, SEG_DS);
  encodeImmediate(uop, load<u8>(form, FORM_IMMEDIATE), operandBytes, mode);
  if ((formFlags & FORM_STRING) != 0) store<u64>(uop, repeatPrefix, UOP_IMM);
  const index = sizeIndex(load<u8>(form, FORM_SIZE_RULE), operandBytes);
  store<u32>(uop, load<u16>(form, FORM_BASE) + index * variants + variant, UOP_HANDLER);
}

/** Turns an operand's source and register class into the byte offset of the register, or its number. */
function encodeSlot(slot: usize, spec: u32, opcode: u32): void {
  const source = spec & 3;
  if (source == 0) return;
  let n: u32;
  if (source == FROM_REG) n = ((<u32>modrm >> 3) & 7) | ((rex & 4) << 1);
  else n = (source == FROM_OPCODE ? opcode & 7 : <u32>modrm & 7) | ((rex & 1) << 3);
  let value: u32;
  switch (spec >> 2) {
    case CLASS_GPR8:
      value = rex == 0 && n >= 4 ? ((n & 3) << 3) + 1 : n << 3;
      break;
    case CLASS_GPR:
      value = n << 3;
      break;
    case CLASS_XMM:
      value = CPU_XMM + (n << 4);
      break;
    case CLASS_MMX:
      value = CPU_FPR + ((n & 7) << 4);
      break;
    default:
      value = source == FROM_REG ? n : n & 7;
  }
  store<u16>(slot, <u16>value);
}

function addressBitsOf(mode: u32): u32 {
  const code = mode & MODE_CODE_MASK;
  if (code == MODE_CODE64) return addressPrefix ? 32 : 64;
  return (code == MODE_CODE16) != addressPrefix ? 16 : 32;
}

/** Segment base and address widths; answers whether only the general way of addressing will do. */
function encodeSegment(uop: usize, mode: u32, defaultSegment: u32): bool {
  const mode64 = (mode & MODE_CODE_MASK) == MODE_CODE64;
  const bits = addressBitsOf(mode);
  const segment = segmentPrefix >= 0 ? <u32>segmentPrefix : defaultSegment;
  const based = !mode64 || segment >= <u32>SEG_FS;
  store<u16>(uop, <u16>(based ? CPU_SEG + segment * SEG_SIZE : CPU_ZERO), UOP_SEGMENT);
  store<u8>(uop, <u8>(64 - bits), UOP_ADDRESS_SHIFT);
  store<u8>(uop, mode64 ? 0 : 32, UOP_LINEAR_SHIFT);
  return based || bits != 64;
}

/** Memory operand of ModRM (and SIB): answers 0 base + displacement, 1 with an index, 2 general. */
function encodeMemory(uop: usize, mode: u32): u32 {
  const mod = <u32>modrm >> 6;
  const rm = <u32>modrm & 7;
  if (addressBitsOf(mode) == 16) {
    encodeMemory16(uop, mode, mod, rm);
    return 2;
  }
  let base: u32 = rm | ((rex & 1) << 3);
  let baseless = false;
  let indexed = false;
  if (rm == 4) {
    const sib = nextByte();
    const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
    base = (sib & 7) | ((rex & 1) << 3);
    if (index != 4) {
      store<u16>(uop, <u16>(index << 3), UOP_INDEX);
      store<u8>(uop, <u8>(sib >> 6), UOP_SCALE);
      indexed = true;
    }
    baseless = (sib & 7) == 5 && mod == 0;
  } else if (rm == 5 && mod == 0) {
    baseless = true;
    ripRelative = (mode & MODE_CODE_MASK) == MODE_CODE64;
  }
  if (mod == 1) store<i32>(uop, <i8>nextValue(1), UOP_DISP);
  else if (mod == 2 || baseless) store<u32>(uop, <u32>nextValue(4), UOP_DISP);
  if (ripRelative) store<u16>(uop, CPU_CODE_PAGE, UOP_BASE);
  else if (baseless) store<u16>(uop, CPU_ZERO, UOP_BASE);
  else store<u16>(uop, <u16>(base << 3), UOP_BASE);
  const onStack = !baseless && (base == 4 || base == 5);
  if (encodeSegment(uop, mode, onStack ? SEG_SS : SEG_DS)) return 2;
  return indexed ? 1 : 0;
}

/** 16-bit addressing: BX or BP with SI or DI. */
function encodeMemory16(uop: usize, mode: u32, mod: u32, rm: u32): void {
  const direct = mod == 0 && rm == 6;
  if (direct || mod == 2) store<i32>(uop, <i16>nextValue(2), UOP_DISP);
  else if (mod == 1) store<i32>(uop, <i8>nextValue(1), UOP_DISP);
  store<u16>(uop, CPU_ZERO, UOP_BASE);
  // Register numbers: BX 3, BP 5, SI 6, DI 7.
  if (!direct) {
    const base: u32 = rm < 4 ? ((rm & 2) != 0 ? 5 : 3) : rm == 4 ? 6 : rm == 5 ? 7 : rm == 6 ? 5 : 3;
    store<u16>(uop, <u16>(base << 3), UOP_BASE);
    if (rm < 4) store<u16>(uop, <u16>((6 + (rm & 1)) << 3), UOP_INDEX);
  }
  const onStack = !direct && (rm == 2 || rm == 3 || rm == 6);
  encodeSegment(uop, mode, onStack ? SEG_SS : SEG_DS);
}

function encodeImmediate(uop: usize, kind: u32, operandBytes: u32, mode: u32): void {
  const mode64 = (mode & MODE_CODE_MASK) == MODE_CODE64;
  let value: u64 = 0;
  switch (kind) {
    case IMM_NONE:
      break;
    case IMM_BYTE:
      value = nextValue(1);
      break;
    case IMM_BYTE_SIGNED:
      value = <u64>(<i64>(<i8>nextValue(1)));
      break;
    case IMM_WORD:
      value = nextValue(2);
      break;
    case IMM_Z:
      value = operandBytes == 2 ? nextValue(2) : <u64>(<i64>(<i32>nextValue(4)));
      break;
    case IMM_FULL:
      value = nextValue(operandBytes);
      break;
    case IMM_WORD_BYTE:
      value = nextValue(2);
      value |= nextValue(1) << 16;
      break;
    case IMM_FAR:
      value = nextValue(operandBytes == 2 ? 2 : 4);
      value |= nextValue(2) << 32;
      break;
    case IMM_ABSOLUTE:
      value = nextValue(addressBitsOf(mode) >> 3);
      encodeSegment(uop, mode, SEG_DS);
      break;
    default: {
      const wide: u32 = mode64 || operandBytes != 2 ? 4 : 2;
      const relative: i64 = kind == IMM_RELATIVE_8
        ? <i64>(<i8>nextValue(1))
        : wide == 4 ? <i64>(<i32>nextValue(4)) : <i64>(<i16>nextValue(2));
      value = <u64>(relative + <i64>position + <i64>load<u16>(uop, UOP_OFFSET));
      store<u8>(uop, <u8>(64 - addressBitsOf(mode)), UOP_SCALE);
    }
  }
  // An immediate no wider than the operand: the interpreter takes its bits as they are.
  if (kind == IMM_BYTE_SIGNED && operandBytes == 2) value &= 0xffff;
  store<u64>(uop, value, UOP_IMM);
  if (ripRelative)
    store<i32>(uop, load<i32>(uop, UOP_DISP) + <i32>load<u16>(uop, UOP_OFFSET) + <i32>position, UOP_DISP);
}
