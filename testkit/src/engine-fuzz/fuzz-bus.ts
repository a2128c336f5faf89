// The machine around a fuzzed guest: devices that answer anything, write RAM behind the processor's back, and interrupt it.

import type { AccessSize, GuestMemory, Vcpu, VcpuBus } from "@hearth/machine";
import type { Prng } from "../prng.ts";

/** More bus calls than any slice may cost: a guest that gets here stalls its host. */
const MAX_CALLS = 2_000_000;

export class FuzzBus implements VcpuBus {
  calls = 0;
  #vcpu: Vcpu | undefined;
  #clockNs = 0;
  readonly #prng: Prng;
  readonly #memory: GuestMemory;
  readonly #quiet: boolean;

  /** A quiet bus only answers. */
  constructor(prng: Prng, memory: GuestMemory, options: { readonly quiet?: boolean } = {}) {
    this.#prng = prng;
    this.#memory = memory;
    this.#quiet = options.quiet ?? false;
  }

  attach(vcpu: Vcpu): void {
    this.#vcpu = vcpu;
  }

  readPort(_port: number, size: AccessSize): number {
    return this.#answer(size);
  }

  writePort(_port: number, size: AccessSize, value: number): void {
    this.#take(size, value);
  }

  readMmio(gpa: number, size: AccessSize): number {
    this.#checkAddress(gpa, size);
    return this.#answer(size);
  }

  writeMmio(gpa: number, size: AccessSize, value: number): void {
    this.#checkAddress(gpa, size);
    this.#take(size, value);
  }

  readMsr(index: number): bigint | undefined {
    this.#count();
    return (index & 1) === 0 ? undefined : (BigInt(this.#prng.u32()) << 32n) | BigInt(this.#prng.u32());
  }

  writeMsr(index: number, value: bigint): boolean {
    this.#count();
    if (value < 0n || value >= 1n << 64n) throw new Error(`MSR value ${value} is not unsigned`);
    return (index & 1) !== 0;
  }

  acknowledgeInterrupt(): number {
    this.#count();
    if (this.#prng.oneIn(3)) this.#vcpu?.setInterruptRequest(false);
    return this.#prng.oneIn(4) ? -1 : this.#prng.below(256);
  }

  readTaskPriority(): number {
    this.#count();
    return this.#prng.below(16);
  }

  writeTaskPriority(priorityClass: number): void {
    this.#count();
    if (priorityClass > 15) throw new Error(`task priority ${priorityClass}`);
  }

  nowNs(): number {
    this.#clockNs += this.#prng.below(1000);
    return this.#clockNs;
  }

  #answer(size: AccessSize): number {
    this.#disturb();
    return this.#prng.u32() >>> (32 - size * 8);
  }

  #take(size: AccessSize, value: number): void {
    this.#disturb();
    if (value < 0 || value > 0xffff_ffff >>> (32 - size * 8) || !Number.isInteger(value))
      throw new Error(`${value} is no value of ${size} bytes`);
  }

  #checkAddress(gpa: number, size: AccessSize): void {
    const aligned = Number.isInteger(gpa) && gpa >= 0 && gpa < 2 ** 52;
    if (!aligned || this.#memory.contains(gpa, size))
      throw new Error(`device access at 0x${gpa.toString(16)}`);
  }

  #disturb(): void {
    this.#count();
    if (this.#quiet) return;
    const prng = this.#prng;
    if (prng.oneIn(8)) this.#vcpu?.setInterruptRequest(true);
    if (prng.oneIn(16)) this.#vcpu?.requestNmi();
    if (prng.oneIn(16)) this.#vcpu?.kick();
    if (prng.oneIn(8)) this.#writeRam();
  }

  #writeRam(): void {
    const gpa = this.#prng.below(this.#memory.ramBytes - 64);
    const bytes = this.#prng.fill(new Uint8Array(1 + this.#prng.below(64)));
    this.#memory.write(gpa, bytes);
    this.#memory.noteDeviceWrite(this.#memory.offsetOf(gpa, bytes.length), bytes.length);
  }

  #count(): void {
    if (++this.calls > MAX_CALLS) throw new Error("the guest makes bus calls without end");
  }
}
