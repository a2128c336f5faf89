// From V8's profile and the guest's samples to time by stack and time by guest address.
//
// A region's name says where its code is. For everything else the guest was where the next interruption found it, if that came
// soon: interruptions are as frequent as V8's samples.

import type { GuestSample } from "@hearth/engine-portable";
import { regionAddress } from "@hearth/engine-portable";
import { type Activity, activityOf, frameActivity, GAP, isWasm } from "./activity.ts";
import { type CallFrame, type CpuProfile, eachSample, stacksOf } from "./cpu-profile.ts";
import type { GuestPlace, RecordedStack } from "./recorded-profile.ts";

/** A sample stands for this time at most: V8 takes one every 200 µs. */
const MAX_SAMPLE_US = 1000;
/** An interruption later than this says nothing about a sample. */
const NEAR_US = 2000;

interface Described {
  readonly activity: Activity;
  readonly frames: readonly string[];
  readonly isGuest: boolean;
  readonly region: bigint | undefined;
}

export interface Condensed {
  readonly stacks: readonly RecordedStack[];
  readonly guestPlaces: readonly GuestPlace[];
}

/** `samples` in the order of their times, on the clock of the profile. */
export function condense(profile: CpuProfile, samples: readonly GuestSample[]): Condensed {
  const described = new Map([...stacksOf(profile)].map(([id, stack]) => [id, describe(stack)]));
  const stacks = new Map<string, Writable<RecordedStack>>();
  const places = new Map<string, Writable<GuestPlace>>();
  let next = 0;
  eachSample(profile, (node, timeUs, durationUs) => {
    const stack = described.get(node);
    if (stack === undefined || durationUs === 0) return;
    const { activity, frames } = stack;
    const us = activity === "idle" ? durationUs : Math.min(durationUs, MAX_SAMPLE_US);
    if (us < durationUs) addTo(stacks, GAP, { activity: GAP, frames: [], us: durationUs - us });
    addTo(stacks, [activity, ...frames].join(";"), { activity, frames, us });
    if (!stack.isGuest) return;
    while (next < samples.length && (samples[next] as GuestSample).timeUs < timeUs) next++;
    const place = placeOf(stack, samples[next], timeUs);
    if (place) addTo(places, `${place.source}${place.address}`, { ...place, us });
  });
  return { stacks: [...stacks.values()], guestPlaces: [...places.values()] };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function addTo<T extends { us: number }>(map: Map<string, T>, key: string, entry: T): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, entry);
  else known.us += entry.us;
}

function placeOf(
  stack: Described,
  sample: GuestSample | undefined,
  timeUs: number,
): Omit<GuestPlace, "us"> | undefined {
  if (stack.region !== undefined)
    return { address: stack.region, isUser: stack.region < 1n << 47n, source: "region" };
  if (sample === undefined || sample.timeUs - timeUs > NEAR_US) return undefined;
  return { address: sample.rip, isUser: sample.isUser, source: "interruption" };
}

function describe(stack: readonly CallFrame[]): Described {
  const activity = activityOf(stack);
  const frames = innermostOf(activity, stack).map(frameName);
  const regions = stack.map(({ functionName }) => regionAddress(functionName));
  return {
    activity,
    frames: frames.filter((name, i) => name !== frames[i - 1]),
    isGuest: stack.some(({ url }) => isWasm(url)),
    region: regions.findLast((address) => address !== undefined),
  };
}

/** The inner end of the stack, as far out as it belongs to the activity and begins with a frame that says so. */
function innermostOf(activity: Activity, stack: readonly CallFrame[]): readonly CallFrame[] {
  const other = stack.findLastIndex((frame) => (frameActivity(frame) ?? activity) !== activity);
  const start = stack.findIndex((frame, i) => i > other && frameActivity(frame) === activity);
  return stack.slice(start < 0 ? other + 1 : start);
}

/** Short: the path of a core function from its folder on, a script's file with the function. */
function frameName({ functionName, url }: CallFrame): string {
  if (isWasm(url)) return functionName.replace(/^.*\/core\//, "core/");
  if (functionName.startsWith("(")) return functionName;
  const file = url.slice(url.lastIndexOf("/") + 1).replace(/\.ts$/, "");
  const name = functionName === "" ? "(anonymous)" : functionName;
  return file === "" ? name : `${file}: ${name}`;
}
