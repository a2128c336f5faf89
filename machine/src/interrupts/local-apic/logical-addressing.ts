// Logical destinations of interrupt messages (Intel SDM vol. 3A, 11.6.2.2, 11.12.10).

/** The bit set by the destination format register for the flat model; all zeros there means clusters. */
const FORMAT_FLAT = 0xf;
/** All ones match every cluster and every member. */
const EVERY_CLUSTER = 0xff;

/** xAPIC: `destination` is 8 bits, `own` the logical destination register, `format` the destination format register. */
export function matchesXapicLogical(destination: number, own: number, format: number): boolean {
  const set = own >>> 24;
  if (format >>> 28 === FORMAT_FLAT) return (set & destination) !== 0;
  const isInCluster = destination === EVERY_CLUSTER || set >>> 4 === destination >>> 4;
  return isInCluster && (set & destination & 0xf) !== 0;
}

/** x2APIC: the cluster in the upper half must be the same, one of the 16 members in the lower half be named. */
export function matchesX2apicLogical(destination: number, own: number): boolean {
  return destination >>> 16 === own >>> 16 && (destination & own & 0xffff) !== 0;
}

/** The logical id x2APIC derives from the APIC id. */
export function x2apicLogicalId(id: number): number {
  return (((id >>> 4) << 16) | (1 << (id & 15))) >>> 0;
}
