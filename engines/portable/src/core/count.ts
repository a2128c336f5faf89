// Counters in a vCPU's area, for the profile (CPU_COUNT_* of layout.ts): of what is rare or slow in itself.

// @ts-ignore: decorator
@inline
export function count(cpu: usize, field: usize): void {
  const at = cpu + field;
  store<u64>(at, load<u64>(at) + 1);
}
