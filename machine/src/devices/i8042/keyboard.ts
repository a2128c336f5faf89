// The far end of the keyboard cable: answers what a driver asks while probing (PS/2 keyboard commands) and types
// Ctrl-Alt-Del. Holds at most a few keys' worth of bytes; more are dropped, as a real keyboard does.

export const KEYBOARD_QUEUE_BYTES = 32;

const ACKNOWLEDGE = 0xfa;
const SELF_TEST_PASSED = 0xaa;
const COMMAND_SET_LEDS = 0xed;
const COMMAND_ECHO = 0xee;
const COMMAND_SCANCODE_SET = 0xf0;
const COMMAND_IDENTIFY = 0xf2;
const COMMAND_SET_RATE = 0xf3;
const COMMAND_RESET = 0xff;
/** An ordinary MF2 keyboard. */
const IDENTITY = [0xab, 0x83];
const CURRENT_SCANCODE_SET = 2;

/** Left Ctrl, left Alt, Delete down, then up in reverse. */
const CTRL_ALT_DELETE_SET1 = [0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3, 0xb8, 0x9d];
const CTRL_ALT_DELETE_SET2 = [0x14, 0x11, 0xe0, 0x71, 0xe0, 0xf0, 0x71, 0xf0, 0x11, 0xf0, 0x14];

export class Keyboard {
  #bytes: number[] = [];
  /** The command whose argument comes next, 0 for none. */
  pendingCommand = 0;

  /** The next byte for the host, -1 when there is none. */
  takeByte(): number {
    return this.#bytes.shift() ?? -1;
  }

  /** `isTranslated`: the controller turns set 2 into set 1. */
  pressCtrlAltDelete(isTranslated: boolean): void {
    this.#send(isTranslated ? CTRL_ALT_DELETE_SET1 : CTRL_ALT_DELETE_SET2);
  }

  command(value: number): void {
    if (this.pendingCommand !== 0) {
      const asksScancodeSet = this.pendingCommand === COMMAND_SCANCODE_SET && value === 0;
      this.pendingCommand = 0;
      this.#send(asksScancodeSet ? [ACKNOWLEDGE, CURRENT_SCANCODE_SET] : [ACKNOWLEDGE]);
      return;
    }
    switch (value) {
      case COMMAND_SET_LEDS:
      case COMMAND_SCANCODE_SET:
      case COMMAND_SET_RATE:
        this.pendingCommand = value;
        return this.#send([ACKNOWLEDGE]);
      case COMMAND_ECHO:
        return this.#send([COMMAND_ECHO]);
      case COMMAND_IDENTIFY:
        return this.#send([ACKNOWLEDGE, ...IDENTITY]);
      case COMMAND_RESET:
        return this.#send([ACKNOWLEDGE, SELF_TEST_PASSED]);
      default:
        this.#send([ACKNOWLEDGE]);
    }
  }

  reset(): void {
    this.#bytes = [];
    this.pendingCommand = 0;
  }

  pendingBytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  restore(bytes: Uint8Array, pendingCommand: number): void {
    this.#bytes = [...bytes];
    this.pendingCommand = pendingCommand;
  }

  #send(bytes: readonly number[]): void {
    if (this.#bytes.length + bytes.length <= KEYBOARD_QUEUE_BYTES) this.#bytes.push(...bytes);
  }
}
