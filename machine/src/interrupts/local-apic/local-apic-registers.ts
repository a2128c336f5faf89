// Register map of the local APIC (Intel SDM vol. 3A, table 11-1). The number is the xAPIC offset divided by 16, which
// is also the x2APIC MSR number minus 0x800.

export const ApicRegister = {
  Id: 0x02,
  Version: 0x03,
  TaskPriority: 0x08,
  ArbitrationPriority: 0x09,
  ProcessorPriority: 0x0a,
  EndOfInterrupt: 0x0b,
  LogicalDestination: 0x0d,
  DestinationFormat: 0x0e,
  SpuriousVector: 0x0f,
  InService: 0x10,
  TriggerMode: 0x18,
  Request: 0x20,
  ErrorStatus: 0x28,
  LvtCmci: 0x2f,
  CommandLow: 0x30,
  CommandHigh: 0x31,
  LvtTimer: 0x32,
  LvtThermal: 0x33,
  LvtPerformance: 0x34,
  LvtLint0: 0x35,
  LvtLint1: 0x36,
  LvtError: 0x37,
  TimerInitialCount: 0x38,
  TimerCurrentCount: 0x39,
  TimerDivide: 0x3e,
  SelfIpi: 0x3f,
} as const;

/** Integrated APIC, LVT entries 0 to 5, no EOI broadcast suppression. */
export const APIC_VERSION = 0x14 | (5 << 16);

/** Spurious vector register: software enable. */
export const SVR_ENABLE = 1 << 8;
/** Bits a guest may set: vector and enable; focus checking and broadcast suppression are not offered. */
export const SVR_WRITABLE = 0x1ff;

export const LVT_MASKED = 1 << 16;
export const LVT_MODE_SHIFT = 8;
/** Timer entry: mode in bits 18:17. */
export const LVT_TIMER_MODE_SHIFT = 17;

export const TimerMode = { OneShot: 0, Periodic: 1, TscDeadline: 2 } as const;

/** Writable bits of each LVT entry. */
export const LVT_WRITABLE: Readonly<Record<number, number>> = {
  [ApicRegister.LvtTimer]: 0x7_00ff,
  [ApicRegister.LvtThermal]: 0x1_07ff,
  [ApicRegister.LvtPerformance]: 0x1_07ff,
  [ApicRegister.LvtLint0]: 0x1_a7ff,
  [ApicRegister.LvtLint1]: 0x1_a7ff,
  [ApicRegister.LvtError]: 0x1_00ff,
};

/** Error status bits: an illegal vector was sent, received; a register that does not exist was touched. */
export const ESR_SEND_ILLEGAL_VECTOR = 1 << 5;
export const ESR_RECEIVE_ILLEGAL_VECTOR = 1 << 6;
export const ESR_ILLEGAL_REGISTER = 1 << 7;

/** Interrupt command register. Delivery status (bit 12) always reads as idle. */
export const ICR_WRITABLE = 0xc_cfff;
export const ICR_LOGICAL = 1 << 11;
export const ICR_ASSERT = 1 << 14;
export const ICR_LEVEL = 1 << 15;
export const Shorthand = { None: 0, Self: 1, All: 2, AllButSelf: 3 } as const;

/** IA32_APIC_BASE. */
export const APIC_BASE_MSR = 0x1b;
export const TSC_DEADLINE_MSR = 0x6e0;
export const X2APIC_MSR_BASE = 0x800;
export const APIC_DEFAULT_BASE = 0xfee0_0000;
export const BASE_BOOT_PROCESSOR = 1 << 8;
export const BASE_X2APIC = 1 << 10;
export const BASE_ENABLE = 1 << 11;
