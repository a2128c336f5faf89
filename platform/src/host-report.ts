// What this host offers, for `hearth doctor` and for reports of problems.

import { constants } from "node:fs";
import { access, open } from "node:fs/promises";
import { availableParallelism, arch, cpus, freemem, platform, release, totalmem } from "node:os";
import { VERSION } from "./version.ts";
import { chooseEngine, type EngineChoice, PORTABLE_MAX_VCPUS } from "./vmm/specification/engine-choice.ts";

const MIB = 1024 * 1024;
const MIN_NODE_MAJOR = 24;

/** Whether /dev/kvm could be used, as one word and as a sentence. */
export interface KvmReport {
  readonly state: "usable" | "no-device" | "no-permission" | "broken" | "not-linux";
  readonly words: string;
}

export interface HostReport {
  readonly hearth: { readonly version: string };
  readonly node: { readonly version: string; readonly isSupported: boolean };
  readonly system: { readonly platform: string; readonly release: string; readonly architecture: string };
  readonly cpu: { readonly model: string; readonly count: number; readonly architecture: string };
  readonly memory: { readonly totalMib: number; readonly freeMib: number };
  readonly kvm: KvmReport;
  readonly webAssembly: { readonly isUsable: boolean; readonly words: string };
  readonly vcpus: { readonly maximum: number; readonly words: string };
  readonly engine: EngineChoice;
}

/** Looks at the host; changes nothing and needs no rights. */
export async function inspectHost(): Promise<HostReport> {
  const major = Number.parseInt(process.versions.node, 10);
  return {
    hearth: { version: VERSION },
    node: { version: process.version, isSupported: major >= MIN_NODE_MAJOR },
    system: { platform: platform(), release: release(), architecture: arch() },
    cpu: { model: cpus()[0]?.model.trim() ?? "unknown", count: availableParallelism(), architecture: arch() },
    memory: { totalMib: Math.floor(totalmem() / MIB), freeMib: Math.floor(freemem() / MIB) },
    kvm: await inspectKvm(),
    webAssembly: inspectWebAssembly(),
    vcpus: {
      maximum: PORTABLE_MAX_VCPUS,
      words: "The portable engine runs those of one machine in turns, in one thread.",
    },
    engine: chooseEngine("auto"),
  };
}

async function inspectKvm(path = "/dev/kvm"): Promise<KvmReport> {
  if (platform() !== "linux") return { state: "not-linux", words: "Not here: KVM is a part of Linux." };
  try {
    await access(path, constants.F_OK);
  } catch {
    return {
      state: "no-device",
      words: `There is no ${path}: no virtualisation by the CPU, or the module is not loaded.`,
    };
  }
  try {
    await (await open(path, "r+")).close();
    return { state: "usable", words: `${path} can be opened; the KVM engine is not built yet.` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM")
      return {
        state: "no-permission",
        words: `${path} is there but you may not open it; join its group (often "kvm").`,
      };
    return { state: "broken", words: `${path} is there but cannot be opened: ${code}.` };
  }
}

/** The portable engine needs a shared memory and vectors. */
function inspectWebAssembly(): HostReport["webAssembly"] {
  try {
    new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    return { isUsable: true, words: "Shared memory works: the portable engine can run." };
  } catch {
    return { isUsable: false, words: "Shared memory is not available: the portable engine cannot run." };
  }
}
