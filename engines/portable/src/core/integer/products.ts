// Upper halves of 64×64→128 products, which WebAssembly has no instruction for.

/** Upper half of an unsigned product. */
export function mulHighU(a: u64, b: u64): u64 {
  const aLow = a & 0xffff_ffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffff_ffff;
  const bHigh = b >> 32;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >> 32);
  const cross = aLow * bHigh + (middle & 0xffff_ffff);
  return aHigh * bHigh + (middle >> 32) + (cross >> 32);
}

export function mulHighS(a: i64, b: i64): i64 {
  if (a == <i32>a && b == <i32>b) return (a * b) >> 63;
  let high = <i64>mulHighU(<u64>a, <u64>b);
  if (a < 0) high -= b;
  if (b < 0) high -= a;
  return high;
}
