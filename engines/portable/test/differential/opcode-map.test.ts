// Which opcodes there are: every opcode of the four maps with every mandatory prefix, ModRM.reg and kind of operand either exists
// here and on the host's CPU or on neither. One in STRIDE of them in a test, all with HEARTH_FUZZ_ITERATIONS.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineRunner } from "../engine-runner.ts";
import {
  blankCase,
  buildCpuOracle,
  type CpuAnswer,
  type CpuCase,
  cpuOracleMissing,
  ORACLE_WINDOW,
} from "../oracle.ts";
import type { CodeBits } from "./draft.ts";

const SEED = Number(process.env["HEARTH_SEED"] ?? 1);
const STRIDE = process.env["HEARTH_FUZZ_ITERATIONS"] === undefined ? 12 : 1;
const BATCH = 4096;
const INVALID_OPCODE = 6;
const PREFIXES = { np: [], "66": [0x66], f3: [0xf3], f2: [0xf2] } as const;
const MAPS = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]] as const;

/** Prefixes and escapes, extensions in VEX and EVEX, and what would leave the program: system calls, time, random numbers. */
const LEFT_OUT = [
  /^64 \S+ 4./,
  /^.. \S+ (0f|26|2e|36|3e|6[4-7]|f[023]|cd|c[45]|62)\//,
  /^.. \S+ 8f\/[1-7]/,
  /^.. \S+ 0f (05|34|35|31|33|38|3a)\//,
  /^.. \S+ 0f 01\/.r/,
  /^.. \S+ 0f c7\/[67]r/,
];

/** Extensions the host may have and the guest's CPU has not. */
const HOST_EXTENSIONS: Readonly<Record<string, RegExp>> = {
  SSE4A: /^(f[23] 0f 2b|(66|f2) 0f 7[89])/,
  "XSAVE, XSAVEC, XSAVES": /^np 0f (ae\/[456]m|c7\/[345]m)/,
  "CLWB, CLFLUSHOPT": /^66 0f ae\/[67]m/,
  "WAITPKG, PTWRITE, shadow stacks": /^(66|f[23]) 0f ae\/[456]/,
  SHA: /^np 0f (38 c[89a-d]|3a cc)/,
  GFNI: /^66 0f (38 cf|3a c[ef])/,
  "AES, PCLMULQDQ": /^66 0f (38 d[b-f]|3a (df|44))/,
  "key locker": /^f3 0f 38 (d[89a-f]|f[ab])/,
  MOVBE: /^(np|66) 0f 38 f[01]/,
  "CRC32, ADX, shadow stacks": /^\S+ 0f 38 f[56]/,
  "MOVDIRI, MOVDIR64B, ENQCMD": /^\S+ 0f 38 f[89]/,
  "XABORT, XBEGIN": /^\S+ c[67]\/7r/,
};

interface Encoding {
  /** Mode, prefix, map, opcode, ModRM.reg and kind of operand, as in "64 66 0f 38 f6/0m". */
  readonly name: string;
  readonly before: CpuCase;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, "0");

function encoding(
  bits: CodeBits,
  prefix: keyof typeof PREFIXES,
  bytes: readonly number[],
  modrm: number,
): Encoding {
  const mod = modrm < 0xc0 ? "m" : "r";
  const name = `${bits} ${prefix} ${bytes.map(hex).join(" ")}/${(modrm >> 3) & 7}${mod}`;
  const code = Uint8Array.from([...PREFIXES[prefix], ...bytes, modrm, 0, 0, 0, 0, 0, 0, 0, 0]);
  const before: CpuCase = { ...blankCase(code), bits };
  before.gpr.fill(ORACLE_WINDOW + 64n, 0, bits === 64 ? 16 : 8);
  return { name, before };
}

function allEncodings(): Encoding[] {
  const found: Encoding[] = [];
  const modrms = Array.from({ length: 8 }, (_, reg) => [reg << 3, 0xc2 | (reg << 3)]).flat();
  for (const bits of [64, 32] as const)
    for (const map of MAPS)
      for (let opcode = 0; opcode < 256; opcode++)
        for (const prefix of ["np", "66", "f3", "f2"] as const)
          for (const modrm of modrms) found.push(encoding(bits, prefix, [...map, opcode], modrm));
  return found.filter(({ name }) => !LEFT_OUT.some((pattern) => pattern.test(name)));
}

const isUndefined = (answer: CpuAnswer, { before }: Encoding): boolean =>
  answer.vector === INVALID_OPCODE && answer.rip === before.rip;

function disagreement(one: Encoding, ours: CpuAnswer, theirs: CpuAnswer): string | undefined {
  const [here, there] = [isUndefined(ours, one), isUndefined(theirs, one)];
  if (here === there) return undefined;
  const withoutMode = one.name.slice(3);
  if (here && Object.values(HOST_EXTENSIONS).some((pattern) => pattern.test(withoutMode))) return undefined;
  return `${one.name}: ${here ? "undefined here only" : "undefined on the CPU only"}`;
}

test("the same opcodes are undefined as on the host's CPU", {
  skip: cpuOracleMissing() ?? false,
}, async () => {
  const engine = await EngineRunner.create();
  const oracle = buildCpuOracle();
  const chosen = allEncodings().filter((_, index) => (index + SEED) % STRIDE === 0);
  const found: string[] = [];
  for (let at = 0; at < chosen.length; at += BATCH) {
    const part = chosen.slice(at, at + BATCH);
    const answers = oracle(part.map(({ before }) => before));
    part.forEach((one, i) => {
      const text = disagreement(one, engine.run(one.before), answers[i] as CpuAnswer);
      if (text !== undefined) found.push(text);
    });
  }
  assert.deepEqual(found, [], `${chosen.length} encodings from ${SEED}`);
});
