/*
 * `npm run soak`: mixed load for a long time in Debian guests (compiling, compressing, scripts, fork storms, signals, files,
 * code that changes), every answer compared with the one of the real processor. Exit code 1 when an answer is wrong,
 * something hangs, a machine ends by itself or a guest's kernel complains.
 */
import { HearthError } from "@hearth/machine";
import { buildEngine } from "./src/benchmark.ts";
import { prepareImage } from "./src/loads/image.ts";
import { parseSoakOptions, SOAK_USAGE } from "./src/soak/options.ts";
import { soak } from "./src/soak/soak.ts";

try {
  const options = parseSoakOptions(process.argv.slice(2));
  if (options === undefined) console.log(SOAK_USAGE);
  else {
    const image = prepareImage();
    buildEngine();
    process.exitCode = (await soak(options, image)) ? 0 : 1;
  }
} catch (error) {
  if (!(error instanceof HearthError)) throw error;
  console.error(`soak: ${error.message} (${error.code})`);
  process.exitCode = 1;
}
