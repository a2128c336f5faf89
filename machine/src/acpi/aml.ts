// ACPI machine language encoder (ACPI 6.5, chapter 20), the small part a board without PCI needs. Each function gives
// the bytes of one term; terms nest by concatenation.

import { assert } from "../errors.ts";

export type Aml = readonly number[];

const ZERO_OP = 0x00;
const ONE_OP = 0x01;
const NAME_OP = 0x08;
const BYTE_PREFIX = 0x0a;
const WORD_PREFIX = 0x0b;
const DWORD_PREFIX = 0x0c;
const STRING_PREFIX = 0x0d;
const QWORD_PREFIX = 0x0e;
const SCOPE_OP = 0x10;
const BUFFER_OP = 0x11;
const PACKAGE_OP = 0x12;
const METHOD_OP = 0x14;
const DUAL_NAME_PREFIX = 0x2e;
const MULTI_NAME_PREFIX = 0x2f;
const EXT_OP = 0x5b;
const DEVICE_OP = 0x82;
const ROOT_CHAR = 0x5c;
const ARG0_OP = 0x68;
const NOTIFY_OP = 0x86;
const LEQUAL_OP = 0x93;
const IF_OP = 0xa0;

/** The shortest encoding of an unsigned integer. */
export function amlInteger(value: number | bigint): Aml {
  const number = BigInt(value);
  if (number === 0n) return [ZERO_OP];
  if (number === 1n) return [ONE_OP];
  if (number < 0x100n) return [BYTE_PREFIX, ...littleEndian(number, 1)];
  if (number < 0x1_0000n) return [WORD_PREFIX, ...littleEndian(number, 2)];
  if (number < 0x1_0000_0000n) return [DWORD_PREFIX, ...littleEndian(number, 4)];
  return [QWORD_PREFIX, ...littleEndian(number, 8)];
}

export function amlString(text: string): Aml {
  return [STRING_PREFIX, ...ascii(text), 0];
}

/** A seven-character EISA id such as "PNP0501" as its compressed integer (ACPI 6.5, 19.3.4). */
export function amlEisaId(id: string): Aml {
  assert(/^[A-Z]{3}[0-9A-F]{4}$/.test(id), `${id} is not an EISA id`);
  const letters = ascii(id.slice(0, 3)).reduce((value, code) => (value << 5) | (code - 0x40), 0);
  const swapped = ((letters & 0xff) << 8) | (letters >>> 8);
  const product = Number.parseInt(id.slice(3), 16);
  return [DWORD_PREFIX, ...littleEndian(BigInt(swapped), 2), product >>> 8, product & 0xff];
}

/** `path` is "NAME", "\\NAME" or several names with dots. */
export function amlPath(path: string): Aml {
  const isRooted = path.startsWith("\\");
  const names = (isRooted ? path.slice(1) : path).split(".").filter((name) => name !== "");
  const bytes = names.flatMap((name) => {
    assert(/^[A-Z_][A-Z0-9_]{0,3}$/.test(name), `${name} is not an ACPI name`);
    return ascii(name.padEnd(4, "_"));
  });
  const prefix =
    names.length <= 1 ? [] : names.length === 2 ? [DUAL_NAME_PREFIX] : [MULTI_NAME_PREFIX, names.length];
  return [...(isRooted ? [ROOT_CHAR] : []), ...prefix, ...bytes, ...(names.length === 0 ? [0] : [])];
}

export function amlName(path: string, value: Aml): Aml {
  return [NAME_OP, ...amlPath(path), ...value];
}

export function amlScope(path: string, ...terms: Aml[]): Aml {
  return [SCOPE_OP, ...withLength([...amlPath(path), ...terms.flat()])];
}

export function amlDevice(name: string, ...terms: Aml[]): Aml {
  return [EXT_OP, DEVICE_OP, ...withLength([...amlPath(name), ...terms.flat()])];
}

export function amlPackage(...elements: Aml[]): Aml {
  return [PACKAGE_OP, ...withLength([elements.length, ...elements.flat()])];
}

export function amlBuffer(bytes: Aml): Aml {
  return [BUFFER_OP, ...withLength([...amlInteger(bytes.length), ...bytes])];
}

/** A serialized method with `argumentCount` arguments. */
export function amlMethod(name: string, argumentCount: number, ...terms: Aml[]): Aml {
  const serialized = 1 << 3;
  return [METHOD_OP, ...withLength([...amlPath(name), argumentCount | serialized, ...terms.flat()])];
}

/** If (Arg0 == value) { terms }. */
export function amlIfArg0Equals(value: number, ...terms: Aml[]): Aml {
  return [IF_OP, ...withLength([LEQUAL_OP, ARG0_OP, ...amlInteger(value), ...terms.flat()])];
}

export function amlNotify(path: string, value: number): Aml {
  return [NOTIFY_OP, ...amlPath(path), ...amlInteger(value)];
}

export function littleEndian(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

export function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

/** PkgLength before `body`; the length counts its own bytes (ACPI 6.5, 20.2.4). */
function withLength(body: Aml): Aml {
  if (body.length + 1 <= 0x3f) return [body.length + 1, ...body];
  const lengthBytes = body.length + 2 <= 0xfff ? 2 : body.length + 3 <= 0xf_ffff ? 3 : 4;
  const length = body.length + lengthBytes;
  const lead = ((lengthBytes - 1) << 6) | (length & 0xf);
  return [lead, ...littleEndian(BigInt(length >>> 4), lengthBytes - 1), ...body];
}
