// A socket device with a mock guest on it, and the moves that many tests begin with.

import { type VsockStream, VsockDevice } from "@hearth/machine";
import { MockVsockGuest, VSOCK_OP, type VsockPacket } from "./mock-vsock-guest.ts";
import { plugIn, type VirtioRig } from "./rig.ts";

const RAM_BYTES = 4 * 1024 * 1024;

/** A connection as a test sees it: both ends and what the host's end was told. */
export interface BenchConnection {
  readonly stream: VsockStream;
  readonly log: string[];
  /** Header fields of the guest's packets. */
  readonly peer: Partial<VsockPacket>;
}

/** A started device and its guest. */
export class VsockBench {
  readonly device: VsockDevice;
  readonly rig: VirtioRig;
  guest: MockVsockGuest;

  constructor(guestCid: number) {
    this.device = new VsockDevice({ guestCid });
    this.rig = plugIn(this.device, RAM_BYTES);
    this.rig.driver.start();
    this.guest = new MockVsockGuest(this.rig.driver, guestCid);
  }

  /** The driver starts again, after a reset. */
  restart(): void {
    this.rig.driver.start();
    this.guest = new MockVsockGuest(this.rig.driver, this.device.guestCid);
  }

  /** A connection the host made and the guest accepted, with `fields` in its answer. */
  connectHost(fields: Partial<VsockPacket> = {}): BenchConnection {
    const stream = this.device.connect(1024);
    const log = recordStream(stream);
    this.guest.drain();
    const peer = { srcPort: 1024, dstPort: stream.hostPort };
    this.guest.send({ ...peer, op: VSOCK_OP.response, ...fields });
    log.length = 0;
    return { stream, log, peer };
  }

  /** A connection the guest made to a listener on port 52. */
  connectGuest(srcPort = 9000): BenchConnection {
    const accepted: { stream: VsockStream; log: string[] }[] = [];
    const stop = this.device.listen(52, (stream) => accepted.push({ stream, log: recordStream(stream) }));
    const peer = { srcPort, dstPort: 52 };
    this.guest.send({ ...peer, op: VSOCK_OP.request });
    stop();
    this.guest.drain();
    return { ...accepted[0]!, peer };
  }
}

/** Sets handlers that write down what the stream tells them. */
export function recordStream(stream: VsockStream): string[] {
  const log: string[] = [];
  stream.handlers = {
    open: () => log.push("open"),
    data: (chunk) => log.push(`data ${Buffer.from(chunk).toString()}`),
    end: () => log.push("end"),
    drain: () => log.push("drain"),
    close: (reason) => log.push(`close ${reason}`),
  };
  return log;
}

export function opsOf(packets: readonly VsockPacket[]): number[] {
  return packets.map((packet) => packet.op);
}
