// A virtio device with everything around it: memory, transport, interrupt pin, driver.

import { GuestMemory, MmioTransport, type VirtioDevice } from "@hearth/machine";
import { RecordingLine } from "../recording-line.ts";
import { MockDriver } from "./mock-driver.ts";

const RAM_OFFSET = 4096;

/** A device on a transport and the mock driver that talks to it. */
export interface VirtioRig {
  readonly memory: GuestMemory;
  readonly line: RecordingLine;
  readonly transport: MmioTransport;
  readonly driver: MockDriver;
}

/** Plugs `device` in. Nothing is initialised: `rig.driver.start()` does that. */
export function plugIn(device: VirtioDevice, ram: number | GuestMemory = 2 * 1024 * 1024): VirtioRig {
  const memory = typeof ram === "number" ? makeMemory(ram) : ram;
  const line = new RecordingLine();
  const transport = new MmioTransport(device, memory, line);
  return { memory, line, transport, driver: new MockDriver(memory, transport) };
}

function makeMemory(ramBytes: number): GuestMemory {
  return new GuestMemory(new SharedArrayBuffer(RAM_OFFSET + ramBytes), RAM_OFFSET, ramBytes);
}
