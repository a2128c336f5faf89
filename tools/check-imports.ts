/*
 * The import checker: layers, `node:` only where it is allowed, packages through their exports map,
 * declared dependencies, no barrels, no cycles. `import type` counts like any other import.
 * Run as a script it prints one line per violation and exits with 1.
 */
import { fileURLToPath } from "node:url";
import { findCycles } from "./import-cycles.ts";
import { ASSEMBLYSCRIPT_FOLDER, readImportGraph, workspaceOf } from "./import-graph.ts";
import type { ImportEdge, ImportGraph } from "./import-graph.ts";
import { IMPORT_RULES, ISOLATED_FOLDERS, TEST_FOLDERS, TEST_PACKAGES } from "./import-rules.ts";
import type { ImportRule } from "./import-rules.ts";
import { isTestFile } from "./repo-files.ts";

/** All violations below `root`, as `file:line: sentence`, sorted by file. */
export function checkImports(root: string): string[] {
  const graph = readImportGraph(root);
  const found = graph.edges.flatMap((edge) => {
    const problem = checkEdge(graph, edge);
    return problem === null ? [] : [`${edge.from}:${edge.line}: ${problem}`];
  });
  return [...found, ...checkRulesExist(graph), ...checkBarrels(graph), ...checkCycles(graph)];
}

function checkEdge(graph: ImportGraph, edge: ImportEdge): string | null {
  const rule = ruleFor(edge.from);
  if (rule === undefined) return null;
  switch (edge.target.kind) {
    case "missing":
      return `"${edge.specifier}" is not a file (relative imports name the file with its suffix)`;
    case "file":
      return checkFile(graph, edge.from, edge.target.path);
    case "node":
      return mayUseNode(rule, edge.from)
        ? null
        : `${rule.folder} runs without Node, "${edge.target.name}" is not allowed`;
    case "package":
      return checkPackage(graph, rule, edge, edge.target.name, edge.target.path);
    case "npm":
      if (!rule.npm.includes(edge.target.name))
        return `${rule.folder} may not import the npm package "${edge.target.name}"`;
      return checkDeclared(graph, edge.from, edge.target.name);
  }
}

function checkFile(graph: ImportGraph, from: string, path: string): string | null {
  const own = workspaceOf(graph.workspaces, from);
  const other = workspaceOf(graph.workspaces, path);
  if (own !== other && other !== null) return `enter ${other.name} through its exports, not by path`;
  if (own !== other) return `"${path}" is outside the package ${own?.name ?? ""}`;
  return isTestFile(from) ? null : checkIsolation(from, path);
}

function checkIsolation(from: string, path: string): string | null {
  for (const { parent, shared } of ISOLATED_FOLDERS) {
    const own = childFolder(parent, from);
    const other = childFolder(parent, path);
    if (own === null || other === null || own === other) continue;
    if (!shared.includes(own) && !shared.includes(other))
      return `device folder ${own} may not import ${other}: devices meet on the bus`;
  }
  return null;
}

function checkPackage(
  graph: ImportGraph,
  rule: ImportRule,
  edge: ImportEdge,
  name: string,
  path: string | null,
): string | null {
  if (path === null) return `"${edge.specifier}" is not in the exports of ${name}`;
  if (workspaceOf(graph.workspaces, edge.from)?.name === name)
    return `import the file, not the own package ${name}`;
  const forTests = TEST_PACKAGES.has(name);
  const fromTests = isTestFile(edge.from) || TEST_FOLDERS.some((folder) => edge.from.startsWith(folder));
  if (forTests && !fromTests) return `only test files import ${name}`;
  if (!forTests && !rule.packages.includes("*") && !rule.packages.includes(name))
    return `${rule.folder} may not import ${name}`;
  return forTests ? null : checkDeclared(graph, edge.from, name);
}

function checkDeclared(graph: ImportGraph, from: string, name: string): string | null {
  const own = workspaceOf(graph.workspaces, from);
  return own === null || own.dependencies.has(name)
    ? null
    : `${name} is not declared in ${own.folder}/package.json`;
}

function checkRulesExist(graph: ImportGraph): string[] {
  const without = graph.files.filter((file) => file.includes("/") && ruleFor(file) === undefined);
  return without.map((file) => `${file}:1: no rule for this folder in tools/import-rules.ts`);
}

/** In AssemblyScript the exports of the entry file decide what the Wasm module exports, so its folder is spared. */
function checkBarrels(graph: ImportGraph): string[] {
  const entries = new Set(graph.workspaces.flatMap((workspace) => [...workspace.exports.values()]));
  const others = graph.barrels.filter(
    (file) => !entries.has(file) && !file.startsWith(ASSEMBLYSCRIPT_FOLDER),
  );
  return others.map((file) => `${file}:1: only the entry of a package may just pass on exports`);
}

function checkCycles(graph: ImportGraph): string[] {
  const next = new Map<string, string[]>(graph.files.map((file) => [file, []]));
  for (const { from, target } of graph.edges) {
    const path = target.kind === "file" || target.kind === "package" ? target.path : null;
    if (path !== null) next.get(from)?.push(path);
  }
  return findCycles(next).map((cycle) => `${cycle[0] ?? ""}:1: import cycle: ${cycle.join(", ")}`);
}

function ruleFor(path: string): ImportRule | undefined {
  return IMPORT_RULES.find((rule) => path.startsWith(`${rule.folder}/`));
}

function mayUseNode(rule: ImportRule, path: string): boolean {
  return rule.node || isTestFile(path) || (rule.nodeFiles?.test(path) ?? false);
}

function childFolder(parent: string, path: string): string | null {
  if (!path.startsWith(parent)) return null;
  const rest = path.slice(parent.length).split("/");
  return rest.length > 1 ? (rest[0] ?? null) : null;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const violations = checkImports(fileURLToPath(new URL("..", import.meta.url)));
  for (const violation of violations) console.log(violation);
  if (violations.length > 0) process.exitCode = 1;
  else console.log("imports: no violation");
}
