// A Debian root file system under Hearth's kernel, and under Debian's own stock cloud kernel: the package tool,
// interpreters, a compiler, floating point and cryptography give what they give on a real processor.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { Machine, type MachineOptions } from "../src/index.ts";
import { type DebianImages, debianImages } from "./debian-images.ts";

/** Generous: on a busy host everything takes ten times as long. */
const BOOT_TIMEOUT_MS = 300_000;
const EXEC = { timeoutMs: 240_000 };
const FLOATS = readFileSync(new URL("testdata/floats.c", import.meta.url));
const PROGRAM_32 = readFileSync(new URL("testdata/program32.c", import.meta.url));
/** What floats.c prints on real processors, with Debian 12's math library. */
const FLOATS_OUTPUT = `\
double sum 3ff121b795e8d9b9
long double sum 4000adc54633c89694a5
printed 1.0707317214815772 2.71516566330897405582
double functions 403a46533ec2a512
long double functions 4003d2226b2703427e51
rounded -8,-8,-9,-8,-8 -7,-7,-7,-6,-6 -5,-5,-6,-5,-5 -4,-4,-4,-3,-3 -3,-3,-3,-2,-2 -1,-1,-2,-1,-1 0,0,0,1,0 2,2,1,2,1 3,3,2,3,2 4,4,4,5,4 6,6,5,6,5 7,7,6,7,6
float loop 4350c1a1
uint64 as double 43efdb97530eca86
uint64 as long double 403efedcba9876543210
long double as uint64 12345000000000000000
denormal 0000000000000002
infinity 1 nan 1 tiny 1.09e-4950
`;

const images = debianImages();
const skip = typeof images === "string" ? `${images} (see docs/testing.md)` : false;

function describeGuest(name: string, options: (images: DebianImages) => MachineOptions): void {
  describe(name, () => {
    let machine: Machine | undefined;
    before(async () => {
      if (typeof images === "string") return;
      machine = await Machine.start({
        memoryMib: 512,
        disks: [{ path: images.disk, mode: "copy-on-write" }],
        extraCmdline: "root=/dev/vda",
        bootTimeoutMs: BOOT_TIMEOUT_MS,
        ...options(images),
      });
    });
    after(() => machine?.stop());

    const started = (): Machine => {
      assert.ok(machine !== undefined);
      return machine;
    };
    const run = async (...argv: string[]): Promise<string> => {
      const { stdout, stderr, exitCode, signal } = await started().exec(argv, EXEC);
      assert.deepEqual({ exitCode, signal }, { exitCode: 0, signal: undefined }, stdout + stderr);
      return stdout;
    };

    test("the package tool starts", { skip }, async () => {
      assert.match(await run("apt-get", "--version"), /^apt \d+\.\d+.*\(amd64\)/);
    });

    test("perl computes", { skip }, async () => {
      const program =
        'printf "%.15g %s", exp(1) * sqrt(2), join ",", sort { $a <=> $b } map { $_ * 7919 % 1000 } 1 .. 9';
      const expected = `3.84423102815912 ${[919, 838, 757, 676, 595, 514, 433, 352, 271].reverse().join(",")}`;
      assert.equal(await run("perl", "-e", program), expected);
    });

    test("python computes", { skip }, async () => {
      const program =
        "import hashlib; print(3**200 % 10**30, 0.1 + 0.2, hashlib.sha512(b'x' * 99999).hexdigest())";
      const digest = createHash("sha512").update("x".repeat(99_999)).digest("hex");
      assert.equal(
        await run("python3", "-c", program),
        `${3n ** 200n % 10n ** 30n} ${0.1 + 0.2} ${digest}\n`,
      );
    });

    test("gcc compiles a program with doubles and long doubles, and it computes what it should", {
      skip,
    }, async () => {
      await started().files.write("/tmp/floats.c", FLOATS);
      await run("gcc", "-O2", "-o", "/tmp/floats", "/tmp/floats.c", "-lm");
      assert.equal(await run("/tmp/floats"), FLOATS_OUTPUT);
    });

    test("a 32-bit program runs", { skip }, async () => {
      await started().files.write("/tmp/program32.c", PROGRAM_32);
      const options = ["-m32", "-O2", "-nostdlib", "-static", "-fno-pic", "-no-pie", "-fno-stack-protector"];
      await run("gcc", ...options, "-o", "/tmp/program32", "/tmp/program32.c");
      assert.equal(await run("/tmp/program32"), "if517ff66df0cbea9\ni00784232d17f0ba9\n");
    });

    test("openssl digests and encrypts as this host does, and measures itself", { skip }, async () => {
      const data =
        "seq 1 20000 > /tmp/data && openssl dgst -r -sha256 /tmp/data && openssl dgst -r -md5 /tmp/data";
      const numbers = `${Array.from({ length: 20_000 }, (_, i) => i + 1).join("\n")}\n`;
      const digest = (algorithm: string) => createHash(algorithm).update(numbers).digest("hex");
      assert.equal(
        await run("sh", "-c", data),
        `${digest("sha256")} */tmp/data\n${digest("md5")} */tmp/data\n`,
      );
      const speed = await run("openssl", "speed", "-seconds", "1", "-bytes", "16384", "sha256");
      const [, thousands = "0"] = /^sha256 +([\d.]+)k$/m.exec(speed) ?? [];
      assert.ok(Number(thousands) > 0, speed);
    });

    test("a file system of many files is read and written", { skip }, async () => {
      const script =
        "cp -a /usr/share/perl /tmp/copy && diff -r /usr/share/perl /tmp/copy && find /tmp/copy -type f | wc -l";
      assert.ok(Number(await run("sh", "-c", script)) > 500);
    });
  });
}

describeGuest("Debian under Hearth's kernel", () => ({}));
describeGuest("Debian under its stock cloud kernel", ({ kernel, initrd }) => ({ kernel, initrd }));
