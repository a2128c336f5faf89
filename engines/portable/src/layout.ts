// Where everything lives in a machine's one WebAssembly memory, below guest RAM: the engine area.
//
// This file is read by both TypeScript and AssemblyScript, so it holds plain numeric constants and nothing else.
// Offsets named CPU_* are relative to a vCPU's own area; a vCPU is known everywhere by the address of that area.
//
//   0x0000_0000  static data of the core            0x04f0_0000  the TLB entry through which a RAM page is written
//   0x0010_0000  decoder tables                     0x0530_0000  how often the code of a RAM page was dropped
//   0x0020_0000  vCPU areas (2 MiB each)            0x0570_0000  variables of the engine, what is known of hot code
//   0x0420_0000  hash table of blocks               0x0580_0000  micro-ops
//   0x0430_0000  first block of each RAM page       0x0800_0000  guest RAM
//   0x0470_0000  which 64-byte lines of a RAM page hold code

export const CORE_DATA_BASE = 0x1000;
export const DECODER_TABLE_BASE = 0x0010_0000;
export const VCPU_AREA_BASE = 0x0020_0000;
export const VCPU_AREA_SIZE = 0x0020_0000;
export const MAX_VCPUS = 32;
export const BLOCK_HASH_BASE = 0x0420_0000;
export const BLOCK_HASH_BITS = 18;
export const PAGE_BLOCKS_BASE = 0x0430_0000;
export const PAGE_CODE_LINES_BASE = 0x0470_0000;
/** For each RAM page: offset of the one TLB entry that has a write tag for it, 0 for none, PAGE_WRITERS_MANY. */
export const PAGE_WRITERS_BASE = 0x04f0_0000;
export const PAGE_WRITERS_MANY = 0xffff_ffff;
/** Engine-wide variables: allocation pointer of the micro-op arena and the like. */
export const ENGINE_GLOBALS_BASE = 0x0570_0000;
/** For each RAM page a u32 that changes whenever translated code of the page is dropped. */
export const PAGE_VERSIONS_BASE = 0x0530_0000;
export const UOP_ARENA_BASE = 0x0580_0000;
export const UOP_ARENA_END = 0x0800_0000;
export const RAM_BASE = 0x0800_0000;

// Engine-wide variables.
export const ENGINE_ARENA_NEXT = ENGINE_GLOBALS_BASE;
export const ENGINE_RAM_LOW_BYTES = ENGINE_GLOBALS_BASE + 8;
export const ENGINE_RAM_HIGH_BYTES = ENGINE_GLOBALS_BASE + 16;
/** vCPU areas in use, from the first one on. */
export const ENGINE_VCPU_COUNT = ENGINE_GLOBALS_BASE + 24;
/** Counters for the profile: blocks decoded, pages invalidated, arena resets, TLB fills. */
export const ENGINE_COUNT_BLOCKS = ENGINE_GLOBALS_BASE + 32;
export const ENGINE_COUNT_INVALIDATIONS = ENGINE_GLOBALS_BASE + 40;
export const ENGINE_COUNT_ARENA_RESETS = ENGINE_GLOBALS_BASE + 48;
export const ENGINE_COUNT_TLB_FILLS = ENGINE_GLOBALS_BASE + 56;
/** Handlers from this place on are regions; 0 while nobody wants to know of hot code. */
export const ENGINE_FIRST_REGION = ENGINE_GLOBALS_BASE + 64;
/** Entries ever put into the ring of hot places, and taken out of it. */
export const ENGINE_HOT_PUT = ENGINE_GLOBALS_BASE + 72;
export const ENGINE_HOT_TAKEN = ENGINE_GLOBALS_BASE + 76;
/** Samples taken, and how many of them were in regions. */
export const ENGINE_COUNT_SAMPLES = ENGINE_GLOBALS_BASE + 80;
export const ENGINE_COUNT_REGION_SAMPLES = ENGINE_GLOBALS_BASE + 88;
/** Blocks from one sample to the next, set by the host side. */
export const ENGINE_SAMPLE_PERIOD = ENGINE_GLOBALS_BASE + 96;

// Hot code (core/decode/heat.ts). Counters of samples by micro-op, 8 bytes each: micro-op, count.
export const HEAT_BASE = 0x0571_0000;
export const HEAT_BITS = 12;
/** Samples at one place that make it hot. */
export const HOT_SAMPLES = 12;
/** Ring of places to be looked at by the host side. */
export const HOT_RING_BASE = 0x0572_0000;
export const HOT_RING_BITS = 10;
export const HOT_SIZE = 32;
export const HOT_LINEAR = 0;
export const HOT_UOP = 8;
/** The TLB bank it was seen with. */
export const HOT_BANK = 12;
/** HOT_BY_SAMPLES, HOT_KNOWN. */
export const HOT_REASON = 16;
export const HOT_BY_SAMPLES = 0;
export const HOT_KNOWN = 1;
/** Digests of blocks that were hot in an earlier run: open addressing, 0 is empty. */
export const KNOWN_BLOCKS_BASE = 0x0574_0000;
export const KNOWN_BLOCKS_BITS = 15;

// A vCPU's area. General registers first: a register is named by its byte offset.
export const CPU_GPR = 0;
/** Always zero: stands for a missing base or index register. */
export const CPU_ZERO = 128;
/** Linear address of the page the running block starts in; instruction addresses are offsets from it. */
export const CPU_CODE_PAGE = 136;
/** Lazy flags, see isa/flags.ts. */
export const CPU_FLAG_RESULT = 144;
export const CPU_FLAG_AUX = 152;
/** RFLAGS without the six arithmetic flags. */
export const CPU_FLAGS_OTHER = 156;
/** Blocks left in this slice. */
export const CPU_BUDGET = 160;
/** The TLB bank of the present privilege. */
export const CPU_TLB = 164;
/** The micro-op at which execution left the handlers. */
export const CPU_UOP = 168;
/** Pending exception: vector, error code. */
export const CPU_VECTOR = 172;
export const CPU_ERROR_CODE = 176;
export const CPU_CPL = 180;
/** Segment registers ES CS SS DS FS GS LDTR TR, 16 bytes each: base u64, limit u32 (bytes), selector u16, attributes u16. */
export const CPU_SEG = 184;
export const SEG_SIZE = 16;
export const SEG_ES = 0;
export const SEG_CS = 1;
export const SEG_SS = 2;
export const SEG_DS = 3;
export const SEG_FS = 4;
export const SEG_GS = 5;
export const SEG_LDTR = 6;
export const SEG_TR = 7;
export const CPU_GDTR_BASE = 312;
export const CPU_GDTR_LIMIT = 320;
export const CPU_IDTR_BASE = 328;
export const CPU_IDTR_LIMIT = 336;
export const CPU_RIP = 344;
export const CPU_CR0 = 352;
export const CPU_CR2 = 360;
export const CPU_CR3 = 368;
export const CPU_CR4 = 376;
export const CPU_EFER = 384;
/** Debug registers DR0 to DR3, DR6, DR7. */
export const CPU_DR = 392;
export const CPU_DR6 = 424;
export const CPU_DR7 = 432;
/** u32: what a jump-cache entry must have been made under besides its address. Mode, privilege, and an identity that is another
 * one for each address space and after each change of where code is. */
export const CPU_CONTEXT = 440;
/** Decoder mode bits of the present code segment, see MODE_*. */
export const CPU_MODE = 448;
/** Level: the machine has a vector to deliver. */
export const CPU_INTERRUPT_REQUEST = 452;
export const CPU_NMI_REQUEST = 456;
export const CPU_KICK = 460;
/** Set by STI and MOV SS (SHADOW_*): interrupts wait until the instruction at CPU_SHADOW_RIP is done. */
export const CPU_INTERRUPT_SHADOW = 464;
export const CPU_NMI_BLOCKED = 468;
export const CPU_HALTED = 472;
export const CPU_ID = 476;
export const CPU_TSC_FREQUENCY = 480;
export const CPU_TSC_OFFSET = 488;
/** Model-specific registers the engine owns. */
export const CPU_MSR_STAR = 496;
export const CPU_MSR_LSTAR = 504;
export const CPU_MSR_CSTAR = 512;
export const CPU_MSR_FMASK = 520;
export const CPU_MSR_KERNEL_GS_BASE = 528;
export const CPU_MSR_SYSENTER_CS = 536;
export const CPU_MSR_SYSENTER_ESP = 544;
export const CPU_MSR_SYSENTER_EIP = 552;
export const CPU_MSR_TSC_AUX = 560;
/** Budget set aside while something asks to be seen at the end of the block; see core/state.ts, `attend`. */
export const CPU_BUDGET_ASIDE = 568;
export const CPU_SHADOW_RIP = 576;
/** Record of a region that was found to be out of date; 0 when there is none. */
export const CPU_STALE_RECORD = 584;
/** Blocks of the slice that come after those of CPU_BUDGET: it is given out in parts, with a sample after each. */
export const CPU_BUDGET_LATER = 588;
/** What PAUSE does (PAUSE_*), set for each slice. */
export const CPU_PAUSE = 600;
/** Data breakpoints hit by the instruction before this one, whose trap waits. */
export const CPU_HELD_HITS = 608;
/** x87: control, status, tag (one bit a register: 1 = in use), last opcode, instruction and data pointers. */
export const CPU_FCW = 816;
export const CPU_FSW = 818;
export const CPU_FTW = 820;
export const CPU_FOP = 822;
export const CPU_FIP = 824;
export const CPU_FDP = 832;
export const CPU_MXCSR = 840;
/** Not zero: pages of 1 GiB were used. */
export const CPU_TLB_HUGE = 844;
/** x87 data registers R0 to R7 (physical, not stack order), 16 bytes each; MMX registers are their significands. */
export const CPU_FPR = 848;
export const CPU_XMM = 976;
/** Where an access that crosses a page or reaches a device is assembled. */
export const CPU_BOUNCE = 1232;
export const CPU_BOUNCE_SIZE = 64;
export const CPU_BOUNCE_GVA = 1296;
export const CPU_BOUNCE_BYTES = 1304;
/** Host addresses of the two pages a bounced write goes to; 0 where the target is device memory. */
export const CPU_BOUNCE_HOST0 = 1308;
export const CPU_BOUNCE_HOST1 = 1312;
export const CPU_BOUNCE_FIRST_BYTES = 1316;
export const CPU_BOUNCE_GPA0 = 1320;
export const CPU_BOUNCE_GPA1 = 1328;
/** Instruction bytes gathered when a fetch crosses a page. */
export const CPU_FETCH_BUFFER = 1344;
/** Where 80-bit operands are put for the soft floats. */
export const CPU_FLOAT_SCRATCH = 1376;
/** Guest instructions that were decoded but have no meaning here (for reports). */
export const CPU_COUNT_UNDEFINED = 1440;
export const CPU_COUNT_INTERRUPTS = 1456;
/** Single-step state: set while one-instruction blocks are run because of TF or a debug register. */
export const CPU_STEPPING = 1464;
/** More counters for the profile: accesses that took the slow path, loads of CR3, and what was dropped from the TLB. */
export const CPU_COUNT_SLOW_READS = 1472;
export const CPU_COUNT_SLOW_WRITES = 1480;
export const CPU_COUNT_SPACE_LOADS = 1488;
export const CPU_COUNT_SPACE_FLUSHES = 1496;
export const CPU_COUNT_FULL_FLUSHES = 1504;
export const CPU_COUNT_ADDRESS_FLUSHES = 1512;
export const CPU_SINGLE_STEP_BLOCK = 1536;
/** CPUID leaves: count, then 24 bytes each (leaf, subleaf or -1, eax, ebx, ecx, edx). */
export const CPU_CPUID_COUNT = 0x1000;
export const CPU_CPUID_LEAVES = 0x1010;
export const MAX_CPUID_LEAVES = 128;
/** Whose bank CPU_TLB is: TLB_BANK_*. */
export const CPU_TLB_KIND = 0x1d00;
/** The slot of the present address space, and clocks for slots and jump-cache identities. */
export const CPU_SPACE = 0x1d04;
export const CPU_SPACE_CLOCK = 0x1d08;
export const CPU_IDENTITY_CLOCK = 0x1d0c;
/** Jump-cache identity of code that runs as supervisor, and whether some of it is in pages that are not global. */
export const CPU_SUPERVISOR_IDENTITY = 0x1d10;
export const CPU_SUPERVISOR_LOCAL_CODE = 0x1d14;
/** Address spaces whose translations are kept, 16 bytes each: PCID or SPACE_FREE, clock at last use, jump-cache identity. */
export const CPU_SPACES = 0x1d20;
export const SPACES = 5;
export const SPACE_SIZE = 16;
export const SPACE_PCID = 0;
export const SPACE_LAST_USE = 4;
export const SPACE_IDENTITY = 8;
export const SPACE_FREE = 0xffff_ffff;
/** How many entries of each bank are in its log; more than it holds: any of them may be in use. */
export const CPU_TLB_LOG_COUNTS = 0x1d80;
/** Entries that others took the place of, TLB_VICTIMS at most, the oldest overwritten: how many ever, then TLB_VICTIM_SIZE bytes each. */
export const CPU_TLB_VICTIM_COUNT = 0x1dfc;
export const CPU_TLB_VICTIMS = 0x1e00;
export const TLB_VICTIMS = 8;
/** A copy of the entry, then the number of its bank. */
export const TLB_VICTIM_SIZE = 40;
export const TLB_VICTIM_BANK = 32;
/** Filters, one bit by hash: pages that the jump cache may lead to, and 4 MiB regions with large pages in the TLB. */
export const CPU_CODE_FILTER = 0x2000;
export const CODE_FILTER_BITS = 15;
export const CPU_LARGE_FILTER = 0x3000;
export const LARGE_FILTER_BITS = 12;
/** How many exceptions of each of the 32 vectors were delivered, u64 each. */
export const CPU_COUNT_EXCEPTIONS = 0x3400;
/** Jump cache: linear address to micro-op, 16 bytes an entry (address u64, micro-op u32, context u32). Its index is made of both. */
export const CPU_JUMP_CACHE = 0x4000;
export const JUMP_CACHE_BITS = 14;
/**
 * TLB banks: the supervisor's, then two for each address space: the user's, and the supervisor's with access to user pages
 * (EFLAGS.AC under SMAP).
 */
export const CPU_TLB_BANKS = 0x5_0000;
export const TLB_BITS = 12;
export const TLB_BANKS = 1 + 2 * SPACES;
export const TLB_BANK_USER = 0;
export const TLB_BANK_SUPERVISOR = 1;
export const TLB_BANK_SUPERVISOR_AC = 2;
/** Logs, one for each bank: numbers (u16) of the entries to look at when it is flushed. */
export const CPU_TLB_LOGS = 0x1c_0000;

// A TLB entry, 32 bytes: tags are page addresses, or TLB_NO_TAG.
export const TLB_ENTRY_BITS = 5;
export const TLB_ENTRY_SIZE = 32;
export const TLB_READ = 0;
export const TLB_WRITE = 8;
export const TLB_EXECUTE = 16;
/** Added to the low 32 bits of the linear address, gives the offset in the memory. */
export const TLB_ADDEND = 24;
/** Offset in the memory of the page, with flags in the low bits. */
export const TLB_PAGE = 28;
export const TLB_FLAG_GLOBAL = 1;
export const TLB_FLAG_2M = 2;
export const TLB_FLAG_1G = 4;

// A micro-op, 32 bytes.
export const UOP_SIZE = 32;
export const UOP_HANDLER = 0;
/** Byte offsets of the operand registers in the vCPU's area. */
export const UOP_A = 4;
export const UOP_B = 6;
export const UOP_BASE = 8;
export const UOP_INDEX = 10;
export const UOP_SCALE = 12;
export const UOP_LENGTH = 13;
/** Offset of the instruction in its page. */
export const UOP_OFFSET = 14;
/** Immediate; for a direct jump the target, relative to the code page. */
export const UOP_IMM = 16;
export const UOP_DISP = 24;
/** Direct jumps: the micro-op at the target once known. */
export const UOP_LINK = 28;
/** Memory operands (which direct jumps have not): offset of the segment's base in the vCPU's area. */
export const UOP_SEGMENT = 28;
/** 64 minus the address size in bits, and 64 minus the width of a linear address. */
export const UOP_ADDRESS_SHIFT = 30;
export const UOP_LINEAR_SHIFT = 31;

// A block: this header, then its micro-ops.
export const BLOCK_HEADER_SIZE = 32;
export const BLOCK_HASH_NEXT = 0;
export const BLOCK_PAGE_NEXT = 4;
/** Offset in the memory of its first byte; BLOCK_DEAD once invalidated. */
export const BLOCK_HOST = 8;
export const BLOCK_MODE = 12;
export const BLOCK_UOP_COUNT = 16;
export const BLOCK_BYTES = 20;
/** The micro-ops; elsewhere than behind the header for the second page's entry of a page-crossing instruction. */
export const BLOCK_UOPS = 24;
/** Of its micro-ops as decoded and its mode, the same wherever the code lies. */
export const BLOCK_DIGEST = 28;
export const BLOCK_DEAD = 1;
export const MAX_BLOCK_INSTRUCTIONS = 48;

// Decoder modes.
export const MODE_CODE16 = 0;
export const MODE_CODE32 = 1;
export const MODE_CODE64 = 2;
export const MODE_CODE_MASK = 3;
/** Stack pointer is 32 bits (outside 64-bit mode; else 16). */
export const MODE_STACK32 = 4;
/** CR0.TS or CR0.EM: x87 and SSE raise an exception. */
export const MODE_NO_FPU = 8;
/** CR4.OSFXSR is clear: SSE raises #UD. */
export const MODE_NO_SSE = 16;
/** One instruction a block: RFLAGS.TF or instruction breakpoints. */
export const MODE_SINGLE = 32;

// CPU_INTERRUPT_SHADOW: STI holds interrupts off, MOV SS debug traps too.
export const SHADOW_STI = 1;
export const SHADOW_STACK = 2;

// CPU_PAUSE: PAUSE shortens the slice, is to end it, has ended it.
export const PAUSE_SHORTENS = 0;
export const PAUSE_ENDS = 1;
export const PAUSE_ENDED = 2;

/** Places behind the handlers in their table, for compiled regions. */
export const REGION_SLOTS = 4096;

// What a handler returns.
/** Look up CPU_RIP and go on. */
export const EXIT_RESUME = 0;
/** CPU_VECTOR is to be delivered at CPU_UOP. */
export const EXIT_EXCEPTION = 1;
export const EXIT_HALT = 2;
export const EXIT_SHUTDOWN = 3;
/** The slice is over or the machine asked for the thread. */
export const EXIT_STOP = 4;
export const EXIT_FAILURE = 5;

// A region's record in the arena: for each page its offset in the memory and its version when the region was formed; then copies
// of the region's micro-ops. The micro-op through which the region is entered holds the record's address as its immediate.
export const RECORD_MAX_PAGES = 8;
export const RECORD_PAGE_SIZE = 8;
export const RECORD_PAGE_HOST = 0;
export const RECORD_PAGE_VERSION = 4;
export const RECORD_UOPS = 64;

// How the flags are held inside regions (isa/flags.ts, FlagSource): 0 for result and aux, else 1 + 4 × operation + size index.
export const FLAGS_EXPLICIT = 0;
export const FLAGS_ADD = 1;
export const FLAGS_SUB = 5;
export const FLAGS_INC = 9;
export const FLAGS_DEC = 13;
export const FLAGS_IMUL = 17;

// RFLAGS.
export const FLAG_CF = 0x1;
export const FLAG_PF = 0x4;
export const FLAG_AF = 0x10;
export const FLAG_ZF = 0x40;
export const FLAG_SF = 0x80;
export const FLAG_TF = 0x100;
export const FLAG_IF = 0x200;
export const FLAG_DF = 0x400;
export const FLAG_OF = 0x800;
export const FLAG_IOPL = 0x3000;
export const FLAG_NT = 0x4000;
export const FLAG_RF = 0x1_0000;
export const FLAG_VM = 0x2_0000;
export const FLAG_AC = 0x4_0000;
export const FLAG_ID = 0x20_0000;
export const FLAGS_ARITHMETIC = 0x8d5;
