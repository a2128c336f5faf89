// The connections of one vsock device, found by their pair of ports (both CIDs are fixed).

import type { VsockConnection } from "./vsock-connection.ts";

/** Ports the host connects from. */
const FIRST_EPHEMERAL_PORT = 0x4000_0000;
const EPHEMERAL_PORTS = 0x4000_0000;

export class VsockConnectionTable implements Iterable<VsockConnection> {
  /** By host port, then guest port. */
  readonly #byHostPort = new Map<number, Map<number, VsockConnection>>();
  #size = 0;
  #nextEphemeral = 0;

  get size(): number {
    return this.#size;
  }

  find(hostPort: number, guestPort: number): VsockConnection | undefined {
    return this.#byHostPort.get(hostPort)?.get(guestPort);
  }

  /** The pair of ports must be unused. */
  add(connection: VsockConnection): void {
    let byGuestPort = this.#byHostPort.get(connection.hostPort);
    if (byGuestPort === undefined) {
      byGuestPort = new Map();
      this.#byHostPort.set(connection.hostPort, byGuestPort);
    }
    byGuestPort.set(connection.guestPort, connection);
    this.#size++;
  }

  remove(connection: VsockConnection): void {
    const byGuestPort = this.#byHostPort.get(connection.hostPort);
    if (byGuestPort?.get(connection.guestPort) !== connection) return;
    byGuestPort.delete(connection.guestPort);
    if (byGuestPort.size === 0) this.#byHostPort.delete(connection.hostPort);
    this.#size--;
  }

  /** A host port not used with `guestPort`; there is always one, as connections are few. */
  unusedHostPort(guestPort: number): number {
    for (;;) {
      const port = FIRST_EPHEMERAL_PORT + this.#nextEphemeral;
      this.#nextEphemeral = (this.#nextEphemeral + 1) % EPHEMERAL_PORTS;
      if (this.find(port, guestPort) === undefined) return port;
    }
  }

  *[Symbol.iterator](): Iterator<VsockConnection> {
    for (const byGuestPort of this.#byHostPort.values()) yield* byGuestPort.values();
  }
}
