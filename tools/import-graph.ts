/*
 * Resolves every import of the repository to a file, a package or a `node:` module, without running anything.
 * The result is plain data for the rules in check-imports.ts.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { listSources, listWorkspaces } from "./repo-files.ts";
import type { Workspace } from "./repo-files.ts";
import { isBarrel, scanImports } from "./import-scan.ts";

/** Where one import leads. `path` is relative to the repository root. */
export type Target =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "node"; readonly name: string }
  | { readonly kind: "package"; readonly name: string; readonly path: string | null }
  | { readonly kind: "npm"; readonly name: string }
  | { readonly kind: "missing" };

export type ImportEdge = {
  readonly from: string;
  readonly line: number;
  readonly specifier: string;
  readonly target: Target;
};

export type ImportGraph = {
  readonly workspaces: readonly Workspace[];
  readonly files: readonly string[];
  readonly edges: readonly ImportEdge[];
  /** Files that do nothing but pass on what others export. */
  readonly barrels: readonly string[];
};

/** AssemblyScript has its own resolution: no suffix. */
export const ASSEMBLYSCRIPT_FOLDER = "engines/portable/src/core/";

/** Reads all sources below `root`. */
export function readImportGraph(root: string): ImportGraph {
  const workspaces = listWorkspaces(root);
  const files = listSources(root);
  const edges: ImportEdge[] = [];
  const barrels: string[] = [];
  for (const from of files) {
    const source = readFileSync(join(root, from), "utf8");
    if (isBarrel(source)) barrels.push(from);
    for (const { specifier, line } of scanImports(source)) {
      edges.push({ from, line, specifier, target: resolve(root, workspaces, from, specifier) });
    }
  }
  return { workspaces, files, edges, barrels };
}

/** The workspace that owns `path`, or null for root folders such as tools. */
export function workspaceOf(workspaces: readonly Workspace[], path: string): Workspace | null {
  return workspaces.find((workspace) => path.startsWith(`${workspace.folder}/`)) ?? null;
}

function resolve(root: string, workspaces: readonly Workspace[], from: string, specifier: string): Target {
  if (specifier.startsWith("node:")) return { kind: "node", name: specifier };
  if (specifier.startsWith(".")) return resolveFile(root, from, specifier);
  const name = packageName(specifier);
  const workspace = workspaces.find((candidate) => candidate.name === name);
  if (workspace === undefined) return { kind: "npm", name };
  const subpath = specifier === name ? "." : `.${specifier.slice(name.length)}`;
  const path = resolveExport(workspace, subpath);
  return { kind: "package", name, path: path !== null && isFile(join(root, path)) ? path : null };
}

/** As Node does for exact keys and for keys with one `*`; conditions are not used in this repository. */
function resolveExport(workspace: Workspace, subpath: string): string | null {
  const exact = workspace.exports.get(subpath);
  if (exact !== undefined) return exact;
  for (const [key, file] of workspace.exports) {
    const [before, after, ...more] = key.split("*");
    if (before === undefined || after === undefined || more.length > 0) continue;
    if (!subpath.startsWith(before) || !subpath.endsWith(after)) continue;
    return file.replace("*", subpath.slice(before.length, subpath.length - after.length));
  }
  return null;
}

function resolveFile(root: string, from: string, specifier: string): Target {
  const path = posix.join(posix.dirname(from), specifier);
  const candidates = from.startsWith(ASSEMBLYSCRIPT_FOLDER)
    ? [path, `${path}.ts`, `${path}/index.ts`]
    : [path];
  const found = candidates.find((candidate) => isFile(join(root, candidate)));
  return found === undefined ? { kind: "missing" } : { kind: "file", path: found };
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

function packageName(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? specifier);
}
