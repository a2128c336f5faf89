// Boot: recognises the kernel, loads it with its command line and initrd, and gives the registers to start with.

import { HearthError } from "../errors.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import type { VcpuRegisters } from "../cpu/vcpu.ts";
import { isBzImage, loadBzImage, parseBzImage } from "./bzimage.ts";
import { writeCommandLine } from "./command-line.ts";
import { isElf, loadElf, parseElf, wrongArchitecture } from "./elf.ts";
import { linux64Registers, pvhRegisters } from "./entry-registers.ts";
import { loadInitrd } from "./initrd.ts";
import { writePvhStartInfo } from "./pvh.ts";
import { writeZeroPage } from "./zero-page.ts";

export type BootProtocol = "pvh" | "linux64";

export interface BootOptions {
  /** An ELF vmlinux or a bzImage. */
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array | undefined;
  /** Complete: nothing is added. */
  readonly commandLine: string;
  /** "auto": PVH when the kernel offers it, else the 64-bit protocol. A bzImage knows only the latter. */
  readonly protocol?: BootProtocol | "auto" | undefined;
}

export interface BootResult {
  readonly registers: VcpuRegisters;
  readonly protocol: BootProtocol;
}

/** Magic of an arm64 Image, at offset 56. */
const ARM64_MAGIC_OFFSET = 56;
const ARM64_MAGIC = [0x41, 0x52, 0x4d, 0x64];

/** Fills RAM for the boot; ACPI tables are written separately. Throws HearthError `kernel.*`, `initrd.*`, `boot.*`. */
export function loadKernel(memory: GuestMemory, options: BootOptions): BootResult {
  writeCommandLine(memory, options.commandLine);
  if (options.kernel.length === 0) throw new HearthError("kernel.empty", "The kernel file is empty.");
  if (isElf(options.kernel)) return loadElfKernel(memory, options);
  if (isBzImage(options.kernel)) return loadBzImageKernel(memory, options);
  if (ARM64_MAGIC.every((byte, i) => options.kernel[ARM64_MAGIC_OFFSET + i] === byte))
    throw wrongArchitecture("AArch64 (64-bit Arm)");
  throw new HearthError(
    "kernel.unknown-format",
    "The kernel is neither an ELF file (vmlinux) nor a bzImage.",
  );
}

function loadElfKernel(memory: GuestMemory, options: BootOptions): BootResult {
  const kernel = parseElf(options.kernel);
  const wanted = options.protocol ?? "auto";
  if (wanted === "pvh" && kernel.pvhEntry === undefined)
    throw new HearthError("kernel.no-pvh", "The kernel has no PVH entry point (CONFIG_PVH).");
  const kernelEnd = loadElf(memory, options.kernel, kernel);
  const initrd = options.initrd && loadInitrd(memory, options.initrd, kernelEnd, Number.POSITIVE_INFINITY);
  if (kernel.pvhEntry !== undefined && wanted !== "linux64") {
    writePvhStartInfo(memory, initrd);
    return { registers: pvhRegisters(memory, kernel.pvhEntry), protocol: "pvh" };
  }
  writeZeroPage(memory, initrd === undefined ? {} : { initrd });
  return { registers: linux64Registers(memory, kernel.entry), protocol: "linux64" };
}

function loadBzImageKernel(memory: GuestMemory, options: BootOptions): BootResult {
  if (options.protocol === "pvh") throw new HearthError("kernel.no-pvh", "A bzImage has no PVH entry point.");
  const kernel = parseBzImage(options.kernel);
  const kernelEnd = loadBzImage(memory, kernel);
  const initrd = options.initrd && loadInitrd(memory, options.initrd, kernelEnd, kernel.initrdLimit);
  writeZeroPage(memory, { setupHeader: kernel.setupHeader, ...(initrd === undefined ? {} : { initrd }) });
  return { registers: linux64Registers(memory, kernel.entry), protocol: "linux64" };
}
