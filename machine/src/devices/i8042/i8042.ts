// 8042 keyboard controller with a minimal keyboard behind it: enough for drivers to probe quickly, for Ctrl-Alt-Del to
// reach the guest, and for the reset line. No mouse: the loopback and port tests answer so that Linux sees that at once.

import type { ByteRegisters } from "../../bus/register-map.ts";
import type { InterruptLine } from "../../interrupts/interrupt-line.ts";
import { type ChipState, openState } from "../../snapshot/chip-state.ts";
import { KEYBOARD_QUEUE_BYTES, Keyboard } from "./keyboard.ts";

export const I8042_PORT = 0x60;
export const KEYBOARD_GSI = 1;
/** Offsets from I8042_PORT. */
export const I8042_DATA = 0;
export const I8042_COMMAND = 4;

/** Status register: output buffer full, system flag, last write was a command, keyboard not locked by its key. */
const STATUS_OUTPUT_FULL = 1;
const STATUS_SYSTEM = 4;
const STATUS_COMMAND = 8;
const STATUS_NOT_LOCKED = 0x10;

/** Control byte: keyboard interrupt, system flag, keyboard clock off, mouse clock off, translate to set 1. */
const CTR_INTERRUPT = 1;
const CTR_SYSTEM = 4;
const CTR_KEYBOARD_OFF = 0x10;
const CTR_AUX_OFF = 0x20;
const CTR_TRANSLATE = 0x40;
const CTR_RESET = CTR_INTERRUPT | CTR_SYSTEM | CTR_AUX_OFF | CTR_TRANSLATE;

/** Output port: not-reset, A20 enabled. */
const OUTPUT_PORT = 0x03;
const OUTPUT_PORT_NOT_RESET = 1;

const COMMAND = {
  ReadControl: 0x20,
  WriteControl: 0x60,
  DisableAux: 0xa7,
  EnableAux: 0xa8,
  TestAux: 0xa9,
  SelfTest: 0xaa,
  TestKeyboard: 0xab,
  DisableKeyboard: 0xad,
  EnableKeyboard: 0xae,
  ReadInputPort: 0xc0,
  ReadOutputPort: 0xd0,
  WriteOutputPort: 0xd1,
  WriteKeyboardBuffer: 0xd2,
  LoopAux: 0xd3,
  WriteAux: 0xd4,
  Pulse: 0xf0,
} as const;

const SELF_TEST_PASSED = 0x55;
const TEST_PASSED = 0x00;
/** "Clock line stuck low": there is no mouse port. */
const TEST_CLOCK_LOW = 0x01;
const REPLY_QUEUE_BYTES = 16;

const STATE_KIND = "i8042";
const STATE_VERSION = 1;

export interface I8042Options {
  readonly interrupt: InterruptLine;
  /** The guest pulled the processor's reset line. */
  readonly onReset: () => void;
}

export class I8042 implements ByteRegisters {
  readonly name = "i8042";
  readonly #options: I8042Options;
  readonly #keyboard = new Keyboard();
  #replies: number[] = [];
  #control = CTR_RESET;
  /** The command whose data byte is awaited, 0 for none. */
  #pendingCommand = 0;
  #wasCommand = false;
  /** Byte in the output buffer; stays readable after it was taken. */
  #output = 0;
  #isOutputFull = false;

  constructor(options: I8042Options) {
    this.#options = options;
  }

  /** Presses and releases the three keys. */
  pressCtrlAltDelete(): void {
    this.#keyboard.pressCtrlAltDelete((this.#control & CTR_TRANSLATE) !== 0);
    this.#refill();
  }

  readRegister(offset: number): number {
    if (offset === I8042_DATA) return this.#readData();
    if (offset !== I8042_COMMAND) return 0;
    const flags = (this.#isOutputFull ? STATUS_OUTPUT_FULL : 0) | (this.#wasCommand ? STATUS_COMMAND : 0);
    return flags | (this.#control & STATUS_SYSTEM) | STATUS_NOT_LOCKED;
  }

  writeRegister(offset: number, value: number): void {
    if (offset === I8042_COMMAND) {
      this.#wasCommand = true;
      this.#command(value);
    } else if (offset === I8042_DATA) {
      this.#wasCommand = false;
      this.#data(value);
    }
    this.#refill();
  }

  reset(): void {
    this.#keyboard.reset();
    this.#replies = [];
    this.#control = CTR_RESET;
    this.#pendingCommand = this.#output = 0;
    this.#wasCommand = this.#isOutputFull = false;
    this.#update();
  }

  state(): ChipState {
    const data = {
      replies: Uint8Array.from(this.#replies),
      keyboard: this.#keyboard.pendingBytes(),
      keyboardCommand: this.#keyboard.pendingCommand,
      control: this.#control,
      pendingCommand: this.#pendingCommand,
      wasCommand: this.#wasCommand,
      output: this.#output,
      isOutputFull: this.#isOutputFull,
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  /** Takes over a saved state; the interrupt line is driven anew. */
  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.#replies = [...fields.bytes("replies", REPLY_QUEUE_BYTES)];
    this.#keyboard.restore(
      fields.bytes("keyboard", KEYBOARD_QUEUE_BYTES),
      fields.integer("keyboardCommand", 0xff),
    );
    this.#control = fields.integer("control", 0xff);
    this.#pendingCommand = fields.integer("pendingCommand", 0xff);
    this.#wasCommand = fields.boolean("wasCommand");
    this.#output = fields.integer("output", 0xff);
    this.#isOutputFull = fields.boolean("isOutputFull");
    this.#update();
  }

  #readData(): number {
    const byte = this.#output;
    this.#isOutputFull = false;
    this.#update();
    this.#refill();
    return byte;
  }

  #command(command: number): void {
    this.#pendingCommand = 0;
    switch (command) {
      case COMMAND.ReadControl:
        return this.#reply(this.#control);
      case COMMAND.WriteControl:
      case COMMAND.WriteOutputPort:
      case COMMAND.WriteKeyboardBuffer:
      case COMMAND.LoopAux:
      case COMMAND.WriteAux:
        this.#pendingCommand = command;
        return;
      case COMMAND.DisableAux:
        this.#control |= CTR_AUX_OFF;
        return;
      case COMMAND.EnableAux:
        this.#control &= ~CTR_AUX_OFF;
        return;
      case COMMAND.TestAux:
        return this.#reply(TEST_CLOCK_LOW);
      case COMMAND.SelfTest:
        this.#control |= CTR_SYSTEM;
        return this.#reply(SELF_TEST_PASSED);
      case COMMAND.TestKeyboard:
        return this.#reply(TEST_PASSED);
      case COMMAND.DisableKeyboard:
        this.#control |= CTR_KEYBOARD_OFF;
        return;
      case COMMAND.EnableKeyboard:
        this.#control &= ~CTR_KEYBOARD_OFF;
        return;
      case COMMAND.ReadInputPort:
        return this.#reply(0);
      case COMMAND.ReadOutputPort:
        return this.#reply(OUTPUT_PORT | (this.#isOutputFull ? 0x10 : 0));
    }
    // 0xf0 to 0xff pulse the output port lines whose bit is 0.
    if ((command & 0xf0) === COMMAND.Pulse && (command & OUTPUT_PORT_NOT_RESET) === 0)
      this.#options.onReset();
  }

  #data(value: number): void {
    const command = this.#pendingCommand;
    this.#pendingCommand = 0;
    switch (command) {
      case COMMAND.WriteControl:
        this.#control = value;
        break;
      case COMMAND.WriteOutputPort:
        if ((value & OUTPUT_PORT_NOT_RESET) === 0) this.#options.onReset();
        break;
      case COMMAND.WriteKeyboardBuffer:
      case COMMAND.LoopAux:
        this.#reply(value);
        break;
      case COMMAND.WriteAux:
        break;
      default:
        this.#control &= ~CTR_KEYBOARD_OFF;
        this.#keyboard.command(value);
    }
    this.#update();
  }

  #reply(byte: number): void {
    if (this.#replies.length < REPLY_QUEUE_BYTES) this.#replies.push(byte);
  }

  /** Moves the next byte into an empty output buffer: the controller's own answers first. */
  #refill(): void {
    if (this.#isOutputFull) return;
    const isKeyboardOn = (this.#control & CTR_KEYBOARD_OFF) === 0;
    const byte = this.#replies.shift() ?? (isKeyboardOn ? this.#keyboard.takeByte() : -1);
    if (byte < 0) return;
    this.#output = byte;
    this.#isOutputFull = true;
    this.#update();
  }

  #update(): void {
    this.#options.interrupt.setLevel(this.#isOutputFull && (this.#control & CTR_INTERRUPT) !== 0);
  }
}
