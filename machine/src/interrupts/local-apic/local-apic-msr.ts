// The local APIC's model-specific registers: IA32_APIC_BASE, IA32_TSC_DEADLINE and, in x2APIC mode, 0x800 to 0x83f
// (Intel SDM vol. 3A, 11.12). Reads give undefined and writes give false where the processor raises #GP.

import {
  APIC_BASE_MSR,
  APIC_DEFAULT_BASE,
  ApicRegister,
  BASE_BOOT_PROCESSOR,
  BASE_ENABLE,
  BASE_X2APIC,
  ICR_WRITABLE,
  LVT_WRITABLE,
  SVR_WRITABLE,
  TSC_DEADLINE_MSR,
  X2APIC_MSR_BASE,
} from "./local-apic-registers.ts";
import type { LocalApic } from "./local-apic.ts";

const X2APIC_MSR_END = 0x900;

/** Bits that may be set in a register written by MSR; a register not listed cannot be written. */
const X2_WRITABLE: Readonly<Record<number, number>> = {
  ...LVT_WRITABLE,
  [ApicRegister.TaskPriority]: 0xff,
  [ApicRegister.EndOfInterrupt]: 0,
  [ApicRegister.SpuriousVector]: SVR_WRITABLE | (1 << 9),
  [ApicRegister.ErrorStatus]: 0,
  [ApicRegister.TimerInitialCount]: 0xffff_ffff,
  [ApicRegister.TimerDivide]: 0xb,
};

/** Read-only status bits of LVT entries that software writes back unchanged. */
const LVT_STATUS_BITS = 0x5000;

/** Whether `index` is one of the local APIC's registers. */
export function isApicMsr(index: number): boolean {
  return (
    index === APIC_BASE_MSR ||
    index === TSC_DEADLINE_MSR ||
    (index >= X2APIC_MSR_BASE && index < X2APIC_MSR_END)
  );
}

export function readApicMsr(apic: LocalApic, index: number): bigint | undefined {
  if (index === APIC_BASE_MSR) return BigInt(apic.base);
  if (index === TSC_DEADLINE_MSR) return apic.timer.deadlineTsc;
  if (!apic.isX2) return undefined;
  switch (index - X2APIC_MSR_BASE) {
    case ApicRegister.Id:
      return BigInt(apic.id);
    case ApicRegister.CommandLow:
      return (BigInt(apic.command.high) << 32n) | BigInt(apic.command.low);
    case ApicRegister.ArbitrationPriority:
    case ApicRegister.EndOfInterrupt:
      return undefined;
  }
  const value = apic.read(index - X2APIC_MSR_BASE);
  return value < 0 ? undefined : BigInt(value);
}

export function writeApicMsr(apic: LocalApic, index: number, value: bigint): boolean {
  if (index === APIC_BASE_MSR) return writeBase(apic, value);
  if (index === TSC_DEADLINE_MSR) {
    apic.timer.setDeadlineTsc(value);
    return true;
  }
  if (!apic.isX2) return false;
  const register = index - X2APIC_MSR_BASE;
  const low = Number(value & 0xffff_ffffn);
  if (register === ApicRegister.CommandLow) {
    // Bit 12 is delivery status in xAPIC and reserved here; some software copies it.
    if ((low & ~(ICR_WRITABLE | 0x1000)) !== 0) return false;
    apic.command.high = Number(value >> 32n);
    apic.command.write(low, apic.command.high);
    return true;
  }
  if (value >> 32n !== 0n) return false;
  if (register === ApicRegister.SelfIpi) {
    if (low > 0xff) return false;
    apic.command.sendToSelf(low);
    return true;
  }
  const writable = X2_WRITABLE[register];
  if (writable === undefined) return false;
  const tolerated = LVT_WRITABLE[register] === undefined ? 0 : LVT_STATUS_BITS;
  return (low & ~(writable | tolerated)) === 0 && apic.write(register, low);
}

/** Allowed changes (SDM vol. 3A, figure 11-27): off → xAPIC → x2APIC, and from either to off. The page stays put. */
function writeBase(apic: LocalApic, value: bigint): boolean {
  const mode = Number(value & BigInt(BASE_ENABLE | BASE_X2APIC));
  if (
    value >> 40n !== 0n ||
    (value & BigInt(0xfff & ~(BASE_ENABLE | BASE_X2APIC | BASE_BOOT_PROCESSOR))) !== 0n
  )
    return false;
  if (BigInt(APIC_DEFAULT_BASE) !== (value & ~0xfffn)) return false;
  if (mode === BASE_X2APIC) return false;
  if (apic.isX2 && mode === BASE_ENABLE) return false;
  if (!apic.isEnabled && mode === (BASE_ENABLE | BASE_X2APIC)) return false;
  apic.setBaseMode(mode);
  return true;
}
