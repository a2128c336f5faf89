// A small assembler in Intel syntax for the guests of tests: labels, a few directives, no macros.
//
//   name:            a label
//   bits 16|32|64    the code segment from here on
//   org N, align N   moves on to an address, filling with INT3
//   db dw dd dq      data, comma-separated numbers and labels
//   ; comment

import { type CodeBits, littleEndian } from "./encoding.ts";
import { encode, isPrefix } from "./instructions.ts";
import { evaluate, type LabelLookup, parseOperand } from "./operands.ts";

export interface AssemblyOptions {
  /** Address of the first byte. */
  readonly origin: number | bigint;
  readonly bits: CodeBits;
  /** Names the source may use besides its own labels. */
  readonly symbols?: Readonly<Record<string, number | bigint>>;
}

export interface Assembly {
  readonly bytes: Uint8Array;
  /** Address of a label; throws when there is none of that name. */
  label(name: string): bigint;
}

const DATA_BYTES: Readonly<Record<string, number>> = { db: 1, dw: 2, dd: 4, dq: 8 };
const FILLER = 0xcc;

/** Translates `source`; throws an Error that names the line. */
export function assemble(source: string, options: AssemblyOptions): Assembly {
  // Lengths do not depend on the values of labels, so the first pass finds all addresses.
  const labels = new Map<string, bigint>();
  const known = new Map(Object.entries(options.symbols ?? {}).map(([name, value]) => [name, BigInt(value)]));
  const lenient: LabelLookup = (name) => known.get(name) ?? labels.get(name) ?? BigInt(options.origin);
  runPass(source, options, lenient, labels);
  const strict: LabelLookup = (name) => {
    const value = known.get(name) ?? labels.get(name);
    if (value === undefined) throw new Error(`unknown name "${name}"`);
    return value;
  };
  const bytes = runPass(source, options, strict, new Map());
  return { bytes: Uint8Array.from(bytes), label: strict };
}

function runPass(
  source: string,
  options: AssemblyOptions,
  lookup: LabelLookup,
  labels: Map<string, bigint>,
): number[] {
  const bytes: number[] = [];
  const origin = BigInt(options.origin);
  let bits = options.bits;
  source.split("\n").forEach((text, number) => {
    try {
      const [, names = "", rest = ""] =
        /^\s*((?:\w+:\s+|\w+:$)*)(.*)$/.exec(text.replace(/;.*/, "").trimEnd()) ?? [];
      for (const [name] of names.matchAll(/\w+/g)) labels.set(name, origin + BigInt(bytes.length));
      if (rest === "") return;
      if (rest.startsWith("bits ")) bits = Number(rest.slice(5)) as CodeBits;
      else for (const byte of statementBytes(rest, bits, origin, bytes.length, lookup)) bytes.push(byte);
    } catch (cause) {
      throw new Error(`line ${number + 1}, "${text.trim()}": ${(cause as Error).message}`, { cause });
    }
  });
  return bytes;
}

function statementBytes(
  text: string,
  bits: CodeBits,
  origin: bigint,
  offset: number,
  lookup: LabelLookup,
): number[] {
  const [mnemonic, rest] = splitOnce(text);
  const address = origin + BigInt(offset);
  if (mnemonic === "org" || mnemonic === "align") {
    const { value } = evaluate(rest, lookup);
    const target = mnemonic === "org" ? value : ((address + value - 1n) / value) * value;
    if (target < address) throw new Error("org goes backwards");
    return Array.from({ length: Number(target - address) }, () => FILLER);
  }
  const width = DATA_BYTES[mnemonic];
  if (width !== undefined)
    return commaSeparated(rest).flatMap((item) => littleEndian(evaluate(item, lookup).value, width));
  if (isPrefix(mnemonic) && rest !== "") {
    const prefix = encode({ bits, address }, mnemonic, []);
    return [...prefix, ...statementBytes(rest, bits, origin, offset + prefix.length, lookup)];
  }
  const operands = commaSeparated(rest).map((operand) => parseOperand(operand, lookup));
  return encode({ bits, address }, mnemonic, operands);
}

function splitOnce(text: string): [string, string] {
  const space = text.search(/\s/);
  return space < 0 ? [text, ""] : [text.slice(0, space), text.slice(space).trim()];
}

function commaSeparated(text: string): string[] {
  return text === "" ? [] : text.split(",").map((item) => item.trim());
}
