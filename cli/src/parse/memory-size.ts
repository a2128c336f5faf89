// Sizes of memory as people write them: 128M, 1G, 262144K, or a bare number of MiB.

const UNITS_MIB: Readonly<Record<string, number>> = { K: 1 / 1024, M: 1, G: 1024, "": 1 };

/** MiB. Throws SyntaxError for anything that is no size; whether it is possible is the machine's to say. */
export function parseMemoryMib(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([KMG]?)(?:i?B)?$/i.exec(text.trim());
  const memoryMib =
    match === null ? Number.NaN : Number(match[1]) * (UNITS_MIB[(match[2] ?? "").toUpperCase()] ?? 1);
  if (!Number.isInteger(memoryMib) || memoryMib === 0)
    throw new SyntaxError(`"${text}" is no size of memory in whole MiB; write for example 128M or 1G`);
  return memoryMib;
}
