/*
 * Which part of the repository may import what: the table of docs/architecture.md as data.
 * "May import" names packages of this repository, `node:` modules and npm packages; nothing else is allowed.
 */

/** What the sources below `folder` may import apart from their own package. */
export type ImportRule = {
  readonly folder: string;
  /** Names of workspace packages; "*" means any. */
  readonly packages: readonly string[];
  /** npm packages, which must also be declared in the manifest. */
  readonly npm: readonly string[];
  readonly node: boolean;
  /** Files below the folder that run on Node although the rest must not. */
  readonly nodeFiles?: RegExp;
};

const PURE = ["@hearth/machine", "@hearth/net"];
const ENGINES = ["@hearth/engine-portable", "@hearth/engine-kvm"];
const LIBRARIES = [...PURE, ...ENGINES, "@hearth/host", "@hearth/images", "@hearth/guest"];

/** First match wins. A folder without a rule is reported, so that a new package gets one. */
export const IMPORT_RULES: readonly ImportRule[] = [
  { folder: "machine", packages: [], npm: [], node: false },
  { folder: "net", packages: [], npm: [], node: false },
  {
    folder: "engines/portable",
    packages: ["@hearth/machine"],
    npm: ["assemblyscript"],
    node: false,
    nodeFiles: /^engines\/portable\/src\/(?:build|node)/,
  },
  { folder: "engines/kvm", packages: ["@hearth/machine"], npm: ["koffi"], node: true },
  { folder: "host", packages: PURE, npm: [], node: true },
  // For its errors only: the operator's errors of the whole project are one class, and it lives in machine.
  { folder: "images", packages: ["@hearth/machine"], npm: [], node: true },
  { folder: "platform", packages: LIBRARIES, npm: [], node: true },
  { folder: "cli", packages: ["@hearth/platform"], npm: ["@stricli/core"], node: true },
  { folder: "testkit", packages: ["*"], npm: [], node: true },
  { folder: "guest", packages: ["@hearth/machine", "@hearth/host"], npm: [], node: true },
  { folder: "bench", packages: ["*"], npm: [], node: true },
  { folder: "examples", packages: ["*"], npm: [], node: true },
  { folder: "bin", packages: [], npm: [], node: true },
  { folder: "tools", packages: [], npm: [], node: true },
];

/** Packages that only test files, and the folders in `TEST_FOLDERS`, may import. */
export const TEST_PACKAGES: ReadonlySet<string> = new Set(["@hearth/testkit"]);
export const TEST_FOLDERS: readonly string[] = ["testkit/", "bench/"];

/** Folders below which each child folder is one device: devices meet on the bus, never by import. */
export const ISOLATED_FOLDERS: readonly { readonly parent: string; readonly shared: readonly string[] }[] = [
  { parent: "machine/src/devices/", shared: [] },
  { parent: "machine/src/virtio/", shared: ["queue", "mmio", "pci", "transport"] },
];
