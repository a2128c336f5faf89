// The register block under random accesses at every offset, over a device that checks what reaches it; and proof that
// the fuzz would notice holes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FuzzFailure } from "@hearth/testkit/fuzz";
import type { Prng } from "@hearth/testkit/prng";
import { type FuzzSubject, fuzzDevice } from "@hearth/testkit/virtio/fuzz-device";
import { MockDriver, REG } from "@hearth/testkit/virtio/mock-driver";
import { plugIn } from "@hearth/testkit/virtio/rig";
import type { AccessSize } from "../../cpu/vcpu.ts";
import type { VirtioActivation, VirtioDevice } from "../device.ts";
import type { ChipState } from "../../snapshot/chip-state.ts";
import { DescriptorChain } from "../queue/descriptor-chain.ts";

const QUEUES = [64, 16, 2];
const FEATURES = (1n << 32n) | (1n << 29n) | 0x5n;

/** Serves every queue by writing what it can, and insists on the contract of VirtioDevice. */
class PedanticDevice implements VirtioDevice {
  readonly name = "pedantic";
  readonly deviceType = 42;
  readonly features = FEATURES;
  readonly queueMaxSizes = QUEUES;
  #activation: VirtioActivation | undefined;
  #chain: DescriptorChain | undefined;

  readConfig(offset: number, size: AccessSize): number {
    assert.ok(offset >= 0 && offset < 0xf00);
    return size === 4 ? 0xffff_ffff : 1;
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    assert.ok(offset >= 0 && offset < 0xf00 && [1, 2, 4].includes(size));
    assert.equal(value >>> 0, value);
  }

  activate(activation: VirtioActivation): void {
    // Not assert.equal: it would print a whole machine.
    assert.ok(this.#activation === undefined, "activated twice without a reset");
    assert.equal(activation.features & ~FEATURES, 0n);
    for (const queue of activation.queues) assert.equal(queue.isRunning, queue.isReady);
    this.#activation = activation;
    this.#chain = new DescriptorChain(activation.memory);
  }

  notify(queueIndex: number): void {
    const queue = this.#activation!.queues[queueIndex]!;
    const chain = this.#chain!;
    for (let served = 0; served < queue.size && queue.pop(chain); served++) {
      const bytes = new Uint8Array(Math.min(chain.writableBytes, 4096)).fill(0x42);
      queue.pushUsed(chain.head, chain.write(0, bytes));
    }
    if (queue.takeInterruptDecision()) this.#activation!.interrupt.signalUsed();
  }

  poke(prng: Prng): void {
    const interrupt = this.#activation?.interrupt;
    if (prng.oneIn(8)) interrupt?.signalNeedsReset();
    else interrupt?.signalConfigChange();
  }

  reset(): void {
    this.#activation = undefined;
  }

  hasPendingWork(): boolean {
    return false;
  }

  state(): ChipState {
    return { kind: "pedantic", version: 1, data: {} };
  }

  restore(_state: ChipState, activation: VirtioActivation | undefined): void {
    this.#activation = undefined;
    if (activation !== undefined) this.activate(activation);
  }
}

function makeSubject(_prng: Prng, device = new PedanticDevice()): FuzzSubject {
  return {
    device,
    guest: { disturb: (prng) => device.poke(prng) },
    proveAlive: ({ driver }) => {
      const [queue] = driver.start({ size: 8 });
      queue!.offer(driver.arena.writable(16));
      driver.notify(0);
      assert.deepEqual(queue!.takeUsed(), [{ head: 0, writtenBytes: 16 }]);
      assert.equal(driver.takeInterrupts(), 1);
    },
  };
}

test("every offset, every width, telling values, in every stage of initialisation", () => {
  const { memory, transport } = plugIn(new PedanticDevice(), 128 * 1024);
  for (const stage of [0, 1, 3, 0x0b, 0x0f]) {
    for (let offset = 0; offset < 0x1000; offset++) {
      bringTo(stage, new MockDriver(memory, transport));
      for (const size of [1, 2, 4] as const) {
        // What an earlier value left behind is part of the test.
        for (const value of [0xffff_ffff, 1, 0x8000_0000, 0x0f]) {
          transport.writeMmio(offset, size, value);
          const read = transport.readMmio(offset, size);
          assert.ok(read >= 0 && read <= 0xffff_ffff && Number.isInteger(read));
        }
      }
    }
  }
  bringTo(0x0f, new MockDriver(memory, transport));
});

function bringTo(stage: number, driver: MockDriver): void {
  if (stage === 0x0f) driver.start({ size: 2 });
  else if (stage === 0x0b) driver.negotiate(1n << 32n);
  else for (const status of [0, 1, 3]) if (status <= stage) driver.write(REG.status, status);
}

test("a hostile guest", (t) => fuzzDevice(t, makeSubject));

describe("the fuzz finds", () => {
  test("a device that is activated again without a reset", (t) => {
    class Sticky extends PedanticDevice {
      override reset(): void {}
    }
    assert.throws(() => fuzzDevice(t, (prng) => makeSubject(prng, new Sticky())), FuzzFailure);
  });

  test("a device that writes more than it was given", (t) => {
    class Greedy extends PedanticDevice {
      #memory: VirtioActivation["memory"] | undefined;

      override activate(activation: VirtioActivation): void {
        super.activate(activation);
        this.#memory = activation.memory;
      }

      override notify(queueIndex: number): void {
        super.notify(queueIndex);
        this.#memory!.bytes[this.#memory!.ramOffset - 1]! ^= 1;
      }
    }
    assert.throws(
      () => fuzzDevice(t, (prng) => makeSubject(prng, new Greedy())),
      /memory changed without a report/,
    );
  });

  test("a device that writes to buffers that are not writable", (t) => {
    class Scribbler extends PedanticDevice {
      #activation: VirtioActivation | undefined;

      override activate(activation: VirtioActivation): void {
        super.activate(activation);
        this.#activation = activation;
      }

      override notify(queueIndex: number): void {
        const { memory } = this.#activation!;
        memory.writeU8(0x9000, memory.readU8(0x9000) ^ 1);
        memory.noteDeviceWrite(memory.ramOffset + 0x9000, 1);
        super.notify(queueIndex);
      }
    }
    assert.throws(
      () => fuzzDevice(t, (prng) => makeSubject(prng, new Scribbler())),
      /wrote where it may not/,
    );
  });
});
