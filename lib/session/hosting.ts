/**
 * Hosting a room until it ends: opens the room, listens, relays, announces it, and takes part in it.
 *
 * @module
 */
import { ADDRESS_PLACEHOLDER, dialable, isLoopback } from "../address.ts";
import type { Broker, Bus } from "../broker/mod.ts";
import { type Bytes, toBase64Url, toHex } from "../bytes/mod.ts";
import { localChannel } from "../channel/mod.ts";
import { fingerprint, keyTag } from "../crypto/mod.ts";
import { EXIT } from "../errors.ts";
import {
  DIAL_TIMEOUT_MS,
  encodeCredential,
  formatInvite,
  listen,
  type Listener,
  machineInterfaces,
  MAX_LINKS,
  outerAddresses,
  ownInterfaces,
  RoomAnnouncer,
} from "../net/mod.ts";
import { AccessPolicy, Host, type IncomingConnection, type Limits, Relay } from "../relay/mod.ts";
import { SessionKeys } from "../room/mod.ts";
import {
  type InviteEvent,
  type ProblemEvent,
  warning,
  type WarningEvent,
} from "../session_events.ts";
import { noteHosting } from "../store/mod.ts";
import { BrokerEntrance } from "./broker_entrance.ts";
import { runClient } from "./client.ts";
import type { ClientEnd } from "./ending.ts";
import type { FrontEnd } from "./front_end.ts";
import { type OpenedRoom, openRoom, type RoomChoice } from "./host_room.ts";
import type { Interrupts } from "./interrupts.ts";
import { Moderator } from "./moderator.ts";
import type { Person } from "./person.ts";
import type { DownloadOptions } from "./shared_files.ts";
import { TrustStore } from "./trust_store.ts";

/** Time that the end leaves to the host's own messages, in milliseconds. */
const OWN_MESSAGES_MS = 1000;

/** What to host, and how. */
export interface HostingOptions extends RoomChoice, Limits, DownloadOptions {
  /** The host. */
  readonly person: Person;
  /** The TCP port to listen on; 0 for a free one. */
  readonly port: number;
  /** The only IP address to listen on; all of them if missing. */
  readonly host?: string | undefined;
  /** The broker through which others can join too. */
  readonly via?: Broker | undefined;
  /** Whether the room is announced on the network. */
  readonly announce: boolean;
  /** The room's name in announcements. */
  readonly room?: string | undefined;
  /** The fingerprints of the identities that may join; any may if missing. */
  readonly allowed?: ReadonlySet<string> | undefined;
  /** Whether events are JSON Lines: then each warning is shown by itself. */
  readonly json: boolean;
  /** Gives wishes and shows events. */
  readonly frontEnd: FrontEnd;
  /** The signals that end the run. */
  readonly interrupts: Interrupts;
}

const IDENTITY_SHARED = warning(
  "identity-shared",
  "Another lanchat hosts a room under your identity: others cannot tell them apart",
);

const RECONNECTING = "Reconnecting to it. Members on this network stay connected.";

const ADDRESSES_HIDDEN = warning("addresses-hidden", "Cannot list this machine's addresses");

/** A room without the root, which its invite carries. */
type ShownRoom = Omit<OpenedRoom, "root">;

/** A room that others can find. */
interface Entrance {
  readonly room: ShownRoom;
  /** Missing where the host is no member, or the room's secret was forgotten. */
  readonly invite?: InviteEvent;
  /** Whether the addresses of this machine cannot be listed. */
  readonly isHidden: boolean;
  /** The way through a broker. */
  readonly broker?: BrokerEntrance | undefined;
}

/**
 * Hosts a room until a wish or a signal ends that.
 *
 * @returns The exit status.
 * @throws {LanchatError} If it cannot listen, reach the broker or open the room.
 */
export async function hostRoom(options: HostingOptions): Promise<number> {
  const { frontEnd, host, person: { file }, port, via } = options;
  using hosting = file === undefined ? undefined : await noteHosting(file);
  const listener = listen({ port, ...host !== undefined && { host } });
  let bus: Bus | undefined;
  try {
    bus = await via?.connect({ timeoutMs: DIAL_TIMEOUT_MS });
    const end = await serve(options, { listener, bus, isShared: hosting?.isShared ?? false });
    frontEnd.show({ event: "closed", reason: end.reason });
    return end.status;
  } finally {
    listener.close();
    await bus?.close();
  }
}

/** What a host has before it opens its room. */
interface Opened {
  readonly listener: Listener;
  /** The first connection to the broker. */
  readonly bus: Bus | undefined;
  /** Whether another run hosts under the same identity. */
  readonly isShared: boolean;
}

async function serve(
  options: HostingOptions,
  { bus, isShared, listener }: Opened,
): Promise<ClientEnd> {
  const { allowed, frontEnd, person: { identity, warnings } } = options;
  const { broker, invite, isHidden, room } = await openEntrance(options, listener, bus);
  const { decisions, former, keep, lastNumber, psk, roomId } = room;
  const objects = decisions.map(({ object }) => object);
  const policy = new AccessPolicy({ identity, roomId, decisions: objects, lastNumber, allowed });
  const joinCodes = new Map<string, string>();
  const relay = new Relay({
    ...options,
    former,
    policy,
    onSeatEnded: ({ session }) => joinCodes.delete(toHex(session)),
  });
  const host = new Host({
    identity,
    roomId,
    psk,
    relay,
    limits: options,
    onAdmitted: ({ joinCode, session }) => void joinCodes.set(toHex(session), joinCode),
    onFailedJoins: (joins) => frontEnd.show({ event: "failed-joins", ...joins }),
  });
  const { promise: entered, resolve: onEntered } = Promise.withResolvers<void>();
  // After the host's own member has entered: what members say that come back first would not be for it.
  const ways = [listener, ...broker ? [broker] : []];
  const accepting = entered.then(() =>
    Promise.all(ways.map(({ connections }) => acceptAll(connections, host)))
  );
  const announcer = await announce(options, listener, isHidden);
  const moderator = invite &&
    new Moderator({ hostKey: identity.publicKey, policy, relay, decisions, keep, invite });
  const end = await takePart(options, {
    room,
    relay,
    joinCodes,
    moderator,
    onEntered,
    warnings: [
      ...isShared ? [IDENTITY_SHARED] : [],
      ...isHidden ? [ADDRESSES_HIDDEN] : [],
      ...warnings,
    ],
  });
  onEntered(); // It may have ended before.
  await announcer?.close();
  // The host keeps listening while it waits for members: those that come back hear that the room ends.
  await relay.close();
  listener.close();
  host.close();
  await broker?.close();
  await accepting;
  return end;
}

/**
 * Opens the room and shows how to join it. Where the host is no member, the secret of the invite goes no
 * further than this function: it is shown and not kept.
 */
async function openEntrance(
  options: HostingOptions,
  listener: Listener,
  bus: Bus | undefined,
): Promise<Entrance> {
  const { announce, frontEnd, invite: isInviteOnly, person, relayOnly, room: name } = options;
  const { root, ...room } = await openRoom(options, person, frontEnd);
  const hostKey = person.identity.publicKey;
  const addresses = await reachableAddresses(listener, announce);
  const isHidden = addresses === undefined;
  const broker = bus && await openBrokerEntrance(options, bus, room.roomId);
  const { port } = listener;
  frontEnd.show({
    event: "listening",
    addresses: addresses ?? [],
    port,
    fingerprint: await fingerprint(hostKey),
    tag: await keyTag(hostKey),
    ...name !== undefined && { name },
    ...isInviteOnly && { inviteOnly: true },
  });
  if (isInviteOnly && root === undefined) {
    frontEnd.show(warning(
      "no-room-secret",
      "The invite link was shown when the room was created, and is not saved",
      "Those who have it can join. For a new room with a new link, use --new-room.",
    ));
    return { room, isHidden, broker };
  }
  const credential = await encodeCredential({ hostKey, root });
  const hosts = dialable(addresses ?? []);
  const links = (hosts.length > 0 ? hosts : [ADDRESS_PLACEHOLDER])
    .map((host) => formatInvite(host, port, credential));
  const invite: InviteEvent = {
    event: "invite",
    link: links[0]!,
    links,
    ...broker !== undefined && { via: formatInvite(broker.address, 0, credential) },
    secret: root !== undefined,
  };
  frontEnd.show(invite);
  return { room, isHidden, broker, ...!relayOnly && { invite } };
}

async function openBrokerEntrance(
  { frontEnd, via }: HostingOptions,
  bus: Bus,
  roomId: Bytes,
): Promise<BrokerEntrance> {
  return await BrokerEntrance.open({
    broker: via!,
    bus,
    roomId,
    onLost: ({ code, hint, message }) => {
      const isLost = code === "connection-lost";
      frontEnd.show(warning(code, message, isLost ? RECONNECTING : hint));
    },
  });
}

/** What the host's own member needs. */
interface OwnPart {
  readonly room: ShownRoom;
  readonly relay: Relay;
  /** The join codes of the members' connections, by session in hexadecimal digits. */
  readonly joinCodes: ReadonlyMap<string, string>;
  readonly moderator: Moderator | undefined;
  /** Called once the host's own member has entered the room; at once if it is no member. */
  readonly onEntered: () => void;
  readonly warnings: readonly ProblemEvent[];
}

/** Takes part in the room, or only waits for the end if the host is no member. */
async function takePart(
  options: HostingOptions,
  { joinCodes, moderator, onEntered, relay, room, warnings }: OwnPart,
): Promise<ClientEnd> {
  const { acceptFrom, downloadDir, frontEnd, interrupts, maxFileBytes, person } = options;
  const { identity, known, name } = person;
  const { memberKey, nonce, roomId, session } = room;
  if (memberKey === undefined) {
    onEntered();
    for (const warning of warnings) frontEnd.show(warning);
    return await Promise.race([
      interrupts.first.then((): ClientEnd => ({ reason: "signal", status: EXIT.OK })),
      frontEnd.broken.then((): ClientEnd => ({ reason: "failed", status: EXIT.FAILURE })),
    ]);
  }
  const key = identity.publicKey;
  const [mine, relays] = localChannel();
  void relay.serve(relays, { key, nonce, session, own: true }, onEntered);
  return await runClient({
    frontEnd,
    channel: mine,
    room: { identity, name, roomId, hostKey: key, memberKey },
    session: { keys: new SessionKeys(), nonce, session },
    trustStore: await TrustStore.of(known, key),
    fingerprint: await fingerprint(key),
    warnings,
    host: { tag: await keyTag(key), key: toBase64Url(key), known: true, verified: true },
    ...moderator !== undefined && { moderator },
    joinCode: null,
    joinCodes,
    listen: false,
    endsWithInput: false,
    untilDelivered: false,
    timeoutMs: OWN_MESSAGES_MS,
    acceptFrom,
    downloadDir,
    maxFileBytes,
    interrupts,
  });
}

async function acceptAll(
  connections: ReadableStream<IncomingConnection>,
  host: Host,
): Promise<void> {
  const greeted = new Set<Promise<void>>();
  for await (const connection of connections) {
    const greeting = host.greet(connection).finally(() => greeted.delete(greeting));
    greeted.add(greeting);
  }
  await Promise.all(greeted);
}

/** Announces the room on the network, if that is wanted and not only this machine can reach it. */
async function announce(
  { announce, frontEnd, invite, json, person: { identity }, room }: HostingOptions,
  { hosts, port }: Listener,
  isHidden: boolean,
): Promise<RoomAnnouncer | undefined> {
  if (!announce || hosts.every(isLoopback)) return undefined;
  const tag = await keyTag(identity.publicKey);
  return new RoomAnnouncer({ tag, port, ...room !== undefined && { name: room }, invite }, {
    hosts,
    onUnavailable: (reason) => {
      if (isHidden && !json) return; // People know from the missing address.
      frontEnd.show(warning(
        "discovery-unavailable",
        `This room is not announced on the network: ${reason}`,
        "Others can join by address: lanchat join ADDRESS.",
      ));
    },
    onAvailable: () => frontEnd.show({ event: "announced" }),
    onLeftOut: (names) => frontEnd.show(interfacesLeftOut("This room is not announced", names)),
  });
}

/** The warning about interfaces that lanchat does not use. @param what Says what it does not do there. */
export function interfacesLeftOut(what: string, names: readonly string[]): WarningEvent {
  return warning(
    "discovery-unavailable",
    `${what} on ${names.join(", ")}: this machine has more than ${MAX_LINKS} interfaces`,
    "Turn off unused interfaces, or join by address: lanchat join ADDRESS.",
  );
}

/**
 * The addresses under which others reach a listener; `undefined` where they cannot be known.
 *
 * @param announced Whether the network may learn of this host: without `--allow-sys` its address is found by
 * a packet to the network.
 */
async function reachableAddresses(
  { hosts }: Listener,
  announced: boolean,
): Promise<readonly string[] | undefined> {
  if (!hosts.includes("::") && !hosts.includes("0.0.0.0")) return hosts;
  const interfaces = announced ? await ownInterfaces() : machineInterfaces();
  const all = interfaces && outerAddresses(interfaces);
  return hosts.includes("::") ? all : all?.filter((address) => !address.includes(":"));
}
