// Machine code in the making, for 64-bit code at a known address: labels, jumps to them, operands relative to RIP.

import { littleEndian } from "@hearth/testkit/asm/encoding";

interface Fixup {
  /** Of the four bytes to fill in. */
  readonly at: number;
  /** Of the following instruction. */
  readonly end: number;
  readonly label: string;
}

export class CodeWriter {
  readonly address: bigint;
  readonly #bytes: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #fixups: Fixup[] = [];

  constructor(address: bigint) {
    this.address = address;
  }

  get length(): number {
    return this.#bytes.length;
  }

  emit(...bytes: readonly number[]): void {
    this.#bytes.push(...bytes);
  }

  label(name: string): void {
    this.#labels.set(name, this.#bytes.length);
  }

  /** An instruction that ends with the distance to a label (rel32), but for `immediate` bytes. What follows has a label. */
  relative(opcode: readonly number[], label: string, immediate: readonly number[] = []): void {
    const at = this.#bytes.length + opcode.length;
    this.#fixups.push({ at, end: at + 4 + immediate.length, label });
    this.emit(...opcode, 0, 0, 0, 0, ...immediate);
    this.label(`behind${this.#bytes.length}`);
  }

  /** An instruction with a memory operand relative to RIP; `opcode` ends before ModRM. */
  memory(opcode: readonly number[], reg: number, target: bigint, immediate: readonly number[] = []): void {
    const end = this.address + BigInt(this.#bytes.length + opcode.length + 5 + immediate.length);
    this.emit(...opcode, 0x05 | ((reg & 7) << 3), ...littleEndian(target - end, 4), ...immediate);
  }

  /** Addresses of the labels whose names match. */
  addresses(names: RegExp): bigint[] {
    return [...this.#labels].filter(([name]) => names.test(name)).map(([, at]) => this.address + BigInt(at));
  }

  /** All labels must have been placed. */
  finish(): Uint8Array {
    for (const { at, end, label } of this.#fixups) {
      const target = this.#labels.get(label);
      if (target === undefined) throw new Error(`no label ${label}`);
      littleEndian(BigInt(target - end), 4).forEach((byte, i) => {
        this.#bytes[at + i] = byte;
      });
    }
    return Uint8Array.from(this.#bytes);
  }
}
