// The machine around a scripted guest: life, slices, timers, ends, input, and what is refused.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FakeEngine, type GuestStep } from "@hearth/testkit/fake-engine";
import { FakeTime } from "@hearth/testkit/fake-time";
import { tinyElf } from "@hearth/testkit/tiny-kernel";
import { ExitReason, type VcpuBus } from "./cpu/vcpu.ts";
import { HearthError, assert as assertHearth } from "./errors.ts";
import { Machine, type MachineOptions } from "./machine.ts";
import { RngDevice } from "./virtio/rng/rng-device.ts";

const MIB = 1024 * 1024;
const BUDGET = 1_000_000;

interface Rig {
  readonly machine: Machine;
  readonly engine: FakeEngine;
  readonly time: FakeTime;
  readonly output: () => string;
}

function build(steps: GuestStep[] = [], change: Partial<MachineOptions> = {}): Rig {
  const engine = new FakeEngine(...steps);
  const time = new FakeTime();
  const chunks: Uint8Array[] = [];
  const machine = new Machine({
    engine,
    ramBytes: 32 * MIB,
    kernel: tinyElf(),
    time,
    fillRandom: (target) => target.fill(0x42),
    onSerialOutput: (bytes) => chunks.push(bytes),
    ...change,
  });
  return { machine, engine, time, output: () => new TextDecoder().decode(Buffer.concat(chunks)) };
}

function started(...steps: GuestStep[]): Rig {
  const rig = build(steps);
  rig.machine.start();
  return rig;
}

const print = (bus: VcpuBus, text: string): void => {
  for (const character of text) bus.writePort(0x3f8, 1, character.charCodeAt(0));
};

/** Enables the APIC and arms its timer for vector 0x40 in `ns`. */
const armTimer = (bus: VcpuBus, ns: number): void => {
  bus.writeMsr(0x1b, 0xfee0_0d00n);
  bus.writeMsr(0x80f, 0x1ffn);
  bus.writeMsr(0x832, 0x4_0040n);
  bus.writeMsr(0x6e0, BigInt(Math.round(bus.nowNs() + ns)));
};

const setInterruptFlag = (rig: Rig, isSet: boolean): void => {
  const registers = rig.engine.vcpu?.registers;
  assert.ok(registers);
  registers.rflags = isSet ? 0x202n : 0x2n;
};

describe("machine: life", () => {
  test("created, running, paused, running, ended", () => {
    const { machine, engine } = build([() => undefined]);
    assert.deepEqual([machine.state, machine.runSlice(BUDGET).kind], ["created", "idle"]);
    machine.start();
    assert.equal(machine.state, "running");
    machine.pause();
    assert.deepEqual([machine.state, machine.runSlice(BUDGET).kind], ["paused", "idle"]);
    assert.equal(engine.vcpu?.budgets.length, 0);
    machine.start();
    machine.stop();
    machine.start();
    assert.deepEqual([machine.state, machine.endReason], ["ended", { kind: "stopped" }]);
    assert.deepEqual(machine.runSlice(BUDGET), { kind: "ended", reason: { kind: "stopped" } });
  });

  test("guest time stands still before start and while paused", () => {
    const { machine, time } = build();
    time.advance(5000);
    assert.equal(machine.nowNs(), 0);
    machine.start();
    time.advance(100);
    machine.pause();
    time.advance(5000);
    assert.equal(machine.nowNs(), 100);
  });

  const ends: [name: string, step: GuestStep, reason: object][] = [
    ["power-off through ACPI", (bus) => bus.writePort(0x600, 1, 0x34), { kind: "power-off" }],
    ["reset register", (bus) => bus.writePort(0x602, 1, 1), { kind: "reset", cause: "reset-register" }],
    [
      "keyboard controller",
      (bus) => bus.writePort(0x64, 1, 0xfe),
      { kind: "reset", cause: "keyboard-controller" },
    ],
    ["triple fault", () => ExitReason.Shutdown, { kind: "reset", cause: "triple-fault" }],
  ];
  for (const [name, step, reason] of ends) {
    test(`end by ${name}: the guest runs no further and its last words arrive`, () => {
      const rig = started(
        (bus, vcpu) => {
          print(bus, "bye");
          return step(bus, vcpu);
        },
        () => assert.fail("ran on after the end"),
      );
      assert.deepEqual(rig.machine.runSlice(BUDGET), { kind: "ended", reason });
      assert.deepEqual([rig.machine.state, rig.output()], ["ended", "bye"]);
    });
  }

  const failures: [name: string, step: GuestStep, message: RegExp][] = [
    ["an engine that gives up", () => ExitReason.Failure, /engine gave up/],
    ["a failed assertion", () => assertHearth(false, "queue index in range"), /queue index in range/],
  ];
  for (const [name, step, message] of failures) {
    test(`${name} ends the machine with a dump and throws nothing`, () => {
      const { machine } = started(step);
      const status = machine.runSlice(BUDGET);
      assert.ok(status.kind === "ended" && status.reason.kind === "failure");
      assert.match(status.reason.message, message);
      assert.match(status.reason.dump, /fake vCPU/);
    });
  }
});

describe("machine: slices", () => {
  test("the budget is divided and then the host is asked", () => {
    const { machine, engine } = started(...Array.from({ length: 20 }, (): GuestStep => () => undefined));
    assert.deepEqual(machine.runSlice(20_000), { kind: "ready" });
    const budgets = engine.vcpu?.budgets ?? [];
    assert.equal(
      budgets.reduce((a, b) => a + b, 0),
      20_000,
    );
  });

  test("a kick from outside ends the slice early", () => {
    const { machine, engine } = started(
      () => ExitReason.Kicked,
      () => undefined,
    );
    assert.deepEqual(machine.runSlice(BUDGET), { kind: "ready" });
    assert.equal(engine.vcpu?.budgets.length, 1);
  });

  test("a halted guest sleeps until its timer, which wakes it", () => {
    const woken: number[] = [];
    const rig = started(
      (bus) => {
        armTimer(bus, 5000);
        return ExitReason.Halt;
      },
      (bus) => {
        woken.push(bus.acknowledgeInterrupt());
        return ExitReason.Halt;
      },
    );
    assert.deepEqual(rig.machine.runSlice(BUDGET), { kind: "sleep", deadlineNs: 5000, delayNs: 5000 });
    rig.time.advance(4000);
    assert.deepEqual(rig.machine.runSlice(BUDGET), { kind: "sleep", deadlineNs: 5000, delayNs: 1000 });
    assert.deepEqual(woken, []);
    rig.time.advance(1000);
    setInterruptFlag(rig, true);
    assert.deepEqual(rig.machine.runSlice(BUDGET), {
      kind: "sleep",
      deadlineNs: Number.POSITIVE_INFINITY,
      delayNs: Number.POSITIVE_INFINITY,
    });
    assert.deepEqual(woken, [0x40]);
  });

  test("a timer armed for soon cuts the present run short, one for later does not", () => {
    const kicks: number[] = [];
    const rig = started(
      // Teaches the machine that 5000 units take a millisecond.
      () => rig.time.advance(1_000_000),
      (bus, vcpu) => {
        armTimer(bus, 900_000_000);
        kicks.push(vcpu.kicks);
        armTimer(bus, 1000);
        kicks.push(vcpu.kicks);
      },
      () => ExitReason.Kicked,
    );
    rig.machine.runSlice(BUDGET);
    assert.deepEqual(kicks, [0, 1]);
    assert.equal(rig.engine.vcpu?.budgets.length, 3, "the machine went on by itself");
  });

  test("a timer that comes due while the guest is busy interrupts it", () => {
    const rig = started(
      (bus) => {
        armTimer(bus, 1000);
      },
      () => {
        rig.time.advance(2000);
        return undefined;
      },
      (bus, vcpu) => {
        assert.equal(vcpu.isInterruptRequested, true);
        print(bus, String(bus.acknowledgeInterrupt()));
        return ExitReason.Kicked;
      },
    );
    rig.machine.runSlice(BUDGET);
    assert.equal(rig.output(), "64");
  });

  test("HLT with interrupts off and nothing to come is the end", () => {
    const { machine } = started(() => ExitReason.Halt);
    assert.deepEqual(machine.runSlice(BUDGET), { kind: "ended", reason: { kind: "halt" } });
  });

  test("HLT with interrupts off while one waits is the end too, not a busy loop", () => {
    const rig = started((bus) => {
      armTimer(bus, -1);
      return ExitReason.Halt;
    });
    assert.equal(rig.machine.runSlice(BUDGET).kind, "ended");
    assert.equal(rig.engine.vcpu?.budgets.length, 1);
  });

  test("HLT with interrupts on waits for the outside", () => {
    const rig = build([() => ExitReason.Halt]);
    setInterruptFlag(rig, true);
    rig.machine.start();
    assert.equal(rig.machine.runSlice(BUDGET).kind, "sleep");
  });
});

describe("machine: input", () => {
  test("serial input wakes a halted guest through the I/O APIC", () => {
    const rig = build([
      (bus) => {
        bus.writeMmio(0xfee0_00f0, 4, 0x1ff);
        for (const [index, value] of [
          [0x19, 0],
          [0x18, 0x34],
        ] as const) {
          bus.writeMmio(0xfec0_0000, 4, index);
          bus.writeMmio(0xfec0_0010, 4, value);
        }
        bus.writePort(0x3fc, 1, 8);
        bus.writePort(0x3f9, 1, 1);
        return ExitReason.Halt;
      },
      (bus) => {
        print(bus, `${bus.acknowledgeInterrupt()} ${bus.readPort(0x3f8, 1)}`);
        return ExitReason.Halt;
      },
    ]);
    setInterruptFlag(rig, true);
    rig.machine.start();
    assert.equal(rig.machine.runSlice(BUDGET).kind, "sleep");
    assert.equal(rig.machine.inputSerial(Uint8Array.of(0x61)), 1);
    rig.machine.runSlice(BUDGET);
    assert.equal(rig.output(), "52 97");
  });

  test("Ctrl-Alt-Del arrives at the keyboard", () => {
    const seen: number[] = [];
    const rig = started((bus) => void seen.push(bus.readPort(0x60, 1)));
    rig.machine.pressCtrlAltDelete();
    rig.machine.runSlice(1);
    assert.deepEqual(seen, [0x1d]);
  });
});

describe("machine: what the kernel finds", () => {
  const devices = (): RngDevice[] => [0, 1].map(() => new RngDevice((target) => target.fill(1)));
  const dsdtText = (machine: Machine): string =>
    new TextDecoder("latin1").decode(machine.memory.slice(0x9_fc00, 2048));

  const announcements: [announce: MachineOptions["announce"], inAcpi: boolean, inCommandLine: boolean][] = [
    [undefined, true, false],
    ["acpi", true, false],
    ["cmdline", false, true],
    ["both", true, true],
  ];
  for (const [announce, inAcpi, inCommandLine] of announcements) {
    test(`virtio devices announced by ${announce ?? "default"}`, () => {
      const { machine } = build([], { devices: devices(), announce, commandLine: "quiet -- x" });
      assert.equal(dsdtText(machine).includes("V001"), inAcpi);
      const words = " virtio_mmio.device=4K@0xc0001000:5 virtio_mmio.device=4K@0xc0002000:6";
      assert.equal(machine.commandLine, `quiet${inCommandLine ? words : ""} -- x`);
    });
  }

  test("virtio registers answer at their window", () => {
    const { machine, engine } = build([], { devices: devices() });
    const bus = engine.vcpu?.bus;
    assert.equal(bus?.readMmio(0xc000_2000, 4), 0x7472_6976);
    assert.equal(bus?.readMmio(0xc000_3000, 4), 0xffff_ffff);
    assert.equal(machine.board.mmio.unclaimedReads, 4);
  });

  test("the generation id is random and where the DSDT says", () => {
    const { machine } = build([], { devices: devices() });
    assert.deepEqual(machine.board.generationIdPlace, { gpa: 0xd_fff0, gsi: 7 });
    assert.deepEqual([...machine.memory.slice(0xd_fff0, 16)], new Array(16).fill(0x42));
  });

  test("registers are those of the boot protocol; CPUID says one vCPU", () => {
    const { machine, engine } = build([], { kernel: tinyElf({ pvhEntry: 0x100_0100 }) });
    assert.equal(machine.bootProtocol, "pvh");
    assert.equal(engine.vcpu?.registers?.rip, 0x100_0100n);
    assert.equal(engine.vcpu?.cpuid.find((leaf) => leaf.leaf === 0xb && leaf.subleaf === 1)?.ebx, 1);
  });
});

describe("machine: refused", () => {
  const cases: [name: string, change: Partial<MachineOptions>, code: string][] = [
    ["too little memory", { ramBytes: 2 * MIB }, "memory.too-small"],
    ["more than the engine has", { ramBytes: 128 * MIB }, "memory.too-large"],
    ["half a page", { ramBytes: 32 * MIB + 2048 }, "memory.size"],
    ["no number", { ramBytes: Number.NaN }, "memory.size"],
    ["memory smaller than the kernel's place", { ramBytes: 16 * MIB }, "kernel.outside-ram"],
    ["initrd larger than memory", { initrd: new Uint8Array(33 * MIB) }, "initrd.too-large"],
    ["a long command line", { commandLine: "x".repeat(2048) }, "boot.command-line"],
    [
      "too many devices",
      { devices: Array.from({ length: 19 }, () => new RngDevice(() => {})) },
      "machine.devices",
    ],
  ];
  for (const [name, change, code] of cases) {
    test(name, () => {
      assert.throws(
        () => build([], change),
        (error) => error instanceof HearthError && error.code === code,
      );
    });
  }
});
