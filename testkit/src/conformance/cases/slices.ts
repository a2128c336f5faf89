// How a run ends: budget, kick, halt, shutdown; and that what a run leaves behind can be read, written back and run on.

import assert from "node:assert/strict";
import { ExitReason } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { LongModeGuest } from "../long-mode-guest.ts";

const COUNT_FOREVER = "again: inc rax\n jmp again";

export const SLICES = chapter("slices", {
  "a loop ends with its budget and goes on with the next": (engine) => {
    const guest = new LongModeGuest(engine, COUNT_FOREVER);
    assert.equal(guest.vcpu.run(100), ExitReason.Budget);
    const first = guest.registers.rax;
    assert.ok(first > 0n && first < 100_000n, `${first} rounds`);
    assert.equal(guest.vcpu.run(100), ExitReason.Budget);
    assert.ok(guest.registers.rax > first);
  },
  "the smallest budget makes progress": (engine) => {
    const guest = new LongModeGuest(engine, "inc rax\n jmp next\n next: inc rax\n hlt");
    for (let i = 0; i < 10 && guest.vcpu.run(1) !== ExitReason.Halt; i++);
    assert.equal(guest.registers.rax, 2n);
  },
  "code without branches ends too": (engine) => {
    const guest = new LongModeGuest(engine, `${"inc rax\n".repeat(16_000)} hlt`);
    let runs = 1;
    while (guest.vcpu.run(1) === ExitReason.Budget) runs++;
    assert.ok(runs > 3, `${runs} runs`);
    assert.equal(guest.registers.rax, 16_000n);
  },
  "a handler that only faults ends with its budget": (engine) => {
    const guest = new LongModeGuest(engine, "handler: ud2");
    guest.setGate(6, "handler", { ist: 1 });
    assert.equal(guest.vcpu.run(1000), ExitReason.Budget);
  },
  "a handler that only interrupts itself ends with its budget": (engine) => {
    const guest = new LongModeGuest(engine, "handler: int 0x40");
    guest.setGate(0x40, "handler", { ist: 1 });
    assert.equal(guest.vcpu.run(1000), ExitReason.Budget);
  },
  "interrupts without end are left in time": (engine) => {
    const guest = new LongModeGuest(engine, "sti\n wait: jmp wait\n handler: iretq");
    guest.setGate(0x40, "handler");
    guest.bus.acknowledgeInterrupt = () => 0x40;
    guest.vcpu.setInterruptRequest(true);
    assert.equal(guest.vcpu.run(1000), ExitReason.Budget);
  },
  "a kick before the run ends it early, once": (engine) => {
    const guest = new LongModeGuest(engine, COUNT_FOREVER);
    guest.vcpu.kick();
    assert.equal(guest.vcpu.run(1_000_000), ExitReason.Kicked);
    assert.ok(guest.registers.rax < 100_000n);
    assert.equal(guest.vcpu.run(100), ExitReason.Budget);
  },
  "a kick inside a bus call ends the run soon": (engine) => {
    const guest = new LongModeGuest(engine, `out 0x80, al\n ${COUNT_FOREVER}`);
    guest.bus.onPortWrite = () => guest.vcpu.kick();
    assert.equal(guest.vcpu.run(1_000_000), ExitReason.Kicked);
    assert.ok(guest.registers.rax < 1000n);
    assert.equal(guest.bus.accesses.length, 1);
  },
  "a kick inside a repeated OUT ends the run within it": (engine) => {
    const guest = new LongModeGuest(engine, "mov esi, data\n mov ecx, 100\n rep outsb\n hlt");
    guest.bus.onPortWrite = () => {
      if (guest.bus.accesses.length === 7) guest.vcpu.kick();
    };
    assert.equal(guest.vcpu.run(1000), ExitReason.Kicked);
    assert.equal(guest.registers.rcx, 93n);
    guest.runExpecting();
    assert.equal(guest.bus.accesses.length, 100);
  },
  "PAUSE ends a slice that is to end there, behind itself": (engine) => {
    const guest = new LongModeGuest(engine, "inc rax\n pause\n inc rax\n pause\n jmp on\n on: hlt");
    assert.equal(guest.vcpu.run(1000, true), ExitReason.Pause);
    assert.equal(guest.registers.rax, 1n);
    assert.equal(guest.vcpu.run(1000, true), ExitReason.Pause);
    assert.equal(guest.registers.rax, 2n);
    assert.equal(guest.vcpu.run(1000, true), ExitReason.Halt);
  },
  "PAUSE ends no other slice": (engine) => {
    const guest = new LongModeGuest(engine, "pause\n inc rax\n pause\n hlt");
    assert.equal(guest.vcpu.run(1000, true), ExitReason.Pause);
    guest.runExpecting();
    assert.equal(guest.registers.rax, 1n);
  },
  "an interrupt that waits is taken before a PAUSE ends the slice": (engine) => {
    const guest = new LongModeGuest(engine, "sti\n out 0x80, al\n pause\n hlt\n handler: inc rbx\n iretq");
    guest.setGate(0x40, "handler");
    guest.bus.onPortWrite = () => guest.bus.interrupt(0x40);
    assert.equal(guest.vcpu.run(1000, true), ExitReason.Pause);
    guest.runExpecting();
    assert.equal(guest.registers.rbx, 1n);
  },
  "new registers end HLT and forget NMIs and breakpoints": (engine) => {
    const source =
      "mov rax, watched\n mov dr0, rax\n mov eax, 1\n mov dr7, rax\n hlt\n watched: inc rbx\n hlt";
    const guest = new LongModeGuest(engine, source);
    guest.runExpecting();
    guest.vcpu.requestNmi();
    guest.vcpu.setRegisters({ ...guest.registers, rip: guest.label("watched") });
    guest.runExpecting();
    assert.equal(guest.registers.rbx, 1n);
  },
  "registers read and written back change nothing": (engine) => {
    const source =
      "mov rbx, 0x123456789abcdef0\n stc\n again: rcl rbx, 1\n adc rax, rbx\n dec ecx\n jne again\n hlt";
    const whole = new LongModeGuest(engine, source, { registers: { rcx: 500n } });
    whole.runExpecting();
    const sliced = new LongModeGuest(engine, source, { registers: { rcx: 500n } });
    while (sliced.vcpu.run(7) === ExitReason.Budget) sliced.vcpu.setRegisters(sliced.vcpu.getRegisters());
    assert.deepEqual(sliced.registers, whole.registers);
  },
  "all registers of the contract are kept": (engine) => {
    const guest = new LongModeGuest(engine, "hlt");
    const start = guest.registers;
    const general = "rax rcx rdx rbx rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
    const values = Object.fromEntries(
      general.map((name, i) => [name, 0x1111_1111_1111_1111n * BigInt(i + 1)]),
    );
    const wanted = { ...start, ...values, cr2: 0xffff_8000_1234_5678n, rflags: 0xad7n };
    guest.vcpu.setRegisters(wanted);
    assert.deepEqual(guest.registers, wanted);
  },
  "describe names the place": (engine) => {
    const guest = new LongModeGuest(engine, "hlt");
    assert.match(guest.vcpu.describe(), /10000/);
  },
  "the bus may be asked from inside every kind of access": (engine) => {
    const source =
      "mov ecx, 0x1234\n rdmsr\n wrmsr\n rdtsc\n mov rax, cr8\n mov cr8, rax\n in al, 0x10\n hlt";
    const guest = new LongModeGuest(engine, source);
    guest.bus.msrs.set(0x1234, 1n);
    guest.runExpecting();
  },
  "after a shutdown new registers start it again": (engine) => {
    const guest = new LongModeGuest(engine, "hlt");
    const start = guest.registers;
    guest.vcpu.setRegisters({ ...start, rip: 0x5000_0000n, idtr: { base: 0n, limit: 0 } });
    assert.equal(guest.run(), ExitReason.Shutdown);
    guest.vcpu.setRegisters(start);
    assert.equal(guest.run(), ExitReason.Halt);
  },
});
