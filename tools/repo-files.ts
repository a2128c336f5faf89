/*
 * What belongs to the repository: its workspaces (from the root manifest) and its TypeScript sources.
 * Works on any directory with the same shape, so that the checks can be tested on a planted tree.
 */
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** One workspace package as its manifest describes it. Paths are relative to the repository root. */
export type Workspace = {
  readonly name: string;
  readonly folder: string;
  /** Subpath (".", "./x") to file, relative to the root. */
  readonly exports: ReadonlyMap<string, string>;
  readonly dependencies: ReadonlySet<string>;
};

type Manifest = {
  name?: string;
  workspaces?: string[];
  exports?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
};

const SKIPPED_FOLDERS = new Set(["node_modules", ".git", "testdata"]);
/** Work areas of scripts: generated, ignored by git. */
const SKIPPED_PATHS = new Set(["bench/work", "tmp"]);

/** Workspaces in the order of the root manifest; a pattern without a folder is not an error. */
export function listWorkspaces(root: string): Workspace[] {
  const patterns = readManifest(root, ".").workspaces ?? [];
  const folders = patterns.flatMap((pattern) => globSync(pattern, { cwd: root }).sort());
  return folders
    .map(toSlashes)
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .map((folder) => readWorkspace(root, folder));
}

/** Every `.ts` file of the repository, sorted, relative to the root, with forward slashes. */
export function listSources(root: string): string[] {
  const found: string[] = [];
  walk(root, "", found);
  return found.sort();
}

/** True for files that only the tests load: by their name, or because they lie in a folder `test`. */
export function isTestFile(path: string): boolean {
  return /\.(test|conformance)\.ts$/.test(path) || /(^|\/)test\//.test(path);
}

function walk(root: string, folder: string, found: string[]): void {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!isSkipped(entry.name, path)) walk(root, path, found);
    } else if (entry.isFile() && entry.name.endsWith(".ts")) {
      found.push(path);
    }
  }
}

/** A folder `build` holds results, except among sources. */
function isSkipped(name: string, path: string): boolean {
  const holdsResults = name === "build" && !path.includes("/src/");
  return holdsResults || SKIPPED_FOLDERS.has(name) || SKIPPED_PATHS.has(path);
}

function readWorkspace(root: string, folder: string): Workspace {
  const manifest = readManifest(root, folder);
  const exported = Object.entries(manifest.exports ?? {}).map(
    ([subpath, file]) => [subpath, toSlashes(relative(root, join(root, folder, file)))] as const,
  );
  return {
    name: manifest.name ?? folder,
    folder,
    exports: new Map(exported),
    dependencies: new Set([
      ...Object.keys(manifest.dependencies ?? {}),
      ...Object.keys(manifest.devDependencies ?? {}),
    ]),
  };
}

function readManifest(root: string, folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest;
}

function toSlashes(path: string): string {
  return path.split(sep).join("/");
}
