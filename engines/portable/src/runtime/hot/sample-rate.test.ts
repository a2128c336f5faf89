import assert from "node:assert/strict";
import { test } from "node:test";
import { ENGINE_COUNT_SAMPLES, ENGINE_SAMPLE_PERIOD } from "../../layout.ts";
import { SampleRate } from "./sample-rate.ts";

test("the period follows the speed of the guest's blocks", (t) => {
  let nowMs = 0;
  let samples = 0;
  t.mock.method(performance, "now", () => nowMs);
  const view = new DataView(new ArrayBuffer(ENGINE_COUNT_SAMPLES + 64));
  const rate = new SampleRate(view);
  /** Ten milliseconds of blocks of so many nanoseconds. */
  const run = (nsPerBlock: number) => {
    nowMs += 10;
    samples += 10e6 / nsPerBlock / rate.periodBlocks;
    view.setUint32(ENGINE_COUNT_SAMPLES, Math.round(samples), true);
    rate.adjust();
  };
  const settled = (nsPerBlock: number): number => {
    for (let slices = 0; slices < 20; slices++) run(nsPerBlock);
    assert.equal(view.getUint32(ENGINE_SAMPLE_PERIOD, true), rate.periodBlocks);
    return rate.periodBlocks;
  };
  // A sample every 25 µs.
  assert.ok(Math.abs(settled(25) - 1000) < 150, `${rate.periodBlocks}`);
  assert.ok(Math.abs(settled(2.5) - 10_000) < 1500, `${rate.periodBlocks}`);
  assert.ok(Math.abs(settled(100) - 250) < 50, `${rate.periodBlocks}`);
});
