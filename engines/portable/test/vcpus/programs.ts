// What several vCPUs do at once, and the sums that must come out. ROUNDS is how often each of them does it.

import assert from "node:assert/strict";
import type { ParallelGuest } from "./parallel-guest.ts";

export interface ParallelProgram {
  readonly name: string;
  readonly source: string;
  check(guest: ParallelGuest, vcpus: number, rounds: number): void;
}

const sumTo = (n: number): bigint => (BigInt(n) * BigInt(n + 1)) / 2n;

const LOCKED_COUNTERS = `
  main: mov r12, rounds
  next: lock inc qword [data]
  mov rax, 3
  lock xadd qword [data+64], rax
  mov rax, qword [data+128]
  retry: lea rcx, [rax+5]
  lock cmpxchg qword [data+128], rcx
  jne retry
  lock add dword [data+192], 7
  lock dec dword [data+196]
  dec r12
  jne next
  ret`;

/** A counter without LOCK, 8 bytes that are counted up in two halves, under a lock of XCHG and PAUSE. */
const SPINLOCK = `
  main: mov r12, rounds
  next: mov eax, 1
  spin: xchg dword [data], eax
  test eax, eax
  je owned
  pause
  jmp spin
  owned: mov eax, dword [data+64]
  mov ecx, dword [data+68]
  add eax, 0x40000001
  adc ecx, 0
  mov dword [data+64], eax
  jmp split
  split: mov dword [data+68], ecx
  mov dword [data], 0
  dec r12
  jne next
  ret`;

/**
 * vCPU 0 fills a ring of 8 places, the others take from it under a ticket lock. data: the ring; +128 head, +192 tail,
 * +256 tickets, +320 whose turn, +384 sum, +448 taken.
 */
const QUEUE = `
  main: cmp ebx, 0
  jne consumer
  mov r12, 1
  produce: mov rax, qword [data+128]
  sub rax, qword [data+192]
  cmp rax, 8
  je full
  mov rax, qword [data+128]
  and eax, 7
  mov qword [data+rax*8], r12
  inc qword [data+128]
  inc r12
  cmp r12, rounds+1
  jne produce
  ret
  full: pause
  jmp produce
  consumer: mov eax, 1
  lock xadd dword [data+256], eax
  turn: cmp dword [data+320], eax
  je take
  pause
  jmp turn
  take: cmp qword [data+448], rounds
  je done
  filled: mov rcx, qword [data+192]
  cmp rcx, qword [data+128]
  jne some
  pause
  jmp filled
  some: and ecx, 7
  mov rdx, qword [data+rcx*8]
  add qword [data+384], rdx
  inc qword [data+448]
  inc qword [data+192]
  inc dword [data+320]
  jmp consumer
  done: inc dword [data+320]
  ret`;

/** A ball goes round by interrupts; everybody sleeps until it comes. data+id*4: balls seen, +128 those ready. */
const BALL = `
  main: lock inc dword [data+128]
  cmp ebx, 0
  jne sleep
  all: pause
  cmp dword [data+128], vcpus
  jne all
  call pass
  sleep: cli
  cmp dword [data+rbx*4], rounds
  je done
  sti
  hlt
  jmp sleep
  done: ret
  pass: lea edx, [rbx+1]
  cmp edx, vcpus
  jne inside
  mov edx, 0
  inside: mov ecx, 0x830
  mov eax, 0x4050
  wrmsr
  ret
  vector50: push rax
  push rcx
  push rdx
  inc dword [data+rbx*4]
  mov ecx, 0x80b
  mov eax, 0
  mov edx, 0
  wrmsr
  cmp ebx, 0
  jne hand
  cmp dword [data], rounds
  je last
  hand: call pass
  last: pop rdx
  pop rcx
  pop rax
  iretq`;

/** Each arms its own deadline and sleeps. data+id*4: expiries. */
const TIMERS = `
  main: mov ecx, 0x832
  mov eax, 0x40051
  mov edx, 0
  wrmsr
  arm: rdtsc
  add eax, 20000
  adc edx, 0
  mov ecx, 0x6e0
  wrmsr
  sti
  hlt
  cli
  cmp dword [data+rbx*4], rounds
  jne arm
  ret
  vector51: push rax
  push rcx
  push rdx
  inc dword [data+rbx*4]
  mov ecx, 0x80b
  mov eax, 0
  mov edx, 0
  wrmsr
  pop rdx
  pop rcx
  pop rax
  iretq`;

/** Under a lock, everybody's time stamp must be above the last one's. data+128: last; +192: how often it was not. */
const TIME_STAMPS = `
  main: mov r12, rounds
  next: mov ecx, 1
  spin: xchg dword [data], ecx
  test ecx, ecx
  je owned
  pause
  jmp spin
  owned: rdtsc
  shl rdx, 32
  add rax, rdx
  cmp rax, qword [data+128]
  ja later
  inc dword [data+192]
  later: mov qword [data+128], rax
  mov dword [data], 0
  dec r12
  jne next
  ret`;

/**
 * The last vCPU writes a function anew, the others call what they find. data: which one; +64 how many have called it; +128 sums;
 * +4096 the function.
 */
const NEW_CODE = `
  main: mov r12, 1
  cmp ebx, vcpus-1
  jne caller
  write: mov byte [data+4096], 0xb8
  mov dword [data+4097], r12d
  mov byte [data+4101], 0xc3
  mov dword [data+64], 0
  mov dword [data], r12d
  called: pause
  cmp dword [data+64], vcpus-1
  jne called
  inc r12
  cmp r12, rounds+1
  jne write
  ret
  caller: pause
  cmp dword [data], r12d
  jne caller
  mov rcx, data+4096
  call rcx
  lock add qword [data+128], rax
  lock inc dword [data+64]
  inc r12
  cmp r12, rounds+1
  jne caller
  ret`;

const eachId = (vcpus: number): number[] => Array.from({ length: vcpus }, (_, id) => id);

export const PROGRAMS: readonly ParallelProgram[] = [
  {
    name: "all start, and know who they are",
    source: "main: lea rax, [rbx+100]\n lock add dword [data+rbx*4], eax\n ret",
    check: (guest, vcpus) => {
      assert.deepEqual(
        eachId(vcpus).map((id) => guest.u32(id)),
        eachId(vcpus).map((id) => 100 + id),
      );
    },
  },
  {
    name: "locked counters",
    source: LOCKED_COUNTERS,
    check: (guest, vcpus, rounds) => {
      const times = vcpus * rounds;
      assert.deepEqual(
        [guest.u64(0), guest.u64(64), guest.u64(128), guest.u32(48), guest.u32(49)],
        [BigInt(times), BigInt(3 * times), BigInt(5 * times), (7 * times) >>> 0, -times >>> 0],
      );
    },
  },
  {
    name: "a spinlock",
    source: SPINLOCK,
    check: (guest, vcpus, rounds) => assert.equal(guest.u64(64), BigInt(vcpus * rounds) * 0x4000_0001n),
  },
  {
    name: "a queue",
    source: QUEUE,
    check: (guest, _vcpus, rounds) => {
      assert.deepEqual([guest.u64(384), guest.u64(448)], [sumTo(rounds), BigInt(rounds)]);
    },
  },
  {
    name: "a ball of interrupts",
    source: BALL,
    check: (guest, vcpus, rounds) => {
      for (const id of eachId(vcpus)) assert.equal(guest.u32(id), rounds);
    },
  },
  {
    name: "timers of their own",
    source: TIMERS,
    check: (guest, vcpus, rounds) => {
      for (const id of eachId(vcpus)) assert.equal(guest.u32(id), rounds);
    },
  },
  {
    name: "time stamps go up",
    source: TIME_STAMPS,
    check: (guest) => assert.equal(guest.u32(48), 0),
  },
  {
    name: "code that another vCPU writes",
    source: NEW_CODE,
    check: (guest, vcpus, rounds) => assert.equal(guest.u64(128), sumTo(rounds) * BigInt(vcpus - 1)),
  },
];
