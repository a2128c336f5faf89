// Interrupts through the bus: when they are taken, what holds them off, HLT, NMI, stacks, and the return. SDM volume 3, chapter 6.

import assert from "node:assert/strict";
import { type Engine, ExitReason } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Selector } from "../descriptors.ts";
import { Place } from "../guest.ts";
import { enterUser, LongModeGuest } from "../long-mode-guest.ts";

const VECTOR = 0x41;
const IF = 0x200n;
/** An OUT to this port asks for an interrupt with the value as vector; to the next one, for an NMI. */
const INTERRUPT_PORT = 0xf0;
const NMI_PORT = 0xf1;
const REQUEST = `mov al, ${VECTOR}\n out ${INTERRUPT_PORT}, al`;

function guestOf(engine: Engine, source: string, rflags = 0n): LongModeGuest {
  const guest = new LongModeGuest(engine, source, { rflags });
  guest.bus.onPortWrite = (port, value) => {
    if (port === INTERRUPT_PORT) guest.bus.interrupt(value);
    if (port === NMI_PORT) guest.vcpu.requestNmi();
  };
  return guest;
}

/** With an interrupt waiting and IF clear, `code` must take it exactly at label `here`. */
function takesAt(code: string) {
  return (engine: Engine): void => {
    const guest = guestOf(engine, `${REQUEST}\n ${code}\n hlt`);
    guest.runExpecting({
      vector: VECTOR,
      rip: guest.label("here"),
      rflags: guest.traps[0]?.rflags ?? 0x202n,
    });
  };
}

function takesNone(code: string) {
  return (engine: Engine): void => guestOf(engine, `${REQUEST}\n ${code}\n hlt`).runExpecting();
}

const PAGE_END = `jmp start\n org ${Place.code + 0x1000 - 1}\n start: `;

const windows = chapter("interrupt windows", {
  "none while IF is clear": takesNone("nop\n nop"),
  "STI holds them off for one instruction": takesAt("sti\n nop\n here: nop"),
  "STI and CLI open no window": takesNone("sti\n cli\n nop"),
  "STI, one instruction and CLI do": takesAt("sti\n nop\n here: cli"),
  "STI and HLT: the interrupt comes behind HLT": takesAt("sti\n hlt\n here: nop"),
  "STI as the last byte of a page": takesAt(`${PAGE_END}sti\n nop\n here: nop`),
  "STI as the last byte of a page, then HLT": takesAt(`${PAGE_END}sti\n hlt\n here: nop`),
  "STI as the last byte of a page, then CLI": takesNone(`${PAGE_END}sti\n cli\n nop`),
  "STI before a jump to itself": takesAt("mov r15d, 0\n sti\n here: jmp here"),
  "STI while IF is set holds nothing off": (engine) => {
    const guest = guestOf(engine, `${REQUEST}\n wait: sti\n jmp wait`, IF);
    guest.runExpecting({ vector: VECTOR });
  },
  "POPF opens at once": takesAt("push 0x202\n popf\n here: cli"),
  "IRET opens at once": takesAt(
    `push ${Selector.data}\n push stack\n push 0x202\n push ${Selector.code}\n push here\n iretq\n here: cli`,
  ),
  "a write of CR8 is seen before the next instruction": (engine) => {
    // The bus holds the interrupt back until the task priority falls.
    const guest = guestOf(engine, "mov eax, 0\n mov cr8, rax\n here: nop\n cli\n hlt", IF);
    const { bus } = guest;
    bus.taskPriority = 15;
    bus.writeTaskPriority = (priority) => {
      bus.taskPriority = priority;
      bus.interrupt(VECTOR);
    };
    guest.runExpecting({ vector: VECTOR, rip: guest.label("here") });
  },
  "CR8 is the bus's task priority": (engine) => {
    const guest = guestOf(engine, "mov rcx, cr8\n mov eax, 9\n mov cr8, rax\n hlt");
    guest.bus.taskPriority = 3;
    guest.runExpecting();
    assert.equal(guest.registers.rcx, 3n);
    assert.equal(guest.bus.taskPriority, 9);
  },
});

const delivery = chapter("interrupt delivery", {
  "a loop is interrupted": (engine) => {
    const guest = guestOf(engine, `${REQUEST}\n wait: jmp wait`, IF);
    guest.runExpecting({
      vector: VECTOR,
      rip: guest.label("wait"),
      cs: Selector.code,
      rflags: 0x202n,
      error: 0,
    });
  },
  "a request of another thread ends a loop": (engine) => {
    const guest = guestOf(engine, "wait: jmp wait", IF);
    assert.equal(guest.vcpu.run(50), ExitReason.Budget);
    guest.bus.interrupt(VECTOR);
    guest.runExpecting({ vector: VECTOR, rip: guest.label("wait") });
  },
  "requests that are withdrawn are forgotten": (engine) => {
    const guest = guestOf(engine, "sti\n nop\n nop\n hlt");
    guest.vcpu.setInterruptRequest(true);
    guest.vcpu.setInterruptRequest(false);
    guest.runExpecting();
  },
  "nothing happens when the bus has no vector after all": (engine) => {
    const guest = guestOf(engine, "sti\n nop\n nop\n nop\n hlt");
    guest.vcpu.setInterruptRequest(true);
    guest.runExpecting();
  },
  "two are taken one after the other": (engine) => {
    const source = "mov r15d, 1\n sti\n mov ecx, 1000\n spin: loop spin\n cli\n hlt";
    const guest = guestOf(engine, source);
    guest.bus.interrupt(VECTOR);
    guest.bus.interrupt(VECTOR + 1);
    guest.runExpecting({ vector: VECTOR }, { vector: VECTOR + 1 });
  },
  "the gate clears IF, IRET sets it again": (engine) => {
    const source = `${REQUEST}\n nop\n wait: test rbx, 1\n je wait\n pushf\n pop rax\n cli\n hlt
      handler: pushf\n pop rcx\n mov ebx, 1\n iretq`;
    const guest = guestOf(engine, source, IF);
    guest.setGate(VECTOR, "handler");
    guest.runExpecting();
    assert.equal(guest.registers.rcx & IF, 0n);
    assert.equal(guest.registers.rax & IF, IF);
  },
});

const halt = chapter("HLT", {
  "an interrupt wakes it and returns behind it": (engine) => {
    const guest = guestOf(engine, "sti\n hlt\n next: cli\n hlt");
    assert.equal(guest.vcpu.run(100), ExitReason.Halt);
    assert.equal(guest.vcpu.run(100), ExitReason.Halt, "nothing has happened");
    guest.expectTraps();
    guest.bus.interrupt(VECTOR);
    guest.runExpecting({ vector: VECTOR, rip: guest.label("next"), rflags: 0x202n });
  },
  "with IF clear an interrupt does not wake it": (engine) => {
    const guest = guestOf(engine, "hlt\n ud2");
    assert.equal(guest.vcpu.run(100), ExitReason.Halt);
    guest.bus.interrupt(VECTOR);
    assert.equal(guest.vcpu.run(100), ExitReason.Halt);
    guest.expectTraps();
  },
  "with IF clear an NMI wakes it": (engine) => {
    const guest = guestOf(engine, "hlt\n next: ud2");
    assert.equal(guest.vcpu.run(100), ExitReason.Halt);
    guest.vcpu.requestNmi();
    guest.runExpecting({ vector: 2, rip: guest.label("next") });
  },
  "a kick does not wake it": (engine) => {
    const guest = guestOf(engine, "hlt\n ud2");
    assert.equal(guest.vcpu.run(100), ExitReason.Halt);
    guest.vcpu.kick();
    const reason = guest.vcpu.run(100);
    assert.ok(reason === ExitReason.Halt || reason === ExitReason.Kicked);
    assert.equal(guest.run(), ExitReason.Halt);
    guest.expectTraps();
  },
});

const nonMaskable = chapter("NMI", {
  "is taken with IF clear": (engine) => {
    const guest = guestOf(engine, `out ${NMI_PORT}, al\n wait: jmp wait`);
    guest.runExpecting({ vector: 2, rip: guest.label("wait") });
  },
  "comes before a maskable interrupt": (engine) => {
    const guest = guestOf(engine, "sti\n nop\n wait: jmp wait");
    guest.bus.interrupt(VECTOR);
    guest.vcpu.requestNmi();
    guest.run();
    assert.equal(guest.traps[0]?.vector, 2);
  },
  "another one waits for IRET, and only one waits": (engine) => {
    const source = `
      out ${NMI_PORT}, al
      wait: cmp rbx, 2
      jb wait
      mov ecx, 1000
      more: loop more
      hlt
      handler: inc rbx
      cmp rbx, 1
      ja done
      out ${NMI_PORT}, al
      out ${NMI_PORT}, al
      mov ecx, 100
      inside: loop inside
      mov rdx, rbx
      done: iretq`;
    const guest = guestOf(engine, source);
    guest.setGate(2, "handler");
    guest.runToHalt();
    assert.deepEqual([guest.registers.rbx, guest.registers.rdx], [2n, 1n]);
  },
  "IRET from any handler ends the blocking": (engine) => {
    const source = `
      out ${NMI_PORT}, al
      wait: cmp rbx, 2
      jb wait
      hlt
      handler: inc rbx
      cmp rbx, 1
      ja done
      out ${NMI_PORT}, al
      int 0x50
      nested: mov rdx, rbx
      done: iretq
      empty: iretq`;
    const guest = guestOf(engine, source);
    guest.setGate(2, "handler");
    guest.setGate(0x50, "empty");
    guest.runToHalt();
    // The second NMI came in right behind the nested IRET, before RDX was written for the first time.
    assert.deepEqual([guest.registers.rbx, guest.registers.rdx], [2n, 2n]);
  },
  "maskable interrupts are taken inside its handler": (engine) => {
    const source = `out ${NMI_PORT}, al\n wait: jmp wait\n handler: ${REQUEST}\n sti\n nop\n spin: jmp spin`;
    const guest = guestOf(engine, source);
    guest.setGate(2, "handler");
    guest.runExpecting({ vector: VECTOR, rip: guest.label("spin") });
  },
});

const stacks = chapter("stack switches", {
  "from privilege 3 to RSP0": (engine) => {
    const guest = guestOf(
      engine,
      `${enterUser("start", 0x202)}\n org user\n start: mov rsp, 0x30123\n here: int3`,
    );
    guest.runExpecting({
      vector: 3,
      cs: Selector.userCode64,
      ss: Selector.userData,
      rsp: 0x3_0123n,
      rflags: 0x202n,
      frame: BigInt(Place.privilegeStack - 40),
    });
  },
  "SS is null behind a change of privilege": (engine) => {
    const guest = guestOf(
      engine,
      `${enterUser("start")}\n handler: mov eax, ss\n hlt\n org user\n start: int3`,
    );
    guest.setGate(3, "handler", { privilege: 3 });
    guest.runToHalt();
    assert.equal(guest.registers.rax, 0n);
  },
  "SS stays when the privilege does": (engine) => {
    const guest = guestOf(engine, "int3\n handler: mov eax, ss\n hlt");
    guest.setGate(3, "handler");
    guest.runToHalt();
    assert.equal(guest.registers.rax, BigInt(Selector.data));
  },
  "IST at the same privilege": (engine) => {
    const guest = guestOf(engine, "int3");
    guest.setStubOptions(3, { ist: 3 });
    guest.runExpecting({
      vector: 3,
      rsp: BigInt(Place.stack),
      frame: BigInt(Place.interruptStack + 0x200 - 40),
    });
  },
  "IST from privilege 3 goes before RSP0": (engine) => {
    const guest = guestOf(engine, `${enterUser("start")}\n org user\n start: int3`);
    guest.setStubOptions(3, { ist: 7, privilege: 3 });
    guest.runExpecting({ vector: 3, frame: BigInt(Place.interruptStack + 0x600 - 40) });
  },
  "an interrupt at privilege 3": (engine) => {
    const guest = guestOf(engine, `${enterUser("start", 0x202)}\n org user\n start: jmp start`);
    assert.equal(guest.vcpu.run(100), ExitReason.Budget);
    guest.bus.interrupt(VECTOR);
    guest.runExpecting({
      vector: VECTOR,
      rip: guest.label("start"),
      cs: Selector.userCode64,
      rflags: 0x202n,
    });
  },
});

export const INTERRUPTS = [...windows, ...delivery, ...halt, ...nonMaskable, ...stacks];
