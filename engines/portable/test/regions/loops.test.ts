// Compiled regions against the host's CPU: loops of random instructions with jumps inside, and with memory accesses whose faults
// must find every register as it was.
//   HEARTH_SEED, HEARTH_FUZZ_ITERATIONS  as for the comparison of single instructions

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeState, stateDifferences } from "../differential/compare.ts";
import { randomSequence, sequenceVariants } from "../differential/sequence.ts";
import { EngineRunner } from "../engine-runner.ts";
import {
  buildCpuOracle,
  type CpuAnswer,
  type CpuCase,
  cpuOracleMissing,
  ORACLE_CODE,
  ORACLE_WINDOW,
} from "../oracle.ts";
import { Random } from "../vector/random.ts";

const SEED = Number(process.env["HEARTH_SEED"] ?? 1);
const CASES = Number(process.env["HEARTH_FUZZ_ITERATIONS"] ?? 1_500);
const COUNTER = ORACLE_WINDOW + 16n;
const CELL = ORACLE_WINDOW + 0x78n;
const STACK_BYTES = [24, 16, 8, 0].map((shift) => (Number(ORACLE_WINDOW + 0xc0n) >> shift) & 0xff).reverse();
/** What a short jump reaches. */
const MAX_CODE_BYTES = 120;
/** Nothing is mapped there. */
const NOWHERE = 0x1800_0000n;
const skip = cpuOracleMissing() ?? false;

/** `opcode` at `offset` in the code, with an operand relative to RIP or, in 32-bit code, at an address. */
function onMemory(bits: 32 | 64, offset: number, opcode: readonly number[], target: bigint): number[] {
  const end = ORACLE_CODE + BigInt(offset + opcode.length + 4);
  const displacement = Number(bits === 64 ? target - end : target);
  return [...opcode, ...[0, 8, 16, 24].map((shift) => (displacement >> shift) & 0xff)];
}

/** PUSH, CALL, POP on a stack in the window. Answers where the call's distance ends. */
function pushCall(random: Random, code: number[]): number {
  const register = (): number => random.pick([0, 1, 2, 3, 5, 6, 7]);
  code.push(0xbc, ...STACK_BYTES, 0x50 | register());
  if (random.below(3) === 0) code.push(0xe8, 0, 0, 0, 0, 0x58 | register());
  code.push(0xe8, 0, 0, 0, 0);
  const end = code.length;
  code.push(0x58 | register());
  return end;
}

/** INT3, then the called function: an addition, or a push and pop that leave the stack as it was, and a return. */
function pushFunction(random: Random, code: number[], callEnd: number): void {
  code.push(0xcc);
  code[callEnd - 4] = code.length - callEnd;
  code.push(
    ...random.pick([
      [0x01, 0xc8],
      [0x11, 0xda],
      [0x53, 0x5e],
      [0x8b, 0x04, 0x24],
    ]),
  );
  if (random.below(8) === 0) code.push(0xff, 0x04, 0x24);
  code.push(...random.pick([[0xc3], [0xc3], [0xc2, 4, 0]]));
}

/** A loop around a random sequence: adds a register to memory, reads it back, calls, counts down in memory. */
function randomLoop(random: Random, bits: 32 | 64, variants: ReturnType<typeof sequenceVariants>): CpuCase {
  // REX.W, which is DEC EAX in 32-bit code.
  for (;;) {
    const { before } = randomSequence(random, bits, variants);
    const code = [...before.code];
    const register = random.below(8) << 3;
    const cell = random.below(6) === 0 ? NOWHERE : CELL;
    code.push(...onMemory(bits, code.length, [0x48, 0x01, 0x05 | register], cell));
    code.push(...onMemory(bits, code.length, [0x48, 0x8b, 0x05 | (random.below(8) << 3)], CELL));
    const calls = random.below(2) === 0;
    const callEnd = calls ? pushCall(random, code) : 0;
    code.push(...onMemory(bits, code.length, [0xff, 0x0d], COUNTER));
    code.push(0x75, -(code.length + 2) & 0xff);
    if (code.length > MAX_CODE_BYTES) continue;
    if (calls) pushFunction(random, code, callEnd);
    const window = Uint8Array.from(before.window);
    window[16] = 1 + random.below(40);
    return { ...before, rflags: before.rflags & ~0x100n, code: Uint8Array.from(code), window };
  }
}

test("loops with jumps and memory accesses do what the host's CPU does", { skip }, async () => {
  const random = new Random(SEED);
  const variants = { 32: sequenceVariants(32), 64: sequenceVariants(64) };
  const cases = Array.from({ length: CASES }, () => {
    const bits = random.below(3) === 0 ? 32 : 64;
    return randomLoop(random, bits, variants[bits]);
  });
  const engine = await EngineRunner.create("forced");
  const answers = buildCpuOracle()(cases);
  for (const regions of ["forced", "mixed"] as const)
    cases.forEach((before, i) => {
      const found = stateDifferences(engine.run(before, { regions }), answers[i] as CpuAnswer);
      assert.deepEqual(found, [], `seed ${SEED}, ${regions}, ${describeState("loop", before, found)}`);
    });
});
