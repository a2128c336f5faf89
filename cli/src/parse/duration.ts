// Durations as people write them: 30s, 500ms, 2m, 1h, 1m30s, or a bare number of seconds.

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** Longest a timer can be set to. */
const MAX_MS = 2 ** 31 - 1;

/** Milliseconds. Throws SyntaxError. */
export function parseDurationMs(text: string): number {
  const trimmed = text.trim();
  let durationMs = Number.NaN;
  if (/^\d+(\.\d+)?$/.test(trimmed)) durationMs = Number(trimmed) * 1000;
  else if (/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(trimmed)) {
    durationMs = 0;
    for (const [, count, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
      durationMs += Number(count) * (UNITS_MS[unit as string] as number);
  }
  if (!(durationMs > 0 && durationMs <= MAX_MS))
    throw new SyntaxError(`"${text}" is no duration; write for example 30s, 500ms or 2m`);
  return Math.ceil(durationMs);
}
