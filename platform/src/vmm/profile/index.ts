// What a recording can be turned into, for whoever shows it.

export { flameGraph } from "./flame-graph.ts";
export { guestTree, threadTree } from "./profile-tree.ts";
export type { RecordedProfile } from "./recorded-profile.ts";
export { profileReport } from "./report.ts";
export { foldStacks, type StackTree } from "./stack-tree.ts";
export { SystemMap } from "./system-map.ts";
