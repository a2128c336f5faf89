// Interrupt messages as they travel between I/O APIC, MSI writers and local APICs (Intel SDM vol. 3A, 11.6.1, 11.11).

/** Delivery mode field, the same three bits in ICR, LVT, redirection entries and MSI data. */
export const DeliveryMode = {
  Fixed: 0,
  LowestPriority: 1,
  Smi: 2,
  Nmi: 4,
  Init: 5,
  StartUp: 6,
  ExtInt: 7,
} as const;

/** A message on its way to one or more local APICs. */
export interface ApicMessage {
  readonly vector: number;
  /** One of DeliveryMode; 3 is reserved and goes nowhere. */
  readonly deliveryMode: number;
  /** APIC id, or a logical set when `isLogical`. */
  readonly destination: number;
  readonly isLogical: boolean;
  readonly isLevel: boolean;
}

/** Where messages are sent. Answers whether at least one local APIC took it. */
export interface ApicBus {
  send(message: ApicMessage): boolean;
}

/** MSI address bits 31:20, always 0xfee (SDM vol. 3A, 11.11.1). */
const MSI_ADDRESS_TAG = 0xfee;

/**
 * Decodes the address and data a device writes to signal an MSI. Undefined when the address is not in the MSI window:
 * the write would have gone to plain memory, so the device just drops it.
 */
export function decodeMsi(address: number, data: number): ApicMessage | undefined {
  if (address < 0 || address > 0xffff_ffff || Math.floor(address / 0x10_0000) !== MSI_ADDRESS_TAG)
    return undefined;
  return {
    vector: data & 0xff,
    deliveryMode: (data >>> 8) & 7,
    destination: (address >>> 12) & 0xff,
    isLogical: (address & 4) !== 0,
    isLevel: (data & 0x8000) !== 0,
  };
}
