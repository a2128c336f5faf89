// A microVM: engine, memory and the board of firecracker-like devices around it. The host gives it slices of time and
// is told whether to go on, to sleep until a guest time, or that it is over. Nothing here waits or owns a thread.

import { writeAcpiTables } from "./acpi/acpi-tables.ts";
import { Board } from "./board.ts";
import { insertKernelWords, virtioMmioWord } from "./boot/command-line.ts";
import { writeMpTable } from "./boot/mp-table.ts";
import { type BootProtocol, loadKernel } from "./boot/load-kernel.ts";
import { cpuidLeaves } from "./cpu/cpuid.ts";
import { ExitReason, type Engine } from "./cpu/vcpu.ts";
import { VcpuSlot } from "./cpu/vcpu-slot.ts";
import type { SerialSink } from "./devices/serial/serial-port.ts";
import { HearthError } from "./errors.ts";
import type { EndReason, MachineState } from "./lifecycle/end-reason.ts";
import { VcpuTurns } from "./lifecycle/vcpu-turns.ts";
import { type GuestMemory, PAGE_SIZE } from "./memory/guest-memory.ts";
import type { TimeSource } from "./time/virtual-clock.ts";
import type { VirtioDevice } from "./virtio/device.ts";

/** The profile's time stamp counter: one tick a nanosecond, on every host. */
export const TSC_FREQUENCY_HZ = 1_000_000_000;
/** Less cannot hold boot data, tables and any kernel. */
export const MIN_RAM_BYTES = 4 * 1024 * 1024;
/** As many as Firecracker gives; all their APIC ids fit into every kind of message. */
export const MAX_VCPUS = 32;
const RFLAGS_INTERRUPT = 1n << 9n;

export interface MachineOptions {
  readonly engine: Engine;
  /** A multiple of 4096. */
  readonly ramBytes: number;
  /** 1 (default) to MAX_VCPUS. */
  readonly vcpuCount?: number | undefined;
  /** An ELF vmlinux or a bzImage. */
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array | undefined;
  readonly commandLine?: string | undefined;
  /** Default "auto": PVH when the kernel offers it. */
  readonly bootProtocol?: BootProtocol | "auto" | undefined;
  /** In the order of their windows and interrupts; Linux numbers disks in this order. */
  readonly devices?: readonly VirtioDevice[] | undefined;
  /**
   * How Linux learns of virtio devices. "cmdline" is for kernels without ACPI (or with acpi=off): one that has it maps
   * interrupts otherwise. "both" works, but makes it complain about the second finding. Default "acpi".
   */
  readonly announce?: "acpi" | "cmdline" | "both" | undefined;
  readonly time: TimeSource;
  /** Fills its argument with random bytes: the generation id. */
  readonly fillRandom: (target: Uint8Array) => void;
  /** Output of the serial port. */
  readonly onSerialOutput: SerialSink;
}

/** What the host should do next. */
export type MachineStatus =
  /** Give it another slice. */
  | { readonly kind: "ready" }
  /** Nothing to do until `deadlineNs` of guest time (Infinity: no timer) or until something outside happens. */
  | { readonly kind: "sleep"; readonly deadlineNs: number; readonly delayNs: number }
  /** Created or paused. */
  | { readonly kind: "idle" }
  | { readonly kind: "ended"; readonly reason: EndReason };

const READY: MachineStatus = { kind: "ready" };
const IDLE: MachineStatus = { kind: "idle" };

export class Machine {
  readonly memory: GuestMemory;
  readonly board: Board;
  /** The processors' sockets, by number. */
  readonly slots: readonly VcpuSlot[];
  /** The command line the kernel gets. */
  readonly commandLine: string;
  readonly bootProtocol: BootProtocol;
  readonly #turns: VcpuTurns;
  #state: MachineState = "created";
  #endReason: EndReason | undefined;

  /** Builds and loads a machine; it does not run yet. Throws HearthError for anything wrong with the options. */
  constructor(options: MachineOptions) {
    this.memory = createMemory(options.engine, options.ramBytes);
    const end = (reason: EndReason): void => this.#end(reason);
    this.board = new Board({ ...options, memory: this.memory, end });
    const vcpuCount = checkVcpuCount(options.vcpuCount ?? 1);
    this.slots = Array.from({ length: vcpuCount }, (_, id) => this.#makeSlot(id));
    this.#turns = new VcpuTurns(this.slots, this.board.clock, this.board.timers);
    this.board.timers.onEarlier = (deadlineNs) => this.#turns.noteDeadline(deadlineNs);

    const announce = options.announce ?? "acpi";
    const virtio = this.board.virtioWindows;
    const words = announce === "acpi" ? [] : virtio.map(virtioMmioWord);
    this.commandLine = insertKernelWords(options.commandLine ?? "", words);
    const boot = loadKernel(this.memory, {
      kernel: options.kernel,
      initrd: options.initrd,
      commandLine: this.commandLine,
      protocol: options.bootProtocol,
    });
    this.bootProtocol = boot.protocol;
    const generationId = this.board.generationIdPlace;
    const firstGpa = writeMpTable(this.memory, vcpuCount);
    writeAcpiTables(this.memory, {
      firstGpa,
      vcpuCount,
      virtio: announce === "cmdline" ? [] : virtio,
      generationId,
    });

    for (const [id, slot] of this.slots.entries()) {
      const cpuid = cpuidLeaves({ vcpuId: id, vcpuCount, tscFrequencyHz: TSC_FREQUENCY_HZ });
      const vcpuOptions = { id, bus: slot, cpuid, tscFrequencyHz: TSC_FREQUENCY_HZ };
      slot.plug(options.engine.createVcpu(this.memory, vcpuOptions), id === 0 ? boot.registers : undefined);
    }
  }

  get state(): MachineState {
    return this.#state;
  }

  /** Undefined until the machine has ended. */
  get endReason(): EndReason | undefined {
    return this.#endReason;
  }

  /** Nanoseconds of guest time since power-on. */
  nowNs(): number {
    return this.board.clock.nowNs();
  }

  /** Power on, or go on after a pause. */
  start(): void {
    if (this.#state !== "created" && this.#state !== "paused") return;
    this.#state = "running";
    this.board.clock.resume();
  }

  /** Stops guest time; `start` goes on. */
  pause(): void {
    if (this.#state !== "running") return;
    this.#state = "paused";
    this.board.clock.pause();
  }

  /** Ends the machine from outside. */
  stop(): void {
    this.#end({ kind: "stopped" });
  }

  /**
   * Runs the guest for at most about `budget` engine units, firing timers in between, and says what to do next.
   * Never throws: an error inside ends the machine.
   */
  runSlice(budget: number): MachineStatus {
    if (this.#endReason !== undefined) return { kind: "ended", reason: this.#endReason };
    if (this.#state !== "running") return IDLE;
    try {
      this.#run(budget);
    } catch (error) {
      this.#fail(
        error instanceof Error ? error.message : String(error),
        error instanceof Error ? error.stack : undefined,
      );
    }
    this.board.serial.flush();
    return this.#status();
  }

  /** Gives input to the serial port; answers how many bytes were taken, fewer when the guest does not read. */
  inputSerial(bytes: Uint8Array): number {
    return this.board.serial.uart.receive(bytes);
  }

  /** Linux by default reboots on it: the polite way to ask a guest to stop. */
  pressCtrlAltDelete(): void {
    this.board.keyboardController.pressCtrlAltDelete();
  }

  /** Registers and place of execution, for a person. */
  describe(): string {
    return this.slots.map((slot) => slot.vcpu.describe()).join("\n");
  }

  #makeSlot(id: number): VcpuSlot {
    const { ports, mmio, fabric, clock, timers } = this.board;
    return new VcpuSlot({
      id,
      memory: this.memory,
      ports,
      mmio,
      fabric,
      clock,
      timers,
      tscFrequencyHz: TSC_FREQUENCY_HZ,
      onRunnable: () => this.#turns.noteRunnable(),
      onBootProcessorInit: () => this.#end({ kind: "reset", cause: "init" }),
    });
  }

  #run(budget: number): void {
    const { clock, timers } = this.board;
    timers.runDue(clock.nowNs());
    for (let left = budget; left > 0 && this.#endReason === undefined; ) {
      const units = this.#turns.run(left);
      if (units === 0) return;
      left -= units;
      this.#handle(this.#turns.slot, this.#turns.exit);
      timers.runDue(clock.nowNs());
      if (this.#turns.isWantedOutside) return;
    }
  }

  #handle(slot: VcpuSlot, exit: ExitReason): void {
    if (exit === ExitReason.Halt) this.#halt(slot);
    else if (exit === ExitReason.Shutdown) this.#end({ kind: "reset", cause: "triple-fault" });
    else if (exit === ExitReason.Failure) this.#fail("The engine gave up.", undefined);
  }

  #halt(slot: VcpuSlot): void {
    slot.isHalted = true;
    if (!slot.apic.isRequesting && this.board.timers.nextDeadlineNs() < Number.POSITIVE_INFINITY) return;
    // Rare: either nothing is ever going to happen by itself, or an interrupt waits that HLT does not see.
    for (const halted of this.slots) {
      if (halted.isHalted && areInterruptsOff(halted)) halted.isHaltedForGood = true;
    }
    if (this.slots.every((each) => each.isOutOfAction)) this.#end({ kind: "halt" });
  }

  #status(): MachineStatus {
    if (this.#endReason !== undefined) return { kind: "ended", reason: this.#endReason };
    if (this.#state !== "running") return IDLE;
    if (this.#turns.canRun) return READY;
    const deadlineNs = this.board.timers.nextDeadlineNs();
    const delayNs = deadlineNs - this.board.clock.nowNs();
    return delayNs <= 0 ? READY : { kind: "sleep", deadlineNs, delayNs };
  }

  #fail(message: string, stack: string | undefined): void {
    let dump = stack ?? "";
    try {
      dump += `\n${this.describe()}`;
    } catch {
      dump += "\n(the engine could not describe itself)";
    }
    this.#end({ kind: "failure", message, dump });
  }

  #end(reason: EndReason): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.#state = "ended";
    this.board.clock.pause();
    // Inside a slice: come back at once instead of running on after power-off.
    this.#turns.cutShort();
  }
}

/** As seen right after HLT. */
function areInterruptsOff(slot: VcpuSlot): boolean {
  return (slot.vcpu.getRegisters().rflags & RFLAGS_INTERRUPT) === 0n;
}

function checkVcpuCount(vcpuCount: number): number {
  if (Number.isInteger(vcpuCount) && vcpuCount >= 1 && vcpuCount <= MAX_VCPUS) return vcpuCount;
  throw new HearthError("vcpus.invalid", `A machine has 1 to ${MAX_VCPUS} vCPUs, not ${vcpuCount}.`);
}

function createMemory(engine: Engine, ramBytes: number): GuestMemory {
  const mebibytes = (bytes: number): string => `${Math.floor(bytes / 0x10_0000)} MiB`;
  if (!Number.isSafeInteger(ramBytes) || ramBytes % PAGE_SIZE !== 0)
    throw new HearthError("memory.size", `RAM size ${ramBytes} is not a multiple of ${PAGE_SIZE} bytes.`);
  if (ramBytes < MIN_RAM_BYTES)
    throw new HearthError(
      "memory.too-small",
      `A machine needs at least ${mebibytes(MIN_RAM_BYTES)} of memory.`,
    );
  if (ramBytes > engine.maxRamBytes)
    throw new HearthError(
      "memory.too-large",
      `The ${engine.name} engine gives a machine at most ${mebibytes(engine.maxRamBytes)} of memory.`,
    );
  return engine.createMemory(ramBytes);
}
