// The engine conformance suite on the portable engine.

import { runConformance } from "@hearth/testkit/conformance/run-conformance";
import { createPortableEngine } from "../src/index.ts";

const LIMITS = "segment limits are not checked on data accesses; no kernel of today relies on them";

runConformance(createPortableEngine, {
  "segments in protected mode: an access beyond a limit is #GP(0)": LIMITS,
  "segments in protected mode: a stack access beyond its limit is #SS(0)": LIMITS,
});
