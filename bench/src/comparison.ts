// From samples to the numbers of the report: medians per program, slowdowns, and which checksums disagree.

import type { ProgramResult } from "./guest-output.ts";
import { type PeerName, TCG_PEERS } from "./peers.ts";
import type { Sample } from "./run-once.ts";
import { geometricMean, median, spread } from "./statistics.ts";

export type Samples = ReadonlyMap<PeerName, readonly Sample[]>;

/** Median and spread of one quantity over the samples of one peer. */
export interface Measured {
  readonly median: number;
  readonly spread: number;
}

/** One program, or the power-on, over all peers. */
export interface Row {
  readonly name: string;
  readonly byPeer: ReadonlyMap<PeerName, Measured>;
  /** The faster of the TCG models for this row. */
  readonly tcg: PeerName | undefined;
  /** Hearth's time divided by the other's; undefined when one of them was not measured. */
  readonly vsNative: number | undefined;
  readonly vsTcg: number | undefined;
}

export interface ChecksumMismatch {
  readonly program: string;
  readonly peer: PeerName;
  readonly got: string;
  readonly expected: string;
}

export interface Comparison {
  readonly programs: readonly Row[];
  readonly powerOn: Row;
  readonly peakRss: Row;
  /** Geometric means over the programs; undefined when nothing can be compared. */
  readonly meanVsNative: number | undefined;
  readonly meanVsTcg: number | undefined;
  readonly mismatches: readonly ChecksumMismatch[];
}

export function compare(samples: Samples): Comparison {
  const names = new Set([...samples.values()].flat().flatMap((sample) => [...sample.programs.keys()]));
  const programs = [...names].map((name) =>
    row(name, samples, (sample) => sample.programs.get(name)?.seconds),
  );
  return {
    programs,
    powerOn: row("power-on to init", withoutNative(samples), (sample) => sample.powerOnS),
    peakRss: row("peak RSS", withoutNative(samples), (sample) => sample.peakRssMib),
    meanVsNative: mean(programs.map((program) => program.vsNative)),
    meanVsTcg: mean(programs.map((program) => program.vsTcg)),
    mismatches: [...names].flatMap((name) => findMismatches(name, samples)),
  };
}

/** A native program has no power-on, and its memory is not that of a machine. */
function withoutNative(samples: Samples): Samples {
  return new Map([...samples].filter(([peer]) => peer !== "native"));
}

function row(name: string, samples: Samples, quantity: (sample: Sample) => number | undefined): Row {
  const byPeer = new Map<PeerName, Measured>();
  for (const [peer, ofPeer] of samples) {
    const values = ofPeer.map(quantity).filter((value) => value !== undefined);
    if (values.length > 0) byPeer.set(peer, { median: median(values), spread: spread(values) });
  }
  const time = (peer: PeerName): number => byPeer.get(peer)?.median ?? Number.POSITIVE_INFINITY;
  const tcg = TCG_PEERS.filter((peer) => byPeer.has(peer)).toSorted((a, b) => time(a) - time(b))[0];
  const against = (peer: PeerName | undefined): number | undefined =>
    peer !== undefined && byPeer.has(peer) && byPeer.has("hearth") ? time("hearth") / time(peer) : undefined;
  return { name, byPeer, tcg, vsNative: against("native"), vsTcg: against(tcg) };
}

function mean(factors: readonly (number | undefined)[]): number | undefined {
  const known = factors.filter((factor) => factor !== undefined);
  return known.length > 0 ? geometricMean(known) : undefined;
}

/** The native run is right; without one, what the first sample says. */
function findMismatches(program: string, samples: Samples): ChecksumMismatch[] {
  const found = [...samples].flatMap(([peer, ofPeer]) =>
    ofPeer.flatMap((sample) => checksum(peer, sample.programs.get(program))),
  );
  const expected = (found.find(({ peer }) => peer === "native") ?? found[0])?.got ?? "";
  return found
    .filter(({ got }) => got !== expected || got === "none")
    .map(({ peer, got }) => ({ program, peer, got, expected }));
}

function checksum(peer: PeerName, result: ProgramResult | undefined): { peer: PeerName; got: string }[] {
  return result === undefined ? [] : [{ peer, got: result.checksum ?? "none" }];
}
