// A WebAssembly module from its parts (core specification §5.5): types, imports, functions, one table, exports.

import { type Code, flatten, flattenWithHints, name, signedLeb, unsignedLeb, vector } from "./bytes.ts";
import { TYPE_CODE, type ValueType } from "./expressions.ts";

export interface Signature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A function's locals and code as bytes. */
export type FunctionBody = ReturnType<typeof flattenWithHints>;

export function functionBody(locals: readonly ValueType[], code: Code): FunctionBody {
  return flattenWithHints([vector(locals.map((l) => [1, TYPE_CODE[l]])), code, 0x0b]);
}

/** Collects functions and writes the binary. Imports must all be declared before the first function. */
export class ModuleBuilder {
  readonly #types: Signature[] = [];
  readonly #typeIndex = new Map<string, number>();
  readonly #imports: Code[] = [];
  readonly #functions: { readonly type: number; readonly body: FunctionBody }[] = [];
  readonly #exports: Code[] = [];
  readonly #names = new Map<number, string>();
  #importedFunctions = 0;
  #elements: readonly number[] = [];
  #tableSize = 0;

  typeOf(signature: Signature): number {
    const key = `${signature.params.join()}>${signature.results.join()}`;
    let index = this.#typeIndex.get(key);
    if (index === undefined) {
      index = this.#types.length;
      this.#types.push(signature);
      this.#typeIndex.set(key, index);
    }
    return index;
  }

  importMemory(moduleName: string, field: string, minPages: number, maxPages: number): void {
    this.#imports.push([
      name(moduleName),
      name(field),
      0x02,
      0x03,
      unsignedLeb(minPages),
      unsignedLeb(maxPages),
    ]);
  }

  /** The table that indirect calls go through, in place of one of its own. */
  importTable(moduleName: string, field: string): void {
    this.#imports.push([name(moduleName), name(field), 0x01, 0x70, 0x00, 0]);
  }

  importFunction(moduleName: string, field: string, signature: Signature): number {
    this.#imports.push([name(moduleName), name(field), 0x00, unsignedLeb(this.typeOf(signature))]);
    return this.#importedFunctions++;
  }

  /** `label` is what profilers and stack traces call the function. */
  addFunction(signature: Signature, locals: readonly ValueType[], code: Code, label?: string): number {
    return this.addBody(signature, functionBody(locals, code), label);
  }

  addBody(signature: Signature, body: FunctionBody, label?: string): number {
    this.#functions.push({ type: this.typeOf(signature), body });
    const index = this.#importedFunctions + this.#functions.length - 1;
    if (label !== undefined) this.#names.set(index, label);
    return index;
  }

  exportFunction(exportName: string, index: number): void {
    this.#exports.push([name(exportName), 0x00, unsignedLeb(index)]);
  }

  /** Fills table 0 with these functions; `spare` empty places follow. */
  setTable(functionIndices: readonly number[], spare = 0): void {
    this.#elements = functionIndices;
    this.#tableSize = functionIndices.length + spare;
  }

  exportTable(exportName: string): void {
    this.#exports.push([name(exportName), 0x01, 0]);
  }

  build(): Uint8Array<ArrayBuffer> {
    const section = (id: number, content: Code): Code => {
      const bytes = flatten(content);
      return [id, unsignedLeb(bytes.length), bytes];
    };
    const types = this.#types.map((s) => [
      0x60,
      vector(s.params.map((p) => TYPE_CODE[p])),
      vector(s.results.map((r) => TYPE_CODE[r])),
    ]);
    const size = unsignedLeb(this.#tableSize);
    const tables = this.#tableSize > 0 ? [[0x70, 0x01, size, size]] : [];
    const elements = this.#elements.map((e) => unsignedLeb(e));
    const segments = elements.length > 0 ? [[0x00, 0x41, signedLeb(0), 0x0b, vector(elements)]] : [];
    const bodies = this.#functions.map(({ body }) => body);
    const parts: Code[] = [
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      section(1, vector(types)),
      section(2, vector(this.#imports)),
      section(3, vector(this.#functions.map((f) => unsignedLeb(f.type)))),
      section(4, vector(tables)),
      section(7, vector(this.#exports)),
      section(9, vector(segments)),
      section(0, this.#branchHints(bodies)),
      section(10, vector(bodies.map(({ bytes }) => [unsignedLeb(bytes.length), bytes]))),
      section(0, this.#nameSection()),
    ];
    return flatten(parts);
  }

  /** The custom section of the branch hinting proposal: offsets count from the start of a function's locals. */
  #branchHints(bodies: readonly FunctionBody[]): Code {
    const hinted = bodies.flatMap(({ hints }, i) => {
      const places = hints.map((h) => [unsignedLeb(h.offset), 1, h.isLikely ? 1 : 0]);
      return places.length === 0 ? [] : [[unsignedLeb(this.#importedFunctions + i), vector(places)]];
    });
    return [name("metadata.code.branch_hint"), vector(hinted)];
  }

  /** The custom section "name" with function names only (core specification, appendix). */
  #nameSection(): Code {
    const entries = [...this.#names].map(([index, label]) => [unsignedLeb(index), name(label)]);
    const functionNames = flatten(vector(entries));
    return [name("name"), 1, unsignedLeb(functionNames.length), functionNames];
  }
}
