// The processor profile "hearth-v1": what CPUID says, the same on every host so that snapshots travel. Level x86-64-v2,
// no XSAVE, no AVX. The vendor string decides which mitigations Linux applies: an unknown vendor is assumed vulnerable
// to everything and gets retpolines, while Centaur family 7 is listed as free of Spectre v2, SWAPGS and MMIO leaks
// (arch/x86/kernel/cpu/common.c, cpu_vuln_whitelist); the rest is answered by IA32_ARCH_CAPABILITIES. The same vendor
// also makes glibc read cache sizes from leaf 4 and Linux trust the invariant TSC.

import { APIC_BUS_FREQUENCY_HZ } from "../interrupts/local-apic/apic-timer.ts";
import { KVM_CLOCK_FEATURES } from "../time/kvm-clock.ts";
import type { CpuidLeaf } from "./vcpu.ts";

export const CPU_PROFILE_NAME = "hearth-v1";

const VENDOR = "CentaurHauls";
const BRAND = "Hearth hearth-v1 virtual processor";
const HYPERVISOR_VENDOR = "KVMKVMKVM\0\0\0";

/** Family 7, model 1, stepping 1. */
export const CPU_SIGNATURE = 0x0711;
const CLFLUSH_QUADWORDS = 8;
const PHYSICAL_ADDRESS_BITS = 40;
const LINEAR_ADDRESS_BITS = 48;

/** Leaf 1 ECX. */
const FEATURES_1C = bits({
  sse3: 0,
  ssse3: 9,
  cx16: 13,
  pcid: 17,
  sse41: 19,
  sse42: 20,
  x2apic: 21,
  popcnt: 23,
  tscDeadline: 24,
  rdrand: 30,
  hypervisor: 31,
});
/** Leaf 1 EDX, without HTT. */
const FEATURES_1D = bits({
  fpu: 0,
  vme: 1,
  de: 2,
  pse: 3,
  tsc: 4,
  msr: 5,
  pae: 6,
  cx8: 8,
  apic: 9,
  sep: 11,
  mtrr: 12,
  pge: 13,
  cmov: 15,
  pat: 16,
  pse36: 17,
  clflush: 19,
  mmx: 23,
  fxsr: 24,
  sse: 25,
  sse2: 26,
});
const FEATURE_1D_HTT = 1 << 28;
/** Leaf 6 EAX: the APIC timer never stops. */
const FEATURES_6A = bits({ arat: 2 });
/** Leaf 7. Without IA32_TSC_ADJUST Linux checks the TSC against another clock, and finds fault with it on a busy host. */
const FEATURES_7B = bits({ fsgsbase: 0, tscAdjust: 1, smep: 7, erms: 9, invpcid: 10, smap: 20 });
const FEATURES_7C = bits({ umip: 2 });
const FEATURES_7D = bits({ fsrm: 4, archCapabilities: 29 });
/** Leaf 0x80000001. */
const FEATURES_E1C = bits({ lahf: 0 });
const FEATURES_E1D = bits({ syscall: 11, nx: 20, pages1g: 26, rdtscp: 27, longMode: 29 });
/** Leaf 0x80000007 EDX. */
const FEATURES_E7D = bits({ invariantTsc: 8 });

const MAX_BASIC_LEAF = 0x1f;
const MAX_EXTENDED_LEAF = 0x8000_0008;
const MAX_HYPERVISOR_LEAF = 0x4000_0010;

interface Cache {
  /** 1 data, 2 instruction, 3 unified. */
  readonly type: 1 | 2 | 3;
  readonly level: number;
  readonly ways: number;
  readonly sets: number;
  readonly isShared: boolean;
}

const LINE_BYTES = 64;
const CACHES: readonly Cache[] = [
  { type: 1, level: 1, ways: 8, sets: 64, isShared: false },
  { type: 2, level: 1, ways: 8, sets: 64, isShared: false },
  { type: 3, level: 2, ways: 16, sets: 1024, isShared: false },
  { type: 3, level: 3, ways: 16, sets: 16384, isShared: true },
];

export interface CpuidOptions {
  /** Equals the APIC id. */
  readonly vcpuId: number;
  readonly vcpuCount: number;
  readonly tscFrequencyHz: number;
}

/** The profile's leaves for one vCPU. A leaf or subleaf that is not listed reads as zeros. */
export function cpuidLeaves(options: CpuidOptions): CpuidLeaf[] {
  return [
    ...basicLeaves(options),
    ...cacheLeaves(options),
    ...topologyLeaves(options),
    ...hypervisorLeaves(options),
    ...extendedLeaves(),
  ];
}

function basicLeaves({ vcpuId, vcpuCount, tscFrequencyHz }: CpuidOptions): CpuidLeaf[] {
  const [vendorB, vendorD, vendorC] = words(VENDOR, 3);
  const apicField =
    ((vcpuId & 0xff) << 24) | (roundUpToPowerOfTwo(vcpuCount) << 16) | (CLFLUSH_QUADWORDS << 8);
  const megahertz = Math.round(tscFrequencyHz / 1e6);
  return [
    leaf(0, MAX_BASIC_LEAF, vendorB, vendorC, vendorD),
    leaf(1, CPU_SIGNATURE, apicField, FEATURES_1C, FEATURES_1D | (vcpuCount > 1 ? FEATURE_1D_HTT : 0)),
    // Descriptor 0xff: ask leaf 4.
    leaf(2, 0x0000_ff01, 0, 0, 0),
    leaf(6, FEATURES_6A, 0, 0, 0),
    { ...leaf(7, 0, FEATURES_7B, FEATURES_7C, FEATURES_7D), subleaf: 0 },
    // TSC = crystal × EBX / EAX, the crystal being the APIC timer's clock.
    leaf(0x15, APIC_BUS_FREQUENCY_HZ / 1e6, megahertz, APIC_BUS_FREQUENCY_HZ, 0),
    leaf(0x16, megahertz, megahertz, 100, 0),
  ];
}

function cacheLeaves({ vcpuCount }: CpuidOptions): CpuidLeaf[] {
  const idSpan = roundUpToPowerOfTwo(vcpuCount);
  return CACHES.map((cache, subleaf) => {
    const sharing = cache.isShared ? idSpan - 1 : 0;
    const selfInitialising = 1 << 8;
    const eax = cache.type | (cache.level << 5) | selfInitialising | (sharing << 14) | ((idSpan - 1) << 26);
    const ebx = (LINE_BYTES - 1) | ((cache.ways - 1) << 22);
    return { ...leaf(4, eax, ebx, cache.sets - 1, 0), subleaf };
  });
}

/** Leaves 0xb and 0x1f say the same: one thread a core, all cores in one package. */
function topologyLeaves({ vcpuId, vcpuCount }: CpuidOptions): CpuidLeaf[] {
  const coreShift = Math.log2(roundUpToPowerOfTwo(vcpuCount));
  return [0x0b, 0x1f].flatMap((number) => [
    { ...leaf(number, 0, 1, (1 << 8) | 0, vcpuId), subleaf: 0 },
    { ...leaf(number, coreShift, vcpuCount, (2 << 8) | 1, vcpuId), subleaf: 1 },
    { ...leaf(number, 0, 0, 2, vcpuId), subleaf: 2 },
  ]);
}

function hypervisorLeaves({ tscFrequencyHz }: CpuidOptions): CpuidLeaf[] {
  const [b, c, d] = words(HYPERVISOR_VENDOR, 3);
  return [
    leaf(0x4000_0000, MAX_HYPERVISOR_LEAF, b, c, d),
    leaf(0x4000_0001, KVM_CLOCK_FEATURES, 0, 0, 0),
    leaf(0x4000_0010, Math.round(tscFrequencyHz / 1000), APIC_BUS_FREQUENCY_HZ / 1000, 0, 0),
  ];
}

function extendedLeaves(): CpuidLeaf[] {
  const brand = words(BRAND, 12);
  const addressBits = PHYSICAL_ADDRESS_BITS | (LINEAR_ADDRESS_BITS << 8);
  return [
    leaf(0x8000_0000, MAX_EXTENDED_LEAF, 0, 0, 0),
    leaf(0x8000_0001, CPU_SIGNATURE, 0, FEATURES_E1C, FEATURES_E1D),
    ...[0, 1, 2].map((i) =>
      leaf(0x8000_0002 + i, brand[4 * i], brand[4 * i + 1], brand[4 * i + 2], brand[4 * i + 3]),
    ),
    // L1 and L2 the AMD way: KiB, ways, line size.
    leaf(
      0x8000_0005,
      0,
      0,
      (32 << 24) | (8 << 16) | (1 << 8) | LINE_BYTES,
      (32 << 24) | (8 << 16) | (1 << 8) | LINE_BYTES,
    ),
    leaf(0x8000_0006, 0, 0, (1024 << 16) | (8 << 12) | (1 << 8) | LINE_BYTES, 0),
    leaf(0x8000_0007, 0, 0, 0, FEATURES_E7D),
    leaf(0x8000_0008, addressBits, 0, 0, 0),
  ];
}

function leaf(number: number, eax = 0, ebx = 0, ecx = 0, edx = 0): CpuidLeaf {
  return { leaf: number, eax: eax >>> 0, ebx: ebx >>> 0, ecx: ecx >>> 0, edx: edx >>> 0 };
}

function bits(positions: Readonly<Record<string, number>>): number {
  return Object.values(positions).reduce((mask, position) => (mask | (1 << position)) >>> 0, 0);
}

/** ASCII as little-endian 32-bit words, padded with zeros. */
function words(text: string, count: number): number[] {
  return Array.from({ length: count }, (_, word) =>
    [0, 1, 2, 3].reduce((value, i) => value | ((text.charCodeAt(4 * word + i) || 0) << (8 * i)), 0),
  );
}

function roundUpToPowerOfTwo(count: number): number {
  return 1 << (32 - Math.clz32(Math.max(1, count) - 1));
}
