/*
 * Reads the imports of one TypeScript source by pattern, because TypeScript 7 offers no parser to scripts.
 * Differs from a parser: statements are recognised at the start of a line only, which the formatter
 * guarantees, and text in line or block comments is skipped by its first characters.
 */

/** One import, re-export, dynamic import or `import("…")` type. Lines count from 1. */
export type ImportSite = { readonly specifier: string; readonly line: number };

const STATIC_IMPORT = /^[ \t]*(?:import|export)\b(?:[^;"'`]*?\bfrom)?\s*["']([^"'\n]+)["']/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*["']([^"'\n]+)["']/g;
const COMMENT_LINE = /^\s*(?:\/\/|\*|\/\*)/;

/** All import sites of `source`, in order of appearance per kind. */
export function scanImports(source: string): ImportSite[] {
  const lines = source.split("\n");
  const sites: ImportSite[] = [];
  for (const pattern of [STATIC_IMPORT, DYNAMIC_IMPORT]) {
    for (const match of source.matchAll(pattern)) {
      const line = source.slice(0, match.index).split("\n").length;
      if (!COMMENT_LINE.test(lines[line - 1] ?? "")) sites.push({ specifier: match[1] ?? "", line });
    }
  }
  return sites;
}

const COMMENTS = /\/\*[^]*?\*\/|^\s*\/\/.*$/gm;
const RE_EXPORTS = /\bexport\b[^;"'`]*?\bfrom\s*["'][^"'\n]+["'];?/g;

/** True when `source` only passes on what other files export. */
export function isBarrel(source: string): boolean {
  const code = source.replace(COMMENTS, "").trim();
  return code !== "" && code.replace(RE_EXPORTS, "").trim() === "";
}
