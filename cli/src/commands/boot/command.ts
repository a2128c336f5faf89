// `hearth boot`: its flags and its help. The work is in boot.ts.

import { buildCommand } from "@stricli/core";
import type { BootFlags } from "./flags.ts";
import { machineFlags } from "../shared-flags.ts";

export const bootCommand = buildCommand<BootFlags>({
  loader: async () => (await import("./boot.ts")).main,
  parameters: {
    flags: {
      kernel: {
        kind: "parsed",
        parse: String,
        brief: "Kernel to boot, an ELF vmlinux or a bzImage; the embedded one if absent",
        placeholder: "FILE",
        optional: true,
      },
      initrd: {
        kind: "parsed",
        parse: String,
        brief: "Initial RAM disk",
        placeholder: "FILE",
        optional: true,
      },
      append: {
        kind: "parsed",
        parse: String,
        brief: "Kernel command line; replaces the default",
        placeholder: "TEXT",
        optional: true,
      },
      ...machineFlags,
    },
    aliases: { k: "kernel", m: "memory" },
  },
  docs: {
    brief: "Boot any x86-64 Linux kernel with its serial console on this terminal",
    fullDescription: [
      "The serial console (ttyS0) is standard input and output. The command ends when the guest powers off or resets.",
      "On a terminal every key goes to the guest; Ctrl-] quits.",
      "",
      "Examples:",
      "  hearth boot                                           # the embedded kernel and root file system",
      "  hearth boot --kernel vmlinuz --initrd initrd.img --append 'console=ttyS0 quiet' --memory 512M",
      "  hearth boot --kernel vmlinux --disk root.ext4 --append 'console=ttyS0 root=/dev/vda rw'",
      "",
      "Exit codes: 0 the guest powered off or reset; 3 its kernel panicked; 124 timeout; 2 wrong usage; 1 any other error.",
    ].join("\n"),
  },
});
