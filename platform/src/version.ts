// The version of Hearth, from the manifest.

import { readFileSync } from "node:fs";

/** For example "0.1.0". */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }
).version;
