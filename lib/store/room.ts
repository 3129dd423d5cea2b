import * as stdEncoding from "@std/encoding";
import { type Bytes, utf8 } from "../bytes/mod.ts";
import { quote, StoreError } from "../errors.ts";
import { replaceFile, requirePermission, requireReplacing } from "./private_file.ts";

const decodeBase64: (text: string) => Bytes = stdEncoding.decodeBase64;
const encodeBase64: (bytes: Uint8Array) => string = stdEncoding.encodeBase64;

const TYPE = "lanchat room";
const VERSION = 1;
const ROOM_ID_BYTES = 32;
const SESSION_BYTES = 16;

/** Longest room file, in bytes; a real one has about 150. */
const MAX_FILE_BYTES = 4096;

/** What makes a room the same after its host was started anew. */
export interface KeptRoom {
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The session of the host's own member, 16 bytes; missing where it had none. */
  readonly session?: Bytes | undefined;
}

/** Where the room of the host with an identity file is kept: beside it. */
export function roomPlace(identityFile: string): string {
  return `${identityFile.replace(/\.json$/, "")}.room.json`;
}

/**
 * Reads the room that a host has kept.
 *
 * @param file As {@linkcode roomPlace} gives it.
 * @returns `undefined` where none was kept.
 * @throws {StoreError} With code `permission-denied`, or `room-damaged` where the file is there and
 * cannot be used: it is left as it is.
 */
export async function readRoom(file: string): Promise<KeptRoom | undefined> {
  requirePermission("read", file, "keep the room in");
  const action = `Cannot use room file ${quote(file)}`;
  let text: string;
  try {
    const { isFile, size } = await Deno.stat(file);
    if (!isFile || size > MAX_FILE_BYTES) throw new Error("it is none of lanchat's");
    text = await Deno.readTextFile(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    const message = `${action}: ${(cause as Error).message}`;
    throw new StoreError("room-damaged", message, { cause });
  }
  try {
    const { type, version, room, session } = JSON.parse(text);
    const roomId = decodeBase64(room);
    const kept = session === undefined ? undefined : decodeBase64(session);
    const fits = roomId.length === ROOM_ID_BYTES &&
      (kept === undefined || kept.length === SESSION_BYTES);
    if (type === TYPE && version === VERSION && fits) return { roomId, session: kept };
  } catch {
    // Reported below.
  }
  throw new StoreError("room-damaged", `${action} as it is not a lanchat room of version 1`);
}

/**
 * Keeps a room; whoever reads the file finds the old one or the new one, whole.
 *
 * @throws {StoreError} With code `permission-denied` or `room-unwritable`.
 */
export async function writeRoom(file: string, { roomId, session }: KeptRoom): Promise<void> {
  requireReplacing(file, "keep the room in");
  const content = {
    type: TYPE,
    version: VERSION,
    room: encodeBase64(roomId),
    ...session !== undefined && { session: encodeBase64(session) },
  };
  try {
    await replaceFile(file, utf8(`${JSON.stringify(content)}\n`));
  } catch (cause) {
    const message = `Cannot keep the room in ${quote(file)}: ${(cause as Error).message}`;
    throw new StoreError("room-unwritable", message, { cause });
  }
}
