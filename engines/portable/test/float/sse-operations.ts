/*
 * How each SSE instruction of float-oracle.c is asked of the soft floats. Operation numbers from 100 are
 * single precision, from 200 double; the low two digits mean the same in both.
 */

import type { FloatModule } from "./float-build.ts";
import type { FloatAnswer, FloatCase } from "./float-oracle.ts";

/** One instruction under test, in one precision. */
export type SseOperation = {
  readonly operation: number;
  readonly name: string;
  /** Fraction bits of the source operands; 0 for an integer source. */
  readonly source: 0 | 23 | 52;
  /** Bytes of the result, and where the host leaves it: the vector register or the general one. */
  readonly size: number;
  readonly place: "vector" | "general" | "flags";
  /** Calls the soft float; its result as bits. */
  readonly run: (module: FloatModule, a: bigint, b: bigint, mxcsr: number) => bigint;
};

type Shape = Omit<SseOperation, "operation" | "name"> & { readonly name: string };

function bits(value: number | bigint, size: number): bigint {
  return BigInt.asUintN(size * 8, BigInt(value));
}

function forPrecision(wide: boolean): ReadonlyMap<number, Shape> {
  const type = wide ? "f64" : "f32";
  const size = wide ? 8 : 4;
  const source = wide ? 52 : 23;
  const arg = (value: bigint): number | bigint =>
    wide ? BigInt.asUintN(64, value) : Number(BigInt.asUintN(32, value));
  const shapes = new Map<number, Shape>();
  for (const [index, name] of ["add", "sub", "mul", "div"].entries()) {
    shapes.set(index, {
      name: `${type}_${name}`,
      source,
      size,
      place: "vector",
      run: ({ call }, a, b, mxcsr) => bits(call(`${type}_${name}`, arg(a), arg(b), mxcsr), size),
    });
  }
  shapes.set(4, {
    name: `${type}_sqrt`,
    source,
    size,
    place: "vector",
    run: ({ call }, _a, b, mxcsr) => bits(call(`${type}_sqrt`, arg(b), mxcsr), size),
  });
  for (const [index, name] of ["min", "max"].entries()) {
    shapes.set(5 + index, {
      name: `${type}_${name}`,
      source,
      size,
      place: "vector",
      run: ({ call }, a, b, mxcsr) => bits(call(`${type}_${name}`, arg(a), arg(b), mxcsr), size),
    });
  }
  for (const quiet of [1, 0]) {
    shapes.set(8 - quiet, {
      name: `${type}_compare quiet=${quiet}`,
      source,
      size: 1,
      place: "flags",
      run: ({ call }, a, b, mxcsr) => bits(call(`${type}_compare`, arg(a), arg(b), mxcsr, quiet), 1),
    });
  }
  const other = wide ? "f32_from_f64" : "f64_from_f32";
  shapes.set(9, {
    name: other,
    source,
    size: wide ? 4 : 8,
    place: "vector",
    run: ({ call }, _a, b, mxcsr) => bits(call(other, arg(b), mxcsr), wide ? 4 : 8),
  });
  for (const [index, name] of ["to_i32", "to_i32_truncate", "to_i64", "to_i64_truncate"].entries()) {
    const width = index < 2 ? 4 : 8;
    shapes.set(10 + index, {
      name: `${type}_${name}`,
      source,
      size: width,
      place: "general",
      run: ({ call }, _a, b, mxcsr) => bits(call(`${type}_${name}`, arg(b), mxcsr), width),
    });
  }
  for (const width of [32, 64]) {
    shapes.set(width === 32 ? 14 : 15, {
      name: `${type}_from_i64 ${width}`,
      source: 0,
      size,
      place: "vector",
      run: ({ call }, _a, b, mxcsr) => bits(call(`${type}_from_i64`, BigInt.asIntN(width, b), mxcsr), size),
    });
  }
  for (const [index, control] of [0, 1, 2, 3, 4, 12].entries()) {
    shapes.set(16 + index, {
      name: `${type}_round ${control}`,
      source,
      size,
      place: "vector",
      run: ({ call }, _a, b, mxcsr) => bits(call(`${type}_round`, arg(b), control, mxcsr), size),
    });
  }
  for (let predicate = 0; predicate < 8; predicate++) {
    shapes.set(22 + predicate, {
      name: `${type}_compare_mask ${predicate}`,
      source,
      size,
      place: "vector",
      run: ({ call }, a, b, mxcsr) =>
        bits(call(`${type}_compare_mask`, arg(a), arg(b), predicate, mxcsr), size),
    });
  }
  shapes.set(30, {
    name: `${type}_mul packed`,
    source,
    size: 16,
    place: "vector",
    run: ({ call }, a, b, mxcsr) => {
      let result = 0n;
      for (let at = 0; at < 16; at += size) {
        const shift = BigInt(at * 8);
        result |= bits(call(`${type}_mul`, arg(a >> shift), arg(b >> shift), mxcsr), size) << shift;
      }
      return result;
    },
  });
  return shapes;
}

/** Every SSE instruction under test. */
export const SSE_OPERATIONS: readonly SseOperation[] = [false, true].flatMap((wide) =>
  [...forPrecision(wide)].map(([index, shape]) => ({ ...shape, operation: (wide ? 200 : 100) + index })),
);

function number(bytes: Uint8Array, size: number): bigint {
  let value = 0n;
  for (let at = size - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] ?? 0);
  return value;
}

/** What the caller of a packed operation makes of its lanes' flags: a fault hides the later exceptions. */
function mergedFlags(flags: number, mxcsr: number): number {
  const masks = (mxcsr >> 7) & 0x3f;
  return (flags & ~masks & 7) === 0 ? flags : flags & 7;
}

/** What the soft floats and the host disagree about in a case, or undefined. */
export function sseDifference(
  module: FloatModule,
  operation: SseOperation,
  one: FloatCase,
  host: FloatAnswer,
): string | undefined {
  const a = number(one.a, 16);
  const b = number(one.b, 16);
  module.call("float_take_flags");
  const result = operation.run(module, a, b, one.control);
  const flags = mergedFlags(Number(module.call("float_take_flags")), one.control);
  const hostFlags = host.status & 0x3f;
  const faulted = (hostFlags & ~(one.control >> 7) & 0x3f) !== 0;
  const place = operation.place === "general" ? host.r1 : host.r0;
  const expected = operation.place === "flags" ? BigInt(host.flags & 0x45) : number(place, operation.size);
  if (flags === hostFlags && (faulted || result === expected)) return undefined;
  const operands = `a=${a.toString(16)} b=${b.toString(16)} mxcsr=${one.control.toString(16)}`;
  const mine = `${result.toString(16)} flags ${flags.toString(16)}`;
  return `${operation.name} ${operands}: here ${mine}, host ${expected.toString(16)} flags ${hostFlags.toString(16)}`;
}
