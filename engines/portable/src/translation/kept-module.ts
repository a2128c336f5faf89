// A module as it is kept between runs.

/** A module with what its functions were made from. */
export interface KeptModule {
  /** With machine code it is the module's shell only (encoder/module-shell.ts). */
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** What the host's compiler made of it; empty where that cannot be had. */
  readonly machineCode: Uint8Array<ArrayBuffer>;
  /** As `packRegion` makes them, one after another. */
  readonly regions: Uint8Array<ArrayBuffer>;
}

/** A module that can be read when it is wanted. */
export interface StoredModule {
  /** Of the blocks that its regions are entered through, in their order. */
  readonly digests: Uint32Array;
  /** A hash of its contents. */
  readonly checksum: Uint8Array;
  /** Undefined when what is stored is damaged or gone. */
  read(): KeptModule | undefined;
}
