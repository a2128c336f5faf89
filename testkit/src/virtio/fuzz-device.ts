// The fuzz test every virtio device gets: a hostile guest for a while, whose state must be one that can be taken over,
// then a well-behaved driver, for which the device must work as if nothing had happened.

import type { GuestMemory, VirtioDevice } from "@hearth/machine";
import type { Prng } from "../prng.ts";
import { type FuzzLog, runFuzz } from "../fuzz.ts";
import { makeGuardedMemory } from "./guarded-memory.ts";
import { HostileGuest, type HostileGuestOptions } from "./hostile-guest.ts";
import { plugIn, type VirtioRig } from "./rig.ts";

/** One device to torment. */
export interface FuzzSubject {
  readonly device: VirtioDevice;
  readonly guest?: HostileGuestOptions;
  /** Uses the device as a proper driver does (`rig.driver` is fresh) and throws when it does not work. */
  readonly proveAlive: (rig: VirtioRig) => void;
}

export interface FuzzDeviceOptions {
  readonly iterations?: number;
  readonly stepsEach?: number;
  readonly makeMemory?: (ramBytes: number) => GuestMemory;
}

const RAM_BYTES = 128 * 1024;

/** Throws FuzzFailure with the seed of the first case in which the device broke a rule. */
export function fuzzDevice(
  log: FuzzLog,
  makeSubject: (prng: Prng) => FuzzSubject,
  options: FuzzDeviceOptions = {},
): void {
  const makeMemory = options.makeMemory ?? makeGuardedMemory;
  runFuzz(log, options.iterations ?? 300, (prng) => {
    const subject = makeSubject(prng);
    const rig = plugIn(subject.device, makeMemory(RAM_BYTES));
    const guest = new HostileGuest(rig, prng, { isReadOnly: prng.oneIn(5), ...subject.guest });
    for (let step = 0; step < (options.stepsEach ?? 60); step++) guest.step();
    if (!subject.device.hasPendingWork()) rig.transport.restore(structuredClone(rig.transport.state()));
    rig.memory.bytes.fill(0);
    subject.proveAlive(rig);
  });
}
