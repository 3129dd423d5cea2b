/**
 * Opening the room that a host keeps over its runs, or another one.
 *
 * @module
 */
import { type Bytes, toHex } from "../bytes/mod.ts";
import {
  type Identity,
  openRoomSecrets,
  randomBytes,
  roomSecrets,
  ROOT_BYTES,
  sessionId,
} from "../crypto/mod.ts";
import { StoreError } from "../errors.ts";
import { AccessPolicy, type EndedSession } from "../relay/mod.ts";
import {
  type KeptDecision,
  type KeptRoom,
  readRoom,
  type RoomKind,
  roomPlace,
  writeRoom,
} from "../store/mod.ts";
import { warning } from "../session_events.ts";
import type { FrontEnd } from "./front_end.ts";
import { decodeKick, KickOp, MAX_DECISIONS, SESSION_NONCE_BYTES } from "../wire/mod.ts";

/** The kind of room that a host opens. */
export interface RoomChoice {
  /** Whether the host is no member of the room. */
  readonly relayOnly: boolean;
  /** Whether the room admits only holders of its invite. */
  readonly invite: boolean;
  /** Whether it is a new room; the bans of the rooms before hold in it too. */
  readonly newRoom: boolean;
}

/** A room that a host has opened. */
export interface OpenedRoom {
  /** The room id, 32 bytes: that of the last run if it was kept. */
  readonly roomId: Bytes;
  /** The session of the host's own member, 16 bytes. */
  readonly session: Bytes;
  /** The nonce that the session follows from, 16 bytes. */
  readonly nonce: Bytes;
  /** The host's own session of the last run, which has ended. */
  readonly former: readonly EndedSession[];
  /** The part of the room's secret that the relay has, 32 bytes; zeros in an open room. */
  readonly psk: Bytes;
  /** The part that members have, 32 bytes; missing where the host is no member. */
  readonly memberKey?: Bytes | undefined;
  /** The secret in the invite, 16 bytes; missing in an open room, and where it was forgotten. */
  readonly root?: Bytes | undefined;
  /** Bans, and bans lifted. */
  readonly decisions: readonly KeptDecision[];
  /** The number of the last decision; missing if there is none. */
  readonly lastNumber?: number | undefined;
  /** Writes these to disk; shows a warning if that fails. */
  readonly keep: (
    decisions: readonly KeptDecision[],
    lastNumber: number | undefined,
  ) => Promise<void>;
}

/** The secrets of a room, and the ones to write to disk. */
interface Secrets extends Pick<OpenedRoom, "psk" | "memberKey" | "root"> {
  readonly kept: Pick<KeptRoom, "psk" | "root">;
}

/**
 * Opens the room of this kind that the host has kept, or another; shows a warning if it cannot be kept.
 *
 * @throws {StoreError} With code `room-damaged`, or `no-room-secret` if the host can no longer be a member.
 */
export async function openRoom(
  choice: RoomChoice,
  { file, identity }: { readonly file?: string; readonly identity: Identity },
  frontEnd: FrontEnd,
): Promise<OpenedRoom> {
  const hostKey = identity.publicKey;
  const [kind, otherKind]: readonly [RoomKind, RoomKind] = choice.invite
    ? ["invite", "open"]
    : ["open", "invite"];
  const warn = ({ message }: StoreError): void => {
    frontEnd.show(warning("room-unwritable", message));
  };
  const read = async (kind: RoomKind): Promise<Found<KeptRoom | undefined> | undefined> => {
    if (file === undefined) return undefined; // The next run has another identity, as a warning says.
    return await orWarn(() => readLast(roomPlace(file, kind), hostKey, choice, frontEnd), warn);
  };
  const last = await read(kind);
  const before = choice.newRoom ? undefined : last?.found;
  const { kept, ...secrets } = await findSecrets(choice, before, hostKey);
  const nonce = randomBytes(SESSION_NONCE_BYTES);
  const room = {
    host: hostKey,
    roomId: before?.roomId ?? randomBytes(32),
    ...!choice.relayOnly && { nonce },
    ...kept,
  };
  // A host that is no member must not hold the secrets kept before: a closure would, for the whole run.
  const isKept = last !== undefined;
  const keep: OpenedRoom["keep"] = async (decisions, lastNumber) => {
    if (!isKept) return;
    await orWarn(() => writeRoom(roomPlace(file!, kind), { ...room, decisions, lastNumber }), warn);
  };
  const other = choice.newRoom && isKept ? await read(otherKind) : undefined;
  const { decisions = [], lastNumber, nonce: ended } = before ?? {
    decisions: await carryOver([last?.found, other?.found], identity, room.roomId),
  };
  await keep(decisions, lastNumber);
  const former = ended && { key: hostKey, nonce: ended };
  return {
    ...secrets,
    roomId: room.roomId,
    session: await sessionId(room.roomId, hostKey, nonce),
    nonce,
    former: former === undefined ? [] : [former],
    decisions,
    lastNumber,
    keep,
  };
}

/** Reads the room of the last run. If a new room is wanted, an unreadable one only loses its bans. */
async function readLast(
  place: string,
  hostKey: Bytes,
  { newRoom }: RoomChoice,
  frontEnd: FrontEnd,
): Promise<KeptRoom | undefined> {
  try {
    return await readRoom(place, hostKey);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "room-damaged" || !newRoom) throw error;
    const message = `The bans of your last room are lost: ${error.message}`;
    frontEnd.show(warning(error.code, message, "Ban those people again."));
    return undefined;
  }
}

/**
 * Signs the decisions of former rooms for a new room of the same host, the last about each identity. Lifted bans
 * count too, because the room of the other kind may still have the ban. If there are more than a room can hold,
 * the latest bans go over.
 */
async function carryOver(
  rooms: readonly (KeptRoom | undefined)[],
  identity: Identity,
  roomId: Bytes,
): Promise<readonly KeptDecision[]> {
  const all = rooms.flatMap((room) => room?.decisions ?? [])
    .map(({ name, object }) => ({ ...name !== undefined && { name }, ...decodeKick(object) }))
    .sort((a, b) => a.number - b.number);
  const latest = new Map(all.map((decision) => [toHex(decision.target), decision]));
  const current = all.filter((decision) => latest.get(toHex(decision.target)) === decision);
  const [lifted = [], bans = []] = [KickOp.UNBAN, KickOp.BAN].map((wanted) =>
    current.filter(({ op }) => op === wanted)
  );
  const policy = new AccessPolicy({ identity, roomId, lastNumber: all.at(-1)?.number });
  const carried: KeptDecision[] = [];
  for (const { name, op, target } of [...lifted, ...bans].slice(-MAX_DECISIONS)) {
    carried.push({ object: await policy.decide(op, target), ...name !== undefined && { name } });
  }
  return carried;
}

/** The result of a permitted file access. */
interface Found<T> {
  readonly found: T;
}

/** The result of a file access; if it is not permitted, warns and returns `undefined`. */
async function orWarn<T>(
  work: () => Promise<T>,
  warn: (error: StoreError) => void,
): Promise<Found<T> | undefined> {
  try {
    return { found: await work() };
  } catch (error) {
    if (!(error instanceof StoreError) || error.code === "room-damaged") throw error;
    warn(error);
    return undefined;
  }
}

/** Finds or makes the secrets; a host that is no member keeps none that would let it be one. */
async function findSecrets(
  { invite, relayOnly }: RoomChoice,
  before: KeptRoom | undefined,
  hostKey: Bytes,
): Promise<Secrets> {
  if (!invite) {
    const { memberKey, psk } = await openRoomSecrets(hostKey);
    return { psk, ...!relayOnly && { memberKey }, kept: {} };
  }
  const root = before === undefined ? randomBytes(ROOT_BYTES) : before.root;
  if (root !== undefined) {
    const { memberKey, psk } = await roomSecrets(hostKey, root);
    return relayOnly ? { psk, root, kept: { psk } } : { psk, memberKey, root, kept: { root } };
  }
  if (before?.psk === undefined) {
    throw new StoreError("room-damaged", "Cannot host the saved room: its secret is missing");
  }
  const { psk } = before;
  if (relayOnly) return { psk, kept: { psk } };
  throw new StoreError(
    "no-room-secret",
    "Cannot join your own room: it was started with --relay-only, which keeps no secret",
  );
}
