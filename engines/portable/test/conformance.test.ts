// The engine conformance suite on the portable engine.

import { runConformance } from "@hearth/testkit/conformance/run-conformance";
import { createPortableEngine } from "../src/index.ts";
import { PORTABLE_SKIPS } from "./conformance-skips.ts";

runConformance(createPortableEngine, PORTABLE_SKIPS);
