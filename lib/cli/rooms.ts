import { deadline, systemClock } from "../clock.ts";
import { keyTag } from "../crypto/mod.ts";
import { HandshakeError, NetError, StoreError } from "../errors.ts";
import { equal } from "../bytes/mod.ts";
import { type FoundRoom, RoomSearch } from "../net/mod.ts";
import { identityPlace, type KnownPeer, KnownPeers, peersPlace } from "../store/mod.ts";
import {
  type FrontEnd,
  interfacesLeftOut,
  type Interrupts,
  type JoinTarget,
} from "../session/mod.ts";
import type { FoundRoomEvent, ProblemEvent } from "../session_events.ts";
import type { IdentityChoice } from "./person.ts";

/** How long a script waits for rooms before it takes the only one, in milliseconds. */
const SEARCH_MS = 3000;

/** Known peers by the tags of their keys. */
export type KnownTags = ReadonlyMap<string, readonly KnownPeer[]>;

/** The known peers of an identity, which need not be there; none where they may not be read. */
export async function findKnownPeers(
  { identity, profile }: IdentityChoice,
): Promise<KnownPeers> {
  try {
    return await KnownPeers.open(peersPlace(identityPlace({ file: identity, profile })));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return await KnownPeers.open(undefined);
  }
}

/** Finds known peers by their tags. */
export async function tagsOf(known: KnownPeers): Promise<KnownTags> {
  const tagged = await Promise.all(
    known.all().map(async (peer) => ({ peer, tag: await keyTag(peer.key) })),
  );
  const groups = Map.groupBy(tagged, ({ tag }) => tag);
  return new Map(Array.from(groups, ([tag, group]) => [tag, group.map(({ peer }) => peer)]));
}

/** A room as people and scripts see it. */
export function roomEvent(room: FoundRoom, tags: KnownTags): FoundRoomEvent {
  const { addresses, invite, name, port, tag } = room;
  const peers = tags.get(tag) ?? [];
  return {
    event: "room",
    ...name !== undefined && { name },
    addresses,
    port,
    tag,
    invite,
    known: peers.length > 0,
    verified: peers.some(({ verified }) => verified),
  };
}

/** The way to a room, on which its host must have the key that the announcement stands for. */
export function destinationOf({ addresses, port, tag }: FoundRoom, tags: KnownTags): JoinTarget {
  const peers = tags.get(tag) ?? [];
  return {
    hosts: addresses,
    port,
    expect: async (key) => {
      const found = await keyTag(key);
      // A tag can be searched for: of who is known the key itself counts.
      if (found === tag && (peers.length === 0 || peers.some((peer) => equal(peer.key, key)))) {
        return;
      }
      const whose = peers.length === 0 ? "a host" : "a host that you know";
      throw new HandshakeError(
        "host-key-mismatch",
        `Cannot join as ${whose} was announced, with the tag ${tag}, and another one answers` +
          (found === tag ? "" : `, with the tag ${found}`),
        { hint: "Anybody can announce anything: join by the address that your host shows." },
      );
    },
  };
}

/** How to look for rooms. */
export interface SearchPlan {
  /** How long, in milliseconds. */
  readonly ms: number;
  /** IdentityChoice rooms are found before all others where there are too many. */
  readonly tags: KnownTags;
  /** Ends the search before. */
  readonly stop: Promise<void>;
  /** Called with each room once. */
  readonly onRoom?: (room: FoundRoom) => void;
  /** Called where some may be missing. */
  readonly onWarning: (warning: ProblemEvent) => void;
}

/**
 * Looks for rooms for a while.
 *
 * @returns Those that are there at the end.
 * @throws {NetError} With code `discovery-unavailable`.
 */
export async function searchRooms(
  { ms, onRoom, onWarning, stop, tags }: SearchPlan,
): Promise<readonly FoundRoom[]> {
  const failed = Promise.withResolvers<never>();
  const told = new Set<string>();
  const tell = (): void => {
    for (const room of search.rooms) {
      if (!told.has(room.instance)) onRoom?.(room);
      told.add(room.instance);
    }
  };
  const search = new RoomSearch({
    isKnown: (tag) => tags.has(tag),
    onChange: tell,
    onUnavailable: (reason) => failed.reject(cannotSearch(reason)),
    onLeftOut: (names) => onWarning(noLookingOver(names)),
  });
  try {
    await deadline(systemClock, ms, Promise.race([stop, failed.promise]));
    tell();
    return search.rooms;
  } finally {
    search.close();
  }
}

/** What to say where no room can be found. @param reason As the end of a sentence. */
export function cannotSearch(reason: string): NetError {
  return new NetError(
    "discovery-unavailable",
    `Cannot look for rooms on this network: ${reason}`,
  );
}

/** What to say of interfaces over which no rooms are found. */
export function noLookingOver(names: readonly string[]): ProblemEvent {
  return interfacesLeftOut("Rooms are not looked for", names);
}

/**
 * Finds the room to join where there is nobody to choose one, and shows all that there are.
 *
 * @returns `undefined` where the search was interrupted.
 * @throws {NetError} With code `no-room`, `several-rooms` or `discovery-unavailable`.
 */
export async function findOnlyRoom(
  known: KnownPeers,
  frontEnd: FrontEnd,
  interrupts: Interrupts,
): Promise<JoinTarget | undefined> {
  let interrupted = false;
  const stop = interrupts.first.then(() => void (interrupted = true));
  const tags = await tagsOf(known);
  const rooms = await searchRooms({
    ms: SEARCH_MS,
    tags,
    stop,
    onWarning: (warning) => frontEnd.show(warning),
  });
  if (interrupted) return undefined;
  if (rooms.length === 0) throw noRoom();
  for (const room of rooms) frontEnd.show(roomEvent(room, tags));
  if (rooms.length === 1) return destinationOf(rooms[0]!, tags);
  throw new NetError(
    "several-rooms",
    `Cannot choose among ${rooms.length} rooms on this network`,
  );
}

/** What to say where no room was found. */
export function noRoom(): NetError {
  return new NetError("no-room", "No room was found on this network");
}
