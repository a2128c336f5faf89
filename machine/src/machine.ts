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
import { SlicePacer } from "./lifecycle/slice-pacer.ts";
import { type GuestMemory, PAGE_SIZE } from "./memory/guest-memory.ts";
import type { TimeSource } from "./time/virtual-clock.ts";
import type { VirtioDevice } from "./virtio/device.ts";

/** The profile's time stamp counter: one tick a nanosecond, on every host. */
export const TSC_FREQUENCY_HZ = 1_000_000_000;
/** Less cannot hold boot data, tables and any kernel. */
export const MIN_RAM_BYTES = 4 * 1024 * 1024;
const RFLAGS_INTERRUPT = 1n << 9n;

export interface MachineOptions {
  readonly engine: Engine;
  /** A multiple of 4096. */
  readonly ramBytes: number;
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
  /** The command line the kernel gets. */
  readonly commandLine: string;
  readonly bootProtocol: BootProtocol;
  readonly #slot: VcpuSlot;
  readonly #pacer = new SlicePacer();
  #state: MachineState = "created";
  #endReason: EndReason | undefined;
  /** Guest time at which the engine should be back by itself; -Infinity outside `run`. */
  #runUntilNs = Number.NEGATIVE_INFINITY;
  #wasCutShort = false;

  /** Builds and loads a machine; it does not run yet. Throws HearthError for anything wrong with the options. */
  constructor(options: MachineOptions) {
    this.memory = createMemory(options.engine, options.ramBytes);
    const end = (reason: EndReason): void => this.#end(reason);
    this.board = new Board({ ...options, memory: this.memory, end });
    const { ports, mmio, fabric, clock, timers } = this.board;
    const slotOptions = { id: 0, memory: this.memory, ports, mmio, fabric, clock, timers };
    this.#slot = new VcpuSlot({ ...slotOptions, tscFrequencyHz: TSC_FREQUENCY_HZ });
    timers.onEarlier = (deadlineNs) => this.#lookAgainAt(deadlineNs);

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
    const firstGpa = writeMpTable(this.memory, 1);
    writeAcpiTables(this.memory, {
      firstGpa,
      vcpuCount: 1,
      virtio: announce === "cmdline" ? [] : virtio,
      generationId,
    });

    const cpuid = cpuidLeaves({ vcpuId: 0, vcpuCount: 1, tscFrequencyHz: TSC_FREQUENCY_HZ });
    const vcpuOptions = { id: 0, bus: this.#slot, cpuid, tscFrequencyHz: TSC_FREQUENCY_HZ };
    this.#slot.plug(options.engine.createVcpu(this.memory, vcpuOptions));
    this.#slot.vcpu.setRegisters(boot.registers);
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
    return this.#slot.vcpu.describe();
  }

  #run(budget: number): void {
    const { clock, timers } = this.board;
    let left = budget;
    let nowNs = clock.nowNs();
    timers.runDue(nowNs);
    while (left > 0 && this.#endReason === undefined && this.#slot.canRun) {
      const units = this.#pacer.unitsFor(timers.nextDeadlineNs() - nowNs, left);
      const exit = this.#runUntil(nowNs + this.#pacer.expectedNs(units), units);
      left -= units;
      const endNs = clock.nowNs();
      if (exit === ExitReason.Budget) this.#pacer.record(units, endNs - nowNs);
      nowNs = endNs;
      const isWantedOutside = exit === ExitReason.Kicked && !this.#wasCutShort;
      this.#handle(exit);
      timers.runDue(nowNs);
      if (isWantedOutside) return;
    }
  }

  #runUntil(endNs: number, units: number): ExitReason {
    this.#wasCutShort = false;
    this.#slot.isHalted = false;
    this.#runUntilNs = endNs;
    try {
      return this.#slot.vcpu.run(units);
    } finally {
      this.#runUntilNs = Number.NEGATIVE_INFINITY;
    }
  }

  #handle(exit: ExitReason): void {
    if (exit === ExitReason.Halt) this.#halt();
    else if (exit === ExitReason.Shutdown) this.#end({ kind: "reset", cause: "triple-fault" });
    else if (exit === ExitReason.Failure) this.#fail("The engine gave up.", undefined);
  }

  #halt(): void {
    this.#slot.isHalted = true;
    if (!this.#slot.apic.isRequesting && this.board.timers.nextDeadlineNs() < Number.POSITIVE_INFINITY)
      return;
    // Rare: either nothing is ever going to happen by itself, or an interrupt waits that HLT does not see.
    const areInterruptsOff = (this.#slot.vcpu.getRegisters().rflags & RFLAGS_INTERRUPT) === 0n;
    if (!areInterruptsOff) return;
    this.#slot.isHaltedForGood = true;
    this.#end({ kind: "halt" });
  }

  /** A timer was armed that is due before the engine comes back by itself. */
  #lookAgainAt(deadlineNs: number): void {
    if (deadlineNs >= this.#runUntilNs) return;
    this.#wasCutShort = true;
    this.#slot.vcpu.kick();
  }

  #status(): MachineStatus {
    if (this.#endReason !== undefined) return { kind: "ended", reason: this.#endReason };
    if (this.#state !== "running") return IDLE;
    if (this.#slot.canRun) return READY;
    const deadlineNs = this.board.timers.nextDeadlineNs();
    const delayNs = deadlineNs - this.board.clock.nowNs();
    return delayNs <= 0 ? READY : { kind: "sleep", deadlineNs, delayNs };
  }

  #fail(message: string, stack: string | undefined): void {
    let dump = stack ?? "";
    try {
      dump += `\n${this.#slot.vcpu.describe()}`;
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
    if (this.#runUntilNs !== Number.NEGATIVE_INFINITY) this.#slot.vcpu.kick();
  }
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
