// The interrupt command register of a local APIC (Intel SDM vol. 3A, 11.6.1): a write of its low half sends an
// inter-processor interrupt. Delivery takes no time, so delivery status always reads as idle.

import { type ApicMessage, DeliveryMode } from "../apic-message.ts";
import {
  ESR_SEND_ILLEGAL_VECTOR,
  ICR_ASSERT,
  ICR_LEVEL,
  ICR_LOGICAL,
  ICR_WRITABLE,
  Shorthand,
} from "./local-apic-registers.ts";

/** The APIC as its command register sees it. */
export interface InterruptCommandOptions {
  /** `shorthand` is one of Shorthand. */
  readonly send: (message: ApicMessage, shorthand: number) => void;
  /** `bit` is one of the error status bits. */
  readonly raiseError: (bit: number) => void;
}

export class InterruptCommand {
  readonly #options: InterruptCommandOptions;
  #low = 0;
  #high = 0;

  constructor(options: InterruptCommandOptions) {
    this.#options = options;
  }

  get low(): number {
    return this.#low;
  }

  /** The destination part, as written: bits 31:24 in xAPIC mode, all of it in x2APIC mode. */
  get high(): number {
    return this.#high;
  }

  set high(value: number) {
    this.#high = value >>> 0;
  }

  /** Writes the low half and sends; `destination` is what the mode makes of the high half. */
  write(low: number, destination: number): void {
    this.#low = (low & ICR_WRITABLE) >>> 0;
    this.#send(low, destination);
  }

  /** The self-IPI register: an edge to this processor that leaves the command register alone. */
  sendToSelf(vector: number): void {
    this.#send((Shorthand.Self << 18) | vector, 0);
  }

  reset(): void {
    this.restore(0, 0);
  }

  /** Sends nothing: `low` has been carried out long ago. */
  restore(low: number, high: number): void {
    this.#low = low;
    this.#high = high;
  }

  #send(low: number, destination: number): void {
    const deliveryMode = (low >>> 8) & 7;
    // INIT level de-assert only resynchronises arbitration on old buses.
    if (deliveryMode === DeliveryMode.Init && (low & ICR_ASSERT) === 0 && (low & ICR_LEVEL) !== 0) return;
    const vector = low & 0xff;
    if (vector < 16 && deliveryMode <= DeliveryMode.LowestPriority) {
      this.#options.raiseError(ESR_SEND_ILLEGAL_VECTOR);
      return;
    }
    const isLogical = (low & ICR_LOGICAL) !== 0;
    this.#options.send({ vector, deliveryMode, destination, isLogical, isLevel: false }, (low >>> 18) & 3);
  }
}
