// The flags of `hearth demo`.

/** As the scanner gives them. */
export interface DemoFlags {
  readonly memory: number;
}
