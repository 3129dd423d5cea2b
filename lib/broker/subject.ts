/**
 * The subjects of a room at a broker. See PROTOCOL.md §11.
 *
 * @module
 */
import { type Bytes, concat, toBase32, toBase64Url } from "../bytes/mod.ts";
import { label, randomBytes, sha256 } from "../crypto/mod.ts";
import { WireError } from "../errors.ts";

/** Version of the messages. */
const VERSION = 1;

/** Bytes of the random part of a subject: so many cannot be guessed. */
const ID_BYTES = 16;

/** Length of the content of OPEN, in bytes. */
export const OPEN_CONTENT_BYTES: number = 1 + ID_BYTES;

/** The two directions of a caller: to the host, and from it. */
type Direction = "up" | "down";

/**
 * The room's name at brokers: it identifies the room, and is no secret.
 *
 * @param roomId 32 bytes.
 * @returns 16 characters of lower-case base32. See PROTOCOL.md §11.
 */
export async function brokerRoom(roomId: Bytes): Promise<string> {
  return toBase32((await sha256(label("lanchat/1 broker"), roomId)).slice(0, 10));
}

/** The random part of a caller's subject in one direction. */
export function randomId(): Bytes {
  return randomBytes(ID_BYTES);
}

/** The subject of one caller in one direction. */
export function subjectOf(room: string, direction: Direction, id: Bytes): string {
  return `lanchat.${room}.${direction}.${toBase64Url(id)}`;
}

/** The subjects of all callers in the direction to the host. */
export function subjectOfAll(room: string): string {
  return `lanchat.${room}.up.*`;
}

/** Encodes the content of OPEN. @returns `version (1) || id (16)`. */
export function encodeOpen(answerTo: Bytes): Bytes {
  return concat(new Uint8Array([VERSION]), answerTo);
}

/** Decodes the content of OPEN. @returns The random part of the subject to answer to. @throws {WireError} */
export function decodeOpen(content: Bytes): Bytes {
  if (content[0] === VERSION && content.length === OPEN_CONTENT_BYTES) return content.slice(1);
  throw new WireError("Cannot decode message: OPEN of another version");
}
