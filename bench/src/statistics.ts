// The few numbers that a report of repeated measurements needs.

/** The middle value, the lower of the two middle ones for an even count; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}

/** (largest - smallest) / median: how far apart the samples are. 0 for one sample, NaN for none. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/** The geometric mean of positive numbers; NaN for none. */
export function geometricMean(values: readonly number[]): number {
  const logarithms = values.reduce((sum, value) => sum + Math.log(value), 0);
  return Math.exp(logarithms / values.length);
}
