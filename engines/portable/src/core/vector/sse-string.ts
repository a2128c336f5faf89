// The comparison of PCMPESTRI and its three relatives (SDM volume 2, §4.1), and CRC-32C. Functions that only compute.
//
// Control byte: bit 0 words, bit 1 signed, bits 3:2 aggregation, bit 4 negate, bit 5 only within the second operand.

const EQUAL_ANY: u32 = 0;
const RANGES: u32 = 1;
const EQUAL_EACH: u32 = 2;

/** A bit for each element of a vector, bytes or words. */
function bitsOf(mask: v128, isWords: bool): u32 {
  return isWords ? i16x8.bitmask(mask) : i8x16.bitmask(mask);
}

function equal(a: v128, b: v128, isWords: bool): u32 {
  return bitsOf(isWords ? i16x8.eq(a, b) : i8x16.eq(a, b), isWords);
}

function atLeast(a: v128, b: v128, isWords: bool, isSigned: bool): u32 {
  if (isWords) return bitsOf(isSigned ? i16x8.ge_s(a, b) : i16x8.ge_u(a, b), true);
  return bitsOf(isSigned ? i8x16.ge_s(a, b) : i8x16.ge_u(a, b), false);
}

/** Every element is that of `v` with this index. */
function broadcast(v: v128, index: u32, isWords: bool): v128 {
  if (isWords) return i8x16.swizzle(v, i16x8.splat(<i16>(0x0100 + index * 0x0202)));
  return i8x16.swizzle(v, i8x16.splat(<i8>index));
}

/** Number of elements before the first zero, or the given number if that is not -1. */
function lengthOf(v: v128, given: i32, count: u32, isWords: bool): u32 {
  if (given >= 0) return min(<u32>given, count);
  return ctz(equal(v, i64x2.splat(0), isWords) | (1 << count));
}

/** Elements of b that are one of a's, or in one of the ranges whose bounds a's elements are. */
function inSet(a: v128, b: v128, lengthA: u32, ranges: bool, isWords: bool, isSigned: bool): u32 {
  let found: u32 = 0;
  if (!ranges) {
    for (let i: u32 = 0; i < lengthA; i++) found |= equal(b, broadcast(a, i, isWords), isWords);
    return found;
  }
  for (let i: u32 = 0; i + 1 < lengthA; i += 2) {
    const isAbove = atLeast(b, broadcast(a, i, isWords), isWords, isSigned);
    found |= isAbove & atLeast(broadcast(a, i + 1, isWords), b, isWords, isSigned);
  }
  return found;
}

/** Elements of b at which a begins. What lies beyond the register counts as equal, what lies beyond b's end does not. */
function substrings(a: v128, b: v128, lengthA: u32, validB: u32, count: u32, isWords: bool): u32 {
  let found: u32 = (1 << count) - 1;
  for (let i: u32 = 0; i < lengthA; i++) {
    const isEqual = equal(b, broadcast(a, i, isWords), isWords) & validB;
    const beyond = ~(((1 << count) - 1) >> i);
    found &= (isEqual >> i) | beyond;
  }
  return found;
}

/** The result bits, bit 16 when b is shorter than the register, bit 17 when a is. Lengths of -1: up to the first zero. */
export function compareStrings(
  firstLow: u64, firstHigh: u64, secondLow: u64, secondHigh: u64, givenA: i32, givenB: i32, control: u32,
): u32 {
  const a = i64x2.replace_lane(i64x2.splat(firstLow), 1, firstHigh);
  const b = i64x2.replace_lane(i64x2.splat(secondLow), 1, secondHigh);
  const isWords = (control & 1) != 0;
  const count: u32 = isWords ? 8 : 16;
  const all: u32 = (1 << count) - 1;
  const lengthA = lengthOf(a, givenA, count, isWords);
  const lengthB = lengthOf(b, givenB, count, isWords);
  const validA: u32 = (1 << lengthA) - 1;
  const validB: u32 = (1 << lengthB) - 1;
  const aggregation = (control >> 2) & 3;
  let bits: u32;
  if (aggregation == EQUAL_EACH) bits = (equal(a, b, isWords) & validA & validB) | (all & ~validA & ~validB);
  else if (aggregation == EQUAL_ANY || aggregation == RANGES)
    bits = inSet(a, b, lengthA, aggregation == RANGES, isWords, (control & 2) != 0) & validB;
  else bits = substrings(a, b, lengthA, validB, count, isWords);
  if ((control & 0x10) != 0) bits ^= (control & 0x20) != 0 ? validB : all;
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
