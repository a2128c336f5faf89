// Which registers the core's functions look at or change. A region writes just these back before it calls one and reads them
// again behind it; functions that are not listed may use every register. Flags are the six arithmetic ones.

import type { CoreFunction } from "../isa/lowering.ts";

export interface CoreEffects {
  /** Numbers of general registers. */
  readonly general: readonly number[];
  readonly flags: boolean;
}

const NOTHING: CoreEffects = { general: [], flags: false };
const [RAX, RCX, RDX, RSP, RSI, RDI] = [0, 1, 2, 4, 6, 7];

/** Near transfers and stack accesses of legacy modes. */
const STACK: CoreEffects = { general: [RSP], flags: false };

const EFFECTS: Readonly<Record<CoreFunction, CoreEffects>> = {
  checkWrite: NOTHING,
  clearAccessCheck: NOTHING,
  clearInterruptFlag: NOTHING,
  pause: NOTHING,
  setAccessCheck: NOTHING,
  sseFloat: NOTHING,
  swapGs: NOTHING,
  writeSegmentBase: NOTHING,
  cpuid: { general: [RAX, RCX, RDX, 3], flags: false },
  divide128S: { general: [RAX, RDX], flags: false },
  divide128U: { general: [RAX, RDX], flags: false },
  moveString: { general: [RCX, RSI, RDI], flags: false },
  callLegacy: STACK,
  jumpLegacy: NOTHING,
  popFlags: { general: [RSP], flags: true },
  pushLegacy: STACK,
  pushReturnLegacy: STACK,
  returnLegacy: STACK,
  pushFlags: { general: [RSP], flags: true },
  readMsr: { general: [RAX, RCX, RDX], flags: false },
  readTimestamp: { general: [RAX, RDX], flags: false },
  readTimestampAndId: { general: [RAX, RCX, RDX], flags: false },
  storeString: { general: [RAX, RCX, RDI], flags: false },
};

/** Undefined for a function that may use anything. The x87's have registers and flags of their own. */
export function coreEffects(name: CoreFunction): CoreEffects | undefined {
  return name.startsWith("fpu") ? NOTHING : EFFECTS[name];
}

/** Functions after which linear addresses may lead to other pages: a region ends with them. */
export const MAPPING_CHANGES: ReadonlySet<CoreFunction> = new Set(["invalidatePage", "invalidatePcid"]);
