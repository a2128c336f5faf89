// @hearth/testkit: what tests share. Parts are also entered one by one, as @hearth/testkit/<file>.

export { FuzzFailure, type FuzzLog, runFuzz } from "./fuzz.ts";
export { Prng } from "./prng.ts";
export { RecordingLine } from "./recording-line.ts";
export { GuestArena } from "./virtio/guest-arena.ts";
export { MockDriver } from "./virtio/mock-driver.ts";
export { type MockBuffer, MockQueue, type UsedElement } from "./virtio/mock-queue.ts";
