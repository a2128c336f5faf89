// The engine conformance suite with everything compiled at its first execution.

import { runConformance } from "@hearth/testkit/conformance/run-conformance";
import { createForcedEngine } from "./forced-engine.ts";

runConformance(createForcedEngine, {
  "slices: code without branches ends too": "a region counts once, however long it is",
});
