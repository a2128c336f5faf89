// The UART as drivers use it: transmit, receive, FIFO, interrupt identity, loopback, and Linux's probing sequence.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { RecordingLine } from "@hearth/testkit/recording-line";
import { HearthError } from "../../errors.ts";
import { Uart16550 } from "./uart16550.ts";

const DATA = 0;
const IER = 1;
const IIR = 2;
const FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;
const OUT2 = 8;

let line: RecordingLine;
let sent: number[];
let uart: Uart16550;

beforeEach(() => {
  line = new RecordingLine();
  sent = [];
  uart = new Uart16550({ interrupt: line, onTransmit: (byte) => sent.push(byte) });
  uart.writeRegister(MCR, OUT2);
});

const receive = (...bytes: number[]): number => uart.receive(Uint8Array.from(bytes));
const readAll = (): number[] => {
  const bytes: number[] = [];
  while ((uart.readRegister(LSR) & 1) !== 0) bytes.push(uart.readRegister(DATA));
  return bytes;
};

describe("16550: who listens", () => {
  test("a driver that enabled the interrupt for input", () => {
    assert.equal(uart.isListening, false);
    uart.writeRegister(IER, 2);
    assert.equal(uart.isListening, false);
    uart.writeRegister(IER, 1);
    assert.equal(uart.isListening, true);
  });

  test("a program that looks for input again and again", () => {
    for (let i = 0; i < 1000; i++) uart.readRegister(LSR);
    assert.equal(uart.isListening, true);
    uart.reset();
    assert.equal(uart.isListening, false);
  });

  test("not one that looks whether it may send, however much it sends", () => {
    for (let i = 0; i < 1000; i++) {
      uart.readRegister(LSR);
      uart.readRegister(LSR);
      uart.writeRegister(DATA, 0x78);
    }
    assert.equal(uart.isListening, false);
  });
});

describe("16550: transmit", () => {
  test("bytes come out at once and the transmitter is always idle", () => {
    for (const byte of [0x48, 0x69]) uart.writeRegister(DATA, byte);
    assert.deepEqual(sent, [0x48, 0x69]);
    assert.equal(uart.readRegister(LSR), 0x60);
  });

  test("enabling the empty-holding-register interrupt raises it; reading IIR takes it back", () => {
    uart.writeRegister(IER, 2);
    assert.equal(line.isHigh, true);
    assert.equal(uart.readRegister(IIR), 0x02);
    assert.equal(line.isHigh, false);
    assert.equal(uart.readRegister(IIR), 0x01);
  });

  test("every byte is a fresh edge, also when nobody read IIR in between", () => {
    uart.writeRegister(IER, 2);
    line.takeEdges();
    uart.writeRegister(DATA, 1);
    uart.writeRegister(DATA, 2);
    assert.equal(line.takeEdges(), 2);
  });

  test("Linux's test of a broken THRE interrupt passes: disabling and enabling raises it again", () => {
    for (let i = 0; i < 2; i++) {
      uart.writeRegister(IER, 2);
      assert.equal(uart.readRegister(IIR) & 0xf, 2);
      uart.writeRegister(IER, 0);
    }
  });
});

describe("16550: receive", () => {
  test("without FIFO one byte at a time, the rest waits", () => {
    uart.writeRegister(IER, 1);
    receive(1, 2, 3);
    assert.equal(uart.readRegister(IIR), 0x04);
    assert.deepEqual(readAll(), [1, 2, 3]);
    assert.equal(line.isHigh, false);
  });

  test("with FIFO: below the trigger level it is a timeout, at it data", () => {
    uart.writeRegister(FCR, 0xc1);
    uart.writeRegister(IER, 1);
    receive(...new Array<number>(13).fill(7));
    assert.equal(uart.readRegister(IIR), 0xcc);
    receive(7);
    assert.equal(uart.readRegister(IIR), 0xc4);
  });

  test("received data come before an empty holding register", () => {
    uart.writeRegister(IER, 3);
    receive(5);
    assert.equal(uart.readRegister(IIR), 0x04);
    uart.readRegister(DATA);
    assert.equal(uart.readRegister(IIR), 0x02);
  });

  test("a long input that comes and goes in pieces stays whole, also in the saved state", () => {
    const input = Uint8Array.from({ length: 30_000 }, (_, i) => i % 251);
    const output: number[] = [];
    for (let at = 0; at < input.length; at += 3000) {
      uart.receive(input.subarray(at, at + 3000));
      for (let i = 0; i < 2500; i++) output.push(uart.readRegister(DATA));
      const other = new Uart16550({ interrupt: line, onTransmit: () => {} });
      other.restore(structuredClone(uart.state()));
      assert.deepEqual(other.state(), uart.state());
    }
    output.push(...readAll());
    assert.deepEqual(output, [...input]);
  });

  test("a guest that does not read fills the backlog, not the host", () => {
    assert.equal(uart.receive(new Uint8Array(100_000)), 65_536);
    assert.equal(receive(1), 1, "the FIFO took one");
    assert.equal(receive(1), 0);
  });

  test("clearing the FIFO drops what is in it", () => {
    uart.writeRegister(FCR, 0x01);
    receive(...Array.from({ length: 20 }, (_, i) => i));
    uart.writeRegister(FCR, 0x03);
    assert.deepEqual(readAll(), [16, 17, 18, 19]);
  });

  test("reading nothing gives 0", () => assert.equal(uart.readRegister(DATA), 0));
});

describe("16550: interrupt pin", () => {
  test("OUT2 gates it", () => {
    uart.writeRegister(MCR, 0);
    uart.writeRegister(IER, 1);
    receive(1);
    assert.equal(line.isHigh, false);
    uart.writeRegister(MCR, OUT2);
    assert.equal(line.isHigh, true);
  });

  test("loopback cuts it off and feeds output back", () => {
    uart.writeRegister(MCR, 0x10 | OUT2);
    uart.writeRegister(IER, 1);
    uart.writeRegister(DATA, 0x5a);
    assert.deepEqual([sent, line.isHigh], [[], false]);
    assert.deepEqual(readAll(), [0x5a]);
  });

  test("loopback overruns when its byte is not read", () => {
    uart.writeRegister(MCR, 0x10);
    for (const byte of [1, 2]) uart.writeRegister(DATA, byte);
    assert.equal(uart.readRegister(LSR), 0x63);
    assert.equal(uart.readRegister(LSR), 0x61);
  });

  const modem: [control: number, status: number][] = [
    [0x01, 0x20],
    [0x02, 0x10],
    [0x04, 0x40],
    [0x08, 0x80],
    [0x0a, 0x90],
    [0x0f, 0xf0],
  ];
  for (const [control, status] of modem) {
    test(`loopback: outputs ${control} read as modem status 0x${status.toString(16)}`, () => {
      uart.writeRegister(MCR, 0x10 | control);
      assert.equal(uart.readRegister(MSR) & 0xf0, status);
    });
  }

  test("modem status: carrier, DSR and CTS are there; a change interrupts until read", () => {
    assert.equal(uart.readRegister(MSR), 0xb0);
    uart.writeRegister(MCR, 0x10);
    uart.writeRegister(MCR, OUT2);
    uart.writeRegister(IER, 8);
    assert.equal(uart.readRegister(IIR), 0x00);
    assert.equal(uart.readRegister(MSR), 0xbb);
    assert.equal(line.isHigh, false);
  });
});

describe("16550: registers", () => {
  test("Linux's probing: IER bits, scratch, FIFO bits", () => {
    uart.writeRegister(IER, 0xff);
    assert.equal(uart.readRegister(IER), 0x0f);
    uart.writeRegister(IER, 0);
    assert.equal(uart.readRegister(IER), 0);
    uart.writeRegister(SCR, 0xa5);
    assert.equal(uart.readRegister(SCR), 0xa5);
    uart.writeRegister(FCR, 1);
    assert.equal(uart.readRegister(IIR), 0xc1);
    uart.writeRegister(FCR, 0);
    assert.equal(uart.readRegister(IIR), 0x01);
  });

  test("the divisor latch hides data and IER while DLAB is set", () => {
    uart.writeRegister(IER, 5);
    uart.writeRegister(LCR, 0x83);
    uart.writeRegister(DATA, 0x01);
    uart.writeRegister(IER, 0x02);
    assert.deepEqual([uart.readRegister(DATA), uart.readRegister(IER)], [1, 2]);
    uart.writeRegister(LCR, 0x03);
    assert.deepEqual([uart.readRegister(IER), uart.readRegister(LCR), sent], [5, 3, []]);
  });

  test("reset lowers the pin and forgets what the guest set", () => {
    uart.writeRegister(IER, 2);
    uart.reset();
    assert.deepEqual([line.isHigh, uart.readRegister(IER), uart.readRegister(MCR)], [false, 0, 0]);
  });
});

describe("16550: state", () => {
  test("survives a round trip with input under way", () => {
    uart.writeRegister(FCR, 0x81);
    uart.writeRegister(IER, 3);
    receive(...Array.from({ length: 30 }, (_, i) => i));
    const saved = structuredClone(uart.state());
    const pin = new RecordingLine();
    const other = new Uart16550({ interrupt: pin, onTransmit: () => {} });
    other.restore(saved);
    assert.equal(pin.isHigh, true);
    assert.deepEqual(other.state(), saved);
    uart = other;
    assert.deepEqual(
      readAll(),
      Array.from({ length: 30 }, (_, i) => i),
    );
  });

  test("nonsense is refused", () => {
    const state = uart.state();
    const data = state.data as object;
    for (const change of [{ divisor: 0x1_0000 }, { received: new Uint8Array(17) }, { isOverrun: 1 }]) {
      const bad = { ...state, data: { ...data, ...change } };
      assert.throws(() => uart.restore(bad), HearthError);
    }
  });
});
