// Byte-level encoding of WebAssembly: LEB128 integers, names, vectors (core specification §5.1, §5.2).

/** Bytes, nested to any depth so that pieces are joined without copying; `flatten` makes one array of them. */
export type Code = number | readonly Code[];

export function unsignedLeb(value: number): number[] {
  const out: number[] = [];
  let rest = value >>> 0;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    out.push(rest === 0 ? byte : byte | 0x80);
  } while (rest !== 0);
  return out;
}

export function signedLeb(value: number): number[] {
  const out: number[] = [];
  let rest = value | 0;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
      out.push(byte);
      return out;
    }
    out.push(byte | 0x80);
  }
}

export function signedLeb64(value: bigint): number[] {
  const out: number[] = [];
  let rest = BigInt.asIntN(64, value);
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (byte & 0x40) === 0) || (rest === -1n && (byte & 0x40) !== 0)) {
      out.push(byte);
      return out;
    }
    out.push(byte | 0x80);
  }
}

export function flatten(code: Code, out: number[] = []): number[] {
  if (typeof code === "number") out.push(code);
  else for (const part of code) flatten(part, out);
  return out;
}

export function vector(items: readonly Code[]): Code {
  return [unsignedLeb(items.length), items];
}

export function name(text: string): Code {
  const bytes = new TextEncoder().encode(text);
  return [unsignedLeb(bytes.length), [...bytes]];
}
