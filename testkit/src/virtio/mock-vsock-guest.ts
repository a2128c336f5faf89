// The guest's end of a vsock device: sends packets and collects what arrives, packet by packet, without any protocol of
// its own, so that a test says exactly what the guest does (virtio 1.2 §5.10.6).

import type { MockDriver } from "./mock-driver.ts";
import type { MockBuffer, MockQueue } from "./mock-queue.ts";

const HEADER_BYTES = 44;

export const VSOCK_OP = {
  request: 1,
  response: 2,
  rst: 3,
  shutdown: 4,
  rw: 5,
  creditUpdate: 6,
  creditRequest: 7,
};

/** A packet in either direction; fields left out of a sent one have sensible values. */
export interface VsockPacket {
  srcCid: bigint;
  dstCid: bigint;
  srcPort: number;
  dstPort: number;
  type: number;
  op: number;
  flags: number;
  bufAlloc: number;
  fwdCnt: number;
  data: Uint8Array;
  /** What the header says; the size of `data` unless a test lies. */
  len: number;
}

/** Drives receive and transmit queue of a started device. */
export class MockVsockGuest {
  readonly driver: MockDriver;
  readonly rx: MockQueue;
  readonly tx: MockQueue;
  readonly #cid: bigint;
  readonly #waiting = new Map<number, MockBuffer>();
  readonly #spare: MockBuffer[] = [];
  readonly #sendBuffer: MockBuffer;

  /** `driver.start()` must have been called. */
  constructor(driver: MockDriver, guestCid: number) {
    this.driver = driver;
    this.rx = driver.queues[0]!;
    this.tx = driver.queues[1]!;
    this.#cid = BigInt(guestCid);
    this.#sendBuffer = driver.arena.writable(HEADER_BYTES + 64 * 1024);
  }

  /** Offers `count` receive buffers with room for `dataBytes` each. */
  offerReceive(count: number, dataBytes = 4096): void {
    for (let i = 0; i < count; i++) {
      const size = HEADER_BYTES + dataBytes;
      const at = this.#spare.findIndex((buffer) => buffer.sizeBytes === size);
      const buffer = at < 0 ? this.driver.arena.writable(size) : this.#spare.splice(at, 1)[0]!;
      this.#waiting.set(this.rx.offer(buffer), buffer);
    }
    this.driver.notify(0);
  }

  /** What has arrived since the last call. */
  receive(): VsockPacket[] {
    return this.rx.takeUsed().map(({ head, writtenBytes }) => {
      const buffer = this.#waiting.get(head)!;
      this.#waiting.delete(head);
      this.#spare.push(buffer);
      return decode(this.driver.arena.contentOf(buffer).subarray(0, writtenBytes));
    });
  }

  /** Offers, receives, and offers again until nothing comes. */
  drain(dataBytes = 4096): VsockPacket[] {
    const packets: VsockPacket[] = [];
    for (;;) {
      this.offerReceive(8 - this.#waiting.size, dataBytes);
      const batch = this.receive();
      if (batch.length === 0) return packets;
      packets.push(...batch);
    }
  }

  send(packet: Partial<VsockPacket>): void {
    const bytes = encode({ srcCid: this.#cid, dstCid: 2n, type: 1, bufAlloc: 65536, ...packet });
    this.driver.memory.write(this.#sendBuffer.gpa, bytes);
    this.tx.offer({ gpa: this.#sendBuffer.gpa, sizeBytes: bytes.length, isWritable: false });
    this.driver.notify(1);
    this.tx.takeUsed();
  }
}

function encode(packet: Partial<VsockPacket>): Uint8Array {
  const data = packet.data ?? new Uint8Array(0);
  const bytes = new Uint8Array(HEADER_BYTES + data.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, packet.srcCid ?? 0n, true);
  view.setBigUint64(8, packet.dstCid ?? 0n, true);
  view.setUint32(16, packet.srcPort ?? 0, true);
  view.setUint32(20, packet.dstPort ?? 0, true);
  view.setUint32(24, packet.len ?? data.length, true);
  view.setUint16(28, packet.type ?? 1, true);
  view.setUint16(30, packet.op ?? 0, true);
  view.setUint32(32, packet.flags ?? 0, true);
  view.setUint32(36, packet.bufAlloc ?? 0, true);
  view.setUint32(40, packet.fwdCnt ?? 0, true);
  bytes.set(data, HEADER_BYTES);
  return bytes;
}

function decode(bytes: Uint8Array): VsockPacket {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    srcCid: view.getBigUint64(0, true),
    dstCid: view.getBigUint64(8, true),
    srcPort: view.getUint32(16, true),
    dstPort: view.getUint32(20, true),
    len: view.getUint32(24, true),
    type: view.getUint16(28, true),
    op: view.getUint16(30, true),
    flags: view.getUint32(32, true),
    bufAlloc: view.getUint32(36, true),
    fwdCnt: view.getUint32(40, true),
    data: bytes.slice(HEADER_BYTES),
  };
}
