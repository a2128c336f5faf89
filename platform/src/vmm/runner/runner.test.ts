import assert from "node:assert/strict";
import { test } from "node:test";
import { Runner, type RunnableMachine, type RunnerThread, type Step } from "./runner.ts";

/** A guest as a list of steps; each takes `stepMs` and may write to the console. */
class ScriptedMachine implements RunnableMachine, RunnerThread {
  time = 0;
  dueMs = Number.POSITIVE_INFINITY;
  readonly sleeps: number[] = [];
  turns = 0;
  sent = "";
  onSleep: () => void = () => {};
  #console = "";
  readonly #script: (machine: ScriptedMachine) => Step;

  constructor(script: (machine: ScriptedMachine) => Step) {
    this.#script = script;
  }

  print(text: string): void {
    this.#console += text;
  }

  step(): Step {
    this.time += 0.1;
    return this.#script(this);
  }

  untilDueMs(): number {
    return this.dueMs - this.time;
  }

  takeConsole(): Uint8Array | undefined {
    if (this.#console === "") return undefined;
    const bytes = new TextEncoder().encode(this.#console);
    this.#console = "";
    return bytes;
  }

  describe(): string {
    return "rip=0";
  }

  nowMs(): number {
    return this.time;
  }

  turn(): Promise<void> {
    this.turns++;
    return Promise.resolve();
  }

  sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    if (Number.isFinite(ms)) this.time += Math.max(ms, 0);
    this.onSleep();
    return Promise.resolve();
  }

  sendConsole(bytes: Uint8Array): void {
    this.sent += new TextDecoder().decode(bytes);
  }
}

/** Gives the steps in turn, then the last for ever. */
const steps =
  (...list: (Step | [Step, string])[]) =>
  (machine: ScriptedMachine): Step => {
    const next = (list.length > 1 ? list.shift() : list[0]) as Step | [Step, string];
    if (typeof next === "string") return next;
    machine.print(next[1]);
    return next[0];
  };

async function run(machine: ScriptedMachine) {
  return new Runner(machine, machine).run();
}

test("output is passed on and power-off ends the run", async () => {
  const machine = new ScriptedMachine(steps(["budget", "hello\n"], ["ran", "world\n"], "power-off"));
  const end = await run(machine);
  assert.deepEqual(end, { reason: "power-off", console: ["hello", "world"] });
  assert.equal(machine.sent, "hello\nworld\n");
});

test("an idle guest sleeps until its timer and never runs meanwhile", async () => {
  let runs = 0;
  const machine = new ScriptedMachine(() => {
    runs++;
    if (runs === 3) return "power-off";
    machine.dueMs = machine.time + 250;
    return "idle";
  });
  await run(machine);
  assert.equal(runs, 3);
  assert.deepEqual(machine.sleeps.map(Math.round), [250, 250]);
});

test("an idle guest whose timer is due already goes on without sleeping", async () => {
  const machine = new ScriptedMachine(steps("idle", "idle", "power-off"));
  machine.dueMs = 0;
  await run(machine);
  assert.deepEqual(machine.sleeps, []);
});

test("a busy guest lets I/O have its turn every few milliseconds", async () => {
  let runs = 0;
  const machine = new ScriptedMachine(() => (runs++ < 1000 ? "budget" : "power-off"));
  await run(machine);
  assert.ok(machine.turns > 30, `${machine.turns} turns in 100 ms`);
});

test("stop ends a guest that never halts", async () => {
  const machine = new ScriptedMachine(() => "budget");
  const runner = new Runner(machine, machine);
  const ended = runner.run();
  runner.stop();
  assert.equal((await ended).reason, "stopped");
});

test("a panic is reported when the kernel is done with it, or when the machine resets after it", async () => {
  const report = "[    1.0] Kernel panic - not syncing: No init\n";
  const looping = new ScriptedMachine(
    steps(["budget", report], ["budget", "---[ end Kernel panic - not ]---\n"], "budget"),
  );
  const resetting = new ScriptedMachine(steps(["budget", report], "reset"));
  const dying = new ScriptedMachine(steps(["budget", report], "dead"));
  for (const machine of [looping, resetting, dying]) {
    const end = await run(machine);
    assert.equal(end.reason, "panic");
    assert.equal(end.message, "No init");
    assert.ok(end.console.length > 0);
  }
  const merelyPrinting = new ScriptedMachine(steps(["budget", report], "budget", "power-off"));
  assert.equal((await run(merelyPrinting)).reason, "power-off");
});

test("resets, dead halts and engine failures end the run", async () => {
  assert.equal((await run(new ScriptedMachine(() => "reset"))).reason, "reset");
  assert.equal((await run(new ScriptedMachine(() => "dead"))).reason, "power-off");
  const failed = await run(new ScriptedMachine(() => "failed"));
  assert.equal(failed.error?.code, "engine.failure");
  assert.equal(failed.error?.details.state, "rip=0");
  const buggy = await run(
    new ScriptedMachine(() => {
      throw new TypeError("oops");
    }),
  );
  assert.equal(buggy.error?.code, "internal.bug");
});

test("a console nobody reads holds the guest back until it is read", async () => {
  const machine = new ScriptedMachine((self) => {
    self.print("x".repeat(100_000));
    return "budget";
  });
  const runner = new Runner(machine, machine);
  let sleeps = 0;
  machine.onSleep = () => {
    sleeps++;
    if (sleeps === 1) runner.consoleTaken(machine.sent.length);
    else runner.stop();
  };
  await runner.run();
  assert.equal(sleeps, 2);
  assert.ok(machine.sent.length < 4 * (1 << 20));
});
