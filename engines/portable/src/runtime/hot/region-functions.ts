// Functions of region modules, linked with one machine's processor. A module is instantiated when the first of its regions is used.

import { regionExport } from "../../regions/region-name.ts";

export class RegionFunctions {
  readonly #imports: WebAssembly.Imports;
  readonly #exports = new WeakMap<WebAssembly.Module, WebAssembly.Exports>();

  constructor(memory: WebAssembly.Memory, core: WebAssembly.Exports, interpreter: WebAssembly.Exports) {
    const { jumpFar, handlers } = interpreter as Record<"jumpFar" | "handlers", WebAssembly.ExportValue>;
    this.#imports = { hearth: { memory, jumpFar, handlers }, core: core as WebAssembly.ModuleImports };
  }

  /** The function of the region with this index in the module. */
  get(module: WebAssembly.Module, index: number): WebAssembly.ExportValue {
    let exports = this.#exports.get(module);
    if (exports === undefined) {
      exports = new WebAssembly.Instance(module, this.#imports).exports;
      this.#exports.set(module, exports);
    }
    return exports[regionExport(index)] as WebAssembly.ExportValue;
  }
}
