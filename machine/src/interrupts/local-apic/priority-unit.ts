// Request, in-service and trigger-mode registers of a local APIC and the priority rule between them (Intel SDM vol. 3A,
// 11.8.3, 11.8.4): a vector is delivered when its class is above that of the task priority and of what is in service.

import { type ChipState, openState } from "../../snapshot/chip-state.ts";
import { VectorSet } from "./vector-set.ts";

const STATE_KIND = "apic-priority";
const STATE_VERSION = 1;

export class PriorityUnit {
  readonly request = new VectorSet();
  readonly inService = new VectorSet();
  readonly triggerMode = new VectorSet();
  #taskPriority = 0;

  get taskPriority(): number {
    return this.#taskPriority;
  }

  set taskPriority(value: number) {
    this.#taskPriority = value & 0xff;
  }

  get processorPriority(): number {
    const serviced = Math.max(0, this.inService.highest()) & 0xf0;
    return this.#taskPriority >>> 4 >= serviced >>> 4 ? this.#taskPriority : serviced;
  }

  add(vector: number, isLevel: boolean): void {
    if (isLevel) this.triggerMode.add(vector);
    else this.triggerMode.remove(vector);
    this.request.add(vector);
  }

  /** The vector that may be delivered now, -1 when none. */
  deliverable(): number {
    const vector = this.request.highest();
    return vector >> 4 > this.processorPriority >> 4 ? vector : -1;
  }

  /** Moves a requested vector into service. */
  serve(vector: number): void {
    this.request.remove(vector);
    this.inService.add(vector);
  }

  /** Ends the most urgent service and answers its vector, -1 when none. */
  finish(): number {
    const vector = this.inService.highest();
    if (vector >= 0) this.inService.remove(vector);
    return vector;
  }

  reset(): void {
    this.request.clear();
    this.inService.clear();
    this.triggerMode.clear();
    this.#taskPriority = 0;
  }

  state(): ChipState {
    const data = {
      request: [...this.request.words],
      inService: [...this.inService.words],
      triggerMode: [...this.triggerMode.words],
      taskPriority: this.#taskPriority,
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.request.words.set(fields.integers("request", 8, 0xffff_ffff));
    this.inService.words.set(fields.integers("inService", 8, 0xffff_ffff));
    this.triggerMode.words.set(fields.integers("triggerMode", 8, 0xffff_ffff));
    this.#taskPriority = fields.integer("taskPriority", 0xff);
  }
}
