// Small whole numbers on the command line.

/** Throws SyntaxError for anything but a whole number from 1 to 1024. */
export function parseCount(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 1024) throw new SyntaxError(`"${text}" is no number from 1 to 1024`);
  return count;
}
