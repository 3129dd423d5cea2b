/**
 * The room file: the data that keeps a room the same after its host restarts.
 *
 * @module
 */
import { type Bytes, equal, fromBase64, toBase64, utf8 } from "../bytes/mod.ts";
import { PUBLIC_KEY_BYTES, ROOT_BYTES } from "../crypto/mod.ts";
import { quote, StoreError } from "../errors.ts";
import { decodeKick, nameProblem } from "../wire/mod.ts";
import { reasonOf, replaceFile, requirePermission, requireReplacing } from "./private_file.ts";
import { causedBy, type FileTrust, readTrusted } from "./trusted_file.ts";

const TYPE = "lanchat room";
const VERSION = 1;
const ROOM_ID_BYTES = 32;
const NONCE_BYTES = 16;
const PSK_BYTES = 32;

/** Maximum room file, in bytes: lanchat refuses a longer one. A real one has about 200, each ban up to 500 more. */
const MAX_FILE_BYTES: number = 1 << 18;

const TRUST: FileTrust = {
  holds: "the room's secret and bans",
  isSecret: true,
  advice: "If others use this machine, start a new room with --new-room.",
};

/** Kind of a room: open to everybody, or only to people with its invite. A host keeps one of each. */
export type RoomKind = "open" | "invite";

/** All kinds of rooms. */
export const ROOM_KINDS: readonly RoomKind[] = ["open", "invite"];

/** A decision of the host about a member. */
export interface KeptDecision {
  /** A KICK object, 138 bytes. */
  readonly object: Bytes;
  /** Name of that member; missing if unknown. */
  readonly name?: string | undefined;
}

/** Data that keeps a room the same after its host restarts. */
export interface KeptRoom {
  /** The host's identity key, 32 bytes: the room belongs to no other identity. */
  readonly host: Bytes;
  /** Id of the room, 32 bytes. */
  readonly roomId: Bytes;
  /** Nonce from which the session of the host's own member derives, 16 bytes; missing if it had none. */
  readonly nonce?: Bytes | undefined;
  /** Secret in the invite, 16 bytes; missing in an open room, and once the host has forgotten it. */
  readonly root?: Bytes | undefined;
  /** Key derived from a forgotten root, 32 bytes. */
  readonly psk?: Bytes | undefined;
  /** Bans and lifted bans, oldest first. */
  readonly decisions?: readonly KeptDecision[];
  /** Number of the last decision, kept or not; missing if there was none. */
  readonly lastNumber?: number | undefined;
}

/** Path of the room of the host with an identity file, beside that file. */
export function roomPlace(identityFile: string, kind: RoomKind = "open"): string {
  const suffix = kind === "open" ? "room" : "invite-room";
  return `${identityFile.replace(/\.json$/, "")}.${suffix}.json`;
}

/**
 * Reads the room that a host has kept.
 *
 * @param file As {@linkcode roomPlace} gives it.
 * @param host The identity key of the host, 32 bytes.
 * @returns `undefined` if this host has kept none; a room of another identity counts as none.
 * @throws {StoreError} With code `permission-denied`, or `room-damaged` if the file exists but is
 * unusable: it stays unchanged.
 */
export async function readRoom(file: string, host: Bytes): Promise<KeptRoom | undefined> {
  requirePermission("read", file, "save the room in");
  const action = `Cannot use room file ${quote(file)}`;
  let text: string;
  try {
    const { bytes } = await readTrusted(file, MAX_FILE_BYTES, TRUST);
    text = new TextDecoder().decode(bytes);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    const message = `${action}: ${reasonOf(cause)}`;
    throw new StoreError("room-damaged", message, causedBy(cause));
  }
  try {
    const { type, version, ...content } = JSON.parse(text);
    if (type === TYPE && version === VERSION) {
      const room = content.host === undefined ? undefined : decodeRoom(content);
      return room !== undefined && equal(room.host, host) ? room : undefined;
    }
  } catch {
    // Reported below.
  }
  throw new StoreError("room-damaged", `${action}: it is not a lanchat room of version 1`);
}

/**
 * Writes a room to its file; a reader finds the old room or the new one, whole.
 *
 * @throws {StoreError} With code `permission-denied` or `room-unwritable`.
 */
export async function writeRoom(file: string, room: KeptRoom): Promise<void> {
  requireReplacing(file, "save the room in");
  const content = {
    type: TYPE,
    version: VERSION,
    ...encodeRoom(room),
  };
  try {
    await replaceFile(file, utf8(`${JSON.stringify(content)}\n`));
  } catch (cause) {
    const message = `Cannot save the room in ${quote(file)}: ${reasonOf(cause)}`;
    throw new StoreError("room-unwritable", message, { cause });
  }
}

/** A room as in its file: bytes in base64. */
interface RoomContent {
  readonly host: string;
  readonly room: string;
  readonly nonce?: string;
  readonly root?: string;
  readonly psk?: string;
  readonly decisions?: readonly { readonly object: string; readonly name?: string }[];
  readonly lastNumber?: number;
}

function encodeRoom(room: KeptRoom): RoomContent {
  const { decisions = [], host, lastNumber, nonce, psk, root, roomId } = room;
  return {
    host: toBase64(host),
    room: toBase64(roomId),
    ...nonce !== undefined && { nonce: toBase64(nonce) },
    ...root !== undefined && { root: toBase64(root) },
    ...psk !== undefined && { psk: toBase64(psk) },
    ...decisions.length > 0 && {
      decisions: decisions.map(({ name, object }) => ({
        object: toBase64(object),
        ...name !== undefined && { name },
      })),
    },
    ...lastNumber !== undefined && { lastNumber },
  };
}

/** @throws {Error} If it does not have the form that {@linkcode encodeRoom} makes. */
function decodeRoom(content: RoomContent): KeptRoom {
  const { decisions, host, lastNumber, nonce, psk, root, room } = content;
  if (lastNumber !== undefined && !(Number.isSafeInteger(lastNumber) && lastNumber >= 0)) {
    throw new Error("the number is invalid");
  }
  return {
    host: bytesOf(host, PUBLIC_KEY_BYTES),
    roomId: bytesOf(room, ROOM_ID_BYTES),
    ...nonce !== undefined && { nonce: bytesOf(nonce, NONCE_BYTES) },
    ...root !== undefined && { root: bytesOf(root, ROOT_BYTES) },
    ...psk !== undefined && { psk: bytesOf(psk, PSK_BYTES) },
    ...decisions !== undefined && { decisions: decisions.map(decodeDecision) },
    ...lastNumber !== undefined && { lastNumber },
  };
}

/** @throws {Error} If it is not a decision. */
function decodeDecision({ name, object }: { object: string; name?: string }): KeptDecision {
  const bytes = fromBase64(object);
  decodeKick(bytes);
  if (name === undefined) return { object: bytes };
  if (nameProblem(name) !== undefined) throw new Error("the name is invalid");
  return { object: bytes, name };
}

function bytesOf(text: string, count: number): Bytes {
  const bytes = fromBase64(text);
  if (bytes.length !== count) throw new Error(`there are ${bytes.length} bytes`);
  return bytes;
}
