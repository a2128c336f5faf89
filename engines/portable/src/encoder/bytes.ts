// Byte-level encoding of WebAssembly: LEB128 integers, names, vectors (core specification §5.1, §5.2).

/** Bytes, nested to any depth so that pieces are joined without copying; `flatten` makes one array of them. */
export type Code = number | Uint8Array | BranchHint | readonly Code[];

/** Stands right before an `if` or `br_if` and says which way it mostly goes; it has no bytes of its own. */
export interface BranchHint {
  readonly isLikely: boolean;
}

/** A hint with the offset of its branch. */
export interface PlacedHint extends BranchHint {
  readonly offset: number;
}

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

/** An unsigned LEB128 integer of up to 32 bits at `at`, and where it ends. */
export function readUnsignedLeb(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let next = at, shift = 0; ; shift += 7) {
    const byte = bytes[next++] as number;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value: value >>> 0, next };
  }
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

export function flatten(code: Code): Uint8Array<ArrayBuffer> {
  return flattenWithHints(code).bytes;
}

export function flattenWithHints(code: Code): {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly hints: readonly PlacedHint[];
} {
  const writer = new ByteWriter();
  writer.write(code);
  return { bytes: writer.bytes.slice(0, writer.length), hints: writer.hints };
}

/** Bytes that grow at their end. */
class ByteWriter {
  bytes = new Uint8Array(1024);
  length = 0;
  readonly hints: PlacedHint[] = [];

  write(code: Code): void {
    if (typeof code === "number") {
      if (this.length === this.bytes.length) this.#reserve(1);
      this.bytes[this.length++] = code;
    } else if (Array.isArray(code)) {
      for (let i = 0; i < code.length; i++) this.write(code[i] as Code);
    } else if (code instanceof Uint8Array) {
      this.#reserve(code.length);
      this.bytes.set(code, this.length);
      this.length += code.length;
    } else this.hints.push({ offset: this.length, isLikely: (code as BranchHint).isLikely });
  }

  #reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

export function vector(items: readonly Code[]): Code {
  return [unsignedLeb(items.length), items];
}

export function name(text: string): Code {
  const bytes = new TextEncoder().encode(text);
  return [unsignedLeb(bytes.length), [...bytes]];
}
