// One interrupt pin as a device sees it. The other end is an input of an interrupt controller, or a counter in a test.

/** A wire. Whether a change or the level matters is the controller's affair (I/O APIC redirection entry). */
export interface InterruptLine {
  /** Drives the wire. Setting the level it already has does nothing. */
  setLevel(isHigh: boolean): void;
}
