import { type Bytes, toHex } from "../bytes/mod.ts";
import {
  type Identity,
  openRoomSecrets,
  randomBytes,
  roomSecrets,
  ROOT_BYTES,
  sessionId,
} from "../crypto/mod.ts";
import { CODES, StoreError } from "../errors.ts";
import { AccessPolicy, type Former } from "../relay/mod.ts";
import {
  type KeptDecision,
  type KeptRoom,
  readRoom,
  type RoomKind,
  roomPlace,
  writeRoom,
} from "../store/mod.ts";
import type { FrontEnd } from "./front_end.ts";
import { decodeKick, KickOp, MAX_DECISIONS, SESSION_NONCE_BYTES } from "../wire/mod.ts";

/** Which room a host opens. */
export interface RoomChoice {
  /** Whether the host is no member of the room. */
  readonly relayOnly: boolean;
  /** Whether the room is for whoever has its invite. */
  readonly invite: boolean;
  /** Whether it is another one than before, into which those banned from any before do not come either. */
  readonly newRoom: boolean;
}

/** The room that a host opens. */
export interface OpenedRoom {
  /** The room, 32 bytes: the one of the last start where that was kept. */
  readonly roomId: Bytes;
  /** The session of the host's own member, 16 bytes. */
  readonly session: Bytes;
  /** What that follows from beside room and key, 16 bytes. */
  readonly nonce: Bytes;
  /** The host's own member of the last start, which ended with it. */
  readonly former: readonly Former[];
  /** What the relay knows of the room's secret, 32 bytes; zeros in an open room. */
  readonly psk: Bytes;
  /** What its members know of it, 32 bytes; missing where the host is none. */
  readonly memberKey?: Bytes | undefined;
  /** What its invite carries, 16 bytes; missing in an open room, and where it was forgotten. */
  readonly root?: Bytes | undefined;
  /** Who is banned, and who is not any more. */
  readonly decisions: readonly KeptDecision[];
  /** The number of the last decision; missing where none is known. */
  readonly lastNumber?: number | undefined;
  /** Keeps these in their place; says so where that cannot be done. */
  readonly keep: (
    decisions: readonly KeptDecision[],
    lastNumber: number | undefined,
  ) => Promise<void>;
}

/** The secrets of a room, and what of them is kept. */
interface Secrets extends Pick<OpenedRoom, "psk" | "memberKey" | "root"> {
  readonly kept: Pick<KeptRoom, "psk" | "root">;
}

/**
 * Opens the room of its kind that this host has kept, or another; says so where it cannot be kept.
 *
 * @throws {StoreError} With code `room-damaged`, or `no-room-secret` where the host cannot be a member any
 * more.
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
    const { hint } = CODES["room-unwritable"];
    frontEnd.show({ event: "warning", code: "room-unwritable", message, hint });
  };
  const read = async (kind: RoomKind): Promise<Found<KeptRoom | undefined> | undefined> => {
    if (file === undefined) return undefined; // Another identity next time: that was said.
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
  // A host that is no member must not hold what was kept before: a closure would, for the whole run.
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

/** The room of a start before. Where another is wanted, one that cannot be read is no more than lost bans. */
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
    frontEnd.show({
      event: "warning",
      code: error.code,
      message: `The bans of a room before are not taken over. ${error.message}`,
      hint: "Ban again whoever is not to come.",
    });
    return undefined;
  }
}

/**
 * What was decided in rooms of before, the last about each identity, for another room of the same host: it
 * is signed for its room. What was lifted counts too, as the room of the other kind may have that ban still;
 * of more than a room can hold, the latest bans are taken.
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

/** What was found where something may be read. */
interface Found<T> {
  readonly found: T;
}

/** What was found; `undefined` where nothing may be read or written there, which is said. */
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

/** A host that is no member keeps nothing that would let it be one. */
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
    throw new StoreError("room-damaged", "Cannot host the kept room as its secret is missing");
  }
  const { psk } = before;
  if (relayOnly) return { psk, kept: { psk } };
  throw new StoreError(
    "no-room-secret",
    "Cannot be a member of this room as its secret was forgotten: it was begun with --relay-only",
  );
}
