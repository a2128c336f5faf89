// The engine conformance suite with everything compiled at its first execution.

import { runConformance } from "@hearth/testkit/conformance/run-conformance";
import { PORTABLE_SKIPS } from "../conformance-skips.ts";
import { createForcedEngine } from "./forced-engine.ts";

runConformance(createForcedEngine, {
  ...PORTABLE_SKIPS,
  "slices: code without branches ends too": "a region counts once, however long it is",
});
