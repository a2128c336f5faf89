// --env NAME=VALUE, or --env NAME to pass the caller's own value.

/** One setting. */
export type EnvironmentPair = readonly [name: string, value: string];

/** Undefined when NAME alone is not set here. Throws SyntaxError. */
export function parseEnvironmentPair(
  text: string,
  own: Readonly<Record<string, string | undefined>> = process.env,
): EnvironmentPair | undefined {
  const cut = text.indexOf("=");
  const name = cut < 0 ? text : text.slice(0, cut);
  if (name === "") throw new SyntaxError(`"${text}" sets no variable; write NAME=VALUE`);
  if (cut >= 0) return [name, text.slice(cut + 1)];
  const value = own[name];
  return value === undefined ? undefined : [name, value];
}

/** Later settings win. */
export function environmentOf(pairs: readonly (EnvironmentPair | undefined)[]): Record<string, string> {
  return Object.fromEntries(pairs.filter((pair) => pair !== undefined));
}
