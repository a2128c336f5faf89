// The engine conformance suite on compiled code.

import { runConformance } from "@hearth/testkit/conformance/run-conformance";
import { PORTABLE_SKIPS } from "./conformance-skips.ts";
import { createEagerEngine } from "./eager-engine.ts";

runConformance(createEagerEngine, PORTABLE_SKIPS);
