import assert from "node:assert/strict";
import { test } from "node:test";
import { portableCommand } from "../peer-command.ts";
import { LOADS_PEERS, loadsCommands } from "./peers.ts";

const COMMANDS = loadsCommands(LOADS_PEERS, {
  kernel: "/images/k",
  disk: "/images/disk",
  root: "/images/root",
  memoryMib: 512,
  guestArguments: "bscale=10",
  tscKhz: 0,
  cpu: 1,
});

test("every machine gets the same kernel, disk, memory and command line, and leaves the disk alone", () => {
  const machines = LOADS_PEERS.slice(1).map((peer) => COMMANDS.get(peer)?.args ?? []);
  for (const args of machines) {
    assert.ok(args.includes("/images/k"));
    assert.match(args.join(" "), /\/images\/disk.*512|512.*\/images\/disk/);
    assert.equal(args.at(-1), machines[0]?.at(-1));
    assert.doesNotMatch(args.join(" "), /:rw/);
  }
  assert.match(COMMANDS.get("tcg-max")?.args.join(" ") ?? "", /snapshot=on/);
});

test("the disk's path is not kept, also within an option", () => {
  for (const command of COMMANDS.values()) {
    const names = { "/images/k": "{kernel}", "/images/disk": "{disk}", "/images/root": "{root}" };
    assert.doesNotMatch(portableCommand(command, names), /\/images/);
  }
});
