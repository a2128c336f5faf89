// Resource descriptors for _CRS (ACPI 6.5, 6.4). Each function gives one descriptor; `resourceTemplate` closes the list.

import { type Aml, amlBuffer, littleEndian } from "./aml.ts";

const IO = 0x47;
const END_TAG = 0x79;
const MEMORY32_FIXED = 0x86;
const EXTENDED_INTERRUPT = 0x89;

const IO_DECODE_16 = 1;
const MEMORY_READ_WRITE = 1;
/** Consumer, edge, active high, exclusive. */
const INTERRUPT_EDGE_HIGH = 0x03;

/** Fixed 32-bit memory range, read-write. */
export function memory32Fixed(gpa: number, sizeBytes: number): Aml {
  const words = [...littleEndian(BigInt(gpa), 4), ...littleEndian(BigInt(sizeBytes), 4)];
  return [MEMORY32_FIXED, 9, 0, MEMORY_READ_WRITE, ...words];
}

/** One edge-triggered, active-high, exclusive interrupt. */
export function edgeInterrupt(gsi: number): Aml {
  return [EXTENDED_INTERRUPT, 6, 0, INTERRUPT_EDGE_HIGH, 1, ...littleEndian(BigInt(gsi), 4)];
}

export function ioPorts(port: number, count: number): Aml {
  const address = littleEndian(BigInt(port), 2);
  return [IO, IO_DECODE_16, ...address, ...address, 1, count];
}

/** The buffer a _CRS name holds. A checksum of 0 means "not checked". */
export function resourceTemplate(...descriptors: Aml[]): Aml {
  return amlBuffer([...descriptors.flat(), END_TAG, 0]);
}
