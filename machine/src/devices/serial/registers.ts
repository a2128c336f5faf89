// Register map of the 16550A (National PC16550D data sheet). Offsets from the base port; DLAB swaps the first two for
// the divisor latch, and offset 2 reads as IIR and writes as FCR.

export const UartRegister = {
  Data: 0,
  InterruptEnable: 1,
  InterruptIdentity: 2,
  LineControl: 3,
  ModemControl: 4,
  LineStatus: 5,
  ModemStatus: 6,
  Scratch: 7,
} as const;

/** Interrupt enable register. */
export const IER_RX_DATA = 1;
export const IER_THR_EMPTY = 2;
export const IER_LINE_STATUS = 4;
export const IER_MODEM_STATUS = 8;
export const IER_WRITABLE = 0xf;

/** Interrupt identity register, bits 3:0. */
export const IIR_MODEM_STATUS = 0x0;
export const IIR_NONE = 0x1;
export const IIR_THR_EMPTY = 0x2;
export const IIR_RX_DATA = 0x4;
export const IIR_LINE_STATUS = 0x6;
export const IIR_RX_TIMEOUT = 0xc;
export const IIR_FIFO_ENABLED = 0xc0;

/** FIFO control register. */
export const FCR_ENABLE = 1;
export const FCR_CLEAR_RX = 2;
/** Receive trigger levels selected by bits 7:6. */
export const RX_TRIGGERS: readonly number[] = [1, 4, 8, 14];
export const FIFO_BYTES = 16;

/** Line control register: divisor latch access. */
export const LCR_DLAB = 0x80;

/** Modem control register: DTR 0, RTS 1, OUT1 2, OUT2 3, loopback 4. */
export const MCR_OUT2 = 8;
export const MCR_LOOPBACK = 0x10;
export const MCR_WRITABLE = 0x1f;

/** Line status register. */
export const LSR_RX_READY = 1;
export const LSR_OVERRUN = 2;
/** Holding register and shift register both empty. */
export const LSR_TX_IDLE = 0x60;

/** Modem status register. */
export const MSR_CTS = 0x10;
export const MSR_DSR = 0x20;
export const MSR_CARRIER = 0x80;
