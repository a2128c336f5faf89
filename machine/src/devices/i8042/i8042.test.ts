// The keyboard controller as Linux's i8042 and atkbd drivers talk to it, Ctrl-Alt-Del, and the reset line.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { runFuzz } from "@hearth/testkit/fuzz";
import { RecordingLine } from "@hearth/testkit/recording-line";
import { HearthError } from "../../errors.ts";
import { I8042, I8042_COMMAND, I8042_DATA } from "./i8042.ts";

let line: RecordingLine;
let resets: number;
let chip: I8042;
const options = {
  interrupt: { setLevel: (isHigh: boolean) => line.setLevel(isHigh) },
  onReset: () => resets++,
};

beforeEach(() => {
  line = new RecordingLine();
  resets = 0;
  chip = new I8042(options);
});

const command = (value: number): void => chip.writeRegister(I8042_COMMAND, value);
const data = (value: number): void => chip.writeRegister(I8042_DATA, value);
const status = (): number => chip.readRegister(I8042_COMMAND);

/** Everything that can be read now. */
function drain(): number[] {
  const bytes: number[] = [];
  while ((status() & 1) !== 0 && bytes.length < 100) bytes.push(chip.readRegister(I8042_DATA));
  return bytes;
}

describe("i8042: controller commands", () => {
  const cases: [name: string, writes: [port: "command" | "data", value: number][], answer: number[]][] = [
    ["control byte", [["command", 0x20]], [0x65]],
    [
      "control byte after writing it",
      [
        ["command", 0x60],
        ["data", 0x47],
        ["command", 0x20],
      ],
      [0x47],
    ],
    ["self test", [["command", 0xaa]], [0x55]],
    ["keyboard port test", [["command", 0xab]], [0x00]],
    ["there is no mouse port", [["command", 0xa9]], [0x01]],
    [
      "mouse loopback answers, but as keyboard data",
      [
        ["command", 0xd3],
        ["data", 0x5a],
      ],
      [0x5a],
    ],
    [
      "a byte for the mouse is dropped",
      [
        ["command", 0xd4],
        ["data", 0xf4],
      ],
      [],
    ],
    [
      "keyboard off shows in the control byte",
      [
        ["command", 0xad],
        ["command", 0x20],
      ],
      [0x75],
    ],
    [
      "keyboard on again",
      [
        ["command", 0xad],
        ["command", 0xae],
        ["command", 0x20],
      ],
      [0x65],
    ],
    [
      "mouse on",
      [
        ["command", 0xa8],
        ["command", 0x20],
      ],
      [0x45],
    ],
    [
      "mouse off",
      [
        ["command", 0xa8],
        ["command", 0xa7],
        ["command", 0x20],
      ],
      [0x65],
    ],
    ["output port", [["command", 0xd0]], [0x03]],
    [
      "write to the keyboard's buffer",
      [
        ["command", 0xd2],
        ["data", 0x1c],
      ],
      [0x1c],
    ],
    ["unknown", [["command", 0x99]], []],
  ];
  for (const [name, writes, answer] of cases) {
    test(name, () => {
      for (const [port, value] of writes) (port === "command" ? command : data)(value);
      assert.equal(status() & 0x20, 0, "nothing is ever mouse data");
      assert.deepEqual(drain(), answer);
      assert.equal(resets, 0);
    });
  }

  test("the keyboard is not locked", () => assert.equal(status() & 0x10, 0x10));

  test("status tells command from data writes", () => {
    command(0xae);
    assert.equal(status() & 8, 8);
    data(0xf4);
    assert.equal(status() & 8, 0);
  });

  const resetting: [name: string, action: () => void, expected: number][] = [
    ["pulse 0xfe", () => command(0xfe), 1],
    ["pulse 0xf0, all lines", () => command(0xf0), 1],
    ["pulse 0xff, no line", () => command(0xff), 0],
    ["output port bit 0 low", () => (command(0xd1), data(0x02)), 1],
    ["output port bit 0 high", () => (command(0xd1), data(0x03)), 0],
  ];
  for (const [name, action, expected] of resetting) {
    test(`reset line: ${name}`, () => {
      action();
      assert.equal(resets, expected);
    });
  }
});

describe("i8042: keyboard", () => {
  const cases: [name: string, bytes: number[], answer: number[]][] = [
    ["identify", [0xf2], [0xfa, 0xab, 0x83]],
    ["reset", [0xff], [0xfa, 0xaa]],
    ["echo", [0xee], [0xee]],
    ["LEDs with their argument", [0xed, 0x07], [0xfa, 0xfa]],
    ["rate with an argument that looks like a command", [0xf3, 0xff], [0xfa, 0xfa]],
    ["which scancode set", [0xf0, 0x00], [0xfa, 0xfa, 0x02]],
    ["enable", [0xf4], [0xfa]],
  ];
  for (const [name, bytes, answer] of cases) {
    test(name, () => {
      for (const byte of bytes) data(byte);
      assert.deepEqual(drain(), answer);
    });
  }

  test("Ctrl-Alt-Del: one interrupt a byte, set 1 while translating", () => {
    chip.pressCtrlAltDelete();
    assert.deepEqual(drain(), [0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3, 0xb8, 0x9d]);
    assert.equal(line.takeEdges(), 8);
  });

  test("Ctrl-Alt-Del: set 2 without translation", () => {
    command(0x60);
    data(0x05);
    chip.pressCtrlAltDelete();
    assert.deepEqual(drain(), [0x14, 0x11, 0xe0, 0x71, 0xe0, 0xf0, 0x71, 0xf0, 0x11, 0xf0, 0x14]);
  });

  test("a keyboard that is off holds its bytes; the controller still answers", () => {
    command(0xad);
    chip.pressCtrlAltDelete();
    assert.equal(status() & 1, 0);
    command(0x20);
    assert.deepEqual(drain(), [0x75]);
    command(0xae);
    assert.equal(drain().length, 8);
  });

  test("no interrupt when the control byte says so", () => {
    command(0x60);
    data(0x44);
    chip.pressCtrlAltDelete();
    assert.deepEqual([line.takeEdges(), status() & 1], [0, 1]);
  });

  test("pressing the keys for ever fills a small queue only", () => {
    for (let i = 0; i < 1000; i++) chip.pressCtrlAltDelete();
    assert.ok(drain().length <= 33);
  });
});

describe("i8042: state", () => {
  test("survives a round trip with bytes waiting", (t) => {
    runFuzz(t, 100, (prng) => {
      chip = new I8042(options);
      for (let i = 0; i < 20; i++) prng.pick([command, data])(prng.below(256));
      chip.pressCtrlAltDelete();
      const saved = structuredClone(chip.state());
      const other = new I8042(options);
      other.restore(saved);
      assert.deepEqual(other.state(), saved);
      const expected = drain();
      chip = other;
      assert.deepEqual(drain(), expected);
    });
  });

  test("nonsense is refused", () => {
    const state = chip.state();
    const bad = { ...state, data: { ...(state.data as object), replies: new Uint8Array(99) } };
    assert.throws(() => new I8042(options).restore(bad), HearthError);
  });
});
