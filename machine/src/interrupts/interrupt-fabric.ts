// What lies between interrupt sources and processors: the APIC bus with its addressing (Intel SDM vol. 3A, 11.6.2), the
// I/O APIC at 0xfec00000, the 8259 pair, and the numbered lines (GSIs) that devices hold.

import type { AddressSpace } from "../bus/address-space.ts";
import { onWordRegisters } from "../bus/register-map.ts";
import { assert } from "../errors.ts";
import { type ApicBus, type ApicMessage, DeliveryMode, decodeMsi } from "./apic-message.ts";
import type { InterruptLine } from "./interrupt-line.ts";
import { IOAPIC_PIN_COUNT, IoApic } from "./ioapic.ts";
import type { LocalApic } from "./local-apic/local-apic.ts";
import { Shorthand } from "./local-apic/local-apic-registers.ts";
import { PicPair } from "./pic-pair.ts";

export const IOAPIC_BASE = 0xfec0_0000;
const IOAPIC_WINDOW_BYTES = 0x20;
const ISA_IRQ_COUNT = 16;

export class InterruptFabric implements ApicBus {
  readonly #apics: LocalApic[] = [];
  readonly ioApic: IoApic = new IoApic(this);
  readonly pics: PicPair = new PicPair((isHigh) => this.#apics[0]?.setExternalLine(isHigh));
  /** Messages and lines that reached no processor, since power-on. */
  undelivered = 0;

  /** The first one added is the boot processor's. */
  addLocalApic(apic: LocalApic): void {
    this.#apics.push(apic);
  }

  attach(ports: AddressSpace, mmio: AddressSpace): void {
    this.pics.attach(ports);
    mmio.register(IOAPIC_BASE, IOAPIC_WINDOW_BYTES, onWordRegisters(this.ioApic));
  }

  /** Line number `gsi` of the board: I/O APIC pin of that number and, below 16, the 8259 input too. */
  line(gsi: number): InterruptLine {
    assert(Number.isInteger(gsi) && gsi >= 0 && gsi < IOAPIC_PIN_COUNT, `GSI ${gsi} does not exist`);
    return {
      setLevel: (isHigh) => {
        this.ioApic.setPin(gsi, isHigh);
        if (gsi < ISA_IRQ_COUNT) this.pics.setLine(gsi, isHigh);
      },
    };
  }

  /** A device's write of `data` to MSI address `address`. */
  sendMsi(address: number, data: number): void {
    const message = decodeMsi(address, data);
    if (message === undefined) this.undelivered++;
    else this.send(message);
  }

  send(message: ApicMessage): boolean {
    if (message.deliveryMode === DeliveryMode.ExtInt) return this.#sendExternal();
    let isTaken = false;
    if (message.deliveryMode === DeliveryMode.LowestPriority) {
      isTaken = this.#leastBusy(message)?.receive(message) ?? false;
    } else {
      for (const apic of this.#apics) {
        if (!apic.isAddressedBy(message.destination, message.isLogical)) continue;
        if (apic.receive(message)) isTaken = true;
      }
    }
    if (!isTaken) this.undelivered++;
    return isTaken;
  }

  sendIpi(sourceId: number, message: ApicMessage, shorthand: number): void {
    if (shorthand === Shorthand.None) {
      this.send(message);
      return;
    }
    for (const apic of this.#apics) {
      const isWanted =
        apic.id === sourceId ? shorthand !== Shorthand.AllButSelf : shorthand !== Shorthand.Self;
      if (isWanted) apic.receive(message);
    }
  }

  /** The 8259 pair's request arrives over its own wire; a message asking for it has nothing to add. */
  #sendExternal(): boolean {
    return true;
  }

  #leastBusy(message: ApicMessage): LocalApic | undefined {
    let best: LocalApic | undefined;
    for (const apic of this.#apics) {
      if (!apic.canAcceptFixed || !apic.isAddressedBy(message.destination, message.isLogical)) continue;
      if (best === undefined || apic.processorPriority < best.processorPriority) best = apic;
    }
    return best;
  }
}
