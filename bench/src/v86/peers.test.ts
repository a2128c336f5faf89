import assert from "node:assert/strict";
import { test } from "node:test";
import { V86_CONTESTS, V86_PEERS, v86Commands } from "./peers.ts";

const COMMANDS = v86Commands(V86_PEERS, {
  build: "/v86/build",
  firmware: "/bios",
  images: "/images",
  kernel64: undefined,
  memoryMib: 128,
  guestArguments: "bscale=10",
  cpu: 1,
});
const words = (peer: string) => COMMANDS.get(peer)?.args.join(" ") ?? "";

test("the 32-bit programs are the same files in both machines", () => {
  assert.match(words("v86"), /\/images\/vmlinuz32 \/images\/initrd32\.gz 128 .*bscale=10$/);
  assert.match(words("hearth-32"), /\/images\/vmlinuz64 .*\/images\/initrd32\.gz .*128M .*bscale=10$/);
  assert.match(words("hearth-64"), /\/images\/vmlinuz64 .*\/images\/initrd64\.gz/);
});

test("every contest is between peers that there are", () => {
  for (const { baseline, rivals, subject } of V86_CONTESTS) {
    for (const peer of [baseline, ...rivals.keys(), subject]) assert.ok(COMMANDS.has(peer), peer);
  }
});
