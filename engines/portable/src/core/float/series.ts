/*
 * Power series of the transcendental functions, in a fraction z of 2^128, cut where the next term is below
 * 2^-87. Coefficients are factorials and odd numbers, inverted and rounded to 128 bits. Each returns the
 * high word of its sum; the low one is left in fractionLo.
 */

import { addTerm, finishSeries, startSeries, subtractTerm } from "./fraction";

/** z / 3! - z^2 / 5! + …: one minus sin(r) / r, for z = r * r up to 0.62. */
export function sineSeries(zHi: u64, zLo: u64): u64 {
  startSeries(zHi, zLo, 0x0000000000000000, 0x002ec368262c7034);
  subtractTerm(0x0000000000000000, 0x5c6e3bdb73d5c630);
  subtractTerm(0x0000000000000097, 0xa4da340a0ab92651);
  subtractTerm(0x000000000000ca96, 0x3b81856a53593029);
  subtractTerm(0x0000000000d73f9f, 0x399dc0f88ec32b58);
  subtractTerm(0x00000000b092309d, 0x43684be51c198e92);
  subtractTerm(0x0000006b99159fd5, 0x138e3f9d1f92e0df);
  subtractTerm(0x00002e3bc74aad8e, 0x671f5583911ca003);
  subtractTerm(0x000d00d00d00d00d, 0x00d00d00d00d00d0);
  subtractTerm(0x0222222222222222, 0x2222222222222222);
  subtractTerm(0x2aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab);
  return finishSeries();
}

/** z / 2! - z^2 / 4! + …: one minus cos(r). */
export function cosineSeries(zHi: u64, zLo: u64): u64 {
  startSeries(zHi, zLo, 0x0000000000000000, 0x04338e5b6dfe14a5);
  subtractTerm(0x0000000000000007, 0x950ae900808941ea);
  subtractTerm(0x0000000000000b41, 0x3c31dcbecbbdd802);
  subtractTerm(0x00000000000d73f9, 0xf399dc0f88ec32b6);
  subtractTerm(0x000000000c9cba54, 0x603e4e905d6f8a2f);
  subtractTerm(0x00000008f76c77fc, 0x6c4bdaa26d4c3d68);
  subtractTerm(0x0000049f93edde27, 0xd71cbbc05b4fa99a);
  subtractTerm(0x0001a01a01a01a01, 0xa01a01a01a01a01a);
  subtractTerm(0x005b05b05b05b05b, 0x05b05b05b05b05b0);
  subtractTerm(0x0aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab);
  subtractTerm(0x8000000000000000, 0x0000000000000000);
  return finishSeries();
}

/** z / 3 - z^2 / 5 + …: one minus atan(u) / u, for z = u * u up to 2^-10. */
export function arctangentSeries(zHi: u64, zLo: u64): u64 {
  startSeries(zHi, zLo, 0x0f0f0f0f0f0f0f0f, 0x0f0f0f0f0f0f0f0f);
  subtractTerm(0x1111111111111111, 0x1111111111111111);
  subtractTerm(0x13b13b13b13b13b1, 0x3b13b13b13b13b14);
  subtractTerm(0x1745d1745d1745d1, 0x745d1745d1745d17);
  subtractTerm(0x1c71c71c71c71c71, 0xc71c71c71c71c71c);
  subtractTerm(0x2492492492492492, 0x4924924924924925);
  subtractTerm(0x3333333333333333, 0x3333333333333333);
  subtractTerm(0x5555555555555555, 0x5555555555555555);
  return finishSeries();
}

/** z / 3 + z^2 / 5 + …: atanh(s) / s minus one, for z = s * s up to 2^-12. */
export function logarithmSeries(zHi: u64, zLo: u64): u64 {
  startSeries(zHi, zLo, 0x13b13b13b13b13b1, 0x3b13b13b13b13b14);
  addTerm(0x1745d1745d1745d1, 0x745d1745d1745d17);
  addTerm(0x1c71c71c71c71c71, 0xc71c71c71c71c71c);
  addTerm(0x2492492492492492, 0x4924924924924925);
  addTerm(0x3333333333333333, 0x3333333333333333);
  addTerm(0x5555555555555555, 0x5555555555555555);
  return finishSeries();
}

/** z / 2! + z^2 / 3! + …: (e^z - 1) / z minus one, for z up to 2^-5. */
export function growthSeries(zHi: u64, zLo: u64): u64 {
  startSeries(zHi, zLo, 0x0000006b99159fd5, 0x138e3f9d1f92e0df);
  addTerm(0x0000049f93edde27, 0xd71cbbc05b4fa99a);
  addTerm(0x00002e3bc74aad8e, 0x671f5583911ca003);
  addTerm(0x0001a01a01a01a01, 0xa01a01a01a01a01a);
  addTerm(0x000d00d00d00d00d, 0x00d00d00d00d00d0);
  addTerm(0x005b05b05b05b05b, 0x05b05b05b05b05b0);
  addTerm(0x0222222222222222, 0x2222222222222222);
  addTerm(0x0aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab);
  addTerm(0x2aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab);
  addTerm(0x8000000000000000, 0x0000000000000000);
  return finishSeries();
}

/** z / 2! - z^2 / 3! + …: one minus (1 - e^-z) / z. */
export function decaySeries(zHi: u64, zLo: u64): u64 {
  startSeries(zHi, zLo, 0x0000006b99159fd5, 0x138e3f9d1f92e0df);
  subtractTerm(0x0000049f93edde27, 0xd71cbbc05b4fa99a);
  subtractTerm(0x00002e3bc74aad8e, 0x671f5583911ca003);
  subtractTerm(0x0001a01a01a01a01, 0xa01a01a01a01a01a);
  subtractTerm(0x000d00d00d00d00d, 0x00d00d00d00d00d0);
  subtractTerm(0x005b05b05b05b05b, 0x05b05b05b05b05b0);
  subtractTerm(0x0222222222222222, 0x2222222222222222);
  subtractTerm(0x0aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab);
  subtractTerm(0x2aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab);
  subtractTerm(0x8000000000000000, 0x0000000000000000);
  return finishSeries();
}
