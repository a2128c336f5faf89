// Whole random programs for the host's CPU and the engine: functions of blocks with jumps every way, loops, calls, returns to other
// places. Every cycle of a program costs fuel, and a program without fuel ends.

import { littleEndian } from "@hearth/testkit/asm/encoding";
import { interestingValue } from "../differential/draft.ts";
import {
  blankCase,
  type CpuCase,
  ORACLE_CODE,
  ORACLE_CODE_BYTES,
  ORACLE_CODE_PAGES,
  ORACLE_DATA,
  ORACLE_WINDOW,
} from "../oracle.ts";
import { fillVectors, Random } from "../vector/random.ts";
import { CodeWriter } from "./code-writer.ts";
import { emitPatchable, emitSnippet, type Palette, USUAL_MXCSR } from "./snippets.ts";

const FUEL = ORACLE_DATA + 0x100n;
const STACK = ORACLE_DATA + 0x1c00n;
const MAX_FUNCTIONS = 4;
const MAX_BLOCKS = 6;
const R12 = 12;
const R13 = 13;
const RSP = 4;

export interface RandomProgram {
  readonly before: CpuCase;
  /** Addresses where regions may start, and which they may go over. */
  readonly entries: readonly bigint[];
  readonly places: readonly bigint[];
}

/** The program of a seed: the same code at any address, which is chosen so that interesting places are at a border of pages. */
export function randomProgram(seed: number, palette: Palette): RandomProgram {
  for (let attempt = 0; ; attempt++) {
    const emit = (address: bigint): Emitted =>
      new Program(new Random((seed << 8) + attempt), palette, address).emit();
    const first = emit(ORACLE_CODE);
    if (first.bytes.length > ORACLE_CODE_BYTES) continue;
    const random = new Random(~seed);
    const atBorder = random.pick([...first.returns, ...first.blocks]) - ORACLE_CODE;
    const address = random.below(3) > 0 ? ORACLE_CODE_PAGES + 0x1000n - atBorder : ORACLE_CODE;
    const { bytes, blocks, places } = emit(address);
    const entries = Array.from({ length: 1 + random.below(4) }, () => random.pick(blocks));
    if (random.below(3) > 0) entries.unshift(address);
    return { before: stateFor(random, bytes, address), entries, places };
  }
}

function stateFor(random: Random, code: Uint8Array, codeAddress: bigint): CpuCase {
  const before: CpuCase = { ...blankCase(code), codeAddress };
  for (let n = 0; n < 16; n++) before.gpr[n] = interestingValue(random);
  before.gpr[RSP] = STACK;
  before.gpr[R12] = ORACLE_WINDOW;
  before.gpr[R13] = BigInt(random.below(12));
  before.rflags = 0x202n | (random.u64() & 0x8d5n);
  fillVectors(random, before.fxsave.subarray(160, 416));
  fillVectors(random, before.window);
  const image = new DataView(before.fxsave.buffer);
  if (random.below(8) === 0) image.setUint32(24, random.u32() & 0xffc0, true);
  else image.setUint32(24, USUAL_MXCSR, true);
  return before;
}

interface Emitted {
  readonly bytes: Uint8Array;
  readonly blocks: readonly bigint[];
  readonly places: readonly bigint[];
  /** What follows calls. */
  readonly returns: readonly bigint[];
}

/** One program while it is written. */
class Program {
  readonly #random: Random;
  readonly #palette: Palette;
  readonly #code: CodeWriter;
  readonly #blocks: number[];
  readonly #patches: string[] = [];
  /** Those that are not in the code yet. */
  #patchesLeft: string[];
  readonly #chains: [string, string][] = [];
  #labels = 0;

  constructor(random: Random, palette: Palette, address: bigint) {
    this.#random = random;
    this.#palette = palette;
    this.#code = new CodeWriter(address);
    this.#blocks = Array.from(
      { length: 1 + random.below(MAX_FUNCTIONS) },
      () => 1 + random.below(MAX_BLOCKS),
    );
    if (random.below(4) === 0) this.#patches.push("patch0", "patch1", "patch2", "patch3");
    this.#patchesLeft = [...this.#patches];
  }

  emit(): Emitted {
    const code = this.#code;
    // MOV QWORD [fuel]
    code.memory([0x48, 0xc7], 0, FUEL, littleEndian(BigInt(1 + this.#random.below(60)), 4));
    this.#blocks.forEach((count, f) => {
      for (let b = 0; b < count; b++) this.#block(f, b);
      this.#leave(f);
      this.#emitChains();
    });
    while (this.#patchesLeft.length > 0) {
      this.#emitPatch();
      code.emit(0xc3);
    }
    code.label("end");
    code.emit(0xcc);
    const blocks = code.addresses(/^(f|chain|patch.code)/);
    const places = code.addresses(/^(f|chain|patch.code|behind|leave|into)/);
    return { blocks, places, returns: code.addresses(/^return/), bytes: code.finish() };
  }

  #emitPatch(): void {
    const label = this.#patchesLeft.pop();
    if (label === undefined) return;
    this.#code.label(`${label}code`);
    emitPatchable(this.#code, this.#random, label);
  }

  #block(f: number, b: number): void {
    const [random, code] = [this.#random, this.#code];
    code.label(`f${f}b${b}`);
    for (let n = random.below(4); n >= 0; n--) emitSnippet(code, random, this.#palette, this.#patches);
    const kind = random.below(16);
    if (kind < 5) code.relative(this.#condition(), this.#forward(f, b));
    else if (kind < 7) this.#loop(f, b);
    else if (kind < 9) this.#jumpBack(f, b);
    else if (kind < 13) this.#call(f);
    else if (kind === 13) code.relative([0xe9], this.#forward(f, b));
    else if (kind === 14) this.#oddReturn(f, b);
  }

  #condition(): number[] {
    return [0x0f, 0x80 | this.#random.below(16)];
  }

  #forward(f: number, b: number): string {
    const count = this.#blocks[f] as number;
    const target = b + 1 < count ? `f${f}b${b + 1 + this.#random.below(count - b - 1)}` : `leave${f}`;
    return this.#random.below(5) === 0 ? this.#chainTo(target) : target;
  }

  /** A jump that only jumps on. */
  #chainTo(target: string): string {
    const label = `chain${this.#labels++}`;
    this.#chains.push([label, target]);
    return label;
  }

  #emitChains(): void {
    for (const [label, target] of this.#chains.splice(0)) {
      this.#code.label(label);
      this.#code.relative([0xe9], target);
    }
  }

  /** DEC R13 and a jump back while it is above zero. */
  #loop(f: number, b: number): void {
    this.#code.emit(0x49, 0xff, 0xcd);
    this.#code.relative([0x0f, 0x8f], `f${f}b${this.#random.below(b + 1)}`);
  }

  #jumpBack(f: number, b: number): void {
    const [random, code] = [this.#random, this.#code];
    this.#burn();
    if (random.below(4) === 0) code.emit(0x41, 0xbd, ...littleEndian(BigInt(random.below(8)), 4));
    code.relative(random.below(3) ? this.#condition() : [0xe9], `f${f}b${random.below(b + 1)}`);
  }

  /** Costs fuel; with and without a change of flags. */
  #burn(): void {
    const [random, code] = [this.#random, this.#code];
    if (random.below(2)) {
      code.memory([0x48, 0x83], 5, FUEL, [1]);
      code.relative([0x0f, 0x8e], "end");
      return;
    }
    // XCHG RCX, [fuel]; LEA RCX, [RCX - 1]; JRCXZ to a jump to the end; XCHG back.
    code.memory([0x48, 0x87], 1, FUEL);
    code.emit(0x48, 0x8d, 0x49, 0xff, 0xe3, 2, 0xeb, 5);
    code.relative([0xe9], "end");
    code.memory([0x48, 0x87], 1, FUEL);
  }

  #call(f: number): void {
    const [random, code] = [this.#random, this.#code];
    const patch = this.#patches.length > 0 && random.below(3) === 0;
    const target = patch ? `${random.pick(this.#patches)}code` : `f${random.below(this.#blocks.length)}b0`;
    this.#burn();
    if (random.below(5) === 0) {
      // LEA RAX, [target]; CALL RAX
      code.relative([0x48, 0x8d, 0x05], target);
      code.emit(0xff, 0xd0);
    } else if (random.below(8) === 0 && f > 0) code.relative([0xe9], target);
    else code.relative([0xe8], target);
    code.label(`return${this.#labels++}`);
    if (random.below(2)) this.#emitPatch();
  }

  /** Goes on in another block by a return. */
  #oddReturn(f: number, b: number): void {
    const [random, code] = [this.#random, this.#code];
    this.#burn();
    code.relative([0x48, 0x8d, 0x05], `f${f}b${random.below(this.#blocks[f] as number)}`);
    if (b > 0 && f > 0 && random.below(2)) code.emit(0x48, 0x89, 0x04, 0x24);
    else code.emit(0x50);
    code.emit(0xc3);
  }

  #leave(f: number): void {
    const [random, code] = [this.#random, this.#code];
    code.label(`leave${f}`);
    if (f === 0) code.relative([0xe9], "end");
    else if (random.below(6) === 0) code.emit(0xc2, 8 * random.below(2), 0);
    else code.emit(0xc3);
  }
}
