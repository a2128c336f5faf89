// The profile as software reads it. The expectations are what Linux 6.1 needs to skip mitigations, calibration and
// microcode questions; see the header of cpuid.ts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cpuidLeaves } from "./cpuid.ts";
import type { CpuidLeaf } from "./vcpu.ts";

const one = { vcpuId: 0, vcpuCount: 1, tscFrequencyHz: 1e9 };

function find(leaf: number, subleaf = 0, options = one): CpuidLeaf {
  const found = cpuidLeaves(options).find((l) => l.leaf === leaf && (l.subleaf ?? subleaf) === subleaf);
  assert.ok(found, `leaf 0x${leaf.toString(16)}.${subleaf}`);
  return found;
}

const text = (...words: number[]): string => {
  const view = new DataView(new ArrayBuffer(words.length * 4));
  words.forEach((word, i) => view.setUint32(i * 4, word, true));
  return new TextDecoder().decode(view.buffer).replace(/\0+$/, "");
};

describe("CPUID profile", () => {
  test("strings", () => {
    const vendor = find(0);
    assert.equal(text(vendor.ebx, vendor.edx, vendor.ecx), "CentaurHauls");
    const brand = [0x8000_0002, 0x8000_0003, 0x8000_0004].map((leaf) => find(leaf));
    assert.equal(
      text(...brand.flatMap((l) => [l.eax, l.ebx, l.ecx, l.edx])),
      "Hearth hearth-v1 virtual processor",
    );
    const hypervisor = find(0x4000_0000);
    assert.equal(text(hypervisor.ebx, hypervisor.ecx, hypervisor.edx), "KVMKVMKVM");
  });

  test("family 7: on Linux's list of processors without Spectre v2", () => {
    assert.equal((find(1).eax >>> 8) & 0xf, 7);
  });

  const present: [name: string, leaf: number, register: "eax" | "ebx" | "ecx" | "edx", bits: number[]][] = [
    ["x86-64 baseline", 1, "edx", [0, 4, 5, 6, 8, 9, 11, 13, 15, 16, 19, 23, 24, 25, 26]],
    ["x86-64-v2", 1, "ecx", [0, 9, 13, 19, 20, 23]],
    ["x2APIC, TSC deadline, PCID, RDRAND, hypervisor", 1, "ecx", [17, 21, 24, 30, 31]],
    ["timer that never stops", 6, "eax", [2]],
    ["FSGSBASE, SMEP, ERMS, INVPCID, SMAP", 7, "ebx", [0, 7, 9, 10, 20]],
    ["IA32_TSC_ADJUST, so that Linux needs no watchdog for the TSC", 7, "ebx", [1]],
    ["UMIP", 7, "ecx", [2]],
    ["FSRM, ARCH_CAPABILITIES", 7, "edx", [4, 29]],
    ["LAHF", 0x8000_0001, "ecx", [0]],
    ["SYSCALL, NX, 1 GiB pages, RDTSCP, long mode", 0x8000_0001, "edx", [11, 20, 26, 27, 29]],
    ["invariant TSC", 0x8000_0007, "edx", [8]],
    ["paravirtual clock, stable", 0x4000_0001, "eax", [0, 3, 24]],
  ];
  for (const [name, leaf, register, bits] of present) {
    test(`offered: ${name}`, () => {
      for (const bit of bits) assert.equal((find(leaf)[register] >>> bit) & 1, 1, `bit ${bit}`);
    });
  }

  const absent: [name: string, leaf: number, register: "eax" | "ebx" | "ecx" | "edx", bits: number[]][] = [
    [
      "PCLMUL, MONITOR, VMX, FMA, AES, XSAVE, OSXSAVE, AVX, F16C",
      1,
      "ecx",
      [1, 3, 5, 12, 25, 26, 27, 28, 29],
    ],
    ["machine checks", 1, "edx", [7, 14]],
    ["AVX2, AVX-512, RDSEED", 7, "ebx", [5, 16, 18]],
    ["protection keys, 5-level paging", 7, "ecx", [3, 16]],
    ["asynchronous page faults, steal time, paravirtual EOI", 0x4000_0001, "eax", [4, 5, 6]],
  ];
  for (const [name, leaf, register, bits] of absent) {
    test(`not offered: ${name}`, () => {
      for (const bit of bits) assert.equal((find(leaf)[register] >>> bit) & 1, 0, `bit ${bit}`);
    });
  }

  test("TSC frequency agrees in all three places", () => {
    const options = { ...one, tscFrequencyHz: 2_500_000_000 };
    const ratio = find(0x15, 0, options);
    assert.equal((ratio.ecx * ratio.ebx) / ratio.eax, 2_500_000_000);
    assert.equal(find(0x16, 0, options).eax, 2500);
    assert.equal(find(0x4000_0010, 0, options).eax, 2_500_000);
  });

  test("address sizes: 40 physical, 48 linear", () => assert.equal(find(0x8000_0008).eax & 0xffff, 0x3028));

  test("caches by leaf 4 add up", () => {
    const sizes = [0, 1, 2, 3].map((subleaf) => {
      const cache = find(4, subleaf);
      const ways = (cache.ebx >>> 22) + 1;
      const line = (cache.ebx & 0xfff) + 1;
      return [cache.eax & 0x1f, (cache.eax >>> 5) & 7, ways * line * (cache.ecx + 1)];
    });
    assert.deepEqual(sizes, [
      [1, 1, 32768],
      [2, 1, 32768],
      [3, 2, 1 << 20],
      [3, 3, 16 << 20],
    ]);
  });

  const topologies: [vcpuCount: number, coreShift: number, idSpan: number, hasHtt: boolean][] = [
    [1, 0, 1, false],
    [2, 1, 2, true],
    [3, 2, 4, true],
    [32, 5, 32, true],
  ];
  for (const [vcpuCount, coreShift, idSpan, hasHtt] of topologies) {
    test(`topology of ${vcpuCount} vCPUs`, () => {
      const options = { vcpuId: vcpuCount - 1, vcpuCount, tscFrequencyHz: 1e9 };
      const basic = find(1, 0, options);
      assert.equal((basic.ebx >>> 16) & 0xff, idSpan);
      assert.equal(basic.ebx >>> 24, vcpuCount - 1);
      assert.equal((basic.edx >>> 28) & 1, hasHtt ? 1 : 0);
      const cores = find(0xb, 1, options);
      assert.deepEqual(
        [cores.eax, cores.ebx, cores.ecx, cores.edx],
        [coreShift, vcpuCount, 0x201, vcpuCount - 1],
      );
      assert.equal((find(4, 0, options).eax >>> 26) + 1, idSpan);
    });
  }

  test("all values are unsigned 32-bit and no leaf is there twice", () => {
    const leaves = cpuidLeaves({ vcpuId: 200, vcpuCount: 250, tscFrequencyHz: 4e9 });
    const keys = new Set(leaves.map((l) => `${l.leaf}.${l.subleaf}`));
    assert.equal(keys.size, leaves.length);
    for (const l of leaves)
      for (const value of [l.eax, l.ebx, l.ecx, l.edx]) assert.equal(value, value >>> 0);
  });
});
