// Whole boots: which protocol is chosen, and what stands in memory and registers when the kernel starts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { tinyBzImage, tinyElf } from "@hearth/testkit/tiny-kernel";
import type { VcpuRegisters } from "../cpu/vcpu.ts";
import { HearthError } from "../errors.ts";
import { GuestMemory } from "../memory/guest-memory.ts";
import { type BootOptions, type BootResult, loadKernel } from "./load-kernel.ts";

const RAM_BYTES = 0x200_0000;
const INITRD = Uint8Array.of(0xaa, 0xbb, 0xcc);
const INITRD_GPA = RAM_BYTES - 4096;

function boot(options: Partial<BootOptions> & { kernel: Uint8Array }): BootResult & { memory: GuestMemory } {
  const memory = new GuestMemory(new ArrayBuffer(RAM_BYTES), 0, RAM_BYTES);
  // Memory is not always fresh: boot data must not depend on it.
  memory.slice(0x7000, 0x1000).fill(0x5a);
  return { memory, ...loadKernel(memory, { commandLine: "console=ttyS0", ...options }) };
}

function flat(segment: VcpuRegisters["cs"]): unknown[] {
  return [segment.selector, segment.base, segment.limit, segment.attributes];
}

describe("choosing a protocol", () => {
  const withPvh = tinyElf({ pvhEntry: 0x100_0100 });
  const cases: [name: string, kernel: Uint8Array, wanted: BootOptions["protocol"], expected: string][] = [
    ["ELF with the note", withPvh, undefined, "pvh"],
    ["ELF with the note, told otherwise", withPvh, "linux64", "linux64"],
    ["ELF without", tinyElf(), "auto", "linux64"],
    ["bzImage", tinyBzImage(), "auto", "linux64"],
  ];
  for (const [name, kernel, protocol, expected] of cases) {
    test(name, () => assert.equal(boot({ kernel, protocol }).protocol, expected));
  }

  const arm = new Uint8Array(64);
  arm.set([0x41, 0x52, 0x4d, 0x64], 56);
  const refused: [name: string, kernel: Uint8Array, protocol: BootOptions["protocol"], code: string][] = [
    ["PVH without the note", tinyElf(), "pvh", "kernel.no-pvh"],
    ["PVH of a bzImage", tinyBzImage(), "pvh", "kernel.no-pvh"],
    ["an empty file", new Uint8Array(), "auto", "kernel.empty"],
    ["an arm64 Image", arm, "auto", "kernel.wrong-architecture"],
    ["a text file", new TextEncoder().encode("hello, this is no kernel"), "auto", "kernel.unknown-format"],
  ];
  for (const [name, kernel, protocol, code] of refused) {
    test(`refused: ${name}`, () => {
      assert.throws(
        () => boot({ kernel, protocol }),
        (error) => error instanceof HearthError && error.code === code,
      );
    });
  }
});

describe("Linux 64-bit protocol", () => {
  const { memory, registers } = boot({ kernel: tinyElf(), initrd: INITRD });

  test("registers", () => {
    assert.deepEqual(
      [registers.rip, registers.rsi, registers.rsp, registers.rbp],
      [0x100_0000n, 0x7000n, 0x8ff0n, 0x8ff0n],
    );
    assert.deepEqual([registers.cr0, registers.cr3, registers.cr4], [0x8000_0011n, 0x9000n, 0x20n]);
    assert.deepEqual([registers.efer, registers.rflags], [0x500n, 2n]);
    assert.deepEqual(flat(registers.cs), [8, 0n, 0xffff_ffff, 0xa09b]);
    for (const segment of [registers.ds, registers.es, registers.ss])
      assert.deepEqual(flat(segment), [16, 0n, 0xffff_ffff, 0xc093]);
    assert.deepEqual(flat(registers.tr), [24, 0n, 0x67, 0x8b]);
    assert.deepEqual(
      [registers.gdtr, registers.idtr],
      [
        { base: 0x500n, limit: 31 },
        { base: 0x520n, limit: 7 },
      ],
    );
  });

  test("the descriptor table says the same as the registers", () => {
    const gdt = [0, 1, 2, 3].map((i) => memory.readU64(0x500 + i * 8));
    assert.deepEqual(gdt, [0n, 0x00af_9b00_0000_ffffn, 0x00cf_9300_0000_ffffn, 0x0000_8b00_0000_0067n]);
  });

  test("the first GiB is mapped at its own address in 2 MiB pages", () => {
    assert.equal(memory.readU64(0x9000), 0xa003n);
    assert.equal(memory.readU64(0xa000), 0xb003n);
    for (let i = 0; i < 512; i++)
      assert.equal(memory.readU64(0xb000 + i * 8), BigInt(i) * 0x20_0000n + 0x83n);
  });

  test("zero page", () => {
    const page = 0x7000;
    assert.equal(memory.readU16(page + 0x1fe), 0xaa55);
    assert.equal(memory.readU32(page + 0x202), 0x5372_6448);
    assert.equal(memory.readU8(page + 0x210), 0xff);
    assert.deepEqual([memory.readU32(page + 0x218), memory.readU32(page + 0x21c)], [INITRD_GPA, 3]);
    assert.equal(memory.readU32(page + 0x228), 0x2_0000);
    assert.equal(memory.readU64(page + 0x70), 0xe_0000n);
    assert.equal(memory.readU8(page + 0x1e8), 3);
    assert.equal(memory.readU64(page + 0x2d0 + 20), 0x9_fc00n);
    assert.equal(memory.readU32(page + 0x2d0 + 36), 2);
    assert.equal(memory.readU32(page), 0, "nothing is left of what was there");
  });

  test("command line and initrd are in place", () => {
    assert.equal(new TextDecoder().decode(memory.slice(0x2_0000, 14)), "console=ttyS0\0");
    assert.deepEqual([...memory.slice(INITRD_GPA, 4)], [0xaa, 0xbb, 0xcc, 0]);
  });
});

test("a bzImage brings its setup header and starts at +0x200", () => {
  const { memory, registers } = boot({ kernel: tinyBzImage(), initrd: INITRD });
  assert.equal(registers.rip, 0x100_0200n);
  assert.equal(memory.readU16(0x7206), 0x020f);
  assert.equal(memory.readU32(0x7260), 0x1_0000);
  assert.equal(memory.readU8(0x7210), 0xff);
  assert.equal(memory.readU32(0x7218), INITRD_GPA);
});

describe("PVH", () => {
  const { memory, registers } = boot({ kernel: tinyElf({ pvhEntry: 0x100_0100 }), initrd: INITRD });

  test("registers: 32-bit protected mode, paging off", () => {
    assert.deepEqual([registers.rip, registers.rbx, registers.rflags], [0x100_0100n, 0x6000n, 2n]);
    assert.deepEqual([registers.cr0, registers.cr3, registers.cr4, registers.efer], [0x11n, 0n, 0n, 0n]);
    assert.deepEqual(flat(registers.cs), [8, 0n, 0xffff_ffff, 0xc09b]);
    assert.equal(memory.readU64(0x508), 0x00cf_9b00_0000_ffffn);
  });

  test("start information", () => {
    const words = [0, 4, 8, 12].map((offset) => memory.readU32(0x6000 + offset));
    assert.deepEqual(words, [0x336e_c578, 1, 0, 1]);
    const pointers = [16, 24, 32, 40].map((offset) => memory.readU64(0x6000 + offset));
    assert.deepEqual(pointers, [0x6040n, 0x2_0000n, 0xe_0000n, 0x7000n]);
    assert.deepEqual(
      [memory.readU64(0x6040), memory.readU64(0x6048), memory.readU64(0x6050)],
      [BigInt(INITRD_GPA), 3n, 0n],
    );
    assert.equal(memory.readU32(0x6030), 3);
    const entry = (i: number): unknown[] => [
      memory.readU64(0x7000 + i * 24),
      memory.readU64(0x7008 + i * 24),
      memory.readU32(0x7010 + i * 24),
      memory.readU32(0x7014 + i * 24),
    ];
    assert.deepEqual(entry(0), [0n, 0x9_fc00n, 1, 0]);
    assert.deepEqual(entry(2), [0x10_0000n, BigInt(RAM_BYTES - 0x10_0000), 1, 0]);
  });

  test("without an initrd there is no module", () => {
    const bare = boot({ kernel: tinyElf({ pvhEntry: 0x100_0100 }) }).memory;
    assert.deepEqual([bare.readU32(0x600c), bare.readU64(0x6010)], [0, 0n]);
  });
});
