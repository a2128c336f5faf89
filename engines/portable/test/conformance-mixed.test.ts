// The engine conformance suite with code interpreted and compiled by turns.
//   HEARTH_SEED  which turns

import { runConformance } from "@hearth/testkit/conformance/run-conformance";
import { PORTABLE_SKIPS } from "./conformance-skips.ts";
import { createMixedEngine } from "./eager-engine.ts";

const SEED = Number(process.env["HEARTH_SEED"] ?? 1);

runConformance(() => createMixedEngine(SEED), PORTABLE_SKIPS);
