// virtio socket device (virtio 1.2 §5.10), streams only. The host's end is `connect` and `listen`; what they are tied
// to (Unix sockets, an agent's protocol) is somebody else's affair. Same limits as Firecracker: 1023 connections,
// 64 KiB a packet. Connections do not survive a snapshot: the restored guest gets a transport reset event (§5.10.6.7).

import { HearthError, assert } from "../../errors.ts";
import type { AccessSize } from "../../cpu/vcpu.ts";
import { type ChipState, openState } from "../../snapshot/chip-state.ts";
import { readConfigBytes } from "../config-space.ts";
import type { VirtioActivation, VirtioDevice } from "../device.ts";
import { VirtioDeviceType, VirtioFeature } from "../device.ts";
import { DescriptorChain } from "../queue/descriptor-chain.ts";
import type { SplitQueue } from "../queue/split-queue.ts";
import { VsockConnectionTable } from "./connection-table.ts";
import type { VsockConnectionOwner } from "./vsock-connection.ts";
import { VsockConnection } from "./vsock-connection.ts";
import type { VsockStream } from "./vsock-stream.ts";
import {
  FIRST_GUEST_CID,
  HOST_CID,
  VSOCK_EVENT_BYTES,
  VSOCK_EVENT_TRANSPORT_RESET,
  VSOCK_HEADER_BYTES,
  VSOCK_TYPE_STREAM,
  VsockField,
  VsockOp,
  VsockQueue,
} from "./vsock-layout.ts";

const QUEUE_SIZE = 256;
const STATE_KIND = "virtio-vsock";
const STATE_VERSION = 1;
export const MAX_VSOCK_CONNECTIONS = 1023;
/** Resets that wait for receive buffers. While there are this many, the guest's packets are left in their queue. */
const MAX_WAITING_RESETS = 1024;

/** Takes a connection the guest asked for; it is accepted unless the handler destroys it. Set `handlers` at once. */
export type VsockListener = (stream: VsockStream) => void;

/** Numbers for metrics. */
export interface VsockCounters {
  /** Packets from the guest that were too short, too long or not addressed to the host. */
  droppedPackets: number;
  /** Resets sent because no connection or listener fitted. */
  refusedPackets: number;
}

/** The socket device of one guest. */
export class VsockDevice implements VirtioDevice {
  readonly name = "virtio-vsock";
  readonly deviceType = VirtioDeviceType.Vsock;
  readonly features = VirtioFeature.Version1 | VirtioFeature.EventIdx;
  readonly queueMaxSizes: readonly number[] = [QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE];
  readonly guestCid: number;
  readonly counters: VsockCounters = { droppedPackets: 0, refusedPackets: 0 };

  readonly #config = new DataView(new ArrayBuffer(8));
  readonly #header = new DataView(new ArrayBuffer(VSOCK_HEADER_BYTES));
  readonly #headerBytes = new Uint8Array(this.#header.buffer);
  readonly #table = new VsockConnectionTable();
  readonly #listeners = new Map<number, VsockListener>();
  readonly #owner: VsockConnectionOwner = {
    wake: (connection) => this.#wake(connection),
    remove: (connection, sendReset) => this.#remove(connection, sendReset),
  };
  /** Connections with something to send, in turns. */
  #ready: VsockConnection[] = [];
  /** Resets to send: host port, guest port, host port, … */
  #resets: number[] = [];
  #activation: VirtioActivation | undefined;
  #chain: DescriptorChain | undefined;
  #mustSendTransportReset = false;
  #isPumping = false;

  constructor(options: { guestCid: number }) {
    const { guestCid } = options;
    assert(
      Number.isInteger(guestCid) && guestCid >= FIRST_GUEST_CID && guestCid < 0xffff_ffff,
      "bad guest CID",
    );
    this.guestCid = guestCid;
    this.#config.setBigUint64(0, BigInt(guestCid), true);
  }

  /**
   * Asks the guest for a connection to `guestPort`. `open` or `close` follows; before the guest's driver is up the
   * request waits for it. Throws HearthError when there are too many connections.
   */
  connect(guestPort: number): VsockStream {
    if (this.#table.size >= MAX_VSOCK_CONNECTIONS)
      throw new HearthError(
        "vsock.connections",
        `A guest cannot have more than ${MAX_VSOCK_CONNECTIONS} connections.`,
      );
    const connection = new VsockConnection(
      this.#owner,
      this.#table.unusedHostPort(guestPort),
      guestPort,
      false,
    );
    this.#table.add(connection);
    this.#wake(connection);
    return connection;
  }

  /** Accepts the guest's connections to `hostPort`. Returns how to stop; connections made before stay. */
  listen(hostPort: number, listener: VsockListener): () => void {
    if (this.#listeners.has(hostPort))
      throw new HearthError("vsock.port-in-use", `Something listens on host vsock port ${hostPort} already.`);
    this.#listeners.set(hostPort, listener);
    return () => {
      if (this.#listeners.get(hostPort) === listener) this.#listeners.delete(hostPort);
    };
  }

  get connectionCount(): number {
    return this.#table.size;
  }

  readConfig(offset: number, size: AccessSize): number {
    return readConfigBytes(this.#config, offset, size);
  }

  writeConfig(): void {}

  activate(activation: VirtioActivation): void {
    this.#activation = activation;
    this.#chain = new DescriptorChain(activation.memory);
    for (const connection of this.#table) this.#enqueue(connection);
    this.#pump();
  }

  notify(): void {
    this.#pump();
  }

  reset(): void {
    this.#activation = undefined;
    this.#chain = undefined;
    this.#resets = [];
    this.#ready = [];
    this.#mustSendTransportReset = false;
    for (const connection of [...this.#table]) {
      connection.isQueued = false;
      if (!connection.isUnsent) connection.abandon("transport-reset");
    }
    this.#resets = [];
  }

  hasPendingWork(): boolean {
    return false;
  }

  state(): ChipState {
    return { kind: STATE_KIND, version: STATE_VERSION, data: { guestCid: this.guestCid } };
  }

  restore(state: ChipState, activation: VirtioActivation | undefined): void {
    // The address may be another one now: the event tells the driver to look at it again.
    openState(state, STATE_KIND, STATE_VERSION);
    this.reset();
    if (activation === undefined) return;
    this.#mustSendTransportReset = true;
    this.activate(activation);
  }

  #wake(connection: VsockConnection): void {
    this.#enqueue(connection);
    this.#pump();
  }

  #enqueue(connection: VsockConnection): void {
    if (connection.isQueued) return;
    connection.isQueued = true;
    this.#ready.push(connection);
  }

  #remove(connection: VsockConnection, sendReset: boolean): void {
    this.#table.remove(connection);
    if (!sendReset) return;
    this.#resets.push(connection.hostPort, connection.guestPort);
    this.#pump();
  }

  /** Moves packets both ways until neither can go on. Calls from inside (handlers) only leave work behind. */
  #pump(): void {
    if (this.#isPumping || this.#activation === undefined) return;
    this.#isPumping = true;
    try {
      // Each turn but the last uses up buffers of a queue, and a queue holds at most QUEUE_SIZE.
      for (let turn = 0; turn < 2 * QUEUE_SIZE; turn++) {
        const hasSent = this.#sendToGuest();
        const hasTaken = this.#takeFromGuest();
        if (!hasSent && !hasTaken) break;
      }
      this.#sendEvent();
    } finally {
      this.#isPumping = false;
    }
    this.#signal();
  }

  #queue(index: number): SplitQueue {
    return this.#activation!.queues[index]!;
  }

  /** Handlers may have the driver's reset arrive in between, so the activation is looked at again each time. */
  #signal(): void {
    const activation = this.#activation;
    if (activation === undefined) return;
    let isWanted = false;
    for (const queue of activation.queues) if (queue.takeInterruptDecision()) isWanted = true;
    if (isWanted) activation.interrupt.signalUsed();
  }

  #sendToGuest(): boolean {
    let hasSent = false;
    while (this.#activation !== undefined && this.#hasPacketForGuest()) {
      const queue = this.#queue(VsockQueue.Rx);
      const chain = this.#chain!;
      if (!queue.pop(chain)) break;
      hasSent = true;
      if (chain.writableBytes < VSOCK_HEADER_BYTES) queue.pushUsed(chain.head, 0);
      else this.#sendPacket(queue, chain);
    }
    return hasSent;
  }

  #hasPacketForGuest(): boolean {
    if (this.#resets.length > 0) return true;
    while (this.#ready.length > 0) {
      const connection = this.#ready[0]!;
      if (connection.hasPacket()) return true;
      connection.isQueued = false;
      this.#ready.shift();
    }
    return false;
  }

  #sendPacket(queue: SplitQueue, chain: DescriptorChain): void {
    this.#headerBytes.fill(0);
    if (this.#resets.length > 0) {
      const [hostPort, guestPort] = this.#resets.splice(0, 2) as [number, number];
      this.#header.setUint16(VsockField.Op, VsockOp.Rst, true);
      this.#finishPacket(queue, chain, hostPort, guestPort, 0);
      return;
    }
    const connection = this.#ready.shift()!;
    connection.isQueued = false;
    const sizeBytes = connection.fill(this.#header, chain);
    this.#finishPacket(queue, chain, connection.hostPort, connection.guestPort, sizeBytes);
    connection.afterFill();
    if (connection.hasPacket()) this.#enqueue(connection);
  }

  #finishPacket(
    queue: SplitQueue,
    chain: DescriptorChain,
    hostPort: number,
    guestPort: number,
    size: number,
  ): void {
    const header = this.#header;
    header.setUint32(VsockField.SrcCid, HOST_CID, true);
    header.setUint32(VsockField.DstCid, this.guestCid, true);
    header.setUint32(VsockField.SrcPort, hostPort, true);
    header.setUint32(VsockField.DstPort, guestPort, true);
    header.setUint16(VsockField.Type, VSOCK_TYPE_STREAM, true);
    chain.write(0, this.#headerBytes);
    queue.pushUsed(chain.head, VSOCK_HEADER_BYTES + size);
  }

  #takeFromGuest(): boolean {
    let hasTaken = false;
    for (let taken = 0; taken < QUEUE_SIZE && this.#resets.length < 2 * MAX_WAITING_RESETS; taken++) {
      if (this.#activation === undefined) break;
      const queue = this.#queue(VsockQueue.Tx);
      const chain = this.#chain!;
      if (!queue.pop(chain)) break;
      hasTaken = true;
      this.#receivePacket(chain);
      queue.pushUsed(chain.head, 0);
    }
    return hasTaken;
  }

  #receivePacket(chain: DescriptorChain): void {
    const header = this.#header;
    const isWhole = chain.read(0, this.#headerBytes) === VSOCK_HEADER_BYTES;
    const sizeBytes = header.getUint32(VsockField.Len, true);
    if (!isWhole || sizeBytes > chain.readableBytes - VSOCK_HEADER_BYTES || !this.#isAddressedRight()) {
      this.counters.droppedPackets++;
      return;
    }
    const hostPort = header.getUint32(VsockField.DstPort, true);
    const guestPort = header.getUint32(VsockField.SrcPort, true);
    const op = header.getUint16(VsockField.Op, true);
    const isStream = header.getUint16(VsockField.Type, true) === VSOCK_TYPE_STREAM;
    const connection = isStream ? this.#table.find(hostPort, guestPort) : undefined;
    if (connection !== undefined) connection.receive(op, header, chain);
    else if (isStream && op === VsockOp.Request) this.#accept(hostPort, guestPort, chain);
    else if (op !== VsockOp.Rst) this.#refuse(hostPort, guestPort);
  }

  #isAddressedRight(): boolean {
    const { SrcCid, DstCid } = VsockField;
    const header = this.#header;
    const isFromGuest =
      header.getUint32(SrcCid, true) === this.guestCid && header.getUint32(SrcCid + 4, true) === 0;
    return (
      isFromGuest && header.getUint32(DstCid, true) === HOST_CID && header.getUint32(DstCid + 4, true) === 0
    );
  }

  #accept(hostPort: number, guestPort: number, chain: DescriptorChain): void {
    const listener = this.#listeners.get(hostPort);
    if (listener === undefined || this.#table.size >= MAX_VSOCK_CONNECTIONS) {
      this.#refuse(hostPort, guestPort);
      return;
    }
    const connection = new VsockConnection(this.#owner, hostPort, guestPort, true);
    this.#table.add(connection);
    // Takes over the guest's credit; the operation itself has nothing more to say.
    connection.receive(VsockOp.CreditUpdate, this.#header, chain);
    listener(connection);
  }

  #refuse(hostPort: number, guestPort: number): void {
    this.counters.refusedPackets++;
    this.#resets.push(hostPort, guestPort);
  }

  #sendEvent(): void {
    if (!this.#mustSendTransportReset || this.#activation === undefined) return;
    const queue = this.#queue(VsockQueue.Event);
    const chain = this.#chain!;
    if (!queue.pop(chain)) return;
    const event = new Uint8Array(VSOCK_EVENT_BYTES);
    new DataView(event.buffer).setUint32(0, VSOCK_EVENT_TRANSPORT_RESET, true);
    queue.pushUsed(chain.head, chain.write(0, event));
    this.#mustSendTransportReset = false;
  }
}
