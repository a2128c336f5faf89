// The text of a profile: where time went, counts, hottest handlers and guest code.

import { ACTIVITIES, type Activity, isAtRest } from "./activity.ts";
import { hex, placeName } from "./profile-tree.ts";
import type { DeviceAccesses, GuestPlace, RecordedProfile } from "./recorded-profile.ts";
import type { SystemMap } from "./system-map.ts";

const TOP = 15;
const TOP_COUNTS = 12;

/** For people, ends with a line feed. */
export function profileReport(profile: RecordedProfile, symbols?: SystemMap): string {
  const sections = [
    header(profile),
    byActivity(profile),
    table("hottest handlers of the interpreter", hottestFunctions(profile, isHandlers)),
    table("hottest functions elsewhere", hottestFunctions(profile, isElsewhere)),
    guestTable(profile, symbols),
    table("hottest regions", hottestRegions(profile, symbols)),
    ...Object.entries(profile.counts).map(([title, counts]) => countTable(title, counts)),
    deviceTable("port accesses", profile.ports),
    deviceTable("device memory accesses", profile.mmio),
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

function header(profile: RecordedProfile): string {
  const { durationUs, sampleCount, threadCpuUs, otherCpuUs } = profile;
  return [
    `profile: ${ms(durationUs)} ms, ${sampleCount} samples`,
    `CPU time of the runner's thread ${ms(threadCpuUs)} ms, of all other threads ${ms(otherCpuUs)} ms`,
  ].join("\n");
}

function byActivity(profile: RecordedProfile): string {
  const times = sumBy(profile.stacks, ({ activity }) => activity);
  const work = sum(sumBy(atWork(profile), ({ activity }) => activity));
  const lines = ACTIVITIES.filter((activity) => times.has(activity)).map((activity) => {
    const us = times.get(activity) ?? 0;
    return isAtRest(activity) ? `${ms(us).padStart(11)}         ${activity}` : timeLine(us, work, activity);
  });
  return ["where time went (ms, share of the time at work)", ...lines].join("\n");
}

const isHandlers = (activity: Activity): boolean => activity === "interpreter";
/** Regions are listed by the guest code they are. */
const isElsewhere = (activity: Activity): boolean =>
  !isHandlers(activity) && activity !== "regions" && !isAtRest(activity);

function hottestFunctions(
  profile: RecordedProfile,
  isWanted: (activity: Activity) => boolean,
): Map<string, number> {
  const stacks = profile.stacks.filter(({ activity }) => isWanted(activity));
  return sumBy(stacks, ({ frames, activity }) => frames.at(-1) ?? activity);
}

function atWork(profile: RecordedProfile) {
  return profile.stacks.filter(({ activity }) => !isAtRest(activity));
}

/** By function where symbols are known, else by page; the last share is that of compiled code. */
function guestTable({ guestPlaces }: RecordedProfile, symbols?: SystemMap): string {
  const name = (place: GuestPlace): string =>
    `${place.isUser ? "user  " : "kernel"} ${placeName(place, symbols)}`;
  const times = sumBy(guestPlaces, name);
  const inRegions = sumBy(guestPlaces.filter(isRegion), name);
  const total = sum(times);
  const lines = hottest(times).map(([place, us]) => {
    const share = (100 * (inRegions.get(place) ?? 0)) / us;
    return timeLine(us, total, `${share.toFixed(0).padStart(3)}%  ${place}`);
  });
  return lines.length === 0 ? "" : ["hottest guest code (ms, share, in regions)", ...lines].join("\n");
}

function hottestRegions({ guestPlaces }: RecordedProfile, symbols?: SystemMap): Map<string, number> {
  return sumBy(guestPlaces.filter(isRegion), ({ address, isUser }) => {
    const name = isUser ? undefined : symbols?.nameAt(address);
    return name === undefined ? hex(address) : `${hex(address)} ${name}`;
  });
}

const isRegion = ({ source }: GuestPlace): boolean => source === "region";

function table(title: string, times: ReadonlyMap<string, number>): string {
  const total = sum(times);
  const lines = hottest(times).map(([name, us]) => timeLine(us, total, name));
  return lines.length === 0 ? "" : [`${title} (ms, share)`, ...lines].join("\n");
}

function hottest(times: ReadonlyMap<string, number>): [string, number][] {
  return [...times].sort(([, a], [, b]) => b - a).slice(0, TOP);
}

function countTable(title: string, counts: Readonly<Record<string, number>>): string {
  const lines = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, TOP_COUNTS)
    .map(([name, count]) => `${count.toString().padStart(11)}  ${name}`);
  return lines.length === 0 ? "" : [title, ...lines].join("\n");
}

function deviceTable(title: string, devices: readonly DeviceAccesses[]): string {
  const lines = devices
    .toSorted((a, b) => b.reads + b.writes - a.reads - a.writes)
    .slice(0, TOP_COUNTS)
    .map(
      ({ name, reads, writes }) =>
        `${reads.toString().padStart(11)} ${writes.toString().padStart(11)}  ${name}`,
    );
  return lines.length === 0 ? "" : [`${title} (reads, writes)`, ...lines].join("\n");
}

function sumBy<T extends { readonly us: number }>(
  items: readonly T[],
  key: (item: T) => string,
): Map<string, number> {
  const sums = new Map<string, number>();
  for (const item of items) sums.set(key(item), (sums.get(key(item)) ?? 0) + item.us);
  return sums;
}

function sum(times: ReadonlyMap<string, number>): number {
  return [...times.values()].reduce((total, us) => total + us, 0);
}

function timeLine(us: number, totalUs: number, name: string): string {
  const share = totalUs === 0 ? 0 : (100 * us) / totalUs;
  return `${ms(us).padStart(11)} ${share.toFixed(1).padStart(5)}%  ${name}`;
}

function ms(us: number): string {
  return (us / 1000).toFixed(1);
}
