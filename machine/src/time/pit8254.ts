// 8254 programmable interval timer: ports 0x40 to 0x43, and the parts of port 0x61 that belong to it. Channel 0 drives
// ISA interrupt 0, channel 2 is the speaker tone that old kernels calibrate with. Modes 1 and 5 count like 0 and 4
// from a gate edge (channel 2 only); BCD counting is treated as binary: nothing has used it for decades.

import type { ByteRegisters } from "../bus/register-map.ts";
import type { InterruptLine } from "../interrupts/interrupt-line.ts";
import { type ChipState, openState } from "../snapshot/chip-state.ts";
import { PitChannel } from "./pit-channel.ts";
import type { TimerQueue } from "./timer-queue.ts";
import type { VirtualClock } from "./virtual-clock.ts";

const OFFSET_CONTROL = 3;
const STATE_KIND = "pit8254";
const STATE_VERSION = 1;

/** Port 0x61. */
const GATE2 = 1;
const SPEAKER_DATA = 2;
const REFRESH_TOGGLE = 1 << 4;
const OUT2 = 1 << 5;
/** The refresh line toggles every 15 µs. */
const REFRESH_NS = 15_085;

export class Pit8254 implements ByteRegisters {
  readonly name = "pit8254";
  readonly #clock: VirtualClock;
  readonly #channels: readonly [PitChannel, PitChannel, PitChannel];
  #speakerData = 0;

  /** `interrupt` is ISA interrupt 0; it gets a pulse at every terminal count of channel 0. */
  constructor(clock: VirtualClock, timers: TimerQueue, interrupt: InterruptLine) {
    this.#clock = clock;
    const timer = timers.createTimer((nowNs) => {
      interrupt.setLevel(true);
      interrupt.setLevel(false);
      const next = this.#channels[0].nextTickNs(nowNs);
      if (next < Number.POSITIVE_INFINITY) timer.armAt(next);
    });
    const onLoad = (): void => {
      const next = this.#channels[0].nextTickNs(clock.nowNs());
      if (next < Number.POSITIVE_INFINITY) timer.armAt(next);
      else timer.disarm();
    };
    const ignore = (): void => {};
    this.#channels = [
      new PitChannel(clock, true, onLoad),
      new PitChannel(clock, true, ignore),
      new PitChannel(clock, false, ignore),
    ];
  }

  readRegister(offset: number): number {
    return this.#channels[offset]?.readCounter() ?? 0;
  }

  writeRegister(offset: number, value: number): void {
    if (offset !== OFFSET_CONTROL) {
      this.#channels[offset]?.writeCounter(value);
      return;
    }
    const selected = value >>> 6;
    if (selected < 3) this.#channels[selected]?.writeControl(value & 0x3f);
    else this.#readBack(value);
  }

  /** Port 0x61 as the chip sees it. */
  get controlPort(): ByteRegisters {
    return {
      name: "pit-port61",
      readRegister: () => this.#readControlPort(),
      writeRegister: (_offset, value) => {
        this.#speakerData = value & SPEAKER_DATA;
        this.#channels[2].setGate((value & GATE2) !== 0);
      },
    };
  }

  reset(): void {
    for (const channel of this.#channels) channel.reset();
    this.#speakerData = 0;
  }

  state(): ChipState {
    const data = {
      channels: this.#channels.map((channel) => channel.state()),
      speakerData: this.#speakerData,
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.#speakerData = fields.integer("speakerData", SPEAKER_DATA);
    const channels = fields.list("channels", 3);
    this.#channels.forEach((channel, i) => {
      channel.restore(channels[i] as ChipState);
    });
  }

  #readBack(command: number): void {
    this.#channels.forEach((channel, i) => {
      if ((command & (2 << i)) === 0) return;
      if ((command & 0x20) === 0) channel.latchCount();
      if ((command & 0x10) === 0) channel.latchStatus();
    });
  }

  #readControlPort(): number {
    const refresh = Math.floor(this.#clock.nowNs() / REFRESH_NS) % 2 === 0 ? 0 : REFRESH_TOGGLE;
    const channel = this.#channels[2];
    return (channel.gate ? GATE2 : 0) | this.#speakerData | refresh | (channel.output() ? OUT2 : 0);
  }
}
