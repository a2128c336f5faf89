// What profilers and stack traces call a compiled region: its name in the module says where its code is.

const PREFIX = "region ";

/** Name under which a module exports the function of the region with this index. */
export const regionExport = (index: number): string => `r${index}`;

/** `linear` is the address of the entry. */
export function regionName(linear: bigint): string {
  return `${PREFIX}${BigInt.asUintN(64, linear).toString(16).padStart(16, "0")}`;
}

/** The address of the entry; undefined for names of other functions. */
export function regionAddress(name: string): bigint | undefined {
  const digits = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : "";
  return /^[0-9a-f]{16}$/.test(digits) ? BigInt(`0x${digits}`) : undefined;
}
