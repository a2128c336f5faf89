// What a moment of the runner's thread was spent on, told from the functions that were on the stack. Functions of WebAssembly
// modules have the names their name sections give them: core functions those of their source files.

import type { CallFrame } from "./cpu-profile.ts";

/** In the order of the report. */
export const ACTIVITIES = [
  "interpreter",
  "regions",
  "MMU",
  "exceptions and interrupts",
  "system instructions",
  "strings, x87, SSE helpers",
  "run loop",
  "decoding",
  "region compiler",
  "devices",
  "loading",
  "runner",
  "garbage collection",
  "other native code",
  "profiler",
  "idle",
  "not running (the host was busy)",
] as const;
export type Activity = (typeof ACTIVITIES)[number];

const RUN_LOOP: Activity = "run loop";

export const isRegion = (name: string): boolean => name.startsWith("region ");

/** A form with size and addressing, or what jumps go through. */
const isHandler = (name: string): boolean => name.endsWith(")") || name === "jumpFar";

/** By the path in the name of a core function. */
const CORE: readonly (readonly [RegExp, Activity])[] = [
  [/\/core\/mmu\//, "MMU"],
  [/\/core\/interrupts\//, "exceptions and interrupts"],
  [/\/core\/decode\//, "decoding"],
  [/\/core\/(system|segments|mode|flags)/, "system instructions"],
  [/\/core\/(integer|float|x87|vector)\//, "strings, x87, SSE helpers"],
  [/\/core\//, RUN_LOOP],
];

/** By the URL of a script. */
const SCRIPTS: readonly (readonly [RegExp, Activity])[] = [
  [/\/runner\/doorbell\.ts$/, "idle"],
  [/\/(vmm|portable\/src)\/profile\//, "profiler"],
  [/\/engines\/portable\/src\/(regions|isa|encoder|lowering|decode)\//, "region compiler"],
  [/\/engines\/portable\/src\/runtime\/(hot|region|compil|cache|translation)/, "region compiler"],
  [/\/engines\/portable\/src\/runtime\/artifacts\.ts$/, "loading"],
  [/\/engines\/portable\/src\/(build|interpreter)\//, "loading"],
  [/\/engines\/portable\//, RUN_LOOP],
  [/\/machine\/src\/(boot|acpi)\//, "loading"],
  [/\/machine\/src\/(machine\.ts$|lifecycle\/)/, "runner"],
  [/\/machine\//, "devices"],
  [/\/host\//, "devices"],
  [/\/(images|guest)\/src\//, "loading"],
  [/\/platform\/src\/vmm\/specification\//, "loading"],
  [/\/platform\//, "runner"],
];

const NATIVE: ReadonlyMap<string, Activity> = new Map([
  ["(idle)", "idle"],
  ["(program)", "other native code"],
  ["(garbage collector)", "garbage collection"],
]);

/** Where samples are further apart than they should be, nothing was sampled, and mostly nothing was done. */
export const GAP: Activity = "not running (the host was busy)";

/** Neither counts as work. */
export const isAtRest = (activity: Activity): boolean => activity === "idle" || activity === GAP;

/** What a stack was doing: the innermost frame that says so decides. */
export function activityOf(stack: readonly CallFrame[]): Activity {
  for (let i = stack.length - 1; i >= 0; i--) {
    const found = frameActivity(stack[i] as CallFrame);
    if (found !== undefined) return found;
  }
  return stack.some((frame) => frame.url.startsWith("node:")) ? "loading" : "other native code";
}

/** What a frame says about it, if anything. */
export function frameActivity({ functionName, url }: CallFrame): Activity | undefined {
  if (isWasm(url)) {
    if (isRegion(functionName)) return "regions";
    if (functionName.includes("/core/")) return lookUp(CORE, functionName);
    if (functionName.startsWith("js-to-wasm")) return undefined;
    return isHandler(functionName) ? "interpreter" : RUN_LOOP;
  }
  return NATIVE.get(functionName) ?? lookUp(SCRIPTS, url);
}

export const isWasm = (url: string): boolean => url.startsWith("wasm:");

function lookUp(table: readonly (readonly [RegExp, Activity])[], text: string): Activity | undefined {
  return table.find(([pattern]) => pattern.test(text))?.[1];
}
