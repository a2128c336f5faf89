// A guest that starts as a kernel does at its PVH entry: 32-bit protected mode, flat segments, paging off. GDT, IDT with the trap
// log and a task state are in place besides, for cases that want them.

import type { Engine, VcpuRegisters } from "@hearth/machine";
import { assemble } from "../asm/assemble.ts";
import {
  Attributes,
  flatSegment,
  gate,
  type GateOptions,
  GDT_BYTES,
  Selector,
  TASK_LIMIT,
  writeGdt,
} from "./descriptors.ts";
import { blankRegisters, Guest, Place } from "./guest.ts";
import { clearTrapLog, STUB_BYTES, trapHandlers32 } from "./trap-log.ts";

const HANDLERS = assemble(trapHandlers32(Place.log), { origin: Place.stubs, bits: 32 });
const IDT_BYTES = 256 * 8;

export class ProtectedModeGuest extends Guest {
  constructor(engine: Engine, source: string, registers: Partial<VcpuRegisters> = {}) {
    super(engine, source, 32);
    const { memory } = this;
    memory.write(Place.stubs, HANDLERS.bytes);
    clearTrapLog(memory, Place.log);
    writeGdt(memory, Place.gdt, Attributes.code32, Place.task);
    for (let vector = 0; vector < 256; vector++)
      this.setStubOptions(vector, { privilege: vector === 3 || vector === 4 ? 3 : 0 });
    memory.writeU32(Place.task + 4, Place.privilegeStack);
    memory.writeU16(Place.task + 8, Selector.data);
    this.vcpu.setRegisters({ ...this.#startRegisters(), ...registers });
  }

  /** Puts a handler of the program behind a vector. */
  setGate(vector: number, label: string, options: Partial<GateOptions> = {}): void {
    this.#writeGate(vector, this.label(label), options);
  }

  /** Changes how the trap log's handler is reached. */
  setStubOptions(vector: number, options: Partial<GateOptions>): void {
    this.#writeGate(vector, BigInt(Place.stubs + vector * STUB_BYTES), options);
  }

  #writeGate(vector: number, target: bigint, options: Partial<GateOptions>): void {
    this.memory.writeU64(Place.idt + vector * 8, gate(target, { selector: Selector.code, ...options }));
  }

  #startRegisters(): VcpuRegisters {
    const data = (): ReturnType<typeof flatSegment> => flatSegment(Selector.data, Attributes.data32);
    return {
      ...blankRegisters(),
      rip: BigInt(Place.code),
      rsp: BigInt(Place.stack),
      cs: flatSegment(Selector.code, Attributes.code32),
      ds: data(),
      es: data(),
      fs: data(),
      gs: data(),
      ss: data(),
      tr: {
        selector: Selector.task,
        base: BigInt(Place.task),
        limit: TASK_LIMIT,
        attributes: Attributes.tssBusy,
      },
      gdtr: { base: BigInt(Place.gdt), limit: GDT_BYTES - 1 },
      idtr: { base: BigInt(Place.idt), limit: IDT_BYTES - 1 },
      cr0: 0x31n,
    };
  }
}

/** Instructions that go from 32-bit code to privilege 3 at a label. */
export function enterUser32(label: string, eflags = 0x2): string {
  return `
    push ${Selector.userData}
    push userStack
    push ${eflags}
    push ${Selector.userCode32}
    push ${label}
    iret`;
}
