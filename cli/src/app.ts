// The commands of `hearth`, and how mistakes on the command line are answered.

import {
  type Application,
  buildApplication,
  buildRouteMap,
  type CommandContext,
  text_en,
} from "@stricli/core";
import { bootCommand } from "./commands/boot/command.ts";
import { demoCommand } from "./commands/demo/command.ts";
import { doctorCommand } from "./commands/doctor/command.ts";
import { runCommand } from "./commands/run/command.ts";

const root = buildRouteMap({
  routes: { run: runCommand, boot: bootCommand, doctor: doctorCommand, demo: demoCommand },
  docs: {
    brief: "MicroVMs in TypeScript: boot real Linux without KVM, root or QEMU",
    fullDescription: [
      "MicroVMs in TypeScript: boot real Linux without KVM, root or QEMU.",
      "",
      "Examples:",
      "  hearth run uname -a                  a command in a fresh microVM",
      "  hearth run -it sh                    a shell",
      "  hearth boot --kernel vmlinuz         any kernel, console on this terminal",
      "  hearth doctor                        what this host offers",
      "  hearth run --help                    more about one command",
    ].join("\n"),
  },
});

/** The whole command. */
export function createApp(version: string): Application<CommandContext> {
  return buildApplication(root, {
    name: "hearth",
    versionInfo: { currentVersion: version },
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
    documentation: {
      disableAnsiColor: process.env.NO_COLOR !== undefined,
      caseStyle: "convert-camel-to-kebab",
    },
    localization: {
      text: {
        ...text_en,
        noCommandRegisteredForInput: ({ input, corrections }) =>
          `hearth: there is no command "${input}"${suggest(corrections)}; see hearth --help`,
        exceptionWhileParsingArguments(error) {
          const message = error instanceof Error ? error.message : String(error);
          return `hearth: ${message.replace(/^\w/, (first) => first.toLowerCase())}`;
        },
      },
    },
  });
}

function suggest(corrections: readonly string[]): string {
  return corrections.length === 0 ? "" : `, did you mean ${corrections.join(" or ")}?`;
}
