// Ports, control and debug registers, descriptor tables, model-specific registers, CPUID, time stamp, interrupt flag, cache and
// TLB control, state save. SDM volume 2 and 3. All of them live in the core.

import { i32, i64 } from "../../encoder/expressions.ts";
import { CPU_RIP } from "../../layout.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";

const INVALID_OPCODE = 6;
const CS = 1;
const SEGMENT_REGISTERS = 6;
/** Bit of loadSegment's register number: LSS loads the stack pointer too, so interrupts need not wait for it. */
const WITHOUT_SHADOW = 8;
const operandBytes = (m: Lowering) => i32.const(m.size / 8);
const wide = (m: Lowering, operand: number) => {
  const value = m.read(operand, m.operandSize(operand));
  return value.type === "i64" ? value : m.let(i64.extend32U(value));
};
/** `name(cpu, uop)`. */
const plain = (mnemonic: string, forms: readonly string[], name: string): Instruction =>
  instruction(mnemonic, forms, (m) => m.system(name));

/** `name(cpu, uop, operand)`; privilege is checked before memory is read. */
const privileged = (mnemonic: string, form: string, name: string): Instruction =>
  instruction(mnemonic, [form], (m) => {
    m.system("requireSupervisor");
    m.system(name, m.read(0));
  });

const ports = [
  instruction("in", ["e4 AL,Ib", "e5 zAX,Ib"], (m) =>
    m.system("portIn", m.read(1, 8), i32.const(m.operandSize(0) / 8)),
  ),
  instruction("in", ["ec AL,DX", "ed zAX,DX"], (m) =>
    m.system("portIn", m.read(1), i32.const(m.operandSize(0) / 8)),
  ),
  instruction("out", ["e6 Ib,AL", "e7 Ib,zAX"], (m) =>
    m.system("portOut", m.read(0, 8), i32.const(m.operandSize(1) / 8)),
  ),
  instruction("out", ["ee DX,AL", "ef DX,zAX"], (m) =>
    m.system("portOut", m.read(0), i32.const(m.operandSize(1) / 8)),
  ),
];

/** SLDT, STR, SMSW: a memory destination is always 16 bits. */
const storeWord = (name: string) => (m: Lowering) => {
  const value = m.variable("i64", i64.const(0));
  m.system("checkUserModeAccess");
  m.assign(value, m.compute(name, [m.cpu()], "i64"));
  if (m.isMemory(0)) m.store(m.linearAddress(0), 16, i32.wrap(value));
  else m.write(0, m.operandSize(0) === 64 ? value : i32.wrap(value));
};

const segments = [
  instruction("mov sreg", ["8c Ev,Sw"], (m) => {
    m.faultIf(i32.geU(m.slot(1), i32.const(SEGMENT_REGISTERS)), INVALID_OPCODE);
    const selector = m.compute("segmentSelector", [m.cpu(), m.slot(1)], "i32");
    if (m.isMemory(0)) m.store(m.linearAddress(0), 16, selector);
    else m.write(0, m.operandSize(0) === 64 ? i64.extend32U(selector) : selector);
  }),
  instruction("mov sreg", ["8e Sw,Ew shadow"], (m) => {
    const notLoadable = i32.eq(m.slot(0), i32.const(CS));
    m.faultIf(i32.or(notLoadable, i32.geU(m.slot(0), i32.const(SEGMENT_REGISTERS))), INVALID_OPCODE);
    m.system("loadSegment", m.slot(0), m.read(1, 16));
  }),
  ...(
    [
      ["les", "c4", 0, "i64"],
      ["lds", "c5", 3, "i64"],
      ["lss", "0f b2", 2, ""],
      ["lfs", "0f b4", 4, ""],
      ["lgs", "0f b5", 5, ""],
    ] as const
  ).map(([name, opcode, segment, option]) =>
    instruction(name, [`${opcode} Gv,Mp ${option}`.trim()], (m) => {
      const address = m.linearAddress(1);
      const offset = m.load(address, m.size);
      const selector = m.load(i64.add(address, i64.const(m.size / 8)), 16);
      m.system("loadSegment", i32.const(segment | WITHOUT_SHADOW), selector);
      m.write(0, offset);
    }),
  ),
  instruction("sldt", ["0f 00/0 Ev"], storeWord("readLdtSelector")),
  instruction("str", ["0f 00/1 Ev"], storeWord("readTaskSelector")),
  privileged("lldt", "0f 00/2 Ew", "loadLdt"),
  privileged("ltr", "0f 00/3 Ew", "loadTask"),
  instruction("verr", ["0f 00/4 Ew"], (m) => m.system("verifySegment", m.read(0), i32.const(0))),
  instruction("verw", ["0f 00/5 Ew"], (m) => m.system("verifySegment", m.read(0), i32.const(1))),
  instruction("lar", ["0f 02 Gv,Ew"], (m) =>
    m.system("loadAccessRights", m.slot(0), m.read(1), operandBytes(m)),
  ),
  instruction("lsl", ["0f 03 Gv,Ew"], (m) =>
    m.system("loadSegmentLimit", m.slot(0), m.read(1), operandBytes(m)),
  ),
  instruction("arpl", ["63 Ew,Gw i64"], (m) => {
    const destination = m.read(0);
    const source = m.read(1);
    const lower = m.let(i32.ltU(i32.and(destination, i32.const(3)), i32.and(source, i32.const(3))));
    m.if(lower, () =>
      m.write(0, i32.or(i32.and(destination, i32.const(0xfffc)), i32.and(source, i32.const(3)))),
    );
    m.system("setZeroFlag", lower);
  }),
];

const tables = [
  instruction("sgdt", ["0f 01/0m Mp"], (m) => m.system("storeTable", m.linearAddress(0), i32.const(0))),
  instruction("sidt", ["0f 01/1m Mp"], (m) => m.system("storeTable", m.linearAddress(0), i32.const(1))),
  instruction("lgdt", ["0f 01/2m Mp v"], (m) =>
    m.system("loadTable", m.linearAddress(0), i32.const(0), operandBytes(m)),
  ),
  instruction("lidt", ["0f 01/3m Mp v"], (m) =>
    m.system("loadTable", m.linearAddress(0), i32.const(1), operandBytes(m)),
  ),
  instruction("smsw", ["0f 01/4 Ev"], storeWord("readMachineStatus")),
  privileged("lmsw", "0f 01/6 Ew", "loadMachineStatus"),
  instruction("invlpg", ["0f 01/7m Mp"], (m) => m.system("invalidatePage", m.linearAddress(0))),
  instruction("invpcid", ["66 0f 38 82m Gy,Mp"], (m) =>
    m.system("invalidatePcid", m.slot(0), m.linearAddress(1)),
  ),
];

const registers = [
  instruction("mov cr", ["0f 20 Ry,Cy anymod"], (m) => m.system("readControl", m.slot(1), m.slot(0))),
  instruction("mov cr", ["0f 22 Cy,Ry anymod end"], (m) => {
    m.system("writeControl", m.slot(0), m.slot(1));
    m.jumpTo(m.field(CPU_RIP, "i64"));
  }),
  instruction("mov dr", ["0f 21 Ry,Dy anymod"], (m) => m.system("readDebug", m.slot(1), m.slot(0))),
  instruction("mov dr", ["0f 23 Dy,Ry anymod end"], (m) => m.system("writeDebug", m.slot(0), m.slot(1))),
  plain("clts", ["0f 06 end"], "clearTaskSwitched"),
  plain("rdmsr", ["0f 32"], "readMsr"),
  plain("wrmsr", ["0f 30"], "writeMsr"),
  plain("cpuid", ["0f a2"], "cpuid"),
  plain("rdtsc", ["0f 31"], "readTimestamp"),
  plain("rdtscp", ["0f 01=f9"], "readTimestampAndId"),
  plain("rdpmc", ["0f 33"], "readPerformanceCounter"),
  plain("swapgs", ["0f 01=f8 o64"], "swapGs"),
  plain("xgetbv", ["0f 01=d0"], "undefinedInstruction"),
  ...["rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase"].map((name, i) =>
    instruction(name, [`f3 0f ae/${i}r Ry o64`], (m) => {
      if (i < 2) m.system("readSegmentBase", i32.const(4 + (i & 1)), m.slot(0), operandBytes(m));
      else m.system("writeSegmentBase", i32.const(4 + (i & 1)), wide(m, 0));
    }),
  ),
  instruction("rdrand", ["0f c7/6r Rv"], (m) => m.system("random", m.slot(0), operandBytes(m))),
  instruction("rdseed", ["0f c7/7r Rv"], (m) => m.system("random", m.slot(0), operandBytes(m))),
];

const control = [
  plain("cli", ["fa"], "clearInterruptFlag"),
  plain("sti", ["fb shadow"], "setInterruptFlag"),
  plain("clac", ["0f 01=ca"], "clearAccessCheck"),
  plain("stac", ["0f 01=cb"], "setAccessCheck"),
  plain("wbinvd", ["0f 09"], "requireSupervisor"),
  plain("invd", ["0f 08"], "requireSupervisor"),
  plain("pause", ["f3 90"], "pause"),
  plain("vmcall", ["0f 01=c1", "0f 01=d9"], "hypercall"),
];

export const SYSTEM: readonly Instruction[] = [...ports, ...segments, ...tables, ...registers, ...control];
