// Finding devices by address, refusing overlap, accesses to nothing and over edges.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AccessSize } from "../cpu/vcpu.ts";
import { AssertionError } from "../errors.ts";
import { AddressSpace, type BusDevice } from "./address-space.ts";

/** Reads as its own name's first letter in every byte; writes down writes. */
class Probe implements BusDevice {
  readonly name: string;
  readonly writes: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  read(offset: number, size: AccessSize): number {
    const byte = this.name.charCodeAt(0);
    return size === 1 ? byte : byte | (offset << 8);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.writes.push(`${offset}/${size}=${value}`);
  }
}

function spaceWith(...ranges: [start: number, size: number, name: string][]): {
  space: AddressSpace;
  probes: Probe[];
} {
  const space = new AddressSpace("test", 0xff);
  const probes = ranges.map(([start, size, name]) => {
    const probe = new Probe(name);
    space.register(start, size, probe);
    return probe;
  });
  return { space, probes };
}

describe("address space", () => {
  test("an access reaches the device at its offset, whatever the order of registration", () => {
    const { space, probes } = spaceWith(
      [0x3f8, 8, "u"],
      [0x40, 4, "p"],
      [0x60, 1, "k"],
      [0xffff_f000, 4096, "t"],
    );
    assert.equal(space.read(0x60, 1), 0x6b);
    assert.equal(space.read(0x42, 2), 0x0270);
    assert.equal(space.read(0xffff_fffe, 1), 0x74);
    space.write(0x3fc, 4, 0xdead);
    assert.deepEqual(probes[0]?.writes, ["4/4=57005"]);
    assert.equal(space.unclaimedReads + space.unclaimedWrites, 0);
  });

  test("overlap is refused, touching is not", () => {
    const cases: [start: number, size: number, isRefused: boolean][] = [
      [0xf0, 0x10, false],
      [0x110, 1, false],
      [0xf0, 0x11, true],
      [0x10f, 1, true],
      [0x100, 0x10, true],
      [0x0, 0x1000, true],
    ];
    for (const [start, size, isRefused] of cases) {
      const { space } = spaceWith([0x100, 0x10, "a"]);
      const register = (): void => space.register(start, size, new Probe("b"));
      if (isRefused) assert.throws(register, AssertionError, `${start}+${size}`);
      else register();
    }
  });

  test("nobody there: reads give the floating value, writes are dropped, both are counted by the byte", () => {
    const { space } = spaceWith([0x100, 1, "a"]);
    assert.equal(space.read(0x99, 1), 0xff);
    assert.equal(space.read(0x80, 4), 0xffff_ffff);
    space.write(0x80, 2, 0);
    assert.equal(space.unclaimedReads, 5);
    assert.equal(space.unclaimedWrites, 2);
  });

  test("an access over the end of a range is cut into bytes", () => {
    const { space, probes } = spaceWith([0x100, 2, "a"], [0x102, 1, "b"]);
    assert.equal(space.read(0x101, 4), 0xffff_6261);
    space.write(0x101, 2, 0x1234);
    assert.deepEqual([probes[0]?.writes, probes[1]?.writes], [["1/1=52"], ["0/1=18"]]);
  });
});
