import assert from "node:assert/strict";
import { test } from "node:test";
import { blankCase, buildCpuOracle, cpuOracleMissing, ORACLE_CODE, ORACLE_WINDOW } from "./oracle.ts";

test("the CPU oracle runs code, reports faults and ends loops", { skip: cpuOracleMissing() ?? false }, () => {
  const add = blankCase(Uint8Array.of(0x48, 0x01, 0xc8)); // add rax, rcx
  add.gpr[0] = 5n;
  add.gpr[1] = 0xffff_ffff_ffff_ffffn;
  const pageFault = blankCase(Uint8Array.of(0x89, 0x00)); // mov [rax], eax
  pageFault.gpr[0] = 0x5000n;
  const misaligned = blankCase(Uint8Array.of(0x66, 0x0f, 0x6f, 0x00)); // movdqa xmm0, [rax]
  misaligned.gpr[0] = ORACLE_WINDOW + 1n;
  const push = blankCase(Uint8Array.of(0x50)); // push rax
  push.gpr[0] = 0x1234n;
  push.gpr[4] = ORACLE_WINDOW + 16n;
  const endless = blankCase(Uint8Array.of(0xeb, 0xfe)); // jmp $
  const divide = blankCase(Uint8Array.of(0x0f, 0x5e, 0xc1)); // divps xmm0, xmm1
  new DataView(divide.fxsave.buffer).setUint32(24, 0, true);

  const [sum, fault, gp, pushed, loop, simd] = buildCpuOracle()([
    add,
    pageFault,
    misaligned,
    push,
    endless,
    divide,
  ]);
  assert.ok(sum && fault && gp && pushed && loop && simd);
  assert.deepEqual([sum.vector, sum.rip, sum.gpr[0], sum.rflags & 0x8d5n], [3, ORACLE_CODE + 4n, 4n, 0x11n]);
  assert.deepEqual([fault.vector, fault.errorCode, fault.cr2, fault.rip], [14, 6, 0x5000n, ORACLE_CODE]);
  assert.equal(gp.vector, 13);
  assert.deepEqual([pushed.window[8], pushed.window[9], pushed.gpr[4]], [0x34, 0x12, ORACLE_WINDOW + 8n]);
  assert.equal(loop.signal, 26);
  assert.deepEqual([simd.vector, simd.fxsave[24]], [19, 1]);
});
