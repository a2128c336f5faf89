// The register block and status machine of virtio over MMIO, driven by the mock driver and by hand.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { FEATURE_EVENT_IDX, FEATURE_VERSION_1, REG } from "@hearth/testkit/virtio/mock-driver";
import { plugIn, type VirtioRig } from "@hearth/testkit/virtio/rig";
import type { AccessSize } from "../../cpu/vcpu.ts";
import type { VirtioActivation, VirtioDevice } from "../device.ts";
import type { ChipState } from "../../snapshot/chip-state.ts";
import { MmioTransport } from "./mmio.ts";

const FEATURE_OWN = 1n << 5n;

/** Writes down what the transport asks of it. */
class ProbeDevice implements VirtioDevice {
  readonly name = "probe";
  readonly deviceType = 42;
  readonly features = FEATURE_VERSION_1 | FEATURE_EVENT_IDX | FEATURE_OWN;
  readonly queueMaxSizes = [16, 8];
  readonly calls: string[] = [];
  activation: VirtioActivation | undefined;

  readConfig(offset: number, size: AccessSize): number {
    return offset * 16 + size;
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    this.calls.push(`config ${offset} ${size} ${value}`);
  }

  activate(activation: VirtioActivation): void {
    this.activation = activation;
    this.calls.push("activate");
  }

  notify(queueIndex: number): void {
    this.calls.push(`notify ${queueIndex}`);
  }

  reset(): void {
    this.activation = undefined;
    this.calls.push("reset");
  }

  hasPendingWork(): boolean {
    return false;
  }

  state(): ChipState {
    return { kind: "probe", version: 1, data: {} };
  }

  restore(_state: ChipState, activation: VirtioActivation | undefined): void {
    this.calls.push(activation === undefined ? "restore idle" : "restore active");
    this.activation = activation;
  }
}

let device: ProbeDevice;
let rig: VirtioRig;

beforeEach(() => {
  device = new ProbeDevice();
  rig = plugIn(device);
});

describe("registers", () => {
  test("identify the device", () => {
    const { driver } = rig;
    assert.equal(driver.read(REG.magic), 0x74726976);
    assert.equal(driver.read(REG.version), 2);
    assert.equal(driver.read(REG.deviceId), 42);
    assert.equal(driver.read(REG.vendor), 0);
    assert.equal(driver.offeredFeatures(), device.features);
    driver.write(REG.deviceFeaturesSel, 2);
    assert.equal(driver.read(REG.deviceFeatures), 0);
    assert.equal(driver.read(0xb0), 0xffff_ffff);
  });

  test("tell queue sizes, 0 for a queue that is not there", () => {
    const sizes = [0, 1, 2, 0xffff_ffff].map((index) => {
      rig.driver.write(REG.queueSel, index);
      return rig.driver.read(REG.queueNumMax);
    });
    assert.deepEqual(sizes, [16, 8, 0, 0]);
  });

  test("answer only to aligned 32-bit accesses", () => {
    assert.equal(rig.transport.readMmio(REG.magic, 1), 0);
    assert.equal(rig.transport.readMmio(REG.magic + 2, 4), 0);
    rig.transport.writeMmio(REG.status, 1, 1);
    assert.equal(rig.driver.status, 0);
    assert.equal(rig.transport.oddAccesses, 3);
  });

  test("give configuration space any access, and writes only to a driver", () => {
    assert.equal(rig.transport.readMmio(REG.config + 3, 1), 3 * 16 + 1);
    rig.transport.writeMmio(REG.config + 2, 2, 7);
    assert.deepEqual(device.calls, []);
    rig.driver.write(REG.status, 1);
    rig.driver.write(REG.status, 3);
    rig.transport.writeMmio(REG.config + 2, 2, 7);
    assert.deepEqual(device.calls, ["config 2 2 7"]);
  });
});

describe("status", () => {
  test("the steps in order lead to activation with the chosen features and queues", () => {
    rig.driver.start({ without: FEATURE_OWN, size: 8 });
    assert.deepEqual(device.calls, ["reset", "activate"]);
    assert.equal(device.activation?.features, FEATURE_VERSION_1 | FEATURE_EVENT_IDX);
    assert.deepEqual(
      device.activation?.queues.map((queue) => [queue.size, queue.isRunning]),
      [
        [8, true],
        [8, true],
      ],
    );
  });

  test("no step can be left out or taken twice", () => {
    const allowed = new Map([
      [0, 1],
      [1, 3],
      [3, 0x0b],
      [0x0b, 0x0f],
    ]);
    const reach = [1, 3, 0x0b, 0x0f];
    for (const [before, next] of [...allowed, [0x0f, -1]] as [number, number][]) {
      for (let value = 1; value < 0x40; value++) {
        rig = plugIn(device);
        rig.driver.write(REG.driverFeaturesSel, 1);
        for (const step of reach.filter((step) => step <= before)) {
          if (step === 0x0b) rig.driver.write(REG.driverFeatures, 1);
          rig.driver.write(REG.status, step);
        }
        assert.equal(rig.driver.status, before);
        if (before === 3) rig.driver.write(REG.driverFeatures, 1);
        rig.driver.write(REG.status, value);
        assert.equal(
          rig.driver.status,
          value === next ? next : before,
          `0x${before.toString(16)} + ${value}`,
        );
      }
    }
  });

  test("features that were not offered, and doing without VERSION_1, are refused", () => {
    assert.equal(rig.driver.negotiate(FEATURE_VERSION_1 | (1n << 7n)), false);
    assert.equal(rig.driver.status, 3);
    assert.equal(rig.driver.negotiate(FEATURE_OWN), false);
    assert.equal(rig.driver.negotiate(FEATURE_VERSION_1), true);
  });

  test("features are fixed once accepted", () => {
    rig.driver.negotiate(FEATURE_VERSION_1);
    rig.driver.write(REG.driverFeaturesSel, 0);
    rig.driver.write(REG.driverFeatures, 1 << 5);
    rig.driver.write(REG.status, 0x0f);
    assert.equal(device.activation?.features, FEATURE_VERSION_1);
  });

  test("FAILED stays until reset and stops everything", () => {
    rig.driver.start();
    rig.driver.write(REG.status, 0x8f);
    assert.equal(rig.driver.status, 0x8f);
    rig.driver.notify(0);
    rig.driver.write(REG.status, 0x0f);
    rig.transport.signalUsed();
    assert.equal(rig.driver.status, 0x8f);
    assert.equal(rig.line.takeEdges(), 0);
    assert.deepEqual(device.calls, ["reset", "activate"]);
    rig.driver.write(REG.status, 0);
    assert.equal(rig.driver.status, 0);
  });

  test("a queue that cannot be used makes the device need a reset instead of being activated", () => {
    rig.driver.negotiate(FEATURE_VERSION_1);
    rig.driver.write(REG.queueSel, 0);
    rig.driver.write(REG.queueNum, 16);
    rig.driver.write(REG.descHigh, 1);
    rig.driver.write(REG.queueReady, 1);
    rig.driver.write(REG.status, 0x0f);
    assert.equal(rig.driver.status, 0x4f);
    assert.deepEqual(device.calls, ["reset"]);
    assert.equal(rig.driver.takeInterrupts(), 2);
  });

  test("a broken ring makes the device need a reset and mutes it", () => {
    const [queue] = rig.driver.start();
    queue!.setAvailableIndex(0x8000);
    assert.equal(device.activation!.queues[0]!.hasAvailable(), false);
    assert.equal(rig.driver.status, 0x4f);
    assert.equal(rig.driver.takeInterrupts(), 2);
    rig.driver.notify(1);
    assert.deepEqual(device.calls, ["reset", "activate"]);
    rig.driver.start();
    assert.equal(rig.driver.status, 0x0f);
  });

  test("reset forgets everything", () => {
    rig.driver.start();
    rig.transport.signalUsed();
    rig.transport.reset();
    assert.equal(rig.driver.status, 0);
    assert.equal(rig.driver.read(REG.interruptStatus), 0);
    assert.equal(rig.line.isHigh, false);
    rig.driver.write(REG.queueSel, 0);
    assert.equal(rig.driver.read(REG.queueReady), 0);
    assert.deepEqual(device.calls, ["reset", "activate", "reset"]);
  });
});

describe("queues", () => {
  test("can only be set up between FEATURES_OK and DRIVER_OK, and not while ready", () => {
    rig.driver.write(REG.queueReady, 1);
    assert.equal(rig.driver.read(REG.queueReady), 0);
    rig.driver.negotiate(FEATURE_VERSION_1);
    const placed = rig.driver.setUpQueue(0, 8);
    rig.driver.write(REG.queueNum, 16);
    rig.driver.write(REG.descLow, 0x40);
    rig.driver.write(REG.status, 0x0f);
    const [queue] = device.activation!.queues;
    assert.deepEqual([queue!.size, queue!.descriptorGpa], [8, placed.descriptorGpa]);
    rig.driver.write(REG.queueReady, 0);
    assert.equal(rig.driver.read(REG.queueReady), 1);
  });

  test("left out by the driver do not run and cannot be notified", () => {
    rig.driver.negotiate(FEATURE_VERSION_1);
    rig.driver.setUpQueue(0, 8);
    rig.driver.write(REG.status, 0x0f);
    for (const index of [0, 1, 2, 0xffff_ffff]) rig.driver.notify(index);
    assert.deepEqual(device.calls, ["reset", "activate", "notify 0"]);
  });

  test("are not notified before DRIVER_OK", () => {
    rig.driver.negotiate(FEATURE_VERSION_1);
    rig.driver.setUpQueue(0, 8);
    rig.driver.notify(0);
    assert.deepEqual(device.calls, ["reset"]);
  });
});

describe("interrupts", () => {
  test("hold the line until acknowledged, bit by bit", () => {
    rig.driver.start();
    rig.transport.signalUsed();
    rig.transport.signalConfigChange();
    assert.equal(rig.driver.read(REG.interruptStatus), 3);
    rig.driver.write(REG.interruptAck, 1);
    assert.equal(rig.line.isHigh, true);
    rig.driver.write(REG.interruptAck, 2);
    assert.equal(rig.line.isHigh, false);
  });

  test("give an edge each, even while an older one is unacknowledged", () => {
    rig.driver.start();
    for (let i = 0; i < 3; i++) rig.transport.signalUsed();
    assert.equal(rig.line.takeEdges(), 3);
  });

  test("a configuration change steps the generation; before DRIVER_OK it is silent", () => {
    const before = rig.driver.read(REG.configGeneration);
    rig.transport.signalConfigChange();
    assert.equal(rig.driver.read(REG.configGeneration), before + 1);
    assert.equal(rig.line.takeEdges(), 0);
  });
});

describe("state", () => {
  test("moves a running device to another transport over the same memory", () => {
    const [queue] = rig.driver.start();
    rig.transport.signalUsed();
    queue!.offer(rig.driver.arena.writable(4));
    const saved = structuredClone(rig.transport.state());
    const twin = new ProbeDevice();
    const line = { isHigh: false, setLevel: (isHigh: boolean) => void (line.isHigh = isHigh) };
    const copy = new MmioTransport(twin, rig.memory, line);
    copy.restore(saved);
    assert.deepEqual(copy.state(), saved);
    assert.equal(line.isHigh, true);
    assert.deepEqual(twin.calls, ["reset", "restore active"]);
    assert.equal(twin.activation!.queues[0]!.hasAvailable(), true);
    copy.writeMmio(REG.queueNotify, 4, 1);
    assert.equal(twin.calls.at(-1), "notify 1");
  });

  test("also of a queue with an impossible size can be taken over", () => {
    rig.driver.negotiate(FEATURE_VERSION_1);
    rig.driver.write(REG.queueSel, 0);
    rig.driver.write(REG.queueNum, 12);
    rig.driver.write(REG.queueReady, 1);
    rig.transport.restore(structuredClone(rig.transport.state()));
    rig.driver.write(REG.status, 0x0f);
    assert.equal(rig.driver.status, 0x4f);
  });

  test("of another kind of device is refused", () => {
    rig.driver.start();
    const saved = rig.transport.state();
    const other = (change: object): ChipState => ({
      ...saved,
      data: { ...(saved.data as object), ...change },
    });
    assert.throws(() => rig.transport.restore(other({ queues: [] })), { code: "snapshot.kind" });
    assert.throws(() => rig.transport.restore(other({ queues: 3 })), { code: "snapshot.field" });
    assert.throws(() => rig.transport.restore(other({ driverFeatures: (1n << 32n) | (1n << 50n) })), {
      code: "snapshot.features",
    });
    assert.throws(() => rig.transport.restore(other({ driverFeatures: 1 })), { code: "snapshot.field" });
  });
});
