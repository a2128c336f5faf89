// The bus of a conformance guest: remembers every port and device access in order, answers device reads from a pattern, and
// holds the interrupts the test asks for.

import type { AccessSize, Vcpu, VcpuBus } from "@hearth/machine";

export interface BusAccess {
  readonly kind: "in" | "out" | "read" | "write";
  /** Port number or guest-physical address. */
  readonly at: number;
  readonly size: AccessSize;
  readonly value: number;
}

export class RecordingBus implements VcpuBus {
  readonly accesses: BusAccess[] = [];
  /** Bytes devices wrote or the test placed; others read as the low byte of their address. */
  readonly deviceBytes = new Map<number, number>();
  readonly msrs = new Map<number, bigint>();
  taskPriority = 0;
  /** Called after each OUT, to let the test act as a device. */
  onPortWrite: (port: number, value: number) => void = () => {};
  /** Nanoseconds; every look at the clock moves it on. */
  clockNs = 1_000_000;
  readonly #vectors: number[] = [];
  #vcpu: Vcpu | undefined;

  /** To be called once the vCPU exists. */
  attach(vcpu: Vcpu): void {
    this.#vcpu = vcpu;
  }

  /** Asks for an interrupt; several are delivered in the order asked for. */
  interrupt(vector: number): void {
    this.#vectors.push(vector);
    this.#vcpu?.setInterruptRequest(true);
  }

  /** OUTs to `port`, as values. */
  written(port: number): number[] {
    return this.accesses.filter((a) => a.kind === "out" && a.at === port).map((a) => a.value);
  }

  readPort(port: number, size: AccessSize): number {
    return this.#note("in", port, size, this.#deviceValue(port, size));
  }

  writePort(port: number, size: AccessSize, value: number): void {
    this.#note("out", port, size, value);
    this.onPortWrite(port, value);
  }

  readMmio(gpa: number, size: AccessSize): number {
    return this.#note("read", gpa, size, this.#deviceValue(gpa, size));
  }

  writeMmio(gpa: number, size: AccessSize, value: number): void {
    this.#note("write", gpa, size, value);
    for (let i = 0; i < size; i++) this.deviceBytes.set(gpa + i, (value >>> (8 * i)) & 0xff);
  }

  readMsr(index: number): bigint | undefined {
    return this.msrs.get(index);
  }

  writeMsr(index: number, value: bigint): boolean {
    if (!this.msrs.has(index)) return false;
    this.msrs.set(index, value);
    return true;
  }

  acknowledgeInterrupt(): number {
    const vector = this.#vectors.shift() ?? -1;
    if (this.#vectors.length === 0) this.#vcpu?.setInterruptRequest(false);
    return vector;
  }

  readTaskPriority(): number {
    return this.taskPriority;
  }

  writeTaskPriority(priorityClass: number): void {
    this.taskPriority = priorityClass;
  }

  nowNs(): number {
    this.clockNs += 1000;
    return this.clockNs;
  }

  #deviceValue(at: number, size: AccessSize): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.deviceByte(at + i);
    return value;
  }

  /** What a read of this byte of device memory gives. */
  deviceByte(at: number): number {
    return this.deviceBytes.get(at) ?? at % 256;
  }

  #note(kind: BusAccess["kind"], at: number, size: AccessSize, value: number): number {
    this.accesses.push({ kind, at, size, value });
    return value;
  }
}
