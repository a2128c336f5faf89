// Packets of the virtio socket device (virtio 1.2 §5.10.6), little-endian, 44 bytes, followed by `len` bytes of data:
//
//   0 src_cid u64 │ 8 dst_cid u64 │ 16 src_port u32 │ 20 dst_port u32 │ 24 len u32 │ 28 type u16 │ 30 op u16
//   32 flags u32 │ 36 buf_alloc u32 │ 40 fwd_cnt u32

export const VSOCK_HEADER_BYTES = 44;
/** The host's address. */
export const HOST_CID = 2;
/** Lowest address a guest may have: 0 is reserved, 1 local, 2 the host. */
export const FIRST_GUEST_CID = 3;

/** Offsets in the packet header. */
export const VsockField = {
  SrcCid: 0,
  DstCid: 8,
  SrcPort: 16,
  DstPort: 20,
  Len: 24,
  Type: 28,
  Op: 30,
  Flags: 32,
  BufAlloc: 36,
  FwdCnt: 40,
} as const;

export const VSOCK_TYPE_STREAM = 1;

export const VsockOp = {
  Request: 1,
  Response: 2,
  Rst: 3,
  Shutdown: 4,
  Rw: 5,
  CreditUpdate: 6,
  CreditRequest: 7,
} as const;

/** Flags of a Shutdown packet: what its sender will do no more. */
export const VsockShutdown = { Receive: 1, Send: 2, Both: 3 } as const;

/** Content of the event queue: every connection is gone, the guest's CID may have changed (§5.10.6.7). */
export const VSOCK_EVENT_TRANSPORT_RESET = 0;
export const VSOCK_EVENT_BYTES = 4;

/** The queues, by index. */
export const VsockQueue = { Rx: 0, Tx: 1, Event: 2 } as const;
