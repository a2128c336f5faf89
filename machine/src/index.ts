// What @hearth/machine offers to engines, hosts and platforms.

export { AssertionError, HearthError, assert } from "./errors.ts";
export * from "./cpu/vcpu.ts";
export { CPU_PROFILE_NAME, cpuidLeaves } from "./cpu/cpuid.ts";
export { GuestMemory, MMIO_HOLE_END, MMIO_HOLE_START, PAGE_SIZE } from "./memory/guest-memory.ts";
export type { RamRegion } from "./memory/guest-memory.ts";
export type { MmioDevice } from "./bus/mmio-device.ts";
export type { InterruptLine } from "./interrupts/interrupt-line.ts";

export { MAX_VCPUS, MIN_RAM_BYTES, Machine, TSC_FREQUENCY_HZ } from "./machine.ts";
export type { MachineOptions, MachineStatus } from "./machine.ts";
export type { EndReason, MachineState, ResetCause } from "./lifecycle/end-reason.ts";
export { describeEnd } from "./lifecycle/end-reason.ts";
export type { SerialSink } from "./devices/serial/serial-port.ts";
export type { TimeSource } from "./time/virtual-clock.ts";
export { VirtualClock } from "./time/virtual-clock.ts";
export { isBzImage, parseBzImage } from "./boot/bzimage.ts";
export type { BzImage, PayloadFormat } from "./boot/bzimage.ts";
export { isElf, parseElf } from "./boot/elf.ts";
export type { ElfKernel } from "./boot/elf.ts";
export { loadKernel } from "./boot/load-kernel.ts";
export type { BootOptions, BootProtocol, BootResult } from "./boot/load-kernel.ts";
export { linux64Registers, pvhRegisters } from "./boot/entry-registers.ts";

export type { VirtioDevice } from "./virtio/device.ts";
export { MmioTransport } from "./virtio/transport/mmio.ts";
export type { ChipState } from "./snapshot/chip-state.ts";
export type { BlockBackend, BlockDone } from "./virtio/block/block-backend.ts";
export { MemoryBlockBackend } from "./virtio/block/block-backend.ts";
export { BlockDevice } from "./virtio/block/block-device.ts";
export type { RandomSource } from "./virtio/rng/rng-device.ts";
export { RngDevice } from "./virtio/rng/rng-device.ts";
export type { VsockCounters, VsockListener } from "./virtio/vsock/vsock-device.ts";
export { MAX_VSOCK_CONNECTIONS, VsockDevice } from "./virtio/vsock/vsock-device.ts";
export type { VsockCloseReason, VsockStream, VsockStreamHandlers } from "./virtio/vsock/vsock-stream.ts";
export type { ConsoleSink } from "./virtio/console/console-device.ts";
export { ConsoleDevice } from "./virtio/console/console-device.ts";
