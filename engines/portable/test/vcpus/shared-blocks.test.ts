// Forgetting all blocks reaches every vCPU: no jump cache may lead to micro-ops whose place is used again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadArtifacts } from "../../src/build/load-artifacts.ts";
import {
  CPU_JUMP_CACHE,
  ENGINE_VCPU_COUNT,
  JUMP_CACHE_BITS,
  VCPU_AREA_BASE,
  VCPU_AREA_SIZE,
} from "../../src/layout.ts";
import { compileEngine } from "../../src/runtime/artifacts.ts";
import { PortableEngine } from "../../src/index.ts";

test("after a reset of the blocks no vCPU in use has anything in its jump cache", async () => {
  const compiled = await compileEngine(await loadArtifacts());
  const pages = new PortableEngine(compiled).createMemory(1 << 20).buffer.byteLength / 65536;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const stubs = Object.fromEntries(
    WebAssembly.Module.imports(compiled.core).map(({ name }) => [name, () => 0]),
  );
  const core = new WebAssembly.Instance(compiled.core, { env: { ...stubs, memory } }).exports;
  const bytes = new Uint8Array(memory.buffer);
  new DataView(memory.buffer).setUint32(ENGINE_VCPU_COUNT, 2, true);
  const caches = [0, 1, 2].map((id) => {
    const at = VCPU_AREA_BASE + id * VCPU_AREA_SIZE + CPU_JUMP_CACHE;
    return bytes.subarray(at, at + (16 << JUMP_CACHE_BITS)).fill(0xab);
  });
  (core["resetBlocks"] as (cpu: number) => void)(VCPU_AREA_BASE + VCPU_AREA_SIZE);
  const areEmpty = caches.map((cache) => cache.every((byte) => byte === 0));
  assert.deepEqual(areEmpty, [true, true, false], "the third is not in use");
});
