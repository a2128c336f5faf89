// From samples to the numbers of the report: medians per program, slowdowns, and which checksums disagree.

import { type Contest, contestants } from "./contest.ts";
import type { ProgramResult } from "./guest-output.ts";
import type { Sample } from "./run-once.ts";
import { geometricMean, median, spread } from "./statistics.ts";

/** By peer. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

/** Median and spread of one quantity over the samples of one peer. */
export interface Measured {
  readonly median: number;
  readonly spread: number;
}

/** One program, or the power-on, over all peers. */
export interface Row {
  readonly name: string;
  readonly byPeer: ReadonlyMap<string, Measured>;
  /** The faster of the rivals for this row. */
  readonly rival: string | undefined;
  /** The subject's time divided by the other's; undefined when one of them was not measured. */
  readonly vsBaseline: number | undefined;
  readonly vsRival: number | undefined;
}

export interface ChecksumMismatch {
  readonly program: string;
  readonly peer: string;
  readonly got: string;
  readonly expected: string;
}

export interface Comparison {
  readonly contest: Contest;
  readonly programs: readonly Row[];
  readonly powerOn: Row;
  readonly peakRss: Row;
  /** Geometric means over the programs; undefined when nothing can be compared. */
  readonly meanVsBaseline: number | undefined;
  readonly meanVsRival: number | undefined;
  readonly mismatches: readonly ChecksumMismatch[];
}

/** Looks at the contest's peers only. */
export function compare(all: Samples, contest: Contest): Comparison {
  const peers = contestants(contest);
  const samples = new Map([...all].filter(([peer]) => peers.includes(peer)));
  const names = new Set([...samples.values()].flat().flatMap((sample) => [...sample.programs.keys()]));
  const programs = [...names].map((name) =>
    row(name, samples, contest, (sample) => sample.programs.get(name)?.seconds),
  );
  // A native program has no power-on, and its memory is not that of a machine.
  const machines = new Map([...samples].filter(([peer]) => peer !== contest.baseline));
  return {
    contest,
    programs,
    powerOn: row("power-on to init", machines, contest, (sample) => sample.powerOnS),
    peakRss: row("peak RSS", machines, contest, (sample) => sample.peakRssMib),
    meanVsBaseline: mean(programs.map((program) => program.vsBaseline)),
    meanVsRival: mean(programs.map((program) => program.vsRival)),
    mismatches: [...names].flatMap((name) => findMismatches(name, samples, contest)),
  };
}

function row(
  name: string,
  samples: Samples,
  { baseline, rivals, subject }: Contest,
  quantity: (sample: Sample) => number | undefined,
): Row {
  const byPeer = new Map<string, Measured>();
  for (const [peer, ofPeer] of samples) {
    const values = ofPeer.map(quantity).filter((value) => value !== undefined);
    if (values.length > 0) byPeer.set(peer, { median: median(values), spread: spread(values) });
  }
  const time = (peer: string): number => byPeer.get(peer)?.median ?? Number.POSITIVE_INFINITY;
  const present = [...rivals.keys()].filter((peer) => byPeer.has(peer));
  const rival = present.toSorted((a, b) => time(a) - time(b))[0];
  const against = (peer: string | undefined): number | undefined =>
    peer !== undefined && byPeer.has(peer) && byPeer.has(subject) ? time(subject) / time(peer) : undefined;
  return { name, byPeer, rival, vsBaseline: against(baseline), vsRival: against(rival) };
}

function mean(factors: readonly (number | undefined)[]): number | undefined {
  const known = factors.filter((factor) => factor !== undefined);
  return known.length > 0 ? geometricMean(known) : undefined;
}

/** The native run is right; without one, what the first sample says. */
function findMismatches(program: string, samples: Samples, { baseline }: Contest): ChecksumMismatch[] {
  const found = [...samples].flatMap(([peer, ofPeer]) =>
    ofPeer.flatMap((sample) => checksum(peer, sample.programs.get(program))),
  );
  const expected = (found.find(({ peer }) => peer === baseline) ?? found[0])?.got ?? "";
  return found
    .filter(({ got }) => got !== expected || got === "none")
    .map(({ peer, got }) => ({ program, peer, got, expected }));
}

function checksum(peer: string, result: ProgramResult | undefined): { peer: string; got: string }[] {
  return result === undefined ? [] : [{ peer, got: result.checksum ?? "none" }];
}
