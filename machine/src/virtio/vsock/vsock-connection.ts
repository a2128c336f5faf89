// One vsock connection seen from the host (virtio 1.2 §5.10.6): states, credit in both directions, orderly shutdown.
// The device feeds it packets from the guest and asks it for packets to the guest; it never touches queues.
//
// Credit: each side may have at most the other's buf_alloc bytes unconsumed. Counters are free-running u32.

import type { DescriptorChain } from "../queue/descriptor-chain.ts";
import { VSOCK_HEADER_BYTES, VsockField, VsockOp, VsockShutdown } from "./vsock-layout.ts";
import type { VsockCloseReason, VsockStream, VsockStreamHandlers } from "./vsock-stream.ts";

/** Bytes the guest may send before we have consumed any. */
export const RECEIVE_BUFFER_BYTES = 256 * 1024;
/** The guest is told of consumed bytes at the latest when this many have gathered. */
const CREDIT_UPDATE_BYTES = 64 * 1024;
const MAX_PACKET_BYTES = 64 * 1024;
const HIGH_WATER_BYTES = 256 * 1024;
const LOW_WATER_BYTES = 64 * 1024;

/** Packets without data that wait to be sent, in the order of urgency. */
const Pending = { Request: 1, Response: 2, CreditUpdate: 4, CreditRequest: 8 } as const;

/** The device as its connections see it. */
export interface VsockConnectionOwner {
  /** The connection may have a packet to send. */
  wake(connection: VsockConnection): void;
  /** The connection is over; `sendReset` when the guest has to hear of it. */
  remove(connection: VsockConnection, sendReset: boolean): void;
}

export class VsockConnection implements VsockStream {
  readonly hostPort: number;
  readonly guestPort: number;
  handlers: VsockStreamHandlers = {};
  isClosed = false;
  /** The device's mark for "in the list of those with something to send". */
  isQueued = false;

  readonly #owner: VsockConnectionOwner;
  #isOpen: boolean;
  #pending: number;
  #isPaused = false;
  /** Received while paused. */
  #incoming: Uint8Array[] = [];
  #receivedCount = 0;
  /** What of it was consumed: fwd_cnt. */
  #consumedCount = 0;
  #announcedCount = 0;
  /** Written by our user and not sent. */
  #outgoing: Uint8Array[] = [];
  #outgoingOffset = 0;
  #outgoingBytes = 0;
  #sentCount = 0;
  #peerBufAlloc = 0;
  #peerConsumedCount = 0;
  #hasAskedCredit = false;
  #needsDrain = false;
  /** VsockShutdown bits: what we want to say, have said, and what the guest has said. */
  #shutdownWanted = 0;
  #shutdownSent = 0;
  #peerShutdown = 0;
  #hasDeliveredEnd = false;

  /** `isFromGuest`: the guest asked for it, we answer; else we ask. */
  constructor(owner: VsockConnectionOwner, hostPort: number, guestPort: number, isFromGuest: boolean) {
    this.#owner = owner;
    this.hostPort = hostPort;
    this.guestPort = guestPort;
    this.#isOpen = isFromGuest;
    this.#pending = isFromGuest ? Pending.Response : Pending.Request;
  }

  /** True until the guest has been told of this connection: it survives a reset of the device. */
  get isUnsent(): boolean {
    return (this.#pending & Pending.Request) !== 0;
  }

  write(data: Uint8Array): boolean {
    const isRefused = (this.#peerShutdown & VsockShutdown.Receive) !== 0;
    if (this.isClosed || isRefused || this.#shutdownWanted !== 0) return true;
    if (data.length > 0) {
      this.#outgoing.push(data);
      this.#outgoingBytes += data.length;
      this.#owner.wake(this);
    }
    if (this.#outgoingBytes < HIGH_WATER_BYTES) return true;
    this.#needsDrain = true;
    return false;
  }

  end(): void {
    if (this.isClosed || this.#shutdownWanted !== 0) return;
    this.#shutdownWanted = VsockShutdown.Send;
    this.#advanceShutdown();
  }

  destroy(): void {
    if (!this.isClosed) this.#finish("destroyed", !this.isUnsent);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused && !this.isClosed && this.#incoming.length > 0)
      this.#deliver(this.#incoming.shift()!);
    this.#advanceShutdown();
  }

  /** The device is gone from under us (or our user's machine is). */
  abandon(reason: VsockCloseReason): void {
    if (!this.isClosed) this.#finish(reason, false);
  }

  /** A packet from the guest for this connection; data, if any, is in `chain` behind the header. */
  receive(op: number, header: DataView, chain: DescriptorChain): void {
    this.#peerBufAlloc = header.getUint32(VsockField.BufAlloc, true);
    this.#peerConsumedCount = header.getUint32(VsockField.FwdCnt, true);
    if (this.#peerFreeBytes() > 0) this.#hasAskedCredit = false;
    switch (op) {
      case VsockOp.Response:
        this.#receiveResponse();
        break;
      case VsockOp.Rst:
        this.#finish(this.#isOpen ? this.#reasonOfReset() : "refused", false);
        return;
      case VsockOp.Shutdown:
        this.#receiveShutdown(header.getUint32(VsockField.Flags, true));
        break;
      case VsockOp.Rw:
        this.#receiveData(header.getUint32(VsockField.Len, true), chain);
        break;
      case VsockOp.CreditUpdate:
        break;
      case VsockOp.CreditRequest:
        this.#pending |= Pending.CreditUpdate;
        break;
      default:
        // A second request, or no operation at all: the guest has lost track of this connection.
        this.#finish("reset", true);
    }
    if (!this.isClosed && this.hasPacket()) this.#owner.wake(this);
  }

  /** Whether `fill` would give a packet now. */
  hasPacket(): boolean {
    if (this.isClosed) return false;
    if (this.#pending !== 0) return true;
    if (!this.#isOpen) return false;
    if (this.#outgoingBytes > 0) return this.#peerFreeBytes() > 0 || !this.#hasAskedCredit;
    return this.#shutdownWanted !== this.#shutdownSent;
  }

  /**
   * Makes one packet: op, flags, len and credit into `header`, data into `chain` behind it. Returns the data's size.
   * Only when `hasPacket`.
   */
  fill(header: DataView, chain: DescriptorChain): number {
    let op: number = VsockOp.CreditRequest;
    let flags = 0;
    let sizeBytes = 0;
    if (this.#pending !== 0) {
      op = this.#takePending();
    } else if (this.#outgoingBytes > 0) {
      sizeBytes = this.#fillData(chain);
      if (sizeBytes > 0) op = VsockOp.Rw;
      else this.#hasAskedCredit = true;
    } else {
      op = VsockOp.Shutdown;
      flags = this.#shutdownWanted;
      this.#shutdownSent = flags;
    }
    header.setUint16(VsockField.Op, op, true);
    header.setUint32(VsockField.Flags, flags, true);
    header.setUint32(VsockField.Len, sizeBytes, true);
    header.setUint32(VsockField.BufAlloc, RECEIVE_BUFFER_BYTES, true);
    header.setUint32(VsockField.FwdCnt, this.#consumedCount, true);
    this.#announcedCount = this.#consumedCount;
    this.#pending &= ~Pending.CreditUpdate;
    return sizeBytes;
  }

  /** After a packet was sent: tells our user about room. May call back. */
  afterFill(): void {
    this.#announceRoom();
  }

  #announceRoom(): void {
    if (!this.#needsDrain || this.#outgoingBytes > LOW_WATER_BYTES || this.isClosed) return;
    this.#needsDrain = false;
    this.handlers.drain?.();
  }

  #receiveResponse(): void {
    if (this.#isOpen || this.isUnsent) {
      this.#finish("reset", true);
      return;
    }
    this.#isOpen = true;
    this.handlers.open?.();
  }

  #receiveShutdown(flags: number): void {
    this.#peerShutdown |= flags & VsockShutdown.Both;
    this.#advanceShutdown();
  }

  #receiveData(sizeBytes: number, chain: DescriptorChain): void {
    const unconsumed = (this.#receivedCount - this.#consumedCount) >>> 0;
    const isAllowed = this.#isOpen && (this.#peerShutdown & VsockShutdown.Send) === 0;
    if (!isAllowed || unconsumed + sizeBytes > RECEIVE_BUFFER_BYTES) {
      this.#finish("reset", true);
      return;
    }
    if (sizeBytes === 0) return;
    const chunk = new Uint8Array(sizeBytes);
    chain.read(VSOCK_HEADER_BYTES, chunk);
    this.#receivedCount = (this.#receivedCount + sizeBytes) >>> 0;
    if (this.#isPaused || this.#incoming.length > 0) this.#queueIncoming(chunk);
    else this.#deliver(chunk);
  }

  /** Small packets are put together, so that the list cannot grow by its entries' overhead. */
  #queueIncoming(chunk: Uint8Array): void {
    const last = this.#incoming.at(-1);
    if (last === undefined || last.length + chunk.length > 8192) {
      this.#incoming.push(chunk);
      return;
    }
    const joined = new Uint8Array(last.length + chunk.length);
    joined.set(last);
    joined.set(chunk, last.length);
    this.#incoming[this.#incoming.length - 1] = joined;
  }

  #deliver(chunk: Uint8Array): void {
    this.#consumedCount = (this.#consumedCount + chunk.length) >>> 0;
    if ((this.#consumedCount - this.#announcedCount) >>> 0 >= CREDIT_UPDATE_BYTES) {
      this.#pending |= Pending.CreditUpdate;
      this.#owner.wake(this);
    }
    this.handlers.data?.(chunk);
  }

  /** Moves towards the end as far as both sides' words and delivered data allow. */
  #advanceShutdown(): void {
    if (this.isClosed) return;
    const peerSendsNoMore = (this.#peerShutdown & VsockShutdown.Send) !== 0;
    if ((this.#peerShutdown & VsockShutdown.Receive) !== 0) {
      this.#dropOutgoing();
      this.#announceRoom();
      if (this.isClosed) return;
    }
    if (peerSendsNoMore && this.#incoming.length === 0 && !this.#hasDeliveredEnd) {
      this.#hasDeliveredEnd = true;
      this.handlers.end?.();
      if (this.isClosed) return;
    }
    if (this.#peerShutdown === VsockShutdown.Both && this.#hasDeliveredEnd) {
      // The guest has closed its socket and waits for this reset (§5.10.6.5).
      this.#finish("finished", true);
      return;
    }
    if (this.#hasDeliveredEnd && this.#shutdownWanted !== 0) this.#shutdownWanted = VsockShutdown.Both;
    if (this.hasPacket()) this.#owner.wake(this);
  }

  /** A reset that answers our own full shutdown is the orderly end. */
  #reasonOfReset(): VsockCloseReason {
    return this.#shutdownSent === VsockShutdown.Both ? "finished" : "reset";
  }

  #dropOutgoing(): void {
    this.#outgoing = [];
    this.#outgoingOffset = 0;
    this.#outgoingBytes = 0;
  }

  #takePending(): number {
    const { Request, Response, CreditUpdate } = Pending;
    const first = this.#pending & -this.#pending;
    this.#pending &= ~first;
    if (first === Request) return VsockOp.Request;
    if (first === Response) return VsockOp.Response;
    return first === CreditUpdate ? VsockOp.CreditUpdate : VsockOp.CreditRequest;
  }

  #peerFreeBytes(): number {
    return Math.max(0, this.#peerBufAlloc - ((this.#sentCount - this.#peerConsumedCount) >>> 0));
  }

  #fillData(chain: DescriptorChain): number {
    const room = Math.min(chain.writableBytes - VSOCK_HEADER_BYTES, this.#peerFreeBytes(), MAX_PACKET_BYTES);
    let filled = 0;
    while (filled < room && this.#outgoing.length > 0) {
      const chunk = this.#outgoing[0]!;
      const count = Math.min(chunk.length - this.#outgoingOffset, room - filled);
      const part = chunk.subarray(this.#outgoingOffset, this.#outgoingOffset + count);
      chain.write(VSOCK_HEADER_BYTES + filled, part);
      filled += count;
      this.#outgoingOffset += count;
      if (this.#outgoingOffset < chunk.length) break;
      this.#outgoing.shift();
      this.#outgoingOffset = 0;
    }
    this.#outgoingBytes -= filled;
    this.#sentCount = (this.#sentCount + filled) >>> 0;
    return filled;
  }

  #finish(reason: VsockCloseReason, sendReset: boolean): void {
    this.isClosed = true;
    this.#dropOutgoing();
    this.#incoming = [];
    this.#owner.remove(this, sendReset);
    this.handlers.close?.(reason);
  }
}
