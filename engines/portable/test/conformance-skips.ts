// Conformance cases that the portable engine leaves out on purpose, with the reason.

import type { ConformanceSkips } from "@hearth/testkit/conformance/run-conformance";

const LIMITS = "segment limits are not checked on data accesses; no kernel of today relies on them";

export const PORTABLE_SKIPS: ConformanceSkips = {
  "segments in protected mode: an access beyond a limit is #GP(0)": LIMITS,
  "segments in protected mode: a stack access beyond its limit is #SS(0)": LIMITS,
};
