// A processor socket: one vCPU with what is its own (local APIC, paravirtual clock, MSRs), and the bus it sees the
// machine through.

import type { AddressSpace } from "../bus/address-space.ts";
import { onWordRegisters } from "../bus/register-map.ts";
import { assert } from "../errors.ts";
import type { ApicMessage } from "../interrupts/apic-message.ts";
import type { InterruptFabric } from "../interrupts/interrupt-fabric.ts";
import { LocalApic } from "../interrupts/local-apic/local-apic.ts";
import type { LocalApicHost } from "../interrupts/local-apic/local-apic-host.ts";
import { LocalApicPage } from "../interrupts/local-apic/local-apic-page.ts";
import { isApicMsr, readApicMsr, writeApicMsr } from "../interrupts/local-apic/local-apic-msr.ts";
import { APIC_DEFAULT_BASE } from "../interrupts/local-apic/local-apic-registers.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { type ChipState, openState } from "../snapshot/chip-state.ts";
import { KvmClock } from "../time/kvm-clock.ts";
import type { TimerQueue } from "../time/timer-queue.ts";
import type { VirtualClock } from "../time/virtual-clock.ts";
import { MsrFile } from "./msr.ts";
import { POWER_ON_CR0, startUpRegisters } from "./init-registers.ts";
import { StartUp } from "./start-up.ts";
import type { AccessSize, ExitReason, Vcpu, VcpuBus, VcpuRegisters } from "./vcpu.ts";

const STATE_KIND = "vcpu-slot";
const STATE_VERSION = 1;
const APIC_PAGE_END = APIC_DEFAULT_BASE + 0x1000;

export interface VcpuSlotOptions {
  readonly id: number;
  readonly memory: GuestMemory;
  readonly ports: AddressSpace;
  readonly mmio: AddressSpace;
  readonly fabric: InterruptFabric;
  readonly clock: VirtualClock;
  readonly timers: TimerQueue;
  readonly tscFrequencyHz: number;
  /** A vCPU that could not run can run now; told during another one's turn, too. */
  readonly onRunnable: () => void;
  /** INIT for the boot processor: it would begin at the reset vector, in firmware. */
  readonly onBootProcessorInit: () => void;
}

export class VcpuSlot implements VcpuBus, LocalApicHost {
  readonly apic: LocalApic;
  readonly kvmClock: KvmClock;
  readonly msrs = new MsrFile();
  readonly startUp: StartUp;
  /** In HLT: not run until an interrupt can be acknowledged. */
  isHalted = false;
  /** In HLT with interrupts off: nothing on this board wakes it. */
  isHaltedForGood = false;
  #isRunning = false;
  readonly #options: VcpuSlotOptions;
  readonly #apicPage: ReturnType<typeof onWordRegisters>;
  #vcpu: Vcpu | undefined;

  constructor(options: VcpuSlotOptions) {
    const { id, clock, timers, tscFrequencyHz, memory } = options;
    this.#options = options;
    this.startUp = new StartUp(id === 0);
    this.apic = new LocalApic({ id, isBootProcessor: id === 0, clock, timers, tscFrequencyHz, host: this });
    this.#apicPage = onWordRegisters(new LocalApicPage(this.apic));
    this.kvmClock = new KvmClock(memory, clock, tscFrequencyHz);
    options.fabric.addLocalApic(this.apic);
  }

  /** Plugs the processor in, with its registers at power-on; done once, right after it was made with this slot as its bus. */
  plug(vcpu: Vcpu, registers: VcpuRegisters = startUpRegisters(0, POWER_ON_CR0)): void {
    assert(this.#vcpu === undefined, "a slot takes one vCPU");
    this.#vcpu = vcpu;
    vcpu.setRegisters(registers);
  }

  get vcpu(): Vcpu {
    assert(this.#vcpu !== undefined, "the slot is empty");
    return this.#vcpu;
  }

  get canRun(): boolean {
    if (this.isHaltedForGood || this.startUp.isWaiting) return false;
    return !this.isHalted || this.apic.isRequesting;
  }

  /** Without another processor it will never run again. */
  get isOutOfAction(): boolean {
    return this.isHaltedForGood || this.startUp.isWaiting;
  }

  /** One turn, see `Vcpu.run`. */
  run(budget: number, endsAtPause: boolean): ExitReason {
    const page = this.startUp.take();
    if (page !== undefined) this.vcpu.setRegisters(startUpRegisters(page, this.vcpu.getRegisters().cr0));
    this.isHalted = false;
    this.#isRunning = true;
    try {
      return this.vcpu.run(budget, endsAtPause);
    } finally {
      this.#isRunning = false;
    }
  }

  readPort(port: number, size: AccessSize): number {
    return this.#options.ports.read(port, size);
  }

  writePort(port: number, size: AccessSize, value: number): void {
    this.#options.ports.write(port, size, value);
  }

  readMmio(gpa: number, size: AccessSize): number {
    if (gpa >= APIC_DEFAULT_BASE && gpa < APIC_PAGE_END)
      return this.#apicPage.read(gpa - APIC_DEFAULT_BASE, size);
    return this.#options.mmio.read(gpa, size);
  }

  writeMmio(gpa: number, size: AccessSize, value: number): void {
    if (gpa >= APIC_DEFAULT_BASE && gpa < APIC_PAGE_END)
      this.#apicPage.write(gpa - APIC_DEFAULT_BASE, size, value);
    else this.#options.mmio.write(gpa, size, value);
  }

  readMsr(index: number): bigint | undefined {
    if (isApicMsr(index)) return readApicMsr(this.apic, index);
    return this.kvmClock.readMsr(index) ?? this.msrs.read(index);
  }

  writeMsr(index: number, value: bigint): boolean {
    if (isApicMsr(index)) return writeApicMsr(this.apic, index, value);
    return this.kvmClock.writeMsr(index, value) || this.msrs.write(index, value);
  }

  acknowledgeInterrupt(): number {
    return this.apic.acknowledge();
  }

  readTaskPriority(): number {
    return this.apic.taskPriority >>> 4;
  }

  writeTaskPriority(priorityClass: number): void {
    this.apic.setTaskPriority((priorityClass & 0xf) << 4);
  }

  nowNs(): number {
    return this.#options.clock.nowNs();
  }

  setInterruptRequest(isPending: boolean): void {
    this.#vcpu?.setInterruptRequest(isPending);
    if (isPending && this.isHalted && this.canRun) this.#options.onRunnable();
  }

  requestNmi(): void {
    if (this.startUp.isWaiting) return;
    this.isHalted = false;
    this.isHaltedForGood = false;
    this.#vcpu?.requestNmi();
    this.#options.onRunnable();
  }

  requestInit(): void {
    if (this.#options.id === 0) {
      this.#options.onBootProcessorInit();
      return;
    }
    this.startUp.init();
    this.apic.init();
    this.kvmClock.reset();
    this.isHalted = false;
    this.isHaltedForGood = false;
    // A processor may send it to itself.
    if (this.#isRunning) this.vcpu.kick();
  }

  requestStartUp(page: number): void {
    if (!this.startUp.isWaiting) return;
    this.startUp.call(page);
    this.isHalted = false;
    this.isHaltedForGood = false;
    this.#options.onRunnable();
  }

  sendIpi(sourceId: number, message: ApicMessage, shorthand: number): void {
    this.#options.fabric.sendIpi(sourceId, message, shorthand);
  }

  broadcastEoi(vector: number): void {
    this.#options.fabric.ioApic.endOfInterrupt(vector);
  }

  acknowledgeExternal(): number {
    return this.#options.fabric.pics.acknowledge();
  }

  /** Everything here but the vCPU's registers, which are the engine's. */
  state(): ChipState {
    const data = {
      isHalted: this.isHalted,
      isHaltedForGood: this.isHaltedForGood,
      startUp: this.startUp.state(),
      apic: this.apic.state(),
      kvmClock: this.kvmClock.state(),
      msrs: this.msrs.state(),
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.isHalted = fields.boolean("isHalted");
    this.isHaltedForGood = fields.boolean("isHaltedForGood");
    this.startUp.restore(fields.chip("startUp"));
    this.apic.restore(fields.chip("apic"));
    this.kvmClock.restore(fields.chip("kvmClock"));
    this.msrs.restore(fields.chip("msrs"));
  }
}
