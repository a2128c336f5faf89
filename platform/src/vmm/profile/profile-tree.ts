// Two views of a recording as one tree: what the runner's thread did, and where the guest was meanwhile.

import type { GuestPlace, RecordedProfile } from "./recorded-profile.ts";
import { addStack, newTree, type StackTree } from "./stack-tree.ts";
import type { SystemMap } from "./system-map.ts";

const PAGE_MASK = 0xfffn;

/** The runner's thread: activity, then functions. */
export function threadTree(profile: RecordedProfile, symbols?: SystemMap): StackTree {
  const tree = newTree("runner's thread");
  for (const { activity, frames, us } of profile.stacks)
    addStack(tree, [activity, ...frames.map((name) => withSymbol(name, symbols))], us);
  return tree;
}

/** The guest: kernel or user, then symbol or page, then the address of regions. */
export function guestTree(profile: RecordedProfile, symbols?: SystemMap): StackTree {
  const tree = newTree("guest");
  for (const place of profile.guestPlaces) {
    const frames = [place.isUser ? "user" : "kernel", placeName(place, symbols)];
    if (place.source === "region") frames.push(`region ${hex(place.address)}`);
    addStack(tree, frames, place.us);
  }
  return tree;
}

/** A symbol where one is known; else the page. */
export function placeName({ address, isUser }: GuestPlace, symbols?: SystemMap): string {
  const name = isUser ? undefined : symbols?.nameAt(address);
  return name ?? `${hex(address & ~PAGE_MASK)} page`;
}

function withSymbol(frame: string, symbols?: SystemMap): string {
  const digits = /^region ([0-9a-f]{16})$/.exec(frame)?.[1];
  const name = digits === undefined ? undefined : symbols?.nameAt(BigInt(`0x${digits}`));
  return name === undefined ? frame : `${frame} ${name}`;
}

export const hex = (address: bigint): string => address.toString(16).padStart(16, "0");
