/*
 * One boot in v86, as a process of its own: kernel and initramfs go in, the serial port comes out on standard output.
 * node host.ts BUILD FIRMWARE KERNEL INITRD MEMORY_MIB COMMAND_LINE
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** What is used of v86. */
interface Emulator {
  add_listener(event: string, listener: (byte: number) => void): void;
}
interface V86Module {
  readonly V86: new (options: Record<string, unknown>) => Emulator;
}

const [build = "", firmware = "", kernel = "", initrd = "", memoryMib = "", cmdline = ""] =
  process.argv.slice(2);
/** The package's last line of init; the process ends then, as a machine that is powered off does. */
const LAST_LINE = "@@ all end";
const NEWLINE = 10;

const file = (path: string) => {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return { buffer: buffer.slice(byteOffset, byteOffset + byteLength) };
};
const { V86 } = (await import(pathToFileURL(join(build, "libv86.mjs")).href)) as V86Module;
const emulator = new V86({
  wasm_path: join(build, "v86.wasm"),
  memory_size: Number(memoryMib) * 2 ** 20,
  vga_memory_size: 2 * 2 ** 20,
  bios: file(join(firmware, "bios.bin")),
  vga_bios: file(join(firmware, "vgabios-stdvga.bin")),
  bzimage: file(kernel),
  initrd: file(initrd),
  cmdline,
  autostart: true,
  disable_keyboard: true,
  disable_mouse: true,
  disable_speaker: true,
});

let line: number[] = [];
emulator.add_listener("serial0-output-byte", (byte) => {
  line.push(byte);
  if (byte !== NEWLINE) return;
  const text = Buffer.from(line).toString("latin1");
  line = [];
  process.stdout.write(text, () => {
    if (text.includes(LAST_LINE)) process.exit(0);
  });
});
