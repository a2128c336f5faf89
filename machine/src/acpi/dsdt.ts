// DSDT: what the operating system cannot discover by itself. The virtio devices, the serial port, the keyboard
// controller, the generation id with the event device that announces its change, and the S5 sleep type.

import { FIRST_DEVICE_GSI } from "../boot/memory-layout.ts";
import { SLEEP_TYPE_S5 } from "../devices/acpi-power/acpi-power.ts";
import { I8042_COMMAND, I8042_DATA, I8042_PORT, KEYBOARD_GSI } from "../devices/i8042/i8042.ts";
import { COM1_GSI, COM1_PORT, COM1_PORT_COUNT } from "../devices/serial/serial-port.ts";
import {
  type Aml,
  amlDevice,
  amlEisaId,
  amlIfArg0Equals,
  amlInteger,
  amlMethod,
  amlName,
  amlNotify,
  amlPackage,
  amlScope,
  amlString,
} from "./aml.ts";
import { edgeInterrupt, ioPorts, memory32Fixed, resourceTemplate } from "./resources.ts";
import { acpiTable } from "./table.ts";

const NOTIFY_CHANGED = 0x80;

export interface VirtioWindow {
  readonly gpa: number;
  readonly sizeBytes: number;
  readonly gsi: number;
}

export interface DsdtOptions {
  readonly virtio: readonly VirtioWindow[];
  readonly generationId?: { readonly gpa: number; readonly gsi: number };
}

export function buildDsdt(options: DsdtOptions): Uint8Array {
  const devices = [...options.virtio.map(virtioDevice), serialPort(), keyboardController()];
  if (options.generationId !== undefined) {
    devices.push(generationId(options.generationId.gpa), eventDevice(options.generationId.gsi));
  }
  const sleepTypes = [SLEEP_TYPE_S5, SLEEP_TYPE_S5, 0, 0].map(amlInteger);
  const body = [...amlScope("\\_SB", ...devices), ...amlName("\\_S5", amlPackage(...sleepTypes))];
  return acpiTable("DSDT", 2, "HRTHDSDT", Uint8Array.from(body));
}

function virtioDevice({ gpa, sizeBytes, gsi }: VirtioWindow): Aml {
  const index = gsi - FIRST_DEVICE_GSI;
  return amlDevice(
    `V${String(index).padStart(3, "0")}`,
    amlName("_HID", amlString("LNRO0005")),
    amlName("_UID", amlInteger(index)),
    amlName("_CCA", amlInteger(1)),
    amlName("_CRS", resourceTemplate(memory32Fixed(gpa, sizeBytes), edgeInterrupt(gsi))),
  );
}

function serialPort(): Aml {
  return amlDevice(
    "COM1",
    amlName("_HID", amlEisaId("PNP0501")),
    amlName("_UID", amlInteger(0)),
    amlName("_CRS", resourceTemplate(ioPorts(COM1_PORT, COM1_PORT_COUNT), edgeInterrupt(COM1_GSI))),
  );
}

function keyboardController(): Aml {
  return amlDevice(
    "PS2_",
    amlName("_HID", amlEisaId("PNP0303")),
    amlName(
      "_CRS",
      resourceTemplate(
        ioPorts(I8042_PORT + I8042_DATA, 1),
        ioPorts(I8042_PORT + I8042_COMMAND, 1),
        edgeInterrupt(KEYBOARD_GSI),
      ),
    ),
  );
}

function generationId(gpa: number): Aml {
  return amlDevice(
    "VGEN",
    amlName("_HID", amlString("VMGENCTR")),
    amlName("_CID", amlString("VM_Gen_Counter")),
    amlName("_DDN", amlString("VM_Gen_Counter")),
    amlName("ADDR", amlPackage(amlInteger(gpa >>> 0), amlInteger(Math.floor(gpa / 0x1_0000_0000)))),
  );
}

/** Generic event device (ACPI 6.5, 5.6.9): its interrupt runs _EVT with the GSI as argument. */
function eventDevice(gsi: number): Aml {
  return amlDevice(
    "GED_",
    amlName("_HID", amlString("ACPI0013")),
    amlName("_UID", amlInteger(0)),
    amlName("_CRS", resourceTemplate(edgeInterrupt(gsi))),
    amlMethod("_EVT", 1, amlIfArg0Equals(gsi, amlNotify("\\_SB.VGEN", NOTIFY_CHANGED))),
  );
}
