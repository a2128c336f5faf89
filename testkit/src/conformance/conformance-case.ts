// A conformance case: what a processor must do, shown by a small guest. Cases name the hardware's rule, not an engine's way.

import type { Engine } from "@hearth/machine";

export interface ConformanceCase {
  readonly name: string;
  readonly check: (engine: Engine) => void;
}

/** Cases of one chapter; the chapter's name goes before theirs. */
export function chapter(
  title: string,
  cases: Readonly<Record<string, (engine: Engine) => void>>,
): ConformanceCase[] {
  return Object.entries(cases).map(([name, check]) => ({ name: `${title}: ${name}`, check }));
}
