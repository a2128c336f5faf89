// Local APIC, xAPIC and x2APIC (Intel SDM vol. 3A, chapter 11). One per vCPU. Differences on purpose: the register page
// cannot be moved, delivery is instantaneous (no delivery status), SMI and CMCI do nothing.

import { type ChipState, openState } from "../../snapshot/chip-state.ts";
import { type ApicMessage, DeliveryMode } from "../apic-message.ts";
import { ApicTimer } from "./apic-timer.ts";
import { InterruptCommand } from "./interrupt-command.ts";
import type { LocalApicHost, LocalApicOptions } from "./local-apic-host.ts";
import {
  APIC_DEFAULT_BASE,
  APIC_VERSION,
  ApicRegister,
  BASE_BOOT_PROCESSOR,
  BASE_ENABLE,
  BASE_X2APIC,
  ESR_RECEIVE_ILLEGAL_VECTOR,
  ICR_WRITABLE,
  LVT_TIMER_MODE_SHIFT,
  SVR_ENABLE,
  SVR_WRITABLE,
} from "./local-apic-registers.ts";
import { LVT_REGISTERS, LocalVectorTable } from "./local-vector-table.ts";
import { matchesX2apicLogical, matchesXapicLogical, x2apicLogicalId } from "./logical-addressing.ts";
import { PriorityUnit } from "./priority-unit.ts";

const STATE_KIND = "local-apic";
const STATE_VERSION = 1;

export class LocalApic {
  readonly id: number;
  readonly timer: ApicTimer;
  readonly command: InterruptCommand;
  readonly #host: LocalApicHost;
  readonly #isBootProcessor: boolean;
  readonly #priorities = new PriorityUnit();
  readonly #lvt = new LocalVectorTable();
  #base = 0;
  #logicalDestination = 0;
  #destinationFormat = 0xffff_ffff;
  #spurious = 0xff;
  #errors = 0;
  #errorsLatched = 0;
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
    this.command = new InterruptCommand({
      send: (message, shorthand) => options.host.sendIpi(options.id, message, shorthand),
      raiseError: (bit) => this.raiseError(bit),
    });
    this.reset();
  }

  /** Power-on state, with LINT0 as ExtINT and LINT1 as NMI, as firmware would leave a boot processor. */
  reset(): void {
    this.#base = APIC_DEFAULT_BASE + BASE_ENABLE + (this.#isBootProcessor ? BASE_BOOT_PROCESSOR : 0);
    this.init();
    if (!this.#isBootProcessor) return;
    this.#lvt.wireAsFirmware();
    this.#update();
  }

  /** State after INIT: as reset, but the APIC base register is kept. */
  init(): void {
    this.#priorities.reset();
    this.#lvt.reset();
    this.#logicalDestination = 0;
    this.#destinationFormat = 0xffff_ffff;
    this.#spurious = 0xff;
    this.#errors = this.#errorsLatched = 0;
    this.command.reset();
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
    if (this.isX2) return matchesX2apicLogical(destination, this.logicalDestination);
    return matchesXapicLogical(destination, this.#logicalDestination, this.#destinationFormat);
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
      this.#priorities.serve(vector);
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
    return this.#priorities.processorPriority;
  }

  get taskPriority(): number {
    return this.#priorities.taskPriority;
  }

  setTaskPriority(value: number): void {
    this.#priorities.taskPriority = value;
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

  get logicalDestination(): number {
    return this.isX2 ? x2apicLogicalId(this.id) : this.#logicalDestination;
  }

  set logicalDestination(value: number) {
    this.#logicalDestination = (value & 0xff00_0000) >>> 0;
  }

  get destinationFormat(): number {
    return this.#destinationFormat;
  }

  set destinationFormat(value: number) {
    this.#destinationFormat = (value | 0x0fff_ffff) >>> 0;
  }

  /** Registers that read the same in both modes; -1 for one that does not exist. */
  read(register: number): number {
    if (register >= ApicRegister.InService && register < ApicRegister.ErrorStatus)
      return this.#readVectors(register);
    switch (register) {
      case ApicRegister.Version:
        return APIC_VERSION;
      case ApicRegister.TaskPriority:
        return this.taskPriority;
      case ApicRegister.ArbitrationPriority:
      case ApicRegister.EndOfInterrupt:
        return 0;
      case ApicRegister.ProcessorPriority:
        return this.processorPriority;
      case ApicRegister.LogicalDestination:
        return this.logicalDestination >>> 0;
      case ApicRegister.SpuriousVector:
        return this.#spurious;
      case ApicRegister.ErrorStatus:
        return this.#errorsLatched;
      case ApicRegister.CommandLow:
        return this.command.low;
      case ApicRegister.TimerInitialCount:
        return this.timer.initialCount;
      case ApicRegister.TimerCurrentCount:
        return this.timer.currentCount();
      case ApicRegister.TimerDivide:
        return this.timer.divide;
      default:
        return this.#lvt.read(register);
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

  state(): ChipState {
    const data = {
      base: this.#base,
      priorities: this.#priorities.state(),
      lvt: this.#lvt.values(),
      logicalDestination: this.#logicalDestination,
      destinationFormat: this.#destinationFormat,
      spurious: this.#spurious,
      errors: this.#errors,
      errorsLatched: this.#errorsLatched,
      commandLow: this.command.low,
      commandHigh: this.command.high,
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
    this.#priorities.restore(fields.chip("priorities"));
    this.#lvt.restore(fields.integers("lvt", LVT_REGISTERS.length, 0x7_ffff));
    this.#logicalDestination = fields.integer("logicalDestination", 0xffff_ffff);
    this.#destinationFormat = fields.integer("destinationFormat", 0xffff_ffff);
    this.#spurious = fields.integer("spurious", SVR_WRITABLE);
    this.#errors = fields.integer("errors", 0xff);
    this.#errorsLatched = fields.integer("errorsLatched", 0xff);
    this.command.restore(
      fields.integer("commandLow", ICR_WRITABLE),
      fields.integer("commandHigh", 0xffff_ffff),
    );
    this.#externalLine = fields.boolean("externalLine");
    this.timer.restore(fields.chip("timer"));
    this.#update();
  }

  #readVectors(register: number): number {
    const { inService, triggerMode, request } = this.#priorities;
    const isTriggerMode = register >= ApicRegister.TriggerMode && register < ApicRegister.Request;
    const set = isTriggerMode ? triggerMode : register < ApicRegister.TriggerMode ? inService : request;
    return set.words[register & 7] as number;
  }

  #writeSpurious(value: number): void {
    this.#spurious = value & SVR_WRITABLE;
    if (this.#isSoftwareEnabled) return;
    this.#lvt.maskAll();
    this.#update();
  }

  #writeLvt(register: number, value: number): boolean {
    if (!this.#lvt.write(register, value, this.#isSoftwareEnabled)) return false;
    if (register === ApicRegister.LvtTimer) this.timer.setMode((value >>> LVT_TIMER_MODE_SHIFT) & 3);
    this.#update();
    return true;
  }

  #deliverLvt(register: number): void {
    if (this.#lvt.isMasked(register)) return;
    const mode = this.#lvt.deliveryMode(register);
    if (mode === DeliveryMode.Fixed) this.#accept(this.#lvt.vector(register), false);
    else if (mode === DeliveryMode.Nmi) this.#host.requestNmi();
  }

  #accept(vector: number, isLevel: boolean): boolean {
    if (vector < 16) {
      this.raiseError(ESR_RECEIVE_ILLEGAL_VECTOR);
      return false;
    }
    this.#priorities.add(vector, isLevel);
    this.#update();
    return true;
  }

  #endOfInterrupt(): void {
    const vector = this.#priorities.finish();
    if (vector < 0) return;
    this.#update();
    if (this.#priorities.triggerMode.has(vector)) this.#host.broadcastEoi(vector);
  }

  /** Notes an error; it shows in the status register after the next write to it. */
  raiseError(bit: number): void {
    const isNew = (this.#errors & bit) === 0;
    this.#errors |= bit;
    // An error entry with an illegal vector must not report itself for ever.
    if (isNew && this.#lvt.vector(ApicRegister.LvtError) >= 16) this.#deliverLvt(ApicRegister.LvtError);
  }

  #deliverable(): number {
    return this.isEnabled ? this.#priorities.deliverable() : -1;
  }

  #acceptsExternal(): boolean {
    if (!this.#externalLine) return false;
    if (!this.isEnabled) return true;
    const register = ApicRegister.LvtLint0;
    return !this.#lvt.isMasked(register) && this.#lvt.deliveryMode(register) === DeliveryMode.ExtInt;
  }

  #update(): void {
    const isRequesting = this.#deliverable() >= 0 || this.#acceptsExternal();
    if (isRequesting === this.#isRequesting) return;
    this.#isRequesting = isRequesting;
    this.#host.setInterruptRequest(isRequesting);
  }
}
