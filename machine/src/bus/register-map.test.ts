// Splitting of odd-sized and straddling accesses, against a plain array of bytes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AccessSize } from "../cpu/vcpu.ts";
import { onByteRegisters, onWordRegisters } from "./register-map.ts";

const SIZES: readonly AccessSize[] = [1, 2, 4];

/** 16 bytes of storage behind 32-bit registers that merge by lanes. */
class WordStore {
  readonly name = "store";
  readonly words = new Uint32Array(4);

  readRegister(offset: number): number {
    assert.equal(offset % 4, 0);
    return this.words[offset / 4] ?? 0;
  }

  writeRegister(offset: number, value: number, lanes: number): void {
    const index = offset / 4;
    this.words[index] = ((this.words[index] ?? 0) & ~lanes) | (value & lanes);
  }
}

describe("register map", () => {
  test("32-bit registers behave as memory for every size and alignment inside them", () => {
    const store = new WordStore();
    const device = onWordRegisters(store);
    const reference = new DataView(new ArrayBuffer(16));
    let value = 0x1357_9bdf;
    for (const size of SIZES) {
      for (let offset = 0; offset + size <= 16; offset++) {
        value = Math.imul(value, 0x9e37_79b1) >>> 0;
        device.write(offset, size, value);
        for (let i = 0; i < size; i++) reference.setUint8(offset + i, (value >>> (8 * i)) & 0xff);
        for (let word = 0; word < 4; word++)
          assert.equal(store.words[word], reference.getUint32(word * 4, true));
        let expected = 0;
        for (let i = 0; i < size; i++) expected += reference.getUint8(offset + i) * 2 ** (8 * i);
        assert.equal(device.read(offset, size), expected, `read ${offset}/${size}`);
      }
    }
  });

  test("a whole-register write says so", () => {
    const seen: number[] = [];
    const chip = {
      name: "c",
      readRegister: () => 0,
      writeRegister: (_o: number, _v: number, lanes: number) => seen.push(lanes),
    };
    onWordRegisters(chip).write(4, 4, 1);
    onWordRegisters(chip).write(6, 1, 1);
    onWordRegisters(chip).write(6, 4, 1);
    assert.deepEqual(seen, [0xffff_ffff, 0x00ff_0000, 0xffff_0000, 0x0000_ffff]);
  });

  test("byte registers: a wide access touches the following registers in order", () => {
    const log: string[] = [];
    const chip = {
      name: "c",
      readRegister: (offset: number) => offset + 1,
      writeRegister: (offset: number, value: number) => void log.push(`${offset}=${value}`),
    };
    assert.equal(onByteRegisters(chip).read(1, 4), 0x0504_0302);
    onByteRegisters(chip).write(2, 2, 0xabcd);
    assert.deepEqual(log, ["2=205", "3=171"]);
  });
});
