// Where things are kept between runs that can be made again: a variable of the environment names a folder or is "off"; without it
// they are among the user's cached files (XDG base directory specification).

import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** For translations of guest code. Undefined when nothing is to be kept. */
export function translationFolder(environment: Environment = process.env): string | undefined {
  return folder(environment, "HEARTH_TRANSLATION_CACHE", "translations");
}

/** For kernels that were decompressed. Undefined when nothing is to be kept. */
export function kernelFolder(environment: Environment = process.env): string | undefined {
  return folder(environment, "HEARTH_KERNEL_CACHE", "kernels");
}

function folder(environment: Environment, variable: string, name: string): string | undefined {
  const asked = environment[variable] ?? "";
  if (asked === "off") return undefined;
  if (asked !== "") return asked;
  const base = environment["XDG_CACHE_HOME"] ?? "";
  // The specification: a relative path is to be ignored.
  return join(isAbsolute(base) ? base : join(homedir(), ".cache"), "hearth", name);
}
