// The board: address spaces, interrupt fabric, clock, and every device in its place. See boot/memory-layout.ts for the
// addresses; ports and interrupts as Firecracker's on x86-64, plus the ACPI power ports.

import { AddressSpace } from "./bus/address-space.ts";
import { onByteRegisters, onMmioDevice } from "./bus/register-map.ts";
import {
  FIRST_DEVICE_GSI,
  LAST_DEVICE_GSI,
  SYSTEM_AREA_END,
  VIRTIO_MMIO_START,
  VIRTIO_MMIO_STRIDE,
} from "./boot/memory-layout.ts";
import type { VirtioWindow } from "./acpi/dsdt.ts";
import { ACPI_POWER_PORT, ACPI_POWER_PORT_COUNT, AcpiPower } from "./devices/acpi-power/acpi-power.ts";
import { I8042, I8042_COMMAND, I8042_PORT, KEYBOARD_GSI } from "./devices/i8042/i8042.ts";
import { COM1_GSI, SerialPort, type SerialSink } from "./devices/serial/serial-port.ts";
import { GENERATION_ID_BYTES, VmGenId } from "./devices/vmgenid/vmgenid.ts";
import { HearthError } from "./errors.ts";
import { InterruptFabric } from "./interrupts/interrupt-fabric.ts";
import type { EndReason } from "./lifecycle/end-reason.ts";
import type { GuestMemory } from "./memory/guest-memory.ts";
import { Pit8254 } from "./time/pit8254.ts";
import { TimerQueue } from "./time/timer-queue.ts";
import { type TimeSource, VirtualClock } from "./time/virtual-clock.ts";
import type { VirtioDevice } from "./virtio/device.ts";
import { MmioTransport } from "./virtio/transport/mmio.ts";

const PIT_PORT = 0x40;
const PIT_GSI = 0;
const SYSTEM_CONTROL_PORT = 0x61;
/** One input is kept for the generation id. */
const MAX_VIRTIO_DEVICES = LAST_DEVICE_GSI - FIRST_DEVICE_GSI;

export interface BoardOptions {
  readonly memory: GuestMemory;
  readonly devices?: readonly VirtioDevice[] | undefined;
  readonly time: TimeSource;
  readonly fillRandom: (target: Uint8Array) => void;
  readonly onSerialOutput: SerialSink;
  readonly end: (reason: EndReason) => void;
}

export class Board {
  readonly ports = new AddressSpace("port", 0);
  readonly mmio = new AddressSpace("MMIO", 0xff);
  readonly fabric = new InterruptFabric();
  readonly timers = new TimerQueue();
  readonly clock: VirtualClock;
  readonly pit: Pit8254;
  readonly serial: SerialPort;
  readonly keyboardController: I8042;
  readonly generationId: VmGenId;
  /** Where the guest finds the generation id and its interrupt. */
  readonly generationIdPlace: { readonly gpa: number; readonly gsi: number };
  readonly transports: readonly MmioTransport[];
  /** Where the guest finds the transports, in the same order. */
  readonly virtioWindows: readonly VirtioWindow[];

  constructor(options: BoardOptions) {
    const { memory, end } = options;
    this.clock = new VirtualClock(options.time);
    this.fabric.attach(this.ports, this.mmio);
    this.pit = new Pit8254(this.clock, this.timers, this.fabric.line(PIT_GSI));
    this.ports.register(PIT_PORT, 4, onByteRegisters(this.pit));
    this.ports.register(SYSTEM_CONTROL_PORT, 1, onByteRegisters(this.pit.controlPort));
    this.serial = new SerialPort(this.fabric.line(COM1_GSI), options.onSerialOutput);
    this.serial.attach(this.ports);
    const keyboardReset = (): void => end({ kind: "reset", cause: "keyboard-controller" });
    this.keyboardController = new I8042({
      interrupt: this.fabric.line(KEYBOARD_GSI),
      onReset: keyboardReset,
    });
    this.#attachKeyboardController();
    const power = new AcpiPower({
      onPowerOff: () => end({ kind: "power-off" }),
      onReset: () => end({ kind: "reset", cause: "reset-register" }),
    });
    this.ports.register(ACPI_POWER_PORT, ACPI_POWER_PORT_COUNT, onByteRegisters(power));

    const devices = options.devices ?? [];
    if (devices.length > MAX_VIRTIO_DEVICES)
      throw new HearthError(
        "machine.devices",
        `A machine takes at most ${MAX_VIRTIO_DEVICES} virtio devices.`,
      );
    this.virtioWindows = devices.map((_, i) => ({
      gpa: VIRTIO_MMIO_START + i * VIRTIO_MMIO_STRIDE,
      sizeBytes: VIRTIO_MMIO_STRIDE,
      gsi: FIRST_DEVICE_GSI + i,
    }));
    this.transports = devices.map((device, i) =>
      this.#attachVirtio(device, this.virtioWindows[i] as VirtioWindow, memory),
    );

    const id = new Uint8Array(GENERATION_ID_BYTES);
    options.fillRandom(id);
    this.generationIdPlace = {
      gpa: SYSTEM_AREA_END - GENERATION_ID_BYTES,
      gsi: FIRST_DEVICE_GSI + devices.length,
    };
    const line = this.fabric.line(this.generationIdPlace.gsi);
    this.generationId = new VmGenId(memory, this.generationIdPlace.gpa, id, line);
  }

  /** Ports 0x60 and 0x64; 0x61 between them belongs to the timer chip. */
  #attachKeyboardController(): void {
    const chip = this.keyboardController;
    this.ports.register(I8042_PORT, 1, onByteRegisters(chip));
    const command = {
      name: chip.name,
      readRegister: () => chip.readRegister(I8042_COMMAND),
      writeRegister: (_offset: number, value: number) => chip.writeRegister(I8042_COMMAND, value),
    };
    this.ports.register(I8042_PORT + I8042_COMMAND, 1, onByteRegisters(command));
  }

  #attachVirtio(device: VirtioDevice, window: VirtioWindow, memory: GuestMemory): MmioTransport {
    const transport = new MmioTransport(device, memory, this.fabric.line(window.gsi));
    this.mmio.register(window.gpa, window.sizeBytes, onMmioDevice(transport));
    return transport;
  }
}
