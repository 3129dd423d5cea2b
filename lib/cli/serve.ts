import { toBase64Url, toHex } from "../bytes/mod.ts";
import { localChannel } from "../channel/mod.ts";
import { fingerprint, keyTag } from "../crypto/mod.ts";
import { CODES, EXIT } from "../errors.ts";
import { isLoopback } from "../ip.ts";
import {
  ADDRESS_PLACEHOLDER,
  dialable,
  encodeCredential,
  formatInvite,
  listen,
  type Listener,
  machineInterfaces,
  outerAddresses,
  ownInterfaces,
  RoomAnnouncer,
} from "../net/mod.ts";
import { AccessPolicy, Host, Relay } from "../relay/mod.ts";
import { SessionKeys } from "../room/mod.ts";
import { noteHosting, type OpenedIdentity, readAllowList } from "../store/mod.ts";
import type { FrontEnd } from "../session/mod.ts";
import type { EndReason, InviteEvent, ProblemEvent } from "../session_events.ts";
import type { ServeCommand } from "./commands/serve.ts";
import { type ClientEnd, runClient } from "../session/mod.ts";
import type { Interrupts } from "../session/mod.ts";
import { findPerson, type Person } from "./person.ts";
import { type OpenedRoom, openRoom } from "../session/mod.ts";
import { Moderator } from "../session/mod.ts";
import { leftOut } from "./rooms.ts";
import { TrustStore } from "../session/mod.ts";

/** How long the host's own last messages may take at the end, in milliseconds. */
const FAREWELL_MS = 1000;

/** The addresses of this machine cannot be known. */
const HIDDEN: ProblemEvent = {
  event: "warning",
  code: "addresses-hidden",
  message: "The addresses of this machine cannot be listed",
  hint: CODES["addresses-hidden"].hint,
};

/** Another lanchat hosts under the same identity. */
const SHARED: ProblemEvent = {
  event: "warning",
  code: "identity-shared",
  message:
    "Another lanchat hosts a room under your identity: others cannot tell the two hosts apart",
  hint: CODES["identity-shared"].hint,
};

/**
 * Hosts a room until it is told to end.
 *
 * @param opened Who hosts.
 * @returns The exit status.
 * @throws {LanchatError} If it cannot listen, or its identity cannot be used.
 */
export async function serve(
  command: ServeCommand,
  opened: OpenedIdentity,
  frontEnd: FrontEnd,
  interrupts: Interrupts,
): Promise<number> {
  const allowed = command.allow === undefined ? undefined : await readAllowList(command.allow);
  const person = await findPerson(opened, command, frontEnd);
  using hosting = person.file === undefined ? undefined : await noteHosting(person.file);
  const { identity } = person;
  const listener = listen({
    port: command.port,
    ...command.host !== undefined && { host: command.host },
  });
  try {
    const digits = await fingerprint(identity.publicKey);
    const { invite, isHidden, ...room } = await openShown(command, {
      person,
      listener,
      frontEnd,
      digits,
    });
    const warnings = [
      ...hosting?.isShared ? [SHARED] : [],
      ...isHidden ? withHidden(person.warnings, command.json) : person.warnings,
    ];
    const { decisions, former, keep, lastNumber, roomId } = room;
    const objects = decisions.map(({ object }) => object);
    const policy = new AccessPolicy({ identity, roomId, decisions: objects, lastNumber, allowed });
    const joinCodes = new Map<string, string>();
    const relay = new Relay({
      ...command,
      former,
      policy,
      onSeatEnded: ({ session }) => joinCodes.delete(toHex(session)),
    });
    const moderator = invite === undefined
      ? undefined
      : new Moderator({ hostKey: identity.publicKey, policy, relay, decisions, keep, invite });
    const end = await hostRoom(command, {
      room,
      person,
      warnings,
      isHidden,
      digits,
      listener,
      relay,
      joinCodes,
      moderator,
      frontEnd,
      interrupts,
    });
    frontEnd.show({ event: "closed", reason: end.reason });
    return end.status;
  } finally {
    listener.close();
  }
}

/** Adds {@linkcode HIDDEN} to the warnings about the person; people get one warning for both. */
function withHidden(warnings: readonly ProblemEvent[], json: boolean): readonly ProblemEvent[] {
  const [warning] = warnings;
  if (json || warning === undefined) return [HIDDEN, ...warnings];
  return [{ ...warning, hint: `${warning.hint} ${HIDDEN.hint}`.trim() }];
}

/** A room without what its invite carries. */
type ShownRoom = Omit<OpenedRoom, "root">;

interface Hosting {
  readonly room: ShownRoom;
  readonly person: Person;
  /** What to say once the room is there. */
  readonly warnings: readonly ProblemEvent[];
  /** Whether the addresses of this machine cannot be known. */
  readonly isHidden: boolean;
  /** The fingerprint of the host's identity key. */
  readonly digits: string;
  readonly listener: Listener;
  readonly relay: Relay;
  /** Those of the members' connections, by session in hexadecimal digits, as long as they have a seat. */
  readonly joinCodes: Map<string, string>;
  /** Missing where nobody at the host is a member. */
  readonly moderator: Moderator | undefined;
  readonly frontEnd: FrontEnd;
  readonly interrupts: Interrupts;
}

/**
 * Opens the room, and shows how to get in. Where the host is no member, what the invite carries goes no
 * further than here: it has been shown, and is kept nowhere.
 *
 * @returns `isHidden`: whether the addresses of this machine cannot be known.
 */
async function openShown(
  command: ServeCommand,
  { digits, frontEnd, listener, person }: Pick<
    Hosting,
    "person" | "listener" | "frontEnd" | "digits"
  >,
): Promise<ShownRoom & { readonly invite?: InviteEvent; readonly isHidden: boolean }> {
  const { root, ...room } = await openRoom(command, person, frontEnd);
  const hostKey = person.identity.publicKey;
  const addresses = await reachable(listener, command.announce);
  const isHidden = addresses === undefined;
  frontEnd.show({
    event: "listening",
    addresses: addresses ?? [],
    port: listener.port,
    fingerprint: digits,
    tag: await keyTag(hostKey),
    ...command.invite && { inviteOnly: true },
  });
  if (command.invite && root === undefined) {
    frontEnd.show({
      event: "warning",
      code: "no-room-secret",
      message: "The invite link was shown when this room was begun, and is kept nowhere",
      hint: "Who has it can join. Another room, with another link, begins with --new-room.",
    });
    return { ...room, isHidden };
  }
  const credential = await encodeCredential({ hostKey, root });
  const hosts = dialable(addresses ?? []);
  const links = (hosts.length > 0 ? hosts : [ADDRESS_PLACEHOLDER])
    .map((host) => formatInvite(host, listener.port, credential));
  const invite: InviteEvent = {
    event: "invite",
    link: links[0]!,
    links,
    secret: root !== undefined,
  };
  frontEnd.show(invite);
  return { ...room, isHidden, ...!command.relayOnly && { invite } };
}

async function hostRoom(command: ServeCommand, hosting: Hosting): Promise<ClientEnd> {
  const {
    digits,
    frontEnd,
    interrupts,
    joinCodes,
    moderator,
    listener,
    person,
    relay,
    room,
    warnings,
  } = hosting;
  const { identity, known, name } = person;
  const { memberKey, nonce, psk, roomId, session } = room;
  const key = identity.publicKey;
  const keys = memberKey && new SessionKeys();
  const host = new Host({
    identity,
    roomId,
    psk,
    relay,
    limits: command,
    onAdmitted: ({ joinCode, session }) => {
      if (keys !== undefined) joinCodes.set(toHex(session), joinCode);
    },
    onFailedJoins: (joins) => frontEnd.show({ event: "failed-joins", ...joins }),
  });
  const accepting = acceptAll(listener, host);
  const announcer = announce(command, hosting, await keyTag(key));

  let end: ClientEnd;
  if (memberKey === undefined || keys === undefined) {
    for (const warning of warnings) frontEnd.show(warning);
    end = await Promise.race([
      interrupts.first.then(() => ended("signal", EXIT.OK)),
      frontEnd.broken.then(() => ended("failed", EXIT.FAILURE)),
    ]);
  } else {
    const [mine, relays] = localChannel();
    void relay.serve(relays, { key, nonce, session, own: true });
    end = await runClient({
      frontEnd,
      channel: mine,
      room: { identity, name, roomId, hostKey: key, memberKey },
      session: { keys, nonce, session },
      trustStore: await TrustStore.of(known, key),
      fingerprint: digits,
      warnings,
      host: { tag: await keyTag(key), key: toBase64Url(key), known: true, verified: true },
      ...moderator !== undefined && { moderator },
      joinCode: null,
      joinCodes,
      listensOnly: false,
      endsWithInput: false,
      untilDelivered: false,
      timeoutMs: FAREWELL_MS,
      interrupts,
    });
  }
  await announcer?.close();
  // The host keeps listening while it waits for members: those that come back hear that the room ends.
  await relay.close();
  listener.close();
  host.close();
  await accepting;
  return end;
}

function ended(reason: EndReason, status: number): ClientEnd {
  return { reason, status };
}

async function acceptAll(listener: Listener, host: Host): Promise<void> {
  const greeted = new Set<Promise<void>>();
  for await (const connection of listener.connections) {
    const greeting = host.greet(connection).finally(() => greeted.delete(greeting));
    greeted.add(greeting);
  }
  await Promise.all(greeted);
}

/** Announces the room on the network, unless that is not wished for or only this machine can reach it. */
function announce(
  { announce, invite, json, room }: ServeCommand,
  { frontEnd, isHidden, listener: { hosts, port } }: Hosting,
  tag: string,
): RoomAnnouncer | undefined {
  if (!announce || hosts.every(isLoopback)) return undefined;
  return new RoomAnnouncer({ tag, port, ...room !== undefined && { name: room }, invite }, {
    hosts,
    onUnavailable: (reason) => {
      if (isHidden && !json) return; // People know from the missing address.
      frontEnd.show({
        event: "warning",
        code: "discovery-unavailable",
        message: `This room is not announced on the network: ${reason}`,
        hint: "Others join by its address: lanchat join ADDRESS.",
      });
    },
    onAvailable: () => frontEnd.show({ event: "announced" }),
    onLeftOut: (names) => frontEnd.show(leftOut("This room is not announced", names)),
  });
}

/**
 * The addresses under which others reach a listener; `undefined` where they cannot be known.
 *
 * @param announced Whether the network may be told that this host is there: without `--allow-sys` its
 * address is found by a packet to the network.
 */
async function reachable(
  { hosts }: Listener,
  announced: boolean,
): Promise<readonly string[] | undefined> {
  if (!hosts.includes("::") && !hosts.includes("0.0.0.0")) return hosts;
  const interfaces = announced ? await ownInterfaces() : machineInterfaces();
  const all = interfaces && outerAddresses(interfaces);
  return hosts.includes("::") ? all : all?.filter((address) => !address.includes(":"));
}
