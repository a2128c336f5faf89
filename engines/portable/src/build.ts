// `npm run build`: makes the engine's artifacts when sources changed since the last time, and their machine code for this Node.

import { isFresh } from "./build/artifact-files.ts";
import { buildEngine } from "./build/build-engine.ts";
import { loadArtifacts } from "./build/load-artifacts.ts";
import { precompile } from "./build/precompiled.ts";
import { machineCode } from "./node/machine-code.ts";
import { setV8Flags } from "./node/v8-flags.ts";

setV8Flags();
if (!isFresh()) await buildEngine();
const { core, interpreter } = await loadArtifacts();
const native = machineCode();
if (native !== undefined) await precompile([core.wasm, interpreter.wasm], native);
