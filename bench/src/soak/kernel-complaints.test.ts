import assert from "node:assert/strict";
import { test } from "node:test";
import { KernelComplaints } from "./kernel-complaints.ts";

function complaintsOf(text: string): KernelComplaints {
  const complaints = new KernelComplaints();
  for (const character of text) complaints.feed(character);
  return complaints;
}

test("a boot without trouble is no complaint", () => {
  const text = `[    0.0] Linux version 6.1.192-hearth
[    0.0] Spectre V2 : Mitigation: debugging off
[    0.2] EXT4-fs (vda): mounted filesystem with ordered data mode. Quota mode: none.
[    0.3] Run /init as init process
`;
  assert.equal(complaintsOf(text).count, 0);
});

test("each kind of complaint is one, and what follows is kept", () => {
  for (const line of [
    "[ 9.1] BUG: unable to handle page fault for address: ffffc90000000000",
    "[ 9.1] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:71]",
    "[ 9.1] python3[80]: segfault at 8 ip 00007f sp 00007f error 4 in libc.so.6",
    "[ 9.1] traps: gcc[81] general protection fault ip:40 sp:7f error:0",
    "[ 9.1] rcu: INFO: rcu_sched self-detected stall on CPU",
    "[ 9.1] Oops: 0000 [#1] PREEMPT SMP",
    "[ 9.1] EXT4-fs error (device vda): ext4_lookup:1784",
    "[ 9.1] clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable",
    "[ 9.1] Out of memory: Killed process 90 (cc1)",
  ]) {
    const complaints = complaintsOf(`quiet\r\n${line}\r\nafterwards\r\n`);
    assert.equal(complaints.count, 1, line);
    assert.deepEqual(complaints.lines, [line, "afterwards"]);
  }
});

test("a guest that complains for ever does not fill the host", () => {
  const complaints = new KernelComplaints();
  complaints.feed("WARNING: again\n".repeat(10_000));
  assert.equal(complaints.count, 10_000);
  assert.ok(complaints.lines.length < 1000);
});
