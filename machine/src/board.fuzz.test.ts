// A guest doing its worst to the whole board: random accesses to every port, device register and MSR. Nothing may throw,
// and the work for one access must stay small.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeEngine } from "@hearth/testkit/fake-engine";
import { FakeTime } from "@hearth/testkit/fake-time";
import { runFuzz } from "@hearth/testkit/fuzz";
import type { Prng } from "@hearth/testkit/prng";
import { tinyElf } from "@hearth/testkit/tiny-kernel";
import type { AccessSize, VcpuBus } from "./cpu/vcpu.ts";
import { Machine } from "./machine.ts";
import { RngDevice } from "./virtio/rng/rng-device.ts";

const SIZES: readonly AccessSize[] = [1, 2, 4];
const PORT_RANGES = [0x20, 0x40, 0x60, 0x64, 0xa0, 0x3f8, 0x4d0, 0x5fe, 0xcf8, 0xfffc];
const MMIO_RANGES = [
  0xc000_1000, 0xc000_1100, 0xfec0_0000, 0xfee0_0000, 0xfee0_0300, 0xffff_fff0, 0x100_0000_0000,
];
const MSR_RANGES = [
  0x11, 0x1b, 0x10a, 0x1a0, 0x200, 0x250, 0x277, 0x2ff, 0x6e0, 0x800, 0x820, 0x830, 0x4b56_4d00,
];
const VALUES = [0, 1, 0xff, 0x100, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

const someValue = (prng: Prng): number => (prng.oneIn(2) ? prng.pick(VALUES) : prng.u32());

function oneAccess(bus: VcpuBus, prng: Prng): void {
  const size = prng.pick(SIZES);
  const value = size === 4 ? someValue(prng) : someValue(prng) % 2 ** (8 * size);
  const port = Math.min(0xffff, prng.pick(PORT_RANGES) + prng.below(8));
  const gpa = prng.pick(MMIO_RANGES) + prng.below(0x400);
  const msr = prng.pick(MSR_RANGES) + prng.below(16);
  const results: unknown[] = [];
  switch (prng.below(8)) {
    case 0:
      results.push(bus.readPort(port, size));
      break;
    case 1:
      bus.writePort(port, size, value);
      break;
    case 2:
      results.push(bus.readMmio(gpa, size));
      break;
    case 3:
      bus.writeMmio(gpa, size, value);
      break;
    case 4:
      assert.ok((bus.readMsr(msr) ?? 0n) >= 0n);
      break;
    case 5:
      bus.writeMsr(msr, (BigInt(someValue(prng)) << 32n) | BigInt(value));
      break;
    case 6:
      assert.ok(bus.acknowledgeInterrupt() < 256);
      break;
    case 7:
      bus.writeTaskPriority(prng.below(16));
  }
  for (const result of results)
    assert.ok(Number.isInteger(result) && (result as number) >= 0 && (result as number) < 2 ** 32);
}

test("random accesses to everything", (t) => {
  runFuzz(t, 40, (prng) => {
    const engine = new FakeEngine();
    const time = new FakeTime();
    const machine = new Machine({
      engine,
      vcpuCount: 3,
      ramBytes: 8 * 1024 * 1024,
      kernel: tinyElf({ gpa: 0x10_0000 }),
      devices: [new RngDevice((target) => target.fill(7))],
      time,
      fillRandom: (target) => target.fill(1),
      onSerialOutput: () => {},
    });
    machine.start();
    for (let step = 0; step < 1500; step++) {
      oneAccess(prng.pick(engine.vcpus).bus, prng);
      if (prng.oneIn(100)) machine.runSlice(1 + prng.below(100));
      if (prng.oneIn(50)) time.advance(prng.below(10_000_000));
      if (prng.oneIn(20)) machine.board.timers.runDue(machine.nowNs());
      if (prng.oneIn(200)) machine.inputSerial(prng.fill(new Uint8Array(64)));
      if (prng.oneIn(200)) machine.pressCtrlAltDelete();
    }
    assert.notEqual(machine.endReason?.kind, "failure");
    machine.board.serial.flush();
    const { board } = machine;
    const { ioApic, pics } = board.fabric;
    const chips = [board.serial.uart, board.keyboardController, ioApic, pics, board.pit, ...machine.slots];
    for (const chip of chips) {
      const state = structuredClone(chip.state());
      chip.restore(state);
      assert.deepEqual(chip.state(), state);
    }
  });
});
