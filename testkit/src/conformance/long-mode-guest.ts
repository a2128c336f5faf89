// A guest that starts in 64-bit mode with everything in place: identity map of the first 2 MiB, GDT, IDT with the trap log behind
// every vector, task state with stacks, so that a case is only the instructions it is about.

import type { Engine, VcpuRegisters } from "@hearth/machine";
import { assemble } from "../asm/assemble.ts";
import {
  Attributes,
  flatSegment,
  gate,
  type GateOptions,
  GDT_BYTES,
  Selector,
  TASK_BITMAP_OFFSET,
  TASK_LIMIT,
  writeGdt,
} from "./descriptors.ts";
import { blankRegisters, Guest, Place } from "./guest.ts";
import { PageTables, Pte } from "./page-tables.ts";
import { clearTrapLog, STUB_BYTES, trapHandlers64 } from "./trap-log.ts";

export const Cr0 = {
  protection: 1n,
  monitor: 2n,
  emulation: 4n,
  taskSwitched: 8n,
  numericError: 0x20n,
  writeProtect: 0x1_0000n,
  alignmentMask: 0x4_0000n,
  paging: 0x8000_0000n,
} as const;

export const Cr4 = {
  timeStampDisable: 1n << 2n,
  debugExtensions: 1n << 3n,
  pageSizeExtensions: 1n << 4n,
  physicalAddressExtension: 1n << 5n,
  pageGlobal: 1n << 7n,
  fxsave: 1n << 9n,
  simdExceptions: 1n << 10n,
  userModeInstructionPrevention: 1n << 11n,
  fsgsbase: 1n << 16n,
  pcid: 1n << 17n,
  smep: 1n << 20n,
  smap: 1n << 21n,
} as const;

export const Efer = { syscall: 1n, longMode: 0x100n, longModeActive: 0x400n, noExecute: 0x800n } as const;

export interface LongModeOptions {
  /** Bits of CR0, CR4 and EFER besides (or, below `without`, missing from) the usual ones. */
  readonly cr4?: bigint;
  readonly withoutCr0?: bigint;
  readonly withoutEfer?: bigint;
  readonly rflags?: bigint;
  readonly registers?: Partial<VcpuRegisters>;
}

const CR0 = Cr0.protection | Cr0.monitor | 0x10n | Cr0.numericError | Cr0.writeProtect | Cr0.paging;
const CR4 = Cr4.physicalAddressExtension | Cr4.pageGlobal | Cr4.fxsave | Cr4.simdExceptions;
const EFER = Efer.syscall | Efer.longMode | Efer.longModeActive | Efer.noExecute;

/** The handlers are the same in every guest. */
const HANDLERS = assemble(trapHandlers64(Place.log), { origin: Place.stubs, bits: 64 });

export class LongModeGuest extends Guest {
  readonly tables: PageTables;

  constructor(engine: Engine, source: string, options: LongModeOptions = {}) {
    super(engine, source, 64);
    const { memory } = this;
    this.tables = new PageTables(memory, Place.tables);
    this.#mapIdentity();
    memory.write(Place.stubs, HANDLERS.bytes);
    clearTrapLog(memory, Place.log);
    writeGdt(memory, Place.gdt, Attributes.code64, Place.task);
    for (let vector = 0; vector < 256; vector++) this.#setStubGate(vector);
    this.#writeTask();
    this.vcpu.setRegisters(this.#startRegisters(options));
  }

  /** Puts a handler of the program behind a vector. */
  setGate(vector: number, label: string, options: Partial<GateOptions> = {}): void {
    this.#writeGate(vector, this.label(label), options);
  }

  /** Changes how the trap log's handler is reached. */
  setStubOptions(vector: number, options: Partial<GateOptions>): void {
    this.#writeGate(vector, BigInt(Place.stubs + vector * STUB_BYTES), options);
  }

  #setStubGate(vector: number): void {
    // INT3 and INTO may be used by anybody.
    this.setStubOptions(vector, { privilege: vector === 3 || vector === 4 ? 3 : 0 });
  }

  #writeGate(vector: number, target: bigint, options: Partial<GateOptions>): void {
    const at = Place.idt + vector * 16;
    this.memory.writeU64(at, gate(target, { selector: Selector.code, ...options }));
    this.memory.writeU64(at + 8, target >> 32n);
  }

  #mapIdentity(): void {
    const { present, writable, user } = Pte;
    for (let page = 0; page < 0x20_0000; page += 4096) {
      const isUser = page >= Place.user && page < Place.userEnd;
      this.tables.map(BigInt(page), BigInt(page), present | writable | (isUser ? user : 0n));
    }
  }

  #writeTask(): void {
    this.memory.writeU64(Place.task + 4, BigInt(Place.privilegeStack));
    for (let n = 0; n < 7; n++)
      this.memory.writeU64(Place.task + 36 + n * 8, BigInt(Place.interruptStack + n * 0x100));
    this.memory.writeU16(Place.task + 102, TASK_BITMAP_OFFSET);
    this.memory.slice(Place.task + TASK_BITMAP_OFFSET, 33).fill(0xff);
  }

  #startRegisters(options: LongModeOptions): VcpuRegisters {
    const data = (): ReturnType<typeof flatSegment> => flatSegment(Selector.data, Attributes.data32);
    return {
      ...blankRegisters(),
      rip: BigInt(Place.code),
      rsp: BigInt(Place.stack),
      rflags: 2n | (options.rflags ?? 0n),
      cs: flatSegment(Selector.code, Attributes.code64),
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
      idtr: { base: BigInt(Place.idt), limit: 256 * 16 - 1 },
      cr0: CR0 & ~(options.withoutCr0 ?? 0n),
      cr3: BigInt(this.tables.root),
      cr4: CR4 | (options.cr4 ?? 0n),
      efer: EFER & ~(options.withoutEfer ?? 0n),
      ...options.registers,
    };
  }
}

/** Instructions that go to privilege 3 at a label, with RFLAGS as given. */
export function enterUser(label: string, rflags = 0x2): string {
  return `
    push ${Selector.userData}
    push userStack
    push ${rflags}
    push ${Selector.userCode64}
    push ${label}
    iretq`;
}
