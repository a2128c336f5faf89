// `npm run build`: makes the engine's artifacts when sources changed since the last time.

import { isFresh } from "./build/artifact-files.ts";
import { buildEngine } from "./build/build-engine.ts";

if (!isFresh()) await buildEngine();
