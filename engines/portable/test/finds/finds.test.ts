import assert from "node:assert/strict";
import { before, test } from "node:test";
import { EngineRunner } from "../engine-runner.ts";
import { blankCase, type CpuCase, ORACLE_CODE } from "../oracle.ts";
import { FINDS, type Find } from "./finds.ts";

const NUMBERS = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rsp: 4, rbp: 5, rsi: 6, rdi: 7 } as const;
type Names = Find["registers"];

let engine: EngineRunner;
before(async () => {
  engine = await EngineRunner.create("repeated");
});

const registersOf = (names: Names): [keyof typeof NUMBERS, bigint][] =>
  Object.entries(names ?? {}) as [keyof typeof NUMBERS, bigint][];

function caseOf(find: Find): CpuCase {
  const one: CpuCase = { ...blankCase(Buffer.from(find.code, "hex")), bits: find.bits ?? 64 };
  for (const [name, value] of registersOf(find.registers)) one.gpr[NUMBERS[name]] = value;
  if (find.flags !== undefined) one.rflags = find.flags;
  const view = new DataView(one.window.buffer);
  find.memory?.forEach((word, i) => view.setBigUint64(i * 8, word, true));
  if (find.x87Pending) {
    const image = new DataView(one.fxsave.buffer);
    image.setUint16(0, 0x37e, true);
    image.setUint16(2, 1, true);
  }
  return one;
}

const USES = ["none", "forced", "repeated"] as const;

for (const [find, regions] of FINDS.flatMap((find) => USES.map((use) => [find, use] as const)))
  test(`${find.name} (regions: ${regions})`, () => {
    const { after } = find;
    const answer = engine.run(caseOf(find), { regions });
    assert.equal(answer.vector, after.vector, "vector");
    if (after.at !== undefined) assert.equal(answer.rip, ORACLE_CODE + BigInt(after.at));
    if (after.error !== undefined) assert.equal(answer.errorCode, after.error);
    if (after.cr2 !== undefined) assert.equal(answer.cr2, after.cr2);
    for (const [name, value] of registersOf(after.registers))
      assert.equal(answer.gpr[NUMBERS[name]], value, name);
    const words = new DataView(answer.window.buffer, answer.window.byteOffset);
    after.memory?.forEach((word, i) => assert.equal(words.getBigUint64(i * 8, true), word));
  });
