/*
 * `npm run bench:v86`: the engine benchmark's 32-bit programs in v86 and in Hearth, in turns on the same host. Prints the
 * report and keeps it in bench/results/. Exit code 1 when a checksum is wrong or a peer never finishes.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { HearthError } from "@hearth/machine";
import { type Benchmark, runBenchmark } from "./src/benchmark.ts";
import { prepareWorkload } from "./src/engine/workload.ts";
import { lastCpu } from "./src/host-facts.ts";
import { guestArguments } from "./src/peer-command.ts";
import { requireV86, V86_VERSION } from "./src/v86/package.ts";
import { V86_CONTESTS, V86_PEERS, v86Commands } from "./src/v86/peers.ts";

const V86: Benchmark = {
  form: {
    script: "bench:v86",
    peers: V86_PEERS,
    memoryMib: 128,
    timeoutS: 1800,
    example: "sieve,xz",
    environment: `HEARTH_BENCH_V86 where v86 is installed (/tmp/hearth-v86), HEARTH_BENCH_SEABIOS its BIOS' folder
(/usr/share/seabios), ENGINE_BENCH_TMP and HEARTH_ENGINE_BENCH as for bench:engine. --kernel is Hearth's, 64-bit.`,
  },
  name: "v86",
  title: `Engine benchmark against v86 ${V86_VERSION}`,
  remarks: [
    "",
    "v86 runs Debian's i386 kernel, because it has no 64-bit mode; Hearth runs Debian's x86-64 kernel, because it boots no",
    "32-bit one. So power-on and what the kernel does (forkexec, getpid, ctxsw, pfault) compare different kernels.",
  ],
  contests: V86_CONTESTS,
  prepare: ({ peers, kernel, memoryMib, scale, programs }) => {
    const images = dirname(prepareWorkload().kernel);
    if (!existsSync(join(images, "vmlinuz32")))
      throw new HearthError("bench.workload", `${images} has no vmlinuz32; build the workload's images anew`);
    const files = requireV86();
    const load = { memoryMib, guestArguments: guestArguments(scale, programs) };
    return {
      commands: v86Commands(peers, { ...files, images, kernel64: kernel, ...load, cpu: lastCpu() }),
      pathNames: {
        [`${images}/`]: "",
        [files.build]: "{v86}",
        [files.firmware]: "{seabios}",
      },
      qemu: undefined,
    };
  },
};

await runBenchmark(V86);
