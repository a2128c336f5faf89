// Layouts and numbers of the virtio block device (virtio 1.2 §5.2).
//
//   request   readable:  type u32 | reserved u32 | sector u64 | data (writes, discard segments)
//             writable:  data (reads, serial number) | status u8

export const SECTOR_BYTES = 512;
export const REQUEST_HEADER_BYTES = 16;
export const SERIAL_BYTES = 20;
/** One range of a discard or write-zeroes request: sector u64, count u32, flags u32. */
export const RANGE_BYTES = 16;
/** Sectors of one such range at most, 2 GiB: what the configuration space says. */
export const MAX_RANGE_SECTORS = 0x40_0000;

export const BlockFeature = {
  SegMax: 1n << 2n,
  ReadOnly: 1n << 5n,
  BlkSize: 1n << 6n,
  Flush: 1n << 9n,
  Discard: 1n << 13n,
  WriteZeroes: 1n << 14n,
} as const;

export const BlockRequestType = { In: 0, Out: 1, Flush: 4, GetId: 8, Discard: 11, WriteZeroes: 13 } as const;

export const BlockStatus = { Ok: 0, IoError: 1, Unsupported: 2 } as const;

/** Offsets in the configuration space. */
export const BlockConfig = {
  Capacity: 0,
  SegMax: 12,
  BlkSize: 20,
  MaxDiscardSectors: 36,
  MaxDiscardSegments: 40,
  DiscardSectorAlignment: 44,
  MaxWriteZeroesSectors: 48,
  MaxWriteZeroesSegments: 52,
  WriteZeroesMayUnmap: 56,
  Bytes: 60,
} as const;
