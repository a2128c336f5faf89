// The jump cache: from linear addresses to micro-ops, for jumps that are not linked. An entry counts only under the context it was
// made in, and its place depends on it, so that copies of one program in two address spaces are not in each other's way. The
// context has an identity: each address space's user code has one, all supervisor code shares another, so that the kernel's
// entries outlive address-space switches. Entries are dropped by giving out new identities, which costs nothing.

import {
  CODE_FILTER_BITS, CPU_CODE_FILTER, CPU_CONTEXT, CPU_CPL, CPU_IDENTITY_CLOCK, CPU_JUMP_CACHE, CPU_MODE, CPU_SPACE, CPU_SPACES,
  CPU_SUPERVISOR_IDENTITY, CPU_SUPERVISOR_LOCAL_CODE, JUMP_CACHE_BITS, SPACE_IDENTITY, SPACE_SIZE, SPACES,
} from "../../layout";

/** Mode and privilege are below the identity. */
const IDENTITY_SHIFT: u32 = 8;
const CONTEXT_USER: u32 = 0x40;
const LAST_IDENTITY: u32 = 0xff_ffff;

// @ts-ignore: decorator
@inline
function entryOf(cpu: usize, linear: u64): usize {
  const folded = <u32>(linear ^ (linear >> JUMP_CACHE_BITS)) ^ load<u32>(cpu, CPU_CONTEXT);
  return cpu + (<usize>(folded & ((1 << JUMP_CACHE_BITS) - 1)) << 4);
}

/** Micro-ops of an earlier visit to the address in this context; 0 when there are none. */
export function cachedJump(cpu: usize, linear: u64): u32 {
  const entry = entryOf(cpu, linear);
  const isHit = load<u64>(entry, CPU_JUMP_CACHE) == linear && load<u32>(entry, CPU_JUMP_CACHE + 12) == load<u32>(cpu, CPU_CONTEXT);
  return isHit ? load<u32>(entry, CPU_JUMP_CACHE + 8) : 0;
}

/** `isLocal`: the code lies in a page that is not global. */
export function cacheJump(cpu: usize, linear: u64, uops: u32, isLocal: bool): void {
  const entry = entryOf(cpu, linear);
  store<u64>(entry, linear, CPU_JUMP_CACHE);
  store<u32>(entry, uops, CPU_JUMP_CACHE + 8);
  store<u32>(entry, load<u32>(cpu, CPU_CONTEXT), CPU_JUMP_CACHE + 12);
  const bit = codeBit(linear);
  const at = cpu + (bit >> 5 << 2);
  store<u32>(at, load<u32>(at, CPU_CODE_FILTER) | ((<u32>1) << (bit & 31)), CPU_CODE_FILTER);
  if (isLocal && load<u32>(cpu, CPU_CPL) != 3) store<u32>(cpu, 1, CPU_SUPERVISOR_LOCAL_CODE);
}

function codeBit(linear: u64): u32 {
  const page = <u32>(linear >> 12);
  return (page ^ (page >> CODE_FILTER_BITS)) & ((1 << CODE_FILTER_BITS) - 1);
}

/** To be called after any change of mode, privilege or address space. */
export function updateContext(cpu: usize): void {
  const isUser = load<u32>(cpu, CPU_CPL) == 3;
  const space = cpu + load<u32>(cpu, CPU_SPACE) * SPACE_SIZE;
  const identity = isUser ? load<u32>(space, CPU_SPACES + SPACE_IDENTITY) : load<u32>(cpu, CPU_SUPERVISOR_IDENTITY);
  const privilege: u32 = isUser ? CONTEXT_USER : 0;
  store<u32>(cpu, (identity << IDENTITY_SHIFT) | privilege | load<u32>(cpu, CPU_MODE), CPU_CONTEXT);
}

function newIdentity(cpu: usize): u32 {
  const identity = load<u32>(cpu, CPU_IDENTITY_CLOCK) + 1;
  store<u32>(cpu, identity, CPU_IDENTITY_CLOCK);
  return identity;
}

/** Drops the jumps of user code in a space. `updateContext` must follow, as for the next two. */
export function dropSpaceJumps(cpu: usize, space: u32): void {
  if (load<u32>(cpu, CPU_IDENTITY_CLOCK) >= LAST_IDENTITY) clearJumpCache(cpu);
  store<u32>(cpu + space * SPACE_SIZE, newIdentity(cpu), CPU_SPACES + SPACE_IDENTITY);
}

/** Drops the supervisor's jumps if some of them are to pages that are not global. */
export function dropLocalJumps(cpu: usize): void {
  if (load<u32>(cpu, CPU_SUPERVISOR_LOCAL_CODE) == 0) return;
  if (load<u32>(cpu, CPU_IDENTITY_CLOCK) >= LAST_IDENTITY) clearJumpCache(cpu);
  store<u32>(cpu, newIdentity(cpu), CPU_SUPERVISOR_IDENTITY);
  store<u32>(cpu, 0, CPU_SUPERVISOR_LOCAL_CODE);
}

export function dropAllJumps(cpu: usize): void {
  if (load<u32>(cpu, CPU_IDENTITY_CLOCK) + SPACES >= LAST_IDENTITY) {
    clearJumpCache(cpu);
    return;
  }
  renewIdentities(cpu);
}

function renewIdentities(cpu: usize): void {
  for (let space: u32 = 0; space < <u32>SPACES; space++)
    store<u32>(cpu + space * SPACE_SIZE, newIdentity(cpu), CPU_SPACES + SPACE_IDENTITY);
  store<u32>(cpu, newIdentity(cpu), CPU_SUPERVISOR_IDENTITY);
  store<u32>(cpu, 0, CPU_SUPERVISOR_LOCAL_CODE);
  memory.fill(cpu + CPU_CODE_FILTER, 0, 1 << (CODE_FILTER_BITS - 3));
}

/** Forgets every jump, for when the micro-ops themselves go. */
export function clearJumpCache(cpu: usize): void {
  memory.fill(cpu + CPU_JUMP_CACHE, 0, 16 << JUMP_CACHE_BITS);
  store<u32>(cpu, 0, CPU_IDENTITY_CLOCK);
  renewIdentities(cpu);
  updateContext(cpu);
}

/** Drops all jumps if one may lead to the page of `linear`, or to a large page around it. */
export function dropJumpsTo(cpu: usize, linear: u64, isLarge: bool): void {
  const bit = codeBit(linear);
  const isCode = (load<u32>(cpu + (bit >> 5 << 2), CPU_CODE_FILTER) & ((<u32>1) << (bit & 31))) != 0;
  if (!isCode && !isLarge) return;
  dropAllJumps(cpu);
  updateContext(cpu);
}
