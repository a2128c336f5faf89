// Bold, dim and colour, only where a terminal shows them and NO_COLOR is not set.

const isColored = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

const style =
  (open: number, close: number) =>
  (text: string): string =>
    isColored ? `\x1b[${open}m${text}\x1b[${close}m` : text;

/** Styles for standard output. */
export const paint = { bold: style(1, 22), dim: style(2, 22), green: style(32, 39) };
