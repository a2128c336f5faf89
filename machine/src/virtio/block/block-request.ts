// One request of the virtio block device from descriptor chain to status byte (virtio 1.2 §5.2.6). Data goes through a
// buffer of this request, never directly between back end and guest RAM: a reset may come while the back end works,
// and nothing may touch the guest's memory after it. Large requests go chunk by chunk.

import type { GuestMemory } from "../../memory/guest-memory.ts";
import { DescriptorChain } from "../queue/descriptor-chain.ts";
import type { BlockBackend, BlockDone } from "./block-backend.ts";
import {
  BlockRequestType,
  BlockStatus,
  MAX_RANGE_SECTORS,
  RANGE_BYTES,
  REQUEST_HEADER_BYTES,
  SECTOR_BYTES,
  SERIAL_BYTES,
} from "./block-layout.ts";

/** Largest transfer handed to the back end at once. */
export const CHUNK_BYTES = 128 * 1024;
/** Buffers are made in steps of this size. */
const BUFFER_GRAIN = 4096;
const ZEROES = new Uint8Array(CHUNK_BYTES);
const WRITE_ZEROES_FLAG_UNMAP = 1;

/** The device as its requests see it. */
export interface BlockRequestOwner {
  readonly backend: BlockBackend;
  /** False once the device was reset: the request must not touch the chain any more, and ends in `drop`. */
  isCurrent(): boolean;
  /** The back end is done with a request that nobody waits for any more. */
  drop(): void;
  /** The status is written, `writtenBytes` says how much of the writable part is filled. */
  complete(request: BlockRequest): void;
}

/** Reusable: `start` again after `complete`. */
export class BlockRequest {
  readonly chain: DescriptorChain;
  writtenBytes = 0;
  readonly #owner: BlockRequestOwner;
  readonly #header = new DataView(new ArrayBuffer(REQUEST_HEADER_BYTES));
  readonly #headerBytes = new Uint8Array(this.#header.buffer);
  readonly #onRead: BlockDone = (error) => {
    if (this.#isWanted()) this.#afterRead(error);
  };
  readonly #onWrite: BlockDone = (error) => {
    if (this.#isWanted()) this.#afterChunk(error);
  };
  readonly #onDone: BlockDone = (error) => {
    if (this.#isWanted()) this.#finish(error ? BlockStatus.IoError : BlockStatus.Ok);
  };
  #buffer = new Uint8Array(0);
  #type = 0;
  /** Where on the disk the transfer starts, how much it is and how much of it is done; bytes. */
  #position = 0;
  #sizeBytes = 0;
  #doneBytes = 0;
  /** The transfer under way: a view of #buffer. */
  #chunk: Uint8Array = this.#buffer;
  /** Steps of a transfer whose back end ends inside the call become a loop instead of a recursion. */
  #isStepping = false;
  #canStep = false;

  constructor(memory: GuestMemory, owner: BlockRequestOwner) {
    this.chain = new DescriptorChain(memory);
    this.#owner = owner;
  }

  /** Carries out what `chain` holds. Ends in `owner.complete`, perhaps inside this call. */
  start(): void {
    const { chain } = this;
    this.writtenBytes = 0;
    if (chain.read(0, this.#headerBytes) < REQUEST_HEADER_BYTES || chain.writableBytes < 1) {
      this.#owner.complete(this);
      return;
    }
    this.#type = this.#header.getUint32(0, true);
    this.#doneBytes = 0;
    switch (this.#type) {
      case BlockRequestType.In:
        this.#startTransfer(this.chain.writableBytes - 1);
        break;
      case BlockRequestType.Out:
        if (this.#owner.backend.isReadOnly) this.#finish(BlockStatus.IoError);
        else this.#startTransfer(this.chain.readableBytes - REQUEST_HEADER_BYTES);
        break;
      case BlockRequestType.Flush:
        this.#owner.backend.flush(this.#onDone);
        break;
      case BlockRequestType.GetId:
        this.#giveSerial();
        break;
      case BlockRequestType.Discard:
      case BlockRequestType.WriteZeroes:
        this.#startRange();
        break;
      default:
        this.#finish(BlockStatus.Unsupported);
    }
  }

  #startTransfer(sizeBytes: number): void {
    const position = this.#bytePosition(this.#header, 8);
    if (sizeBytes % SECTOR_BYTES !== 0 || !this.#isOnDisk(position, sizeBytes)) {
      this.#finish(BlockStatus.IoError);
      return;
    }
    this.#position = position;
    this.#sizeBytes = sizeBytes;
    this.#run();
  }

  /** Discard and write-zeroes carry exactly one range, as the configuration space promises (§5.2.6.2). */
  #startRange(): void {
    const { backend } = this.#owner;
    const isDiscard = this.#type === BlockRequestType.Discard;
    if (backend.isReadOnly || (isDiscard && backend.discard === undefined)) {
      this.#finish(BlockStatus.Unsupported);
      return;
    }
    const range = new DataView(new ArrayBuffer(RANGE_BYTES));
    this.chain.read(REQUEST_HEADER_BYTES, new Uint8Array(range.buffer));
    const position = this.#bytePosition(range, 0);
    const sectors = range.getUint32(8, true);
    const sizeBytes = sectors * SECTOR_BYTES;
    const flags = range.getUint32(12, true);
    const isOneAllowedRange =
      this.chain.readableBytes === REQUEST_HEADER_BYTES + RANGE_BYTES && sectors <= MAX_RANGE_SECTORS;
    if (flags !== 0 && (isDiscard || flags !== WRITE_ZEROES_FLAG_UNMAP))
      this.#finish(BlockStatus.Unsupported);
    else if (!isOneAllowedRange || !this.#isOnDisk(position, sizeBytes)) this.#finish(BlockStatus.IoError);
    else if (isDiscard) backend.discard!(position, sizeBytes, this.#onDone);
    else if (backend.writeZeroes !== undefined) backend.writeZeroes(position, sizeBytes, this.#onDone);
    else {
      this.#position = position;
      this.#sizeBytes = sizeBytes;
      this.#run();
    }
  }

  #giveSerial(): void {
    if (this.chain.writableBytes - 1 < SERIAL_BYTES) {
      this.#finish(BlockStatus.IoError);
      return;
    }
    const serial = new Uint8Array(SERIAL_BYTES);
    const { serial: text } = this.#owner.backend;
    for (let i = 0; i < Math.min(text.length, SERIAL_BYTES); i++) serial[i] = text.charCodeAt(i) & 0x7f;
    this.#doneBytes = this.chain.write(0, serial);
    this.#finish(BlockStatus.Ok);
  }

  /** Hands chunks to the back end as long as it ends them inside the call. */
  #run(): void {
    this.#canStep = true;
    if (this.#isStepping) return;
    this.#isStepping = true;
    while (this.#canStep) {
      this.#canStep = false;
      this.#step();
    }
    this.#isStepping = false;
  }

  #step(): void {
    const count = Math.min(this.#sizeBytes - this.#doneBytes, CHUNK_BYTES);
    if (count === 0) {
      this.#finish(BlockStatus.Ok);
      return;
    }
    const { backend } = this.#owner;
    const position = this.#position + this.#doneBytes;
    if (this.#type === BlockRequestType.WriteZeroes) {
      this.#chunk = ZEROES.subarray(0, count);
      backend.write(position, this.#chunk, this.#onWrite);
      return;
    }
    this.#chunk = this.#bufferOf(count);
    if (this.#type === BlockRequestType.In) {
      backend.read(position, this.#chunk, this.#onRead);
    } else {
      this.chain.read(REQUEST_HEADER_BYTES + this.#doneBytes, this.#chunk);
      backend.write(position, this.#chunk, this.#onWrite);
    }
  }

  /** Asked first by every answer of the back end. */
  #isWanted(): boolean {
    if (this.#owner.isCurrent()) return true;
    this.#owner.drop();
    return false;
  }

  #afterRead(error: Error | undefined): void {
    if (error === undefined) this.chain.write(this.#doneBytes, this.#chunk);
    this.#afterChunk(error);
  }

  #afterChunk(error: Error | undefined): void {
    if (error !== undefined) {
      this.#finish(BlockStatus.IoError);
      return;
    }
    this.#doneBytes += this.#chunk.length;
    this.#run();
  }

  /** The status byte is the last writable one; what lies between is zero-length or the data the driver asked for. */
  #finish(status: number): void {
    const { chain } = this;
    chain.writeByte(chain.writableBytes - 1, status);
    this.writtenBytes = this.#countWritten();
    this.#owner.complete(this);
  }

  /** The used length promises that everything below it was written (§2.7.8.2). */
  #countWritten(): number {
    const isReading = this.#type === BlockRequestType.In || this.#type === BlockRequestType.GetId;
    const writtenBytes = isReading ? this.#doneBytes : 0;
    return writtenBytes === this.chain.writableBytes - 1 ? writtenBytes + 1 : writtenBytes;
  }

  #bufferOf(count: number): Uint8Array {
    if (this.#buffer.length < count)
      this.#buffer = new Uint8Array(Math.ceil(count / BUFFER_GRAIN) * BUFFER_GRAIN);
    return this.#buffer.subarray(0, count);
  }

  /** A sector number as bytes; inexact beyond 2^53, which is far beyond any disk. */
  #bytePosition(view: DataView, at: number): number {
    return (view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000) * SECTOR_BYTES;
  }

  #isOnDisk(position: number, sizeBytes: number): boolean {
    return position + sizeBytes <= this.#owner.backend.sizeBytes;
  }
}
