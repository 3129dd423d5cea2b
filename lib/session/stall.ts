/**
 * A host that stops answering in the middle of a handshake.
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";

/**
 * Time from M1 after which a lost connection means that M1 did not reach the host, in milliseconds: a little less
 * than a host allows for a handshake. See PROTOCOL.md §4.6.
 */
export const STALLED_MS = 8000;

/**
 * The error of a host that greeted as lanchat does and then fell silent: M0 fits into every packet, M1 and M2 may be
 * larger than the path lets pass.
 *
 * @param action Begins the message: `Cannot join …`.
 */
export function stalled(action: string, cause: unknown): HandshakeError {
  const message = `${action}: the host greeted, then fell silent`;
  return new HandshakeError("handshake-stalled", message, { cause });
}
