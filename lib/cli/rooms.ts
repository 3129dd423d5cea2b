/**
 * Finds rooms on this network, and looks their hosts up in the known peers.
 *
 * @module
 */
import { equal } from "../bytes/mod.ts";
import { deadline, systemClock } from "../clock.ts";
import { keyTag } from "../crypto/mod.ts";
import { HandshakeError, NetError, StoreError } from "../errors.ts";
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

/** Duration of the search before a script joins the only room, in milliseconds. */
const SEARCH_MS = 3000;

/** Known peers by the tags of their keys. */
export type KnownTags = ReadonlyMap<string, readonly KnownPeer[]>;

/** Opens the known peers of an identity; none if there is no identity or the file cannot be read. */
export async function findKnownPeers({ identity, profile }: IdentityChoice): Promise<KnownPeers> {
  try {
    return await KnownPeers.open(peersPlace(identityPlace({ file: identity, profile })));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return await KnownPeers.open(undefined);
  }
}

/** Groups known peers by their tags. */
export async function tagsOf(known: KnownPeers): Promise<KnownTags> {
  const tagged = await Promise.all(
    known.all().map(async (peer) => ({ peer, tag: await keyTag(peer.key) })),
  );
  const groups = Map.groupBy(tagged, ({ tag }) => tag);
  return new Map(Array.from(groups, ([tag, group]) => [tag, group.map(({ peer }) => peer)]));
}

/** Makes the event for a room. */
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

/** Returns the target to join a room, whose host must have the announced key. */
export function targetOf({ addresses, port, tag }: FoundRoom, tags: KnownTags): JoinTarget {
  const peers = tags.get(tag) ?? [];
  return {
    hosts: addresses,
    port,
    expect: async (key) => {
      const found = await keyTag(key);
      // An attacker can search for a key with the same tag: of a known host the whole key must match.
      if (found === tag && (peers.length === 0 || peers.some((peer) => equal(peer.key, key)))) {
        return;
      }
      const other = found === tag ? "another key" : `tag ${found}`;
      throw new HandshakeError(
        "host-key-mismatch",
        `Cannot join: the list says tag ${tag}, but the host that answers has ${other}`,
        { hint: "Anyone can announce a room. Join by the address on your host's screen." },
      );
    },
  };
}

/** Options of {@linkcode searchRooms}. */
export interface RoomSearchOptions {
  /** The duration of the search, in milliseconds. */
  readonly ms: number;
  /** The known peers; their rooms have priority if there are too many. */
  readonly tags: KnownTags;
  /** Ends the search early. */
  readonly stop: Promise<void>;
  /** Called with each room once. */
  readonly onRoom?: (room: FoundRoom) => void;
  /** Called if rooms may be missing. */
  readonly onWarning: (warning: ProblemEvent) => void;
}

/**
 * Searches for rooms on this network.
 *
 * @returns The rooms that are announced at the end of the search.
 * @throws {NetError} With code `discovery-unavailable`.
 */
export async function searchRooms(
  { ms, onRoom, onWarning, stop, tags }: RoomSearchOptions,
): Promise<readonly FoundRoom[]> {
  const failed = Promise.withResolvers<never>();
  const reported = new Set<string>();
  const report = (): void => {
    for (const room of search.rooms) {
      if (!reported.has(room.instance)) onRoom?.(room);
      reported.add(room.instance);
    }
  };
  const search = new RoomSearch({
    isKnown: (tag) => tags.has(tag),
    onChange: report,
    onUnavailable: (reason) => failed.reject(cannotSearch(reason)),
    onLeftOut: (names) => onWarning(notSearched(names)),
  });
  try {
    await deadline(systemClock, ms, Promise.race([stop, failed.promise]));
    report();
    return search.rooms;
  } finally {
    search.close();
  }
}

/** The error if lanchat cannot search for rooms. @param reason The end of the sentence. */
export function cannotSearch(reason: string): NetError {
  return new NetError("discovery-unavailable", `Cannot look for rooms on this network: ${reason}`);
}

/** The warning about interfaces on which lanchat does not search for rooms. */
export function notSearched(names: readonly string[]): ProblemEvent {
  return interfacesLeftOut("No rooms searched", names);
}

/**
 * Finds the only room to join, without a person to choose, and shows all rooms.
 *
 * @returns `undefined` if a signal interrupted the search.
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
  if (rooms.length === 1) return targetOf(rooms[0]!, tags);
  throw new NetError("several-rooms", `Cannot choose: ${rooms.length} rooms are on this network`);
}

/** The error if no room was found. */
export function noRoom(): NetError {
  return new NetError("no-room", "No room found on this network");
}
