// Every end has its sentence.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type EndReason, describeEnd } from "./end-reason.ts";

const cases: [reason: EndReason, sentence: RegExp][] = [
  [{ kind: "power-off" }, /powered off/],
  [{ kind: "reset", cause: "triple-fault" }, /triple fault/],
  [{ kind: "reset", cause: "keyboard-controller" }, /keyboard controller/],
  [{ kind: "halt" }, /halted/],
  [{ kind: "failure", message: "engine gave up", dump: "rip=0" }, /engine gave up/],
  [{ kind: "stopped" }, /stopped/],
];
for (const [reason, sentence] of cases) test(reason.kind, () => assert.match(describeEnd(reason), sentence));
