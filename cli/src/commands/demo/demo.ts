// `hearth demo`: boots the embedded machine and shows what it is, in a few seconds.

import { Machine } from "@hearth/platform";
import { VERSION } from "@hearth/platform/version";
import { conduct } from "../../conduct.ts";
import { Ending } from "../../ending.ts";
import { ExitCode } from "../../exit-codes.ts";
import { endWithReader } from "../../terminal/output.ts";
import { Progress } from "../../terminal/progress.ts";
import { paint } from "../../terminal/paint.ts";
import type { DemoFlags } from "./flags.ts";
import { SCENES, type Scene } from "./scenes.ts";

/** Entry for the command's loader. */
export function main(flags: DemoFlags): Promise<never> {
  return conduct(() => demo(flags));
}

async function demo(flags: DemoFlags): Promise<number> {
  using ending = new Ending();
  endWithReader(ending);
  print(
    `${paint.bold(`Hearth ${VERSION}`)}: a microVM made of TypeScript and WebAssembly. No KVM, no root, no QEMU.\n`,
  );
  const startMs = performance.now();
  const machine = await bootShown(flags, ending);
  try {
    print(`${paint.green("✓")} Linux booted in ${paint.bold(seconds(startMs))}\n`);
    for (const scene of SCENES) await show(machine, scene, ending);
    const stopMs = performance.now();
    await machine.stop();
    print(`${paint.green("✓")} stopped in ${seconds(stopMs)}; nothing is left behind\n`);
    print(`Now try  ${paint.bold("hearth run -it sh")}   and  ${paint.bold("hearth --help")}`);
    return ExitCode.Success;
  } finally {
    await machine.stop();
  }
}

async function bootShown(flags: DemoFlags, ending: Ending): Promise<Machine> {
  using _progress = new Progress("booting Linux");
  const machine = await Machine.start({ memoryMib: flags.memory, signal: ending.signal });
  try {
    await ending.race(machine.ready());
    return machine;
  } catch (error) {
    await machine.stop();
    throw error;
  }
}

async function show(machine: Machine, scene: Scene, ending: Ending): Promise<void> {
  const startMs = performance.now();
  print(`${paint.dim("guest $")} ${paint.bold(scene.shown)}`);
  const result = await ending.race(machine.exec(["sh", "-c", scene.command]));
  for (const line of `${result.stdout}${result.stderr}`.trimEnd().split("\n")) print(`  ${line}`);
  const note = scene.note === undefined ? "" : `${scene.note}, `;
  print(paint.dim(`  ${note}exit code ${result.exitCode}, ${seconds(startMs)}\n`));
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(2)} s`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
