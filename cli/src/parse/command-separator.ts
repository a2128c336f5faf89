// `hearth run uname -a` means what it says: from the first word that is no flag of ours, everything belongs to the
// guest's command. The argument scanner only knows the explicit form, so the `--` is put in where it is missing.

/** `flagsWithValue` are those whose value is the next word, with their dashes. */
export function separateCommand(words: readonly string[], flagsWithValue: ReadonlySet<string>): string[] {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (word === "--") return [...words];
    if (!word.startsWith("-") || word === "-") return [...words.slice(0, i), "--", ...words.slice(i)];
    if (flagsWithValue.has(word)) i++;
  }
  return [...words];
}
