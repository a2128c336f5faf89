// Whether a comparison reaches what is asked of it.

import type { Comparison, Row } from "./comparison.ts";

/** One sentence of the targets and what misses them; undefined when there are none. */
export function describeTargets(comparison: Comparison): string | undefined {
  const { contest, programs, powerOn, peakRss, meanVsRival } = comparison;
  const { mean, worst, powerOn: powerOnTarget, peakRss: peakRssTarget } = contest.targets;
  const wanted = [
    want("mean", mean),
    want("every program", worst),
    want("power-on", powerOnTarget),
    want("peak RSS", peakRssTarget),
  ].filter((text) => text !== undefined);
  if (wanted.length === 0) return undefined;
  const missed = [
    miss("mean", meanVsRival, mean),
    ...programs.map((program) => missRow(program, worst)),
    missRow(powerOn, powerOnTarget),
    missRow(peakRss, peakRssTarget),
  ].filter((text) => text !== undefined);
  const outcome = missed.length === 0 ? "all reached" : `missed: ${missed.join(", ")}`;
  return `Targets, × ${contest.rival}: ${wanted.join(", ")}; ${outcome}.`;
}

function want(what: string, target: number | undefined): string | undefined {
  return target === undefined ? undefined : `${what} ≤ ${target}`;
}

function missRow({ name, vsRival }: Row, target: number | undefined): string | undefined {
  return miss(name, vsRival, target);
}

function miss(what: string, value: number | undefined, target: number | undefined): string | undefined {
  if (value === undefined || target === undefined || value <= target) return undefined;
  return `${what} ${value.toFixed(2)}`;
}
