// Which engine runs a machine, and why. `auto` will take KVM where it is trustworthy once that engine exists; today
// the portable engine is the only one, and this file says so.

import { HearthError } from "@hearth/machine/errors";
import type { Engine } from "@hearth/machine";
import type { EngineProfile } from "@hearth/engine-portable";
import type { TranslationLink } from "@hearth/engine-portable/connect";

/** What a user may ask for. */
export const ENGINE_NAMES = ["auto", "portable", "kvm"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface EngineChoice {
  readonly name: "portable";
  /** One sentence for people. */
  readonly reason: string;
}

/** Largest guest RAM: a 32-bit Wasm memory less the engine's own area. */
export const PORTABLE_MAX_MEMORY_BYTES = 3840 * 1024 * 1024;
/** What a machine takes; they share one thread. */
export const PORTABLE_MAX_VCPUS = 32;

/** Throws HearthError engine.not-built or engine.unknown. */
export function chooseEngine(asked: string): EngineChoice {
  switch (asked) {
    case "auto":
      return {
        name: "portable",
        reason:
          "The portable engine runs everywhere; the KVM engine is not built yet, so auto takes portable.",
      };
    case "portable":
      return { name: "portable", reason: "The portable engine was asked for." };
    case "kvm":
      throw new HearthError(
        "engine.not-built",
        "The KVM engine is not built yet; use --engine portable or auto.",
      );
    default:
      throw new HearthError(
        "engine.unknown",
        `There is no engine "${asked}"; choose one of ${ENGINE_NAMES.join(", ")}.`,
      );
  }
}

/** Loads the chosen engine; `profile` takes its notes, `translation` leads to who compiles for it. Only the runner's thread does. */
export async function loadEngine(
  choice: EngineChoice,
  profile?: EngineProfile,
  translation?: TranslationLink,
): Promise<Engine> {
  switch (choice.name) {
    case "portable": {
      const { createPortableEngine } = await import("@hearth/engine-portable");
      return createPortableEngine(profile, translation);
    }
  }
}
