// Register block of virtio over MMIO, version 2 (virtio 1.2 §4.2.2), and the bits of the device status field (§2.1).
// All registers are 32 bits wide and answer only to aligned 32-bit accesses; the configuration space above them is free.

/** Offsets in the device's window. */
export const MmioRegister = {
  /** R: "virt", little-endian. */
  MagicValue: 0x000,
  Version: 0x004,
  DeviceId: 0x008,
  VendorId: 0x00c,
  /** R: the half of the offered features chosen by DeviceFeaturesSel. */
  DeviceFeatures: 0x010,
  DeviceFeaturesSel: 0x014,
  DriverFeatures: 0x020,
  DriverFeaturesSel: 0x024,
  QueueSel: 0x030,
  QueueNumMax: 0x034,
  QueueNum: 0x038,
  QueueReady: 0x044,
  /** W: index of the queue with new buffers. */
  QueueNotify: 0x050,
  InterruptStatus: 0x060,
  InterruptAck: 0x064,
  Status: 0x070,
  QueueDescLow: 0x080,
  QueueDescHigh: 0x084,
  QueueDriverLow: 0x090,
  QueueDriverHigh: 0x094,
  QueueDeviceLow: 0x0a0,
  QueueDeviceHigh: 0x0a4,
  /** Shared memory regions: there are none, so length and base read as all ones (§4.2.2). */
  ShmLenLow: 0x0b0,
  ShmLenHigh: 0x0b4,
  ShmBaseLow: 0x0b8,
  ShmBaseHigh: 0x0bc,
  ConfigGeneration: 0x0fc,
  Config: 0x100,
} as const;

export const MMIO_MAGIC = 0x7472_6976;
export const MMIO_VERSION = 2;

/** Bits of the status register. */
export const DeviceStatus = {
  Acknowledge: 0x01,
  Driver: 0x02,
  DriverOk: 0x04,
  FeaturesOk: 0x08,
  DeviceNeedsReset: 0x40,
  Failed: 0x80,
} as const;

/** Bits of InterruptStatus and InterruptAck. */
export const InterruptBit = { UsedBuffer: 1, ConfigChange: 2 } as const;
