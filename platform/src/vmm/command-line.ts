// The kernel command line of the embedded guest.

/** Host vsock port that the guest's agent touches as soon as it listens (docs/agent-protocol.md, "Readiness"). */
export const READY_PORT = 1025;

/** The agent's vsock port in the guest. */
export const AGENT_PORT = 1024;

/** Quiet, console on the serial port, a panic that ends the machine at once, and the agent's readiness signal. */
export function runCommandLine(): string {
  return `console=ttyS0 quiet panic=-1 reboot=k nomodule hearth.ready=${READY_PORT}`;
}
