import assert from "node:assert/strict";
import { test } from "node:test";
import type { VcpuBus } from "@hearth/machine";
import { BusCounts, countBus } from "./counted-bus.ts";

/** Answers every read with 7 and notes what was called. */
function bus(calls: string[]): VcpuBus {
  const noting = (name: string, answer?: unknown) => {
    return (...values: unknown[]) => {
      calls.push(`${name} ${values.join(" ")}`);
      return answer as never;
    };
  };
  return {
    readPort: noting("readPort", 7),
    writePort: noting("writePort"),
    readMmio: noting("readMmio", 7),
    writeMmio: noting("writeMmio"),
    readMsr: noting("readMsr", 7n),
    writeMsr: noting("writeMsr", true),
    acknowledgeInterrupt: noting("acknowledgeInterrupt", 0x30),
    readTaskPriority: noting("readTaskPriority", 7),
    writeTaskPriority: noting("writeTaskPriority"),
    nowNs: noting("nowNs", 7),
  };
}

test("accesses pass unchanged and are counted by port, page, register and vector", () => {
  const calls: string[] = [];
  const counts = new BusCounts();
  const counted = countBus(bus(calls), counts);
  assert.equal(counted.readPort(0x3f8, 1), 7);
  counted.writePort(0x3f8, 1, 65);
  counted.writePort(0x3f8, 1, 66);
  assert.equal(counted.readMmio(0xd000_0ffc, 4), 7);
  counted.writeMmio(0xd000_0050, 4, 1);
  counted.writeMmio(0xd000_1050, 4, 1);
  assert.equal(counted.readMsr(0x10), 7n);
  assert.equal(counted.writeMsr(0x10, 5n), true);
  assert.equal(counted.acknowledgeInterrupt(), 0x30);
  assert.equal(counted.nowNs(), 7);
  assert.deepEqual([...counts.ports], [[0x3f8, [1, 2]]]);
  assert.deepEqual(
    [...counts.mmioPages],
    [
      [0xd000_0000, [1, 1]],
      [0xd000_1000, [0, 1]],
    ],
  );
  assert.deepEqual([...counts.msrs], [[0x10, [1, 1]]]);
  assert.deepEqual([...counts.vectors], [[0x30, 1]]);
  assert.equal(counts.clockReads, 1);
  assert.equal(calls[2], "writePort 1016 1 66");
});

test("an interrupt that was withdrawn is none", () => {
  const counts = new BusCounts();
  const counted = countBus({ ...bus([]), acknowledgeInterrupt: () => -1 }, counts);
  assert.equal(counted.acknowledgeInterrupt(), -1);
  assert.equal(counts.vectors.size, 0);
});
