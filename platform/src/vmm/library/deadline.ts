// Promises with an end.

import { HearthError } from "@hearth/machine/errors";

/** Settles as `work` does, or rejects with `late` after `timeoutMs`. The work itself is not stopped. */
export async function withDeadline<T>(
  work: Promise<T>,
  timeoutMs: number,
  late = new HearthError("timeout", `No answer in ${timeoutMs} ms.`),
): Promise<T> {
  const expired = Promise.withResolvers<never>();
  const timer = setTimeout(() => expired.reject(late), timeoutMs);
  try {
    return await Promise.race([work, expired.promise]);
  } finally {
    clearTimeout(timer);
  }
}
