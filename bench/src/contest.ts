// Who is measured against whom. A benchmark has one contest or more over the same samples.

export interface Contest {
  /** The line above its table; undefined for a report's only one. */
  readonly heading: string | undefined;
  /** The peer without an emulator, whose checksums are right. */
  readonly baseline: string;
  /** What the rivals are called together. */
  readonly rival: string;
  /** Peers of which the faster one counts for each program, with a letter to tell them apart ("" for a single one). */
  readonly rivals: ReadonlyMap<string, string>;
  /** The peer that this is about. */
  readonly subject: string;
  readonly targets: Targets;
}

/** What is to be reached, as multiples of the rival's time or memory; nothing where undefined. */
export interface Targets {
  /** Geometric mean over the programs. */
  readonly mean?: number;
  /** Any single program. */
  readonly worst?: number;
  readonly powerOn?: number;
  readonly peakRss?: number;
}

/** The contest's peers in the order of the table's columns. */
export function contestants({ baseline, rivals, subject }: Contest): string[] {
  return [baseline, ...rivals.keys(), subject];
}
