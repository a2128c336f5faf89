// Local APIC, xAPIC and x2APIC (Intel SDM vol. 3A, chapter 11). One per vCPU. Differences on purpose: the register page
// cannot be moved, delivery is instantaneous (no delivery status), SMI and CMCI do nothing.

import type { WordRegisters } from "../bus/register-map.ts";
import type { TimerQueue } from "../time/timer-queue.ts";
import type { VirtualClock } from "../time/virtual-clock.ts";
import { type ChipState, openState } from "../snapshot/chip-state.ts";
import { type ApicMessage, DeliveryMode } from "./apic-message.ts";
import { ApicTimer } from "./apic-timer.ts";
import {
  APIC_DEFAULT_BASE,
  APIC_VERSION,
  ApicRegister,
  BASE_BOOT_PROCESSOR,
  BASE_ENABLE,
  BASE_X2APIC,
  ESR_ILLEGAL_REGISTER,
  ESR_RECEIVE_ILLEGAL_VECTOR,
  ESR_SEND_ILLEGAL_VECTOR,
  ICR_ASSERT,
  ICR_LEVEL,
  ICR_LOGICAL,
  ICR_WRITABLE,
  LVT_MASKED,
  LVT_MODE_SHIFT,
  LVT_TIMER_MODE_SHIFT,
  LVT_WRITABLE,
  SVR_ENABLE,
  SVR_WRITABLE,
} from "./local-apic-registers.ts";
import { VectorSet } from "./vector-set.ts";

const LVT_ENTRIES = Object.keys(LVT_WRITABLE).map(Number);
const STATE_KIND = "local-apic";
const STATE_VERSION = 1;

/** What a local APIC does to its processor and to the rest of the board. */
export interface LocalApicHost {
  /** Level: an interrupt can be acknowledged now, or no longer. */
  setInterruptRequest(isPending: boolean): void;
  requestNmi(): void;
  requestInit(): void;
  /** `page`: the processor starts in real mode at page × 4096. */
  requestStartUp(page: number): void;
  /** Sends an inter-processor interrupt; `shorthand` is one of Shorthand. */
  sendIpi(source: LocalApic, message: ApicMessage, shorthand: number): void;
  /** A level interrupt was finished: tells the I/O APICs. */
  broadcastEoi(vector: number): void;
  /** INTA cycles to the 8259 pair. */
  acknowledgeExternal(): number;
}

export interface LocalApicOptions {
  readonly id: number;
  readonly isBootProcessor: boolean;
  readonly clock: VirtualClock;
  readonly timers: TimerQueue;
  readonly tscFrequencyHz: number;
  readonly host: LocalApicHost;
}

export class LocalApic implements WordRegisters {
  readonly name = "local-apic";
  readonly id: number;
  readonly timer: ApicTimer;
  readonly #host: LocalApicHost;
  readonly #isBootProcessor: boolean;
  readonly #request = new VectorSet();
  readonly #inService = new VectorSet();
  readonly #triggerMode = new VectorSet();
  readonly #lvt = new Map<number, number>();
  #base = 0;
  #taskPriority = 0;
  #logicalDestination = 0;
  #destinationFormat = 0xffff_ffff;
  #spurious = 0xff;
  #errors = 0;
  #errorsLatched = 0;
  #commandLow = 0;
  #commandHigh = 0;
  /** Level of LINT0, driven by the 8259 pair. */
  #externalLine = false;
  #isRequesting = false;

  constructor(options: LocalApicOptions) {
    this.id = options.id;
    this.#host = options.host;
    this.#isBootProcessor = options.isBootProcessor;
    this.timer = new ApicTimer(options.clock, options.timers, options.tscFrequencyHz, () =>
      this.#deliverLvt(ApicRegister.LvtTimer),
    );
    this.reset();
  }

  /** Power-on state, with LINT0 as ExtINT and LINT1 as NMI, as firmware would leave a boot processor. */
  reset(): void {
    this.#base = APIC_DEFAULT_BASE + BASE_ENABLE + (this.#isBootProcessor ? BASE_BOOT_PROCESSOR : 0);
    this.init();
    if (!this.#isBootProcessor) return;
    this.#lvt.set(ApicRegister.LvtLint0, DeliveryMode.ExtInt << LVT_MODE_SHIFT);
    this.#lvt.set(ApicRegister.LvtLint1, DeliveryMode.Nmi << LVT_MODE_SHIFT);
    this.#update();
  }

  /** State after INIT: as reset, but the APIC base register is kept. */
  init(): void {
    this.#request.clear();
    this.#inService.clear();
    this.#triggerMode.clear();
    for (const entry of LVT_ENTRIES) this.#lvt.set(entry, LVT_MASKED);
    this.#taskPriority = this.#logicalDestination = 0;
    this.#destinationFormat = 0xffff_ffff;
    this.#spurious = 0xff;
    this.#errors = this.#errorsLatched = 0;
    this.#commandLow = this.#commandHigh = 0;
    this.timer.reset();
    this.#update();
  }

  get isEnabled(): boolean {
    return (this.#base & BASE_ENABLE) !== 0;
  }

  get isX2(): boolean {
    return (this.#base & BASE_X2APIC) !== 0;
  }

  get #isSoftwareEnabled(): boolean {
    return (this.#spurious & SVR_ENABLE) !== 0;
  }

  /** Level of LINT0. */
  setExternalLine(isHigh: boolean): void {
    this.#externalLine = isHigh;
    this.#update();
  }

  /** Whether a message for `destination` is for this APIC (SDM vol. 3A, 11.6.2). */
  isAddressedBy(destination: number, isLogical: boolean): boolean {
    if (!this.isEnabled) return false;
    if (!isLogical) return destination === this.id || destination === 0xff || destination === 0xffff_ffff;
    const own = this.readLogicalDestination();
    if (this.isX2) return destination >>> 16 === own >>> 16 && (destination & own & 0xffff) !== 0;
    const set = own >>> 24;
    if (this.#destinationFormat >>> 28 === 0xf) return (set & destination) !== 0;
    return set >>> 4 === destination >>> 4 && (set & destination & 0xf) !== 0;
  }

  /** For lowest-priority arbitration. */
  get canAcceptFixed(): boolean {
    return this.isEnabled && this.#isSoftwareEnabled;
  }

  /** Takes a message that is for this APIC. False when it has no way to accept it. */
  receive(message: ApicMessage): boolean {
    switch (message.deliveryMode) {
      case DeliveryMode.Fixed:
      case DeliveryMode.LowestPriority:
        return this.canAcceptFixed && this.#accept(message.vector, message.isLevel);
      case DeliveryMode.Nmi:
        this.#host.requestNmi();
        return true;
      case DeliveryMode.Init:
        this.#host.requestInit();
        return true;
      case DeliveryMode.StartUp:
        this.#host.requestStartUp(message.vector);
        return true;
      default:
        return false;
    }
  }

  /** Takes the most urgent deliverable vector and marks it in service; -1 when there is none. */
  acknowledge(): number {
    const vector = this.#deliverable();
    if (vector >= 0) {
      this.#request.remove(vector);
      this.#inService.add(vector);
      this.#update();
      return vector;
    }
    return this.#acceptsExternal() ? this.#host.acknowledgeExternal() : -1;
  }

  /** Whether acknowledge would give a vector. */
  get isRequesting(): boolean {
    return this.#isRequesting;
  }

  /** Processor priority (SDM vol. 3A, 11.8.3.1). */
  get processorPriority(): number {
    const serviced = Math.max(0, this.#inService.highest()) & 0xf0;
    return this.#taskPriority >>> 4 >= serviced >>> 4 ? this.#taskPriority : serviced;
  }

  get taskPriority(): number {
    return this.#taskPriority;
  }

  setTaskPriority(value: number): void {
    this.#taskPriority = value & 0xff;
    this.#update();
  }

  get base(): number {
    return this.#base;
  }

  /** Applies a checked write of the APIC base register's mode bits; leaving x2APIC or disabling resets the APIC. */
  setBaseMode(modeBits: number): void {
    const keepsState = this.isEnabled && (modeBits & BASE_ENABLE) !== 0;
    const bootBit = this.#isBootProcessor ? BASE_BOOT_PROCESSOR : 0;
    this.#base = APIC_DEFAULT_BASE + bootBit + (modeBits & (BASE_ENABLE | BASE_X2APIC));
    if (keepsState) this.#update();
    else this.init();
  }

  /** xAPIC page: one 32-bit register every 16 bytes. Reads nothing in x2APIC mode. */
  readRegister(offset: number): number {
    if (!this.isEnabled || this.isX2 || (offset & 0xf) !== 0) return 0;
    const register = offset >>> 4;
    if (register === ApicRegister.Id) return (this.id << 24) >>> 0;
    if (register === ApicRegister.CommandHigh) return this.#commandHigh;
    if (register === ApicRegister.DestinationFormat) return this.#destinationFormat;
    const value = this.read(register);
    if (value >= 0) return value;
    this.#raiseError(ESR_ILLEGAL_REGISTER);
    return 0;
  }

  writeRegister(offset: number, value: number, lanes: number): void {
    if (!this.isEnabled || this.isX2 || (offset & 0xf) !== 0 || lanes !== 0xffff_ffff) return;
    const register = offset >>> 4;
    if (register === ApicRegister.LogicalDestination) this.#logicalDestination = (value & 0xff00_0000) >>> 0;
    else if (register === ApicRegister.DestinationFormat)
      this.#destinationFormat = (value | 0x0fff_ffff) >>> 0;
    else if (register === ApicRegister.CommandHigh) this.#commandHigh = (value & 0xff00_0000) >>> 0;
    else if (register === ApicRegister.CommandLow) this.writeCommand(value, this.#commandHigh >>> 24);
    else if (!this.write(register, value)) this.#raiseError(ESR_ILLEGAL_REGISTER);
  }

  readLogicalDestination(): number {
    return this.isX2 ? ((this.id >>> 4) << 16) | (1 << (this.id & 15)) : this.#logicalDestination;
  }

  get commandLow(): number {
    return this.#commandLow;
  }

  get commandHigh(): number {
    return this.#commandHigh;
  }

  /** Registers that read the same in both modes; -1 for one that does not exist. */
  read(register: number): number {
    if (register >= ApicRegister.InService && register < ApicRegister.ErrorStatus)
      return this.#readVectors(register);
    switch (register) {
      case ApicRegister.Version:
        return APIC_VERSION;
      case ApicRegister.TaskPriority:
        return this.#taskPriority;
      case ApicRegister.ArbitrationPriority:
      case ApicRegister.EndOfInterrupt:
        return 0;
      case ApicRegister.ProcessorPriority:
        return this.processorPriority;
      case ApicRegister.LogicalDestination:
        return this.readLogicalDestination() >>> 0;
      case ApicRegister.SpuriousVector:
        return this.#spurious;
      case ApicRegister.ErrorStatus:
        return this.#errorsLatched;
      case ApicRegister.CommandLow:
        return this.#commandLow;
      case ApicRegister.TimerInitialCount:
        return this.timer.initialCount;
      case ApicRegister.TimerCurrentCount:
        return this.timer.currentCount();
      case ApicRegister.TimerDivide:
        return this.timer.divide;
      default:
        return this.#lvt.get(register) ?? -1;
    }
  }

  /** Registers that are written the same way in both modes; false for one that does not exist or is read-only. */
  write(register: number, value: number): boolean {
    switch (register) {
      case ApicRegister.TaskPriority:
        this.setTaskPriority(value);
        return true;
      case ApicRegister.EndOfInterrupt:
        this.#endOfInterrupt();
        return true;
      case ApicRegister.SpuriousVector:
        this.#writeSpurious(value);
        return true;
      case ApicRegister.ErrorStatus:
        this.#errorsLatched = this.#errors;
        this.#errors = 0;
        return true;
      case ApicRegister.TimerInitialCount:
        this.timer.setInitialCount(value);
        return true;
      case ApicRegister.TimerDivide:
        this.timer.setDivide(value);
        return true;
      default:
        return this.#writeLvt(register, value);
    }
  }

  /** The interrupt command register: sends an inter-processor interrupt. */
  writeCommand(low: number, destination: number): void {
    this.#commandLow = (low & ICR_WRITABLE) >>> 0;
    if (this.isX2) this.#commandHigh = destination >>> 0;
    const deliveryMode = (low >>> 8) & 7;
    // INIT level de-assert only resynchronises arbitration on old buses.
    if (deliveryMode === DeliveryMode.Init && (low & ICR_ASSERT) === 0 && (low & ICR_LEVEL) !== 0) return;
    const vector = low & 0xff;
    const shorthand = (low >>> 18) & 3;
    const isLogical = (low & ICR_LOGICAL) !== 0;
    if (vector < 16 && deliveryMode <= DeliveryMode.LowestPriority) this.#raiseError(ESR_SEND_ILLEGAL_VECTOR);
    else
      this.#host.sendIpi(this, { vector, deliveryMode, destination, isLogical, isLevel: false }, shorthand);
  }

  state(): ChipState {
    const data = {
      base: this.#base,
      request: [...this.#request.words],
      inService: [...this.#inService.words],
      triggerMode: [...this.#triggerMode.words],
      lvt: LVT_ENTRIES.map((entry) => this.#lvt.get(entry)),
      taskPriority: this.#taskPriority,
      logicalDestination: this.#logicalDestination,
      destinationFormat: this.#destinationFormat,
      spurious: this.#spurious,
      errors: this.#errors,
      errorsLatched: this.#errorsLatched,
      commandLow: this.#commandLow,
      commandHigh: this.#commandHigh,
      externalLine: this.#externalLine,
      timer: this.timer.state(),
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  /** Takes over the state of an APIC; the interrupt request towards the processor is driven anew. */
  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    const modeBits = fields.integer("base", 0xffff_ffff) & (BASE_ENABLE | BASE_X2APIC);
    const bootBit = this.#isBootProcessor ? BASE_BOOT_PROCESSOR : 0;
    this.#base = APIC_DEFAULT_BASE + bootBit + modeBits;
    this.#request.words.set(fields.integers("request", 8, 0xffff_ffff));
    this.#inService.words.set(fields.integers("inService", 8, 0xffff_ffff));
    this.#triggerMode.words.set(fields.integers("triggerMode", 8, 0xffff_ffff));
    const lvt = fields.integers("lvt", LVT_ENTRIES.length, 0x7_ffff);
    LVT_ENTRIES.forEach((entry, i) => {
      this.#lvt.set(entry, (lvt[i] as number) & (LVT_WRITABLE[entry] as number));
    });
    this.#taskPriority = fields.integer("taskPriority", 0xff);
    this.#logicalDestination = fields.integer("logicalDestination", 0xffff_ffff);
    this.#destinationFormat = fields.integer("destinationFormat", 0xffff_ffff);
    this.#spurious = fields.integer("spurious", SVR_WRITABLE);
    this.#errors = fields.integer("errors", 0xff);
    this.#errorsLatched = fields.integer("errorsLatched", 0xff);
    this.#commandLow = fields.integer("commandLow", ICR_WRITABLE);
    this.#commandHigh = fields.integer("commandHigh", 0xffff_ffff);
    this.#externalLine = fields.boolean("externalLine");
    this.timer.restore(fields.chip("timer"));
    this.#update();
  }

  #readVectors(register: number): number {
    const set =
      register < ApicRegister.TriggerMode
        ? this.#inService
        : register < ApicRegister.Request
          ? this.#triggerMode
          : this.#request;
    return set.words[register & 7] as number;
  }

  #writeSpurious(value: number): void {
    this.#spurious = value & SVR_WRITABLE;
    if (this.#isSoftwareEnabled) return;
    for (const entry of LVT_ENTRIES) this.#lvt.set(entry, (this.#lvt.get(entry) as number) | LVT_MASKED);
    this.#update();
  }

  #writeLvt(register: number, value: number): boolean {
    const writable = LVT_WRITABLE[register];
    if (writable === undefined) return false;
    const forced = this.#isSoftwareEnabled ? 0 : LVT_MASKED;
    this.#lvt.set(register, (value & writable) | forced);
    if (register === ApicRegister.LvtTimer) this.timer.setMode((value >>> LVT_TIMER_MODE_SHIFT) & 3);
    this.#update();
    return true;
  }

  #deliverLvt(register: number): void {
    const entry = this.#lvt.get(register) as number;
    if ((entry & LVT_MASKED) !== 0) return;
    const mode = register === ApicRegister.LvtTimer ? DeliveryMode.Fixed : (entry >>> LVT_MODE_SHIFT) & 7;
    if (mode === DeliveryMode.Fixed) this.#accept(entry & 0xff, false);
    else if (mode === DeliveryMode.Nmi) this.#host.requestNmi();
  }

  #accept(vector: number, isLevel: boolean): boolean {
    if (vector < 16) {
      this.#raiseError(ESR_RECEIVE_ILLEGAL_VECTOR);
      return false;
    }
    if (isLevel) this.#triggerMode.add(vector);
    else this.#triggerMode.remove(vector);
    this.#request.add(vector);
    this.#update();
    return true;
  }

  #endOfInterrupt(): void {
    const vector = this.#inService.highest();
    if (vector < 0) return;
    this.#inService.remove(vector);
    this.#update();
    if (this.#triggerMode.has(vector)) this.#host.broadcastEoi(vector);
  }

  #raiseError(bit: number): void {
    const isNew = (this.#errors & bit) === 0;
    this.#errors |= bit;
    // An error entry with an illegal vector must not report itself for ever.
    if (isNew && ((this.#lvt.get(ApicRegister.LvtError) as number) & 0xf0) !== 0)
      this.#deliverLvt(ApicRegister.LvtError);
  }

  #deliverable(): number {
    const vector = this.isEnabled ? this.#request.highest() : -1;
    return vector >> 4 > this.processorPriority >> 4 ? vector : -1;
  }

  #acceptsExternal(): boolean {
    if (!this.#externalLine) return false;
    if (!this.isEnabled) return true;
    const entry = this.#lvt.get(ApicRegister.LvtLint0) as number;
    return (entry & LVT_MASKED) === 0 && ((entry >>> LVT_MODE_SHIFT) & 7) === DeliveryMode.ExtInt;
  }

  #update(): void {
    const isRequesting = this.#deliverable() >= 0 || this.#acceptsExternal();
    if (isRequesting === this.#isRequesting) return;
    this.#isRequesting = isRequesting;
    this.#host.setInterruptRequest(isRequesting);
  }
}
