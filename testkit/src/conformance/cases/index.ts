// All conformance cases, in the order of the manual's chapters.

import type { ConformanceCase } from "../conformance-case.ts";
import { ACCESSED_AND_DIRTY } from "./accessed-dirty.ts";
import { ADDRESS_SPACES } from "./address-spaces.ts";
import { DEBUG_CASES } from "./debug.ts";
import { DEVICE_MEMORY } from "./device-memory.ts";
import { EXCEPTIONS } from "./exceptions.ts";
import { GATES } from "./gates.ts";
import { INTERRUPTS } from "./interrupts.ts";
import { LEGACY_PAGING } from "./legacy-paging.ts";
import { MODE_SWITCHES } from "./mode-switches.ts";
import { PAGE_CROSSING } from "./page-crossing.ts";
import { PAGE_FAULTS } from "./page-faults.ts";
import { PORTS } from "./ports.ts";
import { PRIVILEGE_TRANSITIONS } from "./privilege-transitions.ts";
import { PROCESSOR_REGISTERS } from "./processor-registers.ts";
import { PROTECTED_MODE } from "./protected-mode.ts";
import { SELF_MODIFYING } from "./self-modifying.ts";
import { SLICES } from "./slices.ts";
import { STRINGS } from "./strings.ts";
import { TRANSLATION_CACHES } from "./translation-caches.ts";

export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  ...PAGE_FAULTS,
  ...ACCESSED_AND_DIRTY,
  ...PAGE_CROSSING,
  ...TRANSLATION_CACHES,
  ...ADDRESS_SPACES,
  ...LEGACY_PAGING,
  ...EXCEPTIONS,
  ...GATES,
  ...INTERRUPTS,
  ...PRIVILEGE_TRANSITIONS,
  ...PROTECTED_MODE,
  ...MODE_SWITCHES,
  ...SELF_MODIFYING,
  ...DEBUG_CASES,
  ...STRINGS,
  ...PORTS,
  ...DEVICE_MEMORY,
  ...PROCESSOR_REGISTERS,
  ...SLICES,
];
