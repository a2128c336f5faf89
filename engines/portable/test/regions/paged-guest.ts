// A random bare-metal guest whose functions lie in pages next to each other, call each other and run on from page to page. Between
// calls it maps other frames there and changes bytes of frames through another mapping, so that what was compiled over several
// pages is at times half right.

import type { Engine } from "@hearth/machine";
import { littleEndian } from "@hearth/testkit/asm/encoding";
import { Place } from "@hearth/testkit/conformance/guest";
import { LongModeGuest } from "@hearth/testkit/conformance/long-mode-guest";
import { Pte } from "@hearth/testkit/conformance/page-tables";
import { Prng } from "@hearth/testkit/prng";

const PAGES = 10;
const FRAMES_A_PAGE = 3;
const CODE = 0x4000_0000;
const ALIAS = 0x5000_0000;
const ACTIONS = 12;
/** Calls between two changes. */
const CALLS = 8;
const TAIL = 0xff7;

const frameOf = (page: number, variant: number): number =>
  Place.frames + (page * FRAMES_A_PAGE + variant) * 0x1000;

/** The guest, ready to run to its HLT. */
export function pagedGuest(engine: Engine, seed: number): LongModeGuest {
  const prng = new Prng(seed);
  const entries = Array.from({ length: PAGES }, () => 16 + prng.below(0xf00));
  // The tables' places depend on the mappings alone, not on the program.
  const entryOf = (page: number): number => Place.tables + 0x5000 + page * 8;
  const guest = new LongModeGuest(engine, script(prng, entries[0] as number, entryOf));
  for (let page = 0; page < PAGES; page++)
    guest.tables.map(BigInt(CODE + page * 0x1000), BigInt(frameOf(page, 0)), Pte.present);
  if (guest.tables.entryOf(BigInt(CODE), 12) !== entryOf(0)) throw new Error("the tables lie elsewhere");
  for (let n = 0; n < PAGES * FRAMES_A_PAGE; n++) {
    const frame = Place.frames + n * 0x1000;
    guest.tables.map(BigInt(ALIAS + n * 0x1000), BigInt(frame), Pte.present | Pte.writable);
    guest.memory.write(frame, pageCode(prng, Math.floor(n / FRAMES_A_PAGE), entries));
  }
  return guest;
}

/** Calls the first page's function again and again, with a change before every few calls. */
function script(prng: Prng, entry: number, entryOf: (page: number) => number): string {
  const lines = ["mov rax, 0", `mov rbx, ${CODE + entry}`];
  for (let n = 0; n < ACTIONS; n++) {
    if (n > 0) lines.push(...change(prng, entryOf));
    lines.push(`mov edx, ${CALLS}`, `again${n}: call rbx`, "dec edx", `jne again${n}`);
  }
  return [...lines, "hlt"].join("\n");
}

function change(prng: Prng, entryOf: (page: number) => number): string[] {
  const page = prng.below(PAGES);
  const variant = prng.below(FRAMES_A_PAGE);
  if (prng.oneIn(2)) {
    const alias = ALIAS + frameOf(page, variant) - Place.frames;
    // The immediate bytes of the additions at the page's start and in its tail.
    return [`mov rsi, ${alias + (prng.oneIn(2) ? 3 : TAIL + 3)}`, `mov byte [rsi], ${prng.below(256)}`];
  }
  const value = frameOf(page, variant) + Number(Pte.present);
  const map = [`mov rsi, ${entryOf(page)}`, `mov rdi, ${value}`, "mov qword [rsi], rdi"];
  const flush = prng.oneIn(3)
    ? ["mov rcx, cr3", "mov cr3, rcx"]
    : [`mov rsi, ${CODE + page * 0x1000}`, "invlpg [rsi]"];
  return [...map, ...flush];
}

/** ADD RAX, imm8: what of it is random tells frames apart. */
const add = (prng: Prng): number[] => [0x48, 0x83, 0xc0, prng.below(256)];

/** A page: its start continues the page before; a function; a tail that ends exactly where the page does. */
function pageCode(prng: Prng, page: number, entries: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(0x1000).fill(0xcc);
  const callAt = (offset: number): number[] => {
    const target = page + 1 + prng.below(PAGES - page - 1);
    const distance = (target - page) * 0x1000 + (entries[target] as number) - offset - 5;
    return [0xe8, ...littleEndian(BigInt(distance), 4)];
  };
  // IMUL RAX, RAX, 3; RET
  bytes.set([...add(prng), 0x48, 0x6b, 0xc0, 3, 0xc3], 0);
  const isLast = page === PAGES - 1;
  const tail = [
    ...add(prng),
    ...(isLast || prng.oneIn(2) ? [0x90, 0x90, 0x90, 0x90, 0xc3] : callAt(TAIL + 4)),
  ];
  bytes.set(tail, TAIL);
  const body = add(prng);
  if (prng.oneIn(2)) {
    // MOV R8D, n; ADD RAX, R8; DEC R8; JNE
    body.push(0x41, 0xb8, 1 + prng.below(5), 0, 0, 0, 0x4c, 0x01, 0xc0, 0x49, 0xff, 0xc8, 0x75, 0xf8);
  }
  const entry = entries[page] as number;
  if (!isLast && prng.oneIn(2)) body.push(...callAt(entry + body.length));
  if (prng.oneIn(4)) body.push(0xc3);
  else body.push(0xe9, ...littleEndian(BigInt(TAIL - entry - body.length - 5), 4));
  bytes.set(body, entry);
  return bytes;
}
