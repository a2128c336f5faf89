// The core's imports: the bus of the running vCPU in the shapes WebAssembly can pass (core/env.ts is the other side).

import { assert, type VcpuBus } from "@hearth/machine";
import { CPU_FLOAT_SCRATCH } from "../layout.ts";

/** Which vCPU's bus the core is connected to. */
export interface BusSwitch {
  bus: VcpuBus | undefined;
}

export function busFunctions(
  connected: BusSwitch,
  view: DataView,
): Record<string, (...args: never[]) => number | void> {
  const bus = (): VcpuBus => {
    assert(connected.bus !== undefined, "no vCPU runs");
    return connected.bus;
  };
  return {
    readPort: (port: number, size: 1 | 2 | 4) => bus().readPort(port, size),
    writePort: (port: number, size: 1 | 2 | 4, value: number) => bus().writePort(port, size, value >>> 0),
    readMmio: (gpa: number, size: 1 | 2 | 4) => bus().readMmio(gpa, size),
    writeMmio: (gpa: number, size: 1 | 2 | 4, value: number) => bus().writeMmio(gpa, size, value >>> 0),
    readMsr: (cpu: number, index: number) => {
      const value = bus().readMsr(index >>> 0);
      if (value === undefined) return 0;
      view.setBigUint64(cpu + CPU_FLOAT_SCRATCH, value, true);
      return 1;
    },
    writeMsr: (_cpu: number, index: number, low: number, high: number) =>
      Number(bus().writeMsr(index >>> 0, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0))),
    acknowledgeInterrupt: () => bus().acknowledgeInterrupt(),
    readTaskPriority: () => bus().readTaskPriority(),
    writeTaskPriority: (_cpu: number, priority: number) => bus().writeTaskPriority(priority),
    nowNs: () => bus().nowNs(),
    random: randomWords(),
  };
}

/** A source of random 32-bit words that asks the host for 64 at a time. */
function randomWords(): () => number {
  const words = new Uint32Array(64);
  let used = words.length;
  return () => {
    if (used === words.length) {
      crypto.getRandomValues(words);
      used = 0;
    }
    return words[used++] as number;
  };
}
