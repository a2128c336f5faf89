// What INIT and start-up messages do in each state, and the registers they leave.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HearthError } from "../errors.ts";
import { POWER_ON_CR0, startUpRegisters } from "./init-registers.ts";
import { StartUp } from "./start-up.ts";

describe("start-up", () => {
  test("the boot processor runs at power-on and takes no start-up message", () => {
    const startUp = new StartUp(true);
    startUp.call(5);
    assert.deepEqual([startUp.isWaiting, startUp.take()], [false, undefined]);
  });

  test("the others wait for one, which is carried out once", () => {
    const startUp = new StartUp(false);
    assert.deepEqual([startUp.isWaiting, startUp.take()], [true, undefined]);
    startUp.call(0x19f);
    startUp.call(3);
    assert.deepEqual([startUp.isWaiting, startUp.take(), startUp.take()], [false, 0x9f, undefined]);
  });

  test("INIT before the start is carried out waits anew", () => {
    const startUp = new StartUp(false);
    startUp.call(1);
    startUp.init();
    assert.deepEqual([startUp.isWaiting, startUp.take()], [true, undefined]);
  });

  test("its state is taken over, nonsense is refused", () => {
    const called = new StartUp(false);
    called.call(7);
    const other = new StartUp(true);
    other.restore(structuredClone(called.state()));
    assert.equal(other.take(), 7);
    for (const data of [{ phase: 3, page: 0 }, { phase: 0, page: 256 }, {}])
      assert.throws(() => other.restore({ kind: "start-up", version: 1, data }), HearthError);
  });
});

test("registers after INIT are those of real mode at the page; CR0 keeps only its cache bits", () => {
  const registers = startUpRegisters(0x9a, 0xe005_003bn);
  const { cs, ss, gdtr, idtr, cr0, cr4, efer, rflags, rip } = registers;
  assert.deepEqual(cs, { selector: 0x9a00, base: 0x9_a000n, limit: 0xffff, attributes: 0x9b });
  assert.deepEqual(ss, { selector: 0, base: 0n, limit: 0xffff, attributes: 0x93 });
  assert.deepEqual(
    [gdtr, idtr],
    [
      { base: 0n, limit: 0xffff },
      { base: 0n, limit: 0xffff },
    ],
  );
  assert.deepEqual([cr0, cr4, efer, rflags, rip], [0x6000_0010n, 0n, 0n, 2n, 0n]);
  assert.equal(POWER_ON_CR0, 0x6000_0010n);
});
