// The opening of a connection (docs/agent-protocol.md, "A connection"): the host says HELLO with the versions it can
// speak, the guest answers WELCOME or REFUSE.

import { HearthError } from "@hearth/machine/errors";
import { encodeFrame, type Frame, FrameType } from "./frame.ts";
import { malformed, PayloadReader, PayloadWriter } from "./wire.ts";

const MAGIC = 0x4854_5248;
const LOWEST_VERSION = 1;
const HIGHEST_VERSION = 1;
const MIN_WINDOW_BYTES = 4096;
const MAX_WINDOW_BYTES = 1 << 20;

/** What the guest's agent says about itself. */
export interface AgentInfo {
  readonly version: number;
  readonly hostName: string;
  readonly kernelRelease: string;
  readonly agentVersion: string;
}

/** AgentInfo and the limits the guest set for this connection. */
export interface Welcome extends AgentInfo {
  /** Credit of every stream the host sends, to begin with. */
  readonly windowBytes: number;
  readonly maxChannels: number;
}

/** HELLO, granting `windowBytes` to every stream the guest sends. */
export function encodeHello(windowBytes: number): Uint8Array {
  const payload = new PayloadWriter().u32(MAGIC).u16(LOWEST_VERSION).u16(HIGHEST_VERSION).u32(windowBytes);
  return encodeFrame(0, FrameType.Hello, 0, payload.finish());
}

/** Reads the guest's first frame. Throws HearthError agent.refused, agent.version or agent.protocol. */
export function decodeWelcome(frame: Frame): Welcome {
  if (frame.type === FrameType.Refuse) throw decodeRefuse(frame);
  if (frame.type !== FrameType.Welcome || frame.channel !== 0)
    throw malformed("its first frame is no welcome");
  const reader = new PayloadReader(frame.payload);
  const version = reader.u16();
  reader.u16();
  const windowBytes = reader.u32();
  const maxChannels = reader.u32();
  const hostName = reader.text();
  const kernelRelease = reader.text();
  const agentVersion = reader.text();
  if (version < LOWEST_VERSION || version > HIGHEST_VERSION) throw malformed(`it chose version ${version}`);
  if (windowBytes < MIN_WINDOW_BYTES || windowBytes > MAX_WINDOW_BYTES)
    throw malformed(`a window of ${windowBytes} bytes`);
  if (maxChannels === 0) throw malformed("it allows no channels");
  return { version, windowBytes, maxChannels, hostName, kernelRelease, agentVersion };
}

/** REFUSE as an error: agent.version where no common version exists, agent.refused otherwise. */
export function decodeRefuse(frame: Frame): HearthError {
  const reader = new PayloadReader(frame.payload);
  const reason = reader.u32();
  const message = reader.text();
  const code = reason === 2 ? "agent.version" : "agent.refused";
  return new HearthError(code, `The guest's agent refused the connection: ${message} (reason ${reason}).`, {
    details: { reason },
  });
}
