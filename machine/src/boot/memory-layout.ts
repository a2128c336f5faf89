// Where boot data and fixed devices are in guest-physical space. As Firecracker on x86-64, so that kernels, clients and
// expectations carry over.

/** Global descriptor table and interrupt descriptor table of the entry states. */
export const GDT_GPA = 0x500;
export const IDT_GPA = 0x520;
/** PVH start information, and the module list behind it. */
export const PVH_START_INFO_GPA = 0x6000;
export const PVH_MODULE_LIST_GPA = 0x6040;
/** Linux zero page, or the PVH memory map: a machine uses one of the two. */
export const ZERO_PAGE_GPA = 0x7000;
export const PVH_MEMORY_MAP_GPA = 0x7000;
export const BOOT_STACK_GPA = 0x8ff0;
/** Page tables of the 64-bit entry: identity map of the first GiB. */
export const PML4_GPA = 0x9000;
export const PDPT_GPA = 0xa000;
export const PAGE_DIRECTORY_GPA = 0xb000;
export const COMMAND_LINE_GPA = 0x2_0000;
export const COMMAND_LINE_MAX_BYTES = 2048;

/** Reserved for tables and identifiers: ACPI from the bottom, the generation id at the top. */
export const SYSTEM_AREA_START = 0x9_fc00;
export const SYSTEM_AREA_END = 0xe_0000;
export const RSDP_GPA = 0xe_0000;
export const HIGH_MEMORY_START = 0x10_0000;

/** virtio-mmio windows, one page each; interrupts count up in step. */
export const VIRTIO_MMIO_START = 0xc000_1000;
export const VIRTIO_MMIO_STRIDE = 0x1000;
export const FIRST_DEVICE_GSI = 5;
/** I/O APIC inputs 5 to 23 serve virtio devices and, last, the generation id. */
export const LAST_DEVICE_GSI = 23;
