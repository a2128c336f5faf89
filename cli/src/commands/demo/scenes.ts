// What the demo runs in the guest. All of it is busybox, so that the embedded root file system is enough.

/** One command and how it is presented. */
export interface Scene {
  /** What the viewer sees as typed. */
  readonly shown: string;
  /** What is run, by sh. */
  readonly command: string;
  /** What to look at. */
  readonly note?: string;
}

export const SCENES: readonly Scene[] = [
  { shown: "uname -a", command: "uname -a" },
  {
    shown: "grep -E 'vendor|model name|flags' /proc/cpuinfo",
    command: "grep -E 'vendor_id|model name|flags' /proc/cpuinfo | cut -c1-100",
    note: "a processor that exists only as WebAssembly",
  },
  { shown: "free -m", command: "free -m | head -2" },
  {
    shown: "awk: the first 15 primes, and 2^64 - 1 by bc",
    command: [
      "awk 'BEGIN { for (n = 2; found < 15; n++) { p = 1; for (d = 2; d * d <= n; d++) if (n % d == 0) p = 0;",
      'if (p) { printf "%d ", n; found++ } } print "" }\'; echo \'2^64 - 1\' | bc',
    ].join(" "),
  },
  {
    shown: "head -c 1M /dev/zero | sha256sum",
    command: "head -c 1048576 /dev/zero | sha256sum",
    note: "the same digest as on any computer",
  },
];
