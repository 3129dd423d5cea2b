import type { Bytes } from "../bytes/mod.ts";
import { randomBytes } from "../crypto/mod.ts";
import { CODES, StoreError } from "../errors.ts";
import type { Guest } from "../relay/mod.ts";
import { readRoom, roomPlace, writeRoom } from "../store/mod.ts";
import type { FrontEnd } from "../ui/mod.ts";
import { SESSION_BYTES } from "../wire/mod.ts";
import type { Person } from "./person.ts";

/** The room that a host opens. */
export interface OpenedRoom {
  /** The room, 32 bytes: the one of the last start where that was kept. */
  readonly roomId: Bytes;
  /** The session of the host's own member, 16 bytes. */
  readonly session: Bytes;
  /** The host's own member of the last start, which ended with it. */
  readonly former: readonly Guest[];
}

/**
 * Opens the room that this host has kept, or another; says so where it cannot be kept.
 *
 * @throws {StoreError} With code `room-damaged`.
 */
export async function openRoom(
  options: { readonly relayOnly: boolean },
  { file, identity }: Omit<Person, "known">,
  frontEnd: FrontEnd,
): Promise<OpenedRoom> {
  const session = randomBytes(SESSION_BYTES);
  const fresh = { roomId: randomBytes(32), session, former: [] };
  if (file === undefined) return fresh; // Another identity next time: that was said.
  const place = roomPlace(file);
  let opened: OpenedRoom = fresh;
  try {
    const kept = await readRoom(place);
    if (kept !== undefined) {
      const former = kept.session && { key: identity.publicKey, session: kept.session };
      opened = { roomId: kept.roomId, session, former: former === undefined ? [] : [former] };
    }
    const { roomId } = opened;
    await writeRoom(place, { roomId, session: options.relayOnly ? undefined : session });
  } catch (error) {
    if (!(error instanceof StoreError) || error.code === "room-damaged") throw error;
    const { hint } = CODES["room-unwritable"];
    frontEnd.show({ event: "warning", code: "room-unwritable", message: error.message, hint });
  }
  return opened;
}
