// Where translations of guest code are kept between runs: HEARTH_TRANSLATION_CACHE names a folder or is "off"; without it they are
// among the user's cached files (XDG base directory specification).

import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** Undefined when nothing is to be kept. */
export function translationFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const asked = environment["HEARTH_TRANSLATION_CACHE"] ?? "";
  if (asked === "off") return undefined;
  if (asked !== "") return asked;
  const base = environment["XDG_CACHE_HOME"] ?? "";
  // The specification: a relative path is to be ignored.
  return join(isAbsolute(base) ? base : join(homedir(), ".cache"), "hearth", "translations");
}
