import assert from "node:assert/strict";
import { test } from "node:test";
import { addressingsOf, hasModrm, parseForm, sizesOf } from "./forms.ts";

const parse = (text: string) => parseForm("test", text);

test("opcode maps, prefixes, extensions and fixed ModRM bytes", () => {
  assert.deepEqual([parse("88 Eb,Gb").map, parse("0f af Gv,Ev").map], [0, 1]);
  assert.deepEqual([parse("0f 38 f0 Gv,Mv").map, parse("66 0f 3a 0f Vx,Wx,Ib").map], [2, 3]);
  assert.equal(parse("66 0f 3a 0f Vx,Wx,Ib").opcode, 0x0f);
  assert.equal(parse("f3 90").prefix, "f3");
  assert.equal(parse("80/5 Eb,Ib lock").reg, 5);
  assert.equal(parse("0f 01/7m Mp").mod, "m");
  assert.equal(parse("0f 01=f8 o64").modrm, 0xf8);
  assert.equal(parse("50+r Zv o64 d64").registerInOpcode, true);
});

test("operands and options", () => {
  const imul = parse("6b Gv,Ev,Ibs");
  assert.deepEqual(
    imul.operands.map((o) => [o.kind, o.size, o.signed ?? false]),
    [
      ["reg", "v", false],
      ["rm", "v", false],
      ["immediate", "v", true],
    ],
  );
  assert.deepEqual([...parse("ff/4 Ev o64 f64 end").options], ["o64", "f64", "end"]);
  assert.deepEqual(parse("e5 zAX,Ib").operands[0], { kind: "fixed", register: 0, size: "z" });
});

test("sizes and ways of addressing decide how many handlers a form has", () => {
  assert.deepEqual(sizesOf(parse("01 Ev,Gv")), [16, 32, 64]);
  assert.deepEqual(sizesOf(parse("ff/4 Ev o64 f64 end")), [64]);
  assert.deepEqual(sizesOf(parse("a4 string b")), [8]);
  assert.deepEqual(addressingsOf(parse("01 Ev,Gv")), ["register", "base", "indexed", "general"]);
  assert.deepEqual(addressingsOf(parse("8d Gv,Mp")), ["base", "indexed", "general"]);
  assert.deepEqual(addressingsOf(parse("0f 22r Cy,Ey")), ["register"]);
  assert.equal(hasModrm(parse("98 v")), false);
  assert.equal(hasModrm(parse("8e Sw,Ew shadow")), true);
});

test("what is not in the notation is refused", () => {
  assert.throws(() => parse("00 Yv"), /not in the notation/);
});
