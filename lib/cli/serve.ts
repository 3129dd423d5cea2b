import { toBase64Url, toHex } from "../bytes/mod.ts";
import { localChannel } from "../channel/mod.ts";
import { fingerprint, keyTag, openRoomSecrets } from "../crypto/mod.ts";
import { CODES, EXIT } from "../errors.ts";
import { isLoopback, listen, type Listener, machineAddresses, RoomAnnouncer } from "../net/mod.ts";
import { Host, Relay } from "../relay/mod.ts";
import { SessionKeys } from "../room/mod.ts";
import type { OpenedIdentity } from "../store/mod.ts";
import type { CloseReason, FrontEnd } from "../ui/mod.ts";
import type { ServeCommand } from "./args.ts";
import { chat, type ChatEnd } from "./chat.ts";
import type { Interrupts } from "./interrupts.ts";
import { findPerson, type Person } from "./person.ts";
import { type OpenedRoom, openRoom } from "./host_room.ts";
import { Acquaintances } from "./trust.ts";

/** How long the host's own last messages may take at the end, in milliseconds. */
const FAREWELL_MS = 1000;

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
  const person = await findPerson(opened, command, frontEnd);
  const listener = listen({
    port: command.port,
    ...command.host !== undefined && { host: command.host },
  });
  try {
    const room = await openRoom(command, person, frontEnd);
    const relay = new Relay({ ...command.limits, former: room.former });
    const end = await hostRoom(command, { ...room, person, listener, relay, frontEnd, interrupts });
    frontEnd.show({ event: "closed", reason: end.reason });
    return end.status;
  } finally {
    listener.close();
  }
}

interface Hosting extends OpenedRoom {
  readonly person: Person;
  readonly listener: Listener;
  readonly relay: Relay;
  readonly frontEnd: FrontEnd;
  readonly interrupts: Interrupts;
}

async function hostRoom(command: ServeCommand, hosting: Hosting): Promise<ChatEnd> {
  const { frontEnd, interrupts, listener, person, relay, roomId, session } = hosting;
  const { identity, known, name } = person;
  const key = identity.publicKey;
  const keys = command.relayOnly ? undefined : new SessionKeys();
  const secrets = await openRoomSecrets(key);
  const joinCodes = new Map<string, string>();
  const host = new Host({
    identity,
    roomId,
    psk: secrets.psk,
    relay,
    limits: command.limits,
    onAdmitted: ({ joinCode, session }) => {
      if (keys !== undefined) joinCodes.set(toHex(session), joinCode);
    },
  });
  const accepting = acceptAll(listener, host);
  const digits = await fingerprint(key);
  const tag = await keyTag(key);
  showListening(listener, frontEnd, digits, tag);
  const announcer = announce(command, listener, frontEnd, tag);

  let end: ChatEnd;
  if (keys === undefined) {
    end = await Promise.race([
      interrupts.first.then(() => ended("signal", EXIT.OK)),
      frontEnd.broken.then(() => ended("failed", EXIT.FAILURE)),
    ]);
  } else {
    const [mine, relays] = localChannel();
    void relay.serve(relays, { key, session });
    end = await chat({
      frontEnd,
      channel: mine,
      room: { identity, name, roomId, memberKey: secrets.memberKey },
      seat: { session, keys },
      acquaintances: await Acquaintances.of(known, key),
      fingerprint: digits,
      host: { tag, key: toBase64Url(key), known: true, verified: true },
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
  // The door stays open as long as members are waited for: whoever comes back hears that the room ends.
  await relay.close();
  listener.close();
  host.close();
  await accepting;
  return end;
}

function ended(reason: CloseReason, status: number): ChatEnd {
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

function showListening(
  listener: Listener,
  frontEnd: FrontEnd,
  digits: string,
  tag: string,
): void {
  const addresses = reachable(listener);
  frontEnd.show({
    event: "listening",
    addresses: addresses ?? [],
    port: listener.port,
    fingerprint: digits,
    tag,
  });
  if (addresses !== undefined) return;
  frontEnd.show({
    event: "warning",
    code: "addresses-hidden",
    message: "The addresses of this machine cannot be listed",
    hint: CODES["addresses-hidden"].hint,
  });
}

/** Announces the room on the network, unless that is not wished for or only this machine can reach it. */
function announce(
  { announce, room }: ServeCommand,
  { hosts, port }: Listener,
  frontEnd: FrontEnd,
  tag: string,
): RoomAnnouncer | undefined {
  if (!announce || hosts.every(isLoopback)) return undefined;
  return new RoomAnnouncer({ tag, port, ...room !== undefined && { name: room }, invite: false }, {
    hosts,
    onUnavailable: (reason) =>
      frontEnd.show({
        event: "warning",
        code: "discovery-unavailable",
        message: `This room is not announced on the network: ${reason}`,
        hint: "Others join by its address: lanchat join ADDRESS.",
      }),
  });
}

/** The addresses under which others reach a listener; `undefined` where they may not be listed. */
function reachable({ hosts }: Listener): readonly string[] | undefined {
  if (!hosts.includes("::") && !hosts.includes("0.0.0.0")) return hosts;
  const all = machineAddresses();
  return hosts.includes("::") ? all : all?.filter((address) => !address.includes(":"));
}
