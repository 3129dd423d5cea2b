/**
 * The room file: what makes a room the same one after a restart of its host.
 *
 * @module
 */
import { decodeBase64, encodeBase64 } from "@std/encoding";
import { type Bytes, equal, utf8 } from "../bytes/mod.ts";
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

/** Longest room file, in bytes; a real one has about 200, and up to 500 more for each who was banned. */
const MAX_FILE_BYTES: number = 1 << 18;

const TRUST: FileTrust = {
  holds: "the secret of the room and its bans",
  isSecret: true,
  advice: "If others use this machine, begin another room with --new-room.",
};

/** Whether a room is open to everybody, or for whoever has its invite; a host keeps one of each. */
export type RoomKind = "open" | "invite";

/** Each kind of room. */
export const ROOM_KINDS: readonly RoomKind[] = ["open", "invite"];

/** What the host has decided about somebody. */
export interface KeptDecision {
  /** A KICK object, 138 bytes. */
  readonly object: Bytes;
  /** What that member was called; missing where nobody knew. */
  readonly name?: string | undefined;
}

/** What makes a room the same after its host was started anew. */
export interface KeptRoom {
  /** The host's identity key, 32 bytes: the room is that of no other identity. */
  readonly host: Bytes;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** What the session of the host's own member follows from, 16 bytes; missing where it had none. */
  readonly nonce?: Bytes | undefined;
  /** What its invite carries, 16 bytes; missing in an open room, and where it was forgotten. */
  readonly root?: Bytes | undefined;
  /** What follows from a root that was forgotten, 32 bytes. */
  readonly psk?: Bytes | undefined;
  /** Who is banned, and who is not any more, oldest first. */
  readonly decisions?: readonly KeptDecision[];
  /** The number of the last decision, of those that are not kept as well; missing where there was none. */
  readonly lastNumber?: number | undefined;
}

/** Where the room of the host with an identity file is kept: beside it. */
export function roomPlace(identityFile: string, kind: RoomKind = "open"): string {
  const suffix = kind === "open" ? "room" : "invite-room";
  return `${identityFile.replace(/\.json$/, "")}.${suffix}.json`;
}

/**
 * Reads the room that a host has kept.
 *
 * @param file As {@linkcode roomPlace} gives it.
 * @param host The identity key of the host, 32 bytes.
 * @returns `undefined` where this host has kept none; what another identity has left there counts for nothing.
 * @throws {StoreError} With code `permission-denied`, or `room-damaged` where the file is there and
 * cannot be used: it is left as it is.
 */
export async function readRoom(file: string, host: Bytes): Promise<KeptRoom | undefined> {
  requirePermission("read", file, "keep the room in");
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
  throw new StoreError("room-damaged", `${action} as it is not a lanchat room of version 1`);
}

/**
 * Keeps a room; whoever reads the file finds the old one or the new one, whole.
 *
 * @throws {StoreError} With code `permission-denied` or `room-unwritable`.
 */
export async function writeRoom(file: string, room: KeptRoom): Promise<void> {
  requireReplacing(file, "keep the room in");
  const content = {
    type: TYPE,
    version: VERSION,
    ...encodeRoom(room),
  };
  try {
    await replaceFile(file, utf8(`${JSON.stringify(content)}\n`));
  } catch (cause) {
    const message = `Cannot keep the room in ${quote(file)}: ${reasonOf(cause)}`;
    throw new StoreError("room-unwritable", message, { cause });
  }
}

/** A room as its file has it: bytes in base64. */
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
    host: encodeBase64(host),
    room: encodeBase64(roomId),
    ...nonce !== undefined && { nonce: encodeBase64(nonce) },
    ...root !== undefined && { root: encodeBase64(root) },
    ...psk !== undefined && { psk: encodeBase64(psk) },
    ...decisions.length > 0 && {
      decisions: decisions.map(({ name, object }) => ({
        object: encodeBase64(object),
        ...name !== undefined && { name },
      })),
    },
    ...lastNumber !== undefined && { lastNumber },
  };
}

/** @throws {Error} If it is not what {@linkcode encodeRoom} makes. */
function decodeRoom(content: RoomContent): KeptRoom {
  const { decisions, host, lastNumber, nonce, psk, root, room } = content;
  if (lastNumber !== undefined && !(Number.isSafeInteger(lastNumber) && lastNumber >= 0)) {
    throw new Error("the number is none");
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

/** @throws {Error} If it is none. */
function decodeDecision({ name, object }: { object: string; name?: string }): KeptDecision {
  const bytes = decodeBase64(object);
  decodeKick(bytes);
  if (name === undefined) return { object: bytes };
  if (nameProblem(name) !== undefined) throw new Error("the name is none");
  return { object: bytes, name };
}

function bytesOf(text: string, count: number): Bytes {
  const bytes = decodeBase64(text);
  if (bytes.length !== count) throw new Error(`there are ${bytes.length} bytes`);
  return bytes;
}
