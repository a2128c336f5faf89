// `hearth doctor`: the host's report as lines for people or JSON for scripts.

import { inspectHost } from "@hearth/platform/host-report";
import { conduct } from "../../conduct.ts";
import { ExitCode } from "../../exit-codes.ts";
import type { DoctorFlags } from "./flags.ts";

/** Entry for the command's loader. */
export function main(flags: DoctorFlags): Promise<never> {
  return conduct(async () => {
    const report = await inspectHost();
    if (flags.json) {
      process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
      return ExitCode.Success;
    }
    const rows: [string, string][] = [
      ["Hearth", report.hearth.version],
      [
        "Node",
        `${report.node.version} (${report.node.isSupported ? "supported" : "too old: 24 or newer is needed"})`,
      ],
      ["System", `${report.system.platform} ${report.system.release}, ${report.system.architecture}`],
      ["CPU", `${report.cpu.model}, ${report.cpu.count} × ${report.cpu.architecture}`],
      ["Memory", `${report.memory.freeMib} MiB of ${report.memory.totalMib} MiB available`],
      ["KVM", report.kvm.words],
      ["WebAssembly", report.webAssembly.words],
      ["vCPUs", `1 to ${report.vcpus.maximum} a machine. ${report.vcpus.words}`],
      ["Engine", `${report.engine.name}. ${report.engine.reason}`],
    ];
    for (const [name, value] of rows) process.stdout.write(`${name.padEnd(12)} ${value}\n`);
    return ExitCode.Success;
  }, flags.json);
}
