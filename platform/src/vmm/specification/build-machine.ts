// From a specification to a machine that can run: engine, boot files, disks and devices put together, in the runner's
// thread. What it opened is closed again when it fails half-way.

import type { TranslationLink } from "@hearth/engine-portable/connect";
import { fillRandom, type HostDisk, openDisk } from "@hearth/host";
import { giveBack, readInitrd, readKernel, UnpackedKernels } from "@hearth/images";
import { BlockDevice, Machine, RngDevice, type TimeSource, VsockDevice } from "@hearth/machine";
import { ConsolePorts } from "../console/console-ports.ts";
import { embeddedInitrd, embeddedKernel } from "./embedded-guest.ts";
import { loadEngine } from "./engine-choice.ts";
import type { DeviceNames, Recorder } from "../profile/recorder.ts";
import type { RunnableMachine, Step } from "../runner/runner.ts";
import type { MachineSpecification } from "./specification.ts";

const NS_PER_MS = 1e6;
const GUEST_CID = 3;
/** Belongs to the processors, not to the board. */
const APIC_PAGE = 0xfee0_0000;
/** Only who wants the virtio console gets one: its driver takes 5 ms of every boot. */
const VIRTIO_CONSOLE_WORD = /(?:^|\s)console=hvc/;

/** A machine and what its thread needs to serve it. */
export interface BuiltMachine {
  readonly machine: RunnableMachine;
  readonly vsock: VsockDevice;
  typeOnConsole(bytes: Uint8Array): void;
  /** True while a disk works on a request: its end arrives in this thread's event loop. */
  isWaitingForDisk(): boolean;
  readonly devices: DeviceNames;
  /** Lets go of the disks. */
  close(): Promise<void>;
}

/** What a machine is built with that is not its own. */
export interface Surroundings {
  /** Called when a disk has ended a request while the guest was not running. */
  readonly onDiskDone: () => void;
  /** Is told what the engine does. */
  readonly recorder?: Recorder | undefined;
  /** Leads to who compiles for it. */
  readonly translation?: TranslationLink | undefined;
  /** Where decompressed kernels are kept. */
  readonly kernelFolderPath?: string | undefined;
}

/** Throws HearthError for anything wrong with the specification's files, or with the host. */
export async function buildMachine(
  specification: MachineSpecification,
  { onDiskDone, recorder, translation, kernelFolderPath }: Surroundings,
): Promise<BuiltMachine> {
  const disks = await openDisks(specification);
  try {
    const [kernel, initrd] = await Promise.all([
      loadKernel(specification, kernelFolderPath),
      loadInitrd(specification),
    ]);
    const engine = await loadEngine(specification.engine, recorder?.engine, translation);
    const vsock = new VsockDevice({ guestCid: GUEST_CID });
    const blocks = disks.map((disk) => new BlockDevice(disk, { onCompletion: onDiskDone }));
    const consolePorts = new ConsolePorts();
    const virtioConsole = VIRTIO_CONSOLE_WORD.test(specification.cmdline) ? [consolePorts.virtio] : [];
    const machine = new Machine({
      engine,
      ramBytes: specification.memoryBytes,
      vcpuCount: specification.vcpuCount,
      kernel,
      initrd,
      commandLine: specification.cmdline,
      devices: [...blocks, vsock, new RngDevice(fillRandom), ...virtioConsole],
      time: HOST_TIME,
      fillRandom,
      onSerialOutput: (bytes) => consolePorts.serialOutput(bytes),
    });
    // They are in the guest's memory now.
    giveBack(kernel);
    giveBack(initrd);
    const { uart } = machine.board.serial;
    consolePorts.attachSerial({
      get isListening() {
        return uart.isListening;
      },
      offer: (bytes) => machine.inputSerial(bytes),
    });
    machine.start();
    return {
      machine: new MachineAdapter(machine, consolePorts),
      vsock,
      typeOnConsole: (bytes) => consolePorts.type(bytes),
      isWaitingForDisk: () => blocks.some((block) => block.hasPendingWork()),
      devices: deviceNames(machine),
      close: () => closeDisks(disks),
    };
  } catch (error) {
    await closeDisks(disks);
    throw error;
  }
}

const HOST_TIME: TimeSource = {
  monotonicNs: () => performance.now() * NS_PER_MS,
  wallClockNs: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n,
};

function deviceNames({ board }: Machine): DeviceNames {
  return {
    portOwner: (port) => board.ports.ownerOf(port),
    mmioOwner: (gpa) => (gpa === APIC_PAGE ? "local APIC" : board.mmio.ownerOf(gpa)),
  };
}

async function loadKernel(
  { kernelPath }: MachineSpecification,
  folderPath: string | undefined,
): Promise<Uint8Array> {
  const unpacked = folderPath === undefined ? undefined : new UnpackedKernels(folderPath);
  const kernel = kernelPath === undefined ? embeddedKernel(unpacked) : readKernel(kernelPath, unpacked);
  return (await kernel).bytes;
}

async function loadInitrd(specification: MachineSpecification): Promise<Uint8Array | undefined> {
  const { initrd, memoryBytes } = specification;
  if (initrd.kind === "file") return readInitrd(initrd.path, memoryBytes);
  return initrd.kind === "embedded" ? embeddedInitrd(memoryBytes) : undefined;
}

async function openDisks(specification: MachineSpecification): Promise<HostDisk[]> {
  const disks: HostDisk[] = [];
  try {
    for (const { path, mode } of specification.disks) disks.push(await openDisk(path, { mode }));
    return disks;
  } catch (error) {
    await closeDisks(disks);
    throw error;
  }
}

async function closeDisks(disks: readonly HostDisk[]): Promise<void> {
  await Promise.all(disks.map((disk) => disk.close()));
}

/** The machine as the runner sees it. */
class MachineAdapter implements RunnableMachine {
  readonly #machine: Machine;
  readonly #console: ConsolePorts;
  #delayMs = 0;

  constructor(machine: Machine, console: ConsolePorts) {
    this.#machine = machine;
    this.#console = console;
  }

  step(budget: number): Step {
    this.#console.pumpInput();
    const status = this.#machine.runSlice(budget);
    switch (status.kind) {
      case "ready":
        this.#delayMs = 0;
        return "budget";
      case "sleep":
        this.#delayMs = status.delayNs / NS_PER_MS;
        // The guest has made room for more keys: it is not idle while there are some.
        return this.#console.pumpInput() ? "ran" : "idle";
      case "idle":
        return "dead";
      case "ended":
        return END_STEPS[status.reason.kind];
    }
  }

  untilDueMs(): number {
    return this.#delayMs;
  }

  takeConsole(): Uint8Array | undefined {
    return this.#console.takeOutput();
  }

  describe(): string {
    const reason = this.#machine.endReason;
    return reason?.kind === "failure" ? `${reason.message}\n${reason.dump}` : this.#machine.describe();
  }
}

const END_STEPS = {
  "power-off": "power-off",
  reset: "reset",
  halt: "dead",
  failure: "failed",
  stopped: "dead",
} as const satisfies Record<string, Step>;
