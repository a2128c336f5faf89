// Saved state of one chip: plain data under a kind and a version. Readers check every field: a snapshot file may come
// from anywhere, and a bad one must be refused with a name, not become a strange machine.

import { HearthError } from "../errors.ts";

/** Plain structured-cloneable data. Derived values (pin levels, cached priorities) are left out and recomputed. */
export interface ChipState<Data = unknown> {
  readonly kind: string;
  readonly version: number;
  readonly data: Data;
}

/** Opens `state` if it is of `kind` and `version`. Throws HearthError `snapshot.kind` or `snapshot.version`. */
export function openState(state: ChipState, kind: string, version: number): StateFields {
  if (state?.kind !== kind)
    throw new HearthError("snapshot.kind", `Expected the state of ${kind}, found ${state?.kind}.`);
  if (state.version !== version) {
    throw new HearthError(
      "snapshot.version",
      `State of ${kind} has version ${state.version}, this build reads ${version}.`,
    );
  }
  return new StateFields(kind, state.data);
}

/** Checked access to the fields of one state. Every failure is a HearthError `snapshot.field`. */
export class StateFields {
  readonly #path: string;
  readonly #record: Readonly<Record<string, unknown>>;

  constructor(path: string, data: unknown) {
    this.#path = path;
    if (typeof data !== "object" || data === null) throw invalid(path, "is not an object");
    this.#record = data as Record<string, unknown>;
  }

  /** An integer from 0 to `max`. */
  integer(name: string, max: number): number {
    const value = this.#record[name];
    if (!isIntegerUpTo(value, max))
      throw invalid(`${this.#path}.${name}`, `is not an integer from 0 to ${max}`);
    return value;
  }

  /** Any finite number that is not negative, for times; -1 and Infinity are refused. */
  time(name: string): number {
    const value = this.#record[name];
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0)
      throw invalid(`${this.#path}.${name}`, "is not a time");
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#record[name];
    if (typeof value !== "boolean") throw invalid(`${this.#path}.${name}`, "is not a boolean");
    return value;
  }

  bigint(name: string, max: bigint): bigint {
    const value = this.#record[name];
    if (typeof value !== "bigint" || value < 0n || value > max)
      throw invalid(`${this.#path}.${name}`, "is not in range");
    return value;
  }

  /** An array of exactly `length` integers from 0 to `max`. */
  integers(name: string, length: number, max: number): number[] {
    const value = this.list(name, length);
    if (value.length !== length || !value.every((item) => isIntegerUpTo(item, max)))
      throw invalid(`${this.#path}.${name}`, `is not ${length} integers from 0 to ${max}`);
    return value as number[];
  }

  /** An array of at most `maxLength` items, unchecked. */
  list(name: string, maxLength: number): readonly unknown[] {
    const value = this.#record[name];
    if (!Array.isArray(value) || value.length > maxLength)
      throw invalid(`${this.#path}.${name}`, `is not a list of at most ${maxLength}`);
    return value;
  }

  /** Bytes, at most `maxLength`; the result is a copy. */
  bytes(name: string, maxLength: number): Uint8Array {
    const value = this.#record[name];
    if (!(value instanceof Uint8Array) || value.length > maxLength)
      throw invalid(`${this.#path}.${name}`, `is not at most ${maxLength} bytes`);
    return value.slice();
  }

  /** The state of a chip inside this one; opened by its own reader. */
  chip(name: string): ChipState {
    const value = this.#record[name];
    if (typeof value !== "object" || value === null) throw invalid(`${this.#path}.${name}`, "is not a state");
    return value as ChipState;
  }

  /** A nested record. */
  fields(name: string): StateFields {
    return new StateFields(`${this.#path}.${name}`, this.#record[name]);
  }
}

function isIntegerUpTo(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function invalid(path: string, problem: string): HearthError {
  return new HearthError("snapshot.field", `Saved state ${path} ${problem}.`);
}
