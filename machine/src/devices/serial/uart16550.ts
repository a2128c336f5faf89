// 16550A UART as a pure state machine: registers in, bytes out, an interrupt level. Transmission takes no time; the
// receive FIFO holds 16 bytes and the rest of the input waits outside in a backlog that the owner bounds.
// The divisor is kept but times nothing.

import type { ByteRegisters } from "../../bus/register-map.ts";
import type { InterruptLine } from "../../interrupts/interrupt-line.ts";
import { type ChipState, openState } from "../../snapshot/chip-state.ts";
import {
  FCR_ENABLE,
  FCR_CLEAR_RX,
  FIFO_BYTES,
  IER_LINE_STATUS,
  IER_MODEM_STATUS,
  IER_RX_DATA,
  IER_THR_EMPTY,
  IER_WRITABLE,
  IIR_FIFO_ENABLED,
  IIR_LINE_STATUS,
  IIR_MODEM_STATUS,
  IIR_NONE,
  IIR_RX_DATA,
  IIR_RX_TIMEOUT,
  IIR_THR_EMPTY,
  LCR_DLAB,
  LSR_OVERRUN,
  LSR_RX_READY,
  LSR_TX_IDLE,
  MCR_LOOPBACK,
  MCR_OUT2,
  MCR_WRITABLE,
  MSR_CARRIER,
  MSR_CTS,
  MSR_DSR,
  RX_TRIGGERS,
  UartRegister,
} from "./registers.ts";

const STATE_KIND = "uart16550";
const STATE_VERSION = 1;
const BACKLOG_BYTES = 64 * 1024;
const CUT_BYTES = 4096;
/** A transmitter looks at the line status once or twice a byte; whoever looks this often in a row waits for input. */
const POLLS_OF_A_READER = 64;

export interface UartOptions {
  readonly interrupt: InterruptLine;
  /** Gets every transmitted byte. */
  readonly onTransmit: (byte: number) => void;
}

export class Uart16550 implements ByteRegisters {
  readonly name = "uart16550";
  readonly #interrupt: InterruptLine;
  readonly #onTransmit: (byte: number) => void;
  #interruptEnable = 0;
  #fifoControl = 0;
  #lineControl = 0;
  #modemControl = 0;
  #modemDelta = 0;
  #scratch = 0;
  #divisor = 12;
  #isOverrun = false;
  #isThrEmptyPending = false;
  /** Reads of the line status since the last write to any register. */
  #polls = 0;
  #received: number[] = [];
  #backlog: number[] = [];
  /** How much of the backlog's front has moved on; cut off in lumps, because each cut moves the rest. */
  #backlogTaken = 0;

  constructor(options: UartOptions) {
    this.#interrupt = options.interrupt;
    this.#onTransmit = options.onTransmit;
  }

  /**
   * The guest wants an interrupt for input, or polls for it. Before its driver has started, input is lost when the
   * driver clears the FIFO.
   */
  get isListening(): boolean {
    return (this.#interruptEnable & IER_RX_DATA) !== 0 || this.#polls >= POLLS_OF_A_READER;
  }

  /** Offers input to the guest; answers how many bytes were taken, fewer than offered when the backlog is full. */
  receive(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, BACKLOG_BYTES - (this.#backlog.length - this.#backlogTaken));
    for (let i = 0; i < count; i++) this.#backlog.push(bytes[i] as number);
    this.#refill();
    this.#update();
    return count;
  }

  readRegister(offset: number): number {
    if ((this.#lineControl & LCR_DLAB) !== 0 && offset <= UartRegister.InterruptEnable) {
      return offset === UartRegister.Data ? this.#divisor & 0xff : this.#divisor >>> 8;
    }
    switch (offset) {
      case UartRegister.Data:
        return this.#readData();
      case UartRegister.InterruptEnable:
        return this.#interruptEnable;
      case UartRegister.InterruptIdentity:
        return this.#readIdentity();
      case UartRegister.LineControl:
        return this.#lineControl;
      case UartRegister.ModemControl:
        return this.#modemControl;
      case UartRegister.LineStatus:
        return this.#readLineStatus();
      case UartRegister.ModemStatus:
        return this.#readModemStatus();
      default:
        return this.#scratch;
    }
  }

  writeRegister(offset: number, value: number): void {
    this.#polls = 0;
    if ((this.#lineControl & LCR_DLAB) !== 0 && offset <= UartRegister.InterruptEnable) {
      const isLow = offset === UartRegister.Data;
      this.#divisor = isLow ? (this.#divisor & 0xff00) | value : (this.#divisor & 0xff) | (value << 8);
      return;
    }
    switch (offset) {
      case UartRegister.Data:
        this.#transmit(value);
        break;
      case UartRegister.InterruptEnable:
        this.#writeInterruptEnable(value);
        break;
      case UartRegister.InterruptIdentity:
        this.#writeFifoControl(value);
        break;
      case UartRegister.LineControl:
        this.#lineControl = value;
        break;
      case UartRegister.ModemControl:
        this.#writeModemControl(value);
        break;
      case UartRegister.Scratch:
        this.#scratch = value;
    }
    this.#update();
  }

  reset(): void {
    this.#interruptEnable = this.#fifoControl = this.#lineControl = this.#modemControl = 0;
    this.#modemDelta = this.#scratch = 0;
    this.#divisor = 12;
    this.#polls = 0;
    this.#isOverrun = this.#isThrEmptyPending = false;
    this.#received = [];
    this.#update();
  }

  state(): ChipState {
    const data = {
      interruptEnable: this.#interruptEnable,
      fifoControl: this.#fifoControl,
      lineControl: this.#lineControl,
      modemControl: this.#modemControl,
      modemDelta: this.#modemDelta,
      scratch: this.#scratch,
      divisor: this.#divisor,
      isOverrun: this.#isOverrun,
      isThrEmptyPending: this.#isThrEmptyPending,
      received: Uint8Array.from(this.#received),
      backlog: Uint8Array.from(this.#backlog.slice(this.#backlogTaken)),
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  /** Takes over a saved state; the interrupt pin is driven anew. */
  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.#interruptEnable = fields.integer("interruptEnable", IER_WRITABLE);
    this.#fifoControl = fields.integer("fifoControl", 0xff);
    this.#lineControl = fields.integer("lineControl", 0xff);
    this.#modemControl = fields.integer("modemControl", MCR_WRITABLE);
    this.#modemDelta = fields.integer("modemDelta", 0xf);
    this.#scratch = fields.integer("scratch", 0xff);
    this.#divisor = fields.integer("divisor", 0xffff);
    this.#isOverrun = fields.boolean("isOverrun");
    this.#isThrEmptyPending = fields.boolean("isThrEmptyPending");
    this.#received = [...fields.bytes("received", FIFO_BYTES)];
    this.#backlog = Array.from(fields.bytes("backlog", BACKLOG_BYTES));
    this.#backlogTaken = 0;
    this.#polls = 0;
    this.#update();
  }

  get #isLooped(): boolean {
    return (this.#modemControl & MCR_LOOPBACK) !== 0;
  }

  get #fifoDepth(): number {
    return (this.#fifoControl & FCR_ENABLE) !== 0 ? FIFO_BYTES : 1;
  }

  #transmit(byte: number): void {
    // The holding register fills and empties at once: the request falls and rises, which is an edge to the controller.
    this.#isThrEmptyPending = false;
    this.#update();
    if (!this.#isLooped) this.#onTransmit(byte);
    else if (this.#received.length < this.#fifoDepth) this.#received.push(byte);
    else this.#isOverrun = true;
    this.#isThrEmptyPending = true;
  }

  #readData(): number {
    const byte = this.#received.shift() ?? 0;
    this.#refill();
    this.#update();
    return byte;
  }

  #refill(): void {
    if (this.#isLooped) return;
    const room = this.#fifoDepth - this.#received.length;
    const taken = this.#backlogTaken;
    if (room <= 0 || taken === this.#backlog.length) return;
    const bytes = this.#backlog.slice(taken, taken + room);
    this.#received.push(...bytes);
    this.#backlogTaken += bytes.length;
    if (this.#backlogTaken < this.#backlog.length && this.#backlogTaken < CUT_BYTES) return;
    this.#backlog.splice(0, this.#backlogTaken);
    this.#backlogTaken = 0;
  }

  #writeInterruptEnable(value: number): void {
    const wasEnabled = (this.#interruptEnable & IER_THR_EMPTY) !== 0;
    this.#interruptEnable = value & IER_WRITABLE;
    if (!wasEnabled && (value & IER_THR_EMPTY) !== 0) this.#isThrEmptyPending = true;
  }

  #writeFifoControl(value: number): void {
    const isSwitched = ((value ^ this.#fifoControl) & FCR_ENABLE) !== 0;
    this.#fifoControl = (value & FCR_ENABLE) !== 0 ? value & 0xc9 : 0;
    if (isSwitched || (value & FCR_CLEAR_RX) !== 0) this.#received = [];
    this.#refill();
  }

  #writeModemControl(value: number): void {
    const before = this.#modemLines();
    this.#modemControl = value & MCR_WRITABLE;
    const after = this.#modemLines();
    const changed = (before ^ after) >>> 4;
    // Ring indicator reports only its falling edge.
    const isRingEdge = (changed & 4) !== 0 && (after & 0x40) !== 0;
    this.#modemDelta |= isRingEdge ? changed & ~4 : changed;
    this.#refill();
  }

  /** Modem status bits 7:4. In loopback the four outputs feed the four inputs. */
  #modemLines(): number {
    if (!this.#isLooped) return MSR_CTS | MSR_DSR | MSR_CARRIER;
    const control = this.#modemControl;
    return ((control & 2) << 3) | ((control & 1) << 5) | ((control & 4) << 4) | ((control & 8) << 4);
  }

  #readModemStatus(): number {
    const status = this.#modemLines() | this.#modemDelta;
    this.#modemDelta = 0;
    this.#update();
    return status;
  }

  #readLineStatus(): number {
    if (this.#polls < POLLS_OF_A_READER) this.#polls++;
    const status =
      LSR_TX_IDLE | (this.#received.length > 0 ? LSR_RX_READY : 0) | (this.#isOverrun ? LSR_OVERRUN : 0);
    if (this.#isOverrun) {
      this.#isOverrun = false;
      this.#update();
    }
    return status;
  }

  #readIdentity(): number {
    const source = this.#pendingSource();
    if (source === IIR_THR_EMPTY) {
      this.#isThrEmptyPending = false;
      this.#update();
    }
    return source | ((this.#fifoControl & FCR_ENABLE) !== 0 ? IIR_FIFO_ENABLED : 0);
  }

  /** The pending interrupt of highest priority, as the identity register shows it. */
  #pendingSource(): number {
    const enable = this.#interruptEnable;
    if ((enable & IER_LINE_STATUS) !== 0 && this.#isOverrun) return IIR_LINE_STATUS;
    if ((enable & IER_RX_DATA) !== 0 && this.#received.length > 0) {
      const trigger = this.#fifoDepth === 1 ? 1 : (RX_TRIGGERS[this.#fifoControl >>> 6] as number);
      // Input arrives in one go, so below the trigger level the character timeout has always passed.
      return this.#received.length >= trigger ? IIR_RX_DATA : IIR_RX_TIMEOUT;
    }
    if ((enable & IER_THR_EMPTY) !== 0 && this.#isThrEmptyPending) return IIR_THR_EMPTY;
    if ((enable & IER_MODEM_STATUS) !== 0 && this.#modemDelta !== 0) return IIR_MODEM_STATUS;
    return IIR_NONE;
  }

  #update(): void {
    // On the PC, OUT2 gates the interrupt pin, except in loopback, where the pin is cut off.
    const isGated = this.#isLooped || (this.#modemControl & MCR_OUT2) === 0;
    this.#interrupt.setLevel(!isGated && this.#pendingSource() !== IIR_NONE);
  }
}
