import { HandshakeError } from "../errors.ts";

/**
 * How long after M1 a connection must end at the earliest for its host to count as one that waits in vain, in
 * milliseconds: a little less than a host gives a handshake. See PROTOCOL.md §4.6.
 */
export const STALLED_MS = 8000;

/**
 * The error of a host that greeted as lanchat does, and was not heard of again: M0 fits into every packet, M1
 * and M2 may be longer than the path lets pass.
 *
 * @param action What cannot be done.
 */
export function stalled(action: string, cause: unknown): HandshakeError {
  const message = `${action} as lanchat greets there, and nothing comes after that`;
  return new HandshakeError("handshake-stalled", message, { cause });
}
