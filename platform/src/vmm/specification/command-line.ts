// The kernel command line of the embedded guest.

/** Host vsock port that the guest's agent touches as soon as it listens (docs/agent-protocol.md, "Readiness"). */
export const READY_PORT = 1025;

/** The agent's vsock port in the guest. */
export const AGENT_PORT = 1024;

/**
 * Quiet, kernel messages on the serial port but no shell there, a panic ends the machine, the agent says when it listens.
 * `noreplace-smp`: on one processor Linux would patch away 7,000 LOCK prefixes, one remapped page and TLB flush for each.
 * `cpu_init_udelay`: nobody needs the 10 ms after INIT that processors of the 1990s did.
 */
export function runCommandLine(vcpuCount: number): string {
  const start = vcpuCount > 1 ? "cpu_init_udelay=0 " : "";
  return `console=ttyS0 quiet panic=-1 reboot=k pci=off noreplace-smp ${start}hearth.ready=${READY_PORT} hearth.console=off`;
}
