// The comparison of PCMPESTRI and its three relatives (SDM volume 2, §4.1), and CRC-32C. Functions that only compute.
//
// Control byte: bit 0 words, bit 1 signed, bits 3:2 aggregation, bit 4 negate, bit 5 only within the second operand.

const EQUAL_ANY: u32 = 0;
const RANGES: u32 = 1;
const EQUAL_EACH: u32 = 2;

let aLow: u64 = 0;
let aHigh: u64 = 0;
let bLow: u64 = 0;
let bHigh: u64 = 0;
let control: u32 = 0;

function element(low: u64, high: u64, index: u32): i32 {
  if ((control & 1) != 0) {
    const word = <u32>((index < 4 ? low : high) >> ((index & 3) << 4)) & 0xffff;
    return (control & 2) != 0 ? <i32>(<i16>word) : <i32>word;
  }
  const byte = <u32>((index < 8 ? low : high) >> ((index & 7) << 3)) & 0xff;
  return (control & 2) != 0 ? <i32>(<i8>byte) : <i32>byte;
}

/** Number of elements before the first zero, or the given number if that is not -1. */
function lengthOf(low: u64, high: u64, given: i32, count: u32): u32 {
  if (given >= 0) return min(<u32>given, count);
  let length: u32 = 0;
  while (length < count && element(low, high, length) != 0) length++;
  return length;
}

/** Is element j of b one of a's, or in one of the ranges whose bounds a's elements are? Invalid elements never match. */
function inSet(j: u32, lengthA: u32, ranges: bool): bool {
  const value = element(bLow, bHigh, j);
  if (!ranges) {
    for (let i: u32 = 0; i < lengthA; i++) if (element(aLow, aHigh, i) == value) return true;
    return false;
  }
  for (let i: u32 = 0; i + 1 < lengthA; i += 2)
    if (value >= element(aLow, aHigh, i) && value <= element(aLow, aHigh, i + 1)) return true;
  return false;
}

/** Does a begin at element j of b? What lies beyond the register counts as equal, what lies beyond b's end does not. */
function substringAt(j: u32, lengthA: u32, lengthB: u32, count: u32): bool {
  for (let i: u32 = 0; i < lengthA && i + j < count; i++) {
    if (i + j >= lengthB || element(aLow, aHigh, i) != element(bLow, bHigh, i + j)) return false;
  }
  return true;
}

function matches(j: u32, lengthA: u32, lengthB: u32, count: u32): bool {
  const aggregation = (control >> 2) & 3;
  if (aggregation == EQUAL_ANY || aggregation == RANGES)
    return j < lengthB && inSet(j, lengthA, aggregation == RANGES);
  if (aggregation == EQUAL_EACH) {
    if (j >= lengthA || j >= lengthB) return j >= lengthA && j >= lengthB;
    return element(aLow, aHigh, j) == element(bLow, bHigh, j);
  }
  return substringAt(j, lengthA, lengthB, count);
}

/** The result bits, bit 16 when b is shorter than the register, bit 17 when a is. Lengths of -1: up to the first zero. */
export function compareStrings(
  firstLow: u64, firstHigh: u64, secondLow: u64, secondHigh: u64, givenA: i32, givenB: i32, controlByte: u32,
): u32 {
  aLow = firstLow;
  aHigh = firstHigh;
  bLow = secondLow;
  bHigh = secondHigh;
  control = controlByte;
  const count: u32 = (control & 1) != 0 ? 8 : 16;
  const lengthA = lengthOf(aLow, aHigh, givenA, count);
  const lengthB = lengthOf(bLow, bHigh, givenB, count);
  let bits: u32 = 0;
  for (let j: u32 = 0; j < count; j++) {
    let bit = matches(j, lengthA, lengthB, count);
    if ((control & 0x10) != 0 && ((control & 0x20) == 0 || j < lengthB)) bit = !bit;
    bits |= <u32>bit << j;
  }
  return bits | (<u32>(lengthB < count) << 16) | (<u32>(lengthA < count) << 17);
}

/** The reflected Castagnoli polynomial applied to each value of four bits. */
const crcTable = memory.data<u32>([
  0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
  0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
]);

/** CRC32 of the low `bytes` bytes of `value` onto `crc`. */
export function crc32c(crc: u32, value: u64, bytes: u32): u32 {
  let rest = crc;
  let input = value;
  for (let i: u32 = 0; i < bytes; i++) {
    rest ^= <u32>input & 0xff;
    rest = (rest >> 4) ^ load<u32>(crcTable + ((rest & 15) << 2));
    rest = (rest >> 4) ^ load<u32>(crcTable + ((rest & 15) << 2));
    input >>= 8;
  }
  return rest;
}
