import assert from "node:assert/strict";
import { before, test } from "node:test";
import { EngineRunner } from "../engine-runner.ts";
import {
  blankCase,
  buildCpuOracle,
  type CpuAnswer,
  type CpuCase,
  type CpuOracle,
  cpuOracleMissing,
  ORACLE_DATA,
  ORACLE_WINDOW,
} from "../oracle.ts";
import { Random } from "../vector/random.ts";
import { codeOf, faultingX87Case, isInexact, x87Case, x87Encodings } from "./x87-cases.ts";

const SEED = Number(process.env["HEARTH_SEED"] ?? 1);
const ROUNDS = Number(process.env["HEARTH_ROUNDS"] ?? 5);
const ONLY = new RegExp(process.env["HEARTH_ONLY"] ?? "");
const C1 = 0x200;
/** FNSTENV and FNSAVE: opcode and selectors of the last instruction, which the engine does not keep. */
const ENVIRONMENT = /^fn(stenv|save)$/;

const skip = cpuOracleMissing() ?? false;
let engine: EngineRunner;
let oracle: CpuOracle;

before(async () => {
  engine = await EngineRunner.create();
  if (!skip) oracle = buildCpuOracle();
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const words = (state: { fxsave: Uint8Array }): DataView =>
  new DataView(state.fxsave.buffer, state.fxsave.byteOffset, 512);
const stackRegister = (state: { fxsave: Uint8Array }, n: number): string =>
  hex(state.fxsave.slice(32 + n * 16, 42 + n * 16).reverse());

interface Tolerance {
  /** Significands may differ by one, and C1 with them. */
  readonly lastPlace?: boolean;
  /** The window's bytes are not compared. */
  readonly memory?: boolean;
}

/** Distance of neighbours with the same exponent, and of those around a power of two. */
const NEIGHBOURS = [1n, (1n << 63n) + 1n];

function sameNumber(a: string, b: string, lastPlace: boolean): boolean {
  if (a === b) return true;
  const distance = BigInt(`0x${a}`) - BigInt(`0x${b}`);
  return lastPlace && NEIGHBOURS.includes(distance < 0n ? -distance : distance);
}

/** What differs between the engine's state and the CPU's. */
function differences(
  ours: CpuAnswer,
  theirs: CpuAnswer,
  { lastPlace = false, memory = false }: Tolerance,
): string[] {
  const found: string[] = [];
  const compare = (name: string, a: number | bigint | string, b: number | bigint | string): void => {
    if (a !== b) found.push(`${name} ${a.toString(16)}, CPU ${b.toString(16)}`);
  };
  compare("vector", ours.vector, theirs.vector);
  compare("rip", ours.rip, theirs.rip);
  compare("error code", ours.errorCode, theirs.errorCode);
  // Which byte of a page faults first when an image of many words crosses into it is the CPU's own business.
  if (ours.vector === 14) compare("page of cr2", ours.cr2 >> 12n, theirs.cr2 >> 12n);
  compare("flags", ours.rflags & 0x8d5n, theirs.rflags & 0x8d5n);
  compare("rax", ours.gpr[0] as bigint, theirs.gpr[0] as bigint);
  const [a, b] = [words(ours), words(theirs)];
  const ignored = lastPlace ? C1 : 0;
  compare("control", a.getUint16(0, true), b.getUint16(0, true));
  compare("status", a.getUint16(2, true) & ~ignored, b.getUint16(2, true) & ~ignored);
  compare("tags", a.getUint8(4), b.getUint8(4));
  for (let n = 0; n < 8; n++) {
    const [x, y] = [stackRegister(ours, n), stackRegister(theirs, n)];
    if (!sameNumber(x, y, lastPlace)) found.push(`st${n} ${x}, CPU ${y}`);
  }
  if (!memory) compare("memory", hex(ours.window), hex(theirs.window));
  return found;
}

function describe(one: CpuCase, found: readonly string[]): string {
  const image = words(one);
  const state = [0, 2, 4].map((at) => image.getUint16(at, true).toString(16)).join(" ");
  const registers = [0, 1].map((n) => `st${n} ${stackRegister(one, n)}`).join(" ");
  const operand = hex(one.window.slice(Number(one.gpr[0] as bigint) & 0x7f).slice(0, 16));
  return [`code ${hex(one.code)} state ${state} ${registers} memory ${operand}`, ...found].join("\n  ");
}

/** Runs cases on both and fails with the first few that differ. */
function expectSame(cases: readonly CpuCase[], toleranceOf: (index: number) => Tolerance = () => ({})): void {
  const failures: string[] = [];
  const answers = oracle(cases);
  cases.forEach((one, index) => {
    const found = differences(engine.run(one), answers[index] as CpuAnswer, toleranceOf(index));
    if (found.length > 0) failures.push(describe(one, found));
  });
  const report = failures.slice(0, 8).join("\n");
  assert.ok(report === "", `seed ${SEED}: ${failures.length} of ${cases.length} differ\n${report}`);
}

test("every x87 instruction does what the host's CPU does", { skip }, () => {
  const random = new Random(SEED);
  const encodings = x87Encodings().filter(({ mnemonic }) => ONLY.test(mnemonic));
  const trials = encodings.flatMap((encoding) => Array.from({ length: ROUNDS }, () => encoding));
  const cases = trials.map((encoding) => x87Case(random, codeOf(encoding)));
  expectSame(cases, (index) => {
    const encoding = trials[index] as (typeof trials)[number];
    return { lastPlace: isInexact(encoding), memory: ENVIRONMENT.test(encoding.mnemonic) };
  });
});

test("x87 instructions that cannot reach memory leave everything as it was", { skip }, () => {
  const random = new Random(SEED);
  const inMemory = x87Encodings().filter(({ modrm }) => modrm !== undefined && modrm < 0xc0);
  const trials = inMemory.flatMap((encoding) => Array.from({ length: ROUNDS }, () => encoding));
  expectSame(
    trials.map((encoding) => faultingX87Case(random, codeOf(encoding))),
    (index) => ({ memory: ENVIRONMENT.test((trials[index] as (typeof trials)[number]).mnemonic) }),
  );
});

test("sequences of x87 instructions, with the address of the last one", { skip }, () => {
  const random = new Random(SEED);
  // What FNSTENV and FNSAVE store must not come back as an operand: a part of it is not kept.
  const exact = x87Encodings().filter((e) => !isInexact(e) && !ENVIRONMENT.test(e.mnemonic));
  const cases = Array.from({ length: ROUNDS * 200 }, () => {
    const code = Array.from({ length: 2 + random.below(6) }, () =>
      codeOf(random.pick(exact), random.below(32)),
    );
    // FNSTENV [RDI], MOV EAX,[RDI+12], MOV EDX,[RDI+20], then the image is wiped: MOV ECX,7; REP STOSD
    const report = [0xd9, 0x37, 0x8b, 0x47, 12, 0x8b, 0x57, 20, 0xb9, 7, 0, 0, 0, 0xf3, 0xab];
    const one = x87Case(random, [...code.flat(), ...report]);
    one.gpr[0] = ORACLE_WINDOW + BigInt(random.below(16));
    one.gpr[7] = ORACLE_WINDOW + 192n;
    return one;
  });
  expectSame(cases);
});

test("FXSAVE and FXRSTOR keep x87 and SSE state", { skip }, () => {
  const random = new Random(SEED);
  const cases = Array.from({ length: ROUNDS * 40 }, (_, index) => {
    const wide = random.below(2) ? [0x48] : [];
    // FXRSTOR [RAX]; FXSAVE [RDI]; MOV RAX,[RDI+RSI]
    const save = [...wide, 0x0f, 0xae, 0x07, 0x48, 0x8b, 0x04, 0x37];
    const one = x87Case(random, index % 4 === 0 ? save : [...wide, 0x0f, 0xae, 0x08, ...save]);
    new DataView(one.window.buffer).setUint32(24, random.u32() & (index % 8 === 0 ? 0x1ffff : 0xffff), true);
    one.gpr[0] = ORACLE_WINDOW + (index % 16 === 0 ? 8n : 0n);
    one.gpr[6] = BigInt(random.pick([0, 24, 32, 40, 48, 152, 160, 168, 232]));
    one.gpr[7] = ORACLE_DATA;
    // Opcode and pointers: hosts differ in when they save them. MXCSR mask: the guest has fewer features.
    one.window.fill(0, 6, 8);
    return one;
  });
  const answers = oracle(cases);
  cases.forEach((one, index) => {
    const [ours, theirs] = [engine.run(one), answers[index] as CpuAnswer];
    const ignored = (one.gpr[6] as bigint) === 24n ? 0xffff_ffffn : ~0n;
    const low = (value: bigint): bigint => BigInt.asUintN(64, value & ignored);
    const found = differences(ours, theirs, {}).filter((text) => !text.startsWith("rax"));
    if (low(ours.gpr[0] as bigint) !== low(theirs.gpr[0] as bigint)) found.push("image");
    if (hex(ours.fxsave.slice(160, 416)) !== hex(theirs.fxsave.slice(160, 416))) found.push("xmm");
    if (words(ours).getUint32(24, true) !== words(theirs).getUint32(24, true)) found.push("mxcsr");
    assert.deepEqual(found, [], describe(one, found));
  });
});

/** FCW, FSW, abridged tag word. */
const stateOf = (answer: CpuAnswer): number[] => {
  const image = words(answer);
  return [image.getUint16(0, true), image.getUint16(2, true), image.getUint8(4)];
};

test("a ninth push is a stack fault: masked it gives the default NaN, unmasked it changes nothing", () => {
  const masked = engine.run(blankCase(Uint8Array.from({ length: 18 }, (_, i) => (i % 2 ? 0xe8 : 0xd9))));
  assert.deepEqual([masked.vector, ...stateOf(masked)], [3, 0x37f, 0x3a41, 0xff]);
  assert.equal(stackRegister(masked, 0), "ffffc000000000000000");
  const unmasked = blankCase(Uint8Array.of(0xd9, 0xe8)); // fld1
  words(unmasked).setUint16(0, 0x37e, true);
  words(unmasked).setUint8(4, 0xff);
  assert.deepEqual(stateOf(engine.run(unmasked)), [0x37e, 0x82c1, 0xff]);
});

test("an unmasked exception is raised by the next waiting instruction only", () => {
  const divide = [0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9]; // fld1, fldz, fdivp
  const one = blankCase(Uint8Array.of(...divide, 0xdf, 0xe0, 0x9b)); // fnstsw ax, fwait
  words(one).setUint16(0, 0x37b, true);
  const answer = engine.run(one);
  assert.deepEqual([answer.vector, answer.rip, answer.gpr[0]], [16, one.rip + 8n, 0xb084n]);
  const cleared = blankCase(Uint8Array.of(...divide, 0xdb, 0xe2, 0x9b)); // fnclex, fwait
  words(cleared).setUint16(0, 0x37b, true);
  assert.equal(engine.run(cleared).vector, 3);
});

test("MMX registers are the significands of the x87 registers, EMMS empties the stack", () => {
  const write = blankCase(Uint8Array.of(0x48, 0x0f, 0x6e, 0xd0)); // movq mm2, rax
  write.gpr[0] = 0x1122_3344_5566_7788n;
  words(write).setUint16(2, 0x1800, true);
  const written = engine.run(write);
  assert.deepEqual(stateOf(written), [0x37f, 0, 0xff]);
  assert.equal(stackRegister(written, 2), "ffff1122334455667788");
  const emptied = engine.run(blankCase(Uint8Array.of(0x48, 0x0f, 0x6e, 0xd0, 0x0f, 0x77)));
  assert.deepEqual(stateOf(emptied), [0x37f, 0, 0]);
});

test("FXSAVE wants an aligned image", () => {
  const one = blankCase(Uint8Array.of(0x0f, 0xae, 0x00));
  one.gpr[0] = ORACLE_WINDOW + 8n;
  assert.equal(engine.run(one).vector, 13);
});
