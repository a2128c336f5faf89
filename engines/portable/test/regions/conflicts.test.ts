// Hot code whose place in the direct-mapped TLB is always taken by the data it works on: it is found and compiled all the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Place } from "@hearth/testkit/conformance/guest";
import { LongModeGuest } from "@hearth/testkit/conformance/long-mode-guest";
import { Pte } from "@hearth/testkit/conformance/page-tables";
import { loadArtifacts } from "../../src/build/load-artifacts.ts";
import { PortableEngine } from "../../src/index.ts";
import { TLB_BITS } from "../../src/layout.ts";
import { EngineProfile } from "../../src/profile/engine-profile.ts";
import { compileEngine } from "../../src/runtime/artifacts.ts";
import { loadRegionCompiler } from "../../src/runtime/hot/region-compiler.ts";

const SLICE_BLOCKS = 100_000;
const SLICES = 200;

test("a loop over data that has the TLB entry of the loop's own page becomes a region", async () => {
  await loadRegionCompiler();
  const profile = new EngineProfile({ nowUs: () => performance.now() * 1000, onProcessor: () => {} });
  const engine = new PortableEngine(await compileEngine(await loadArtifacts()), { profile });
  const data = Place.code + (0x1000 << TLB_BITS);
  const guest = new LongModeGuest(engine, `mov rsi, ${data}\nagain: add rbx, [rsi]\njmp again`);
  guest.tables.map(BigInt(data), BigInt(Place.frames), Pte.present | Pte.writable);
  const installed = (): number => profile.regionCounts()["regions installed"] ?? 0;
  for (let slice = 0; slice < SLICES && installed() === 0; slice++) guest.vcpu.run(SLICE_BLOCKS);
  assert.ok(installed() > 0);
});
