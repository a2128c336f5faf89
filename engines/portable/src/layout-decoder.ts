// Layout of the decoder's tables at DECODER_TABLE_BASE: written by decode/tables.ts, read by core/decode/decoder.ts. Like
// layout.ts this file is read by both languages and holds plain numbers only.

export const MAX_NODES = 8192;
export const MAX_FORMS = 4096;
export const NODES_OFFSET = 2048;
export const FORMS_OFFSET = 18432;
export const REF_FORM = 0x8000;

/** Nodes choose by: mandatory prefix, ModRM.reg, register or memory form, ModRM.rm, 64-bit mode or not, REX.W. */
export const NODE_PREFIX = 1;
export const NODE_REG = 2;
export const NODE_MOD = 3;
export const NODE_RM = 4;
export const NODE_MODE = 5;
export const NODE_W = 6;

export const FORM_SIZE = 16;
export const FORM_BASE = 0;
export const FORM_SIZE_RULE = 2;
export const FORM_ADDRESSING = 3;
export const FORM_IMMEDIATE = 4;
export const FORM_A = 5;
export const FORM_B = 6;
export const FORM_FLAGS = 8;

export const SIZE_FIXED = 0;
export const SIZE_V = 1;
export const SIZE_Z = 2;
export const SIZE_Y = 3;
export const SIZE_V_DEFAULT_64 = 4;
export const SIZE_FIXED_64 = 5;

export const ADDRESSING_REGISTER = 1;
export const ADDRESSING_MEMORY = 2;
/** There are handlers for base + displacement and for base + index besides the general one. */
export const ADDRESSING_FAST = 4;

export const IMM_NONE = 0;
export const IMM_BYTE = 1;
export const IMM_BYTE_SIGNED = 2;
export const IMM_WORD = 3;
export const IMM_Z = 4;
export const IMM_FULL = 5;
export const IMM_ABSOLUTE = 6;
export const IMM_RELATIVE_8 = 7;
export const IMM_RELATIVE_Z = 8;
export const IMM_WORD_BYTE = 9;
export const IMM_FAR = 10;

export const FROM_REG = 1;
export const FROM_RM = 2;
export const FROM_OPCODE = 3;
export const CLASS_GPR8 = 0;
export const CLASS_GPR = 1;
export const CLASS_XMM = 2;
export const CLASS_MMX = 3;
export const CLASS_NUMBER = 4;

export const FORM_HAS_MODRM = 1;
export const FORM_LOCKABLE = 2;
export const FORM_ENDS_BLOCK = 4;
export const FORM_STRING = 8;
export const FORM_FPU = 16;
export const FORM_SSE = 32;
/** The block ends after the following instruction, so that an interrupt held off by this one is seen soon. */
export const FORM_SHADOW = 64;
/** Uses the stack besides its operands. */
export const FORM_STACK = 128;

/** Table slots of the handlers that stand for no instruction; the first forms in the tables, in this order. */
export const HANDLER_REDECODE = 0;
export const HANDLER_RAISE = 1;
export const HANDLER_CONTINUE = 2;
export const HANDLER_CHECK_PAGE = 3;
export const HANDLER_NOP = 4;
