import assert from "node:assert/strict";
import { test } from "node:test";
import { guestArguments, portableCommand } from "../peer-command.ts";
import { pathNames, PEER_NAMES, peerCommand, type PeerInput } from "./peers.ts";

const INPUT: PeerInput = {
  kernel: "/images/k",
  initrd: "/images/i.gz",
  root: "/images/root",
  memoryMib: 96,
  guestArguments: "bscale=10 blist=sieve,xz",
  tscKhz: 2_600_000,
  cpu: 1,
};

test("the program list is passed only when there is one, even when it is empty", () => {
  assert.equal(guestArguments(100, undefined), "bscale=100");
  assert.equal(guestArguments(10, ["sieve", "xz"]), "bscale=10 blist=sieve,xz");
  assert.equal(guestArguments(10, []), "bscale=10 blist=");
});

test("every virtual machine gets the same kernel, initramfs, memory and programs", () => {
  for (const peer of PEER_NAMES.filter((name) => name !== "native")) {
    const { args } = peerCommand(peer, INPUT);
    assert.equal(args[args.indexOf(peer.startsWith("hearth") ? "--kernel" : "-kernel") + 1], INPUT.kernel);
    assert.equal(args[args.indexOf(peer.startsWith("hearth") ? "--initrd" : "-initrd") + 1], INPUT.initrd);
    assert.match(args.join(" "), /96/);
    assert.match(args.at(-1) ?? "", /^console=ttyS0 .* bscale=10 blist=sieve,xz$/);
  }
});

test("TCG is told the frequency of the TSC when it is known", () => {
  assert.match(peerCommand("tcg-max", INPUT).args.at(-1) ?? "", /tsc_early_khz=2600000/);
  assert.doesNotMatch(peerCommand("tcg-max", { ...INPUT, tscKhz: 0 }).args.at(-1) ?? "", /tsc/);
});

test("a kept command names no path of the host", () => {
  for (const peer of PEER_NAMES) {
    const text = portableCommand(peerCommand(peer, INPUT), pathNames(INPUT));
    assert.doesNotMatch(text, /\/images|\/node/, peer);
  }
  assert.match(
    portableCommand(peerCommand("hearth", INPUT), pathNames(INPUT)),
    /^node bin\/hearth boot --kernel \{kernel\}/,
  );
});
