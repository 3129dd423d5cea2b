/**
 * Joining a room and staying until it is left, or ends.
 *
 * @module
 */
import { formatHostPort } from "../address.ts";
import { Broker, type BrokerAccess } from "../broker/mod.ts";
import { isBrokerAddress, parseBrokerAddress } from "../broker_address.ts";
import type { Bytes } from "../bytes/mod.ts";
import type { SecureChannel } from "../channel/mod.ts";
import { fingerprint, openRoomSecrets, roomSecrets, zeroKey } from "../crypto/mod.ts";
import { EXIT, LanchatError } from "../errors.ts";
import { DIAL_TIMEOUT_MS, type Invite } from "../net/mod.ts";
import { problem } from "../session_events.ts";
import { type FilesToSend, runClient } from "./client.ts";
import { isRefusal, passing } from "./backoff.ts";
import { Connector, type ConnectorOptions } from "./connector.ts";
import type { FrontEnd } from "./front_end.ts";
import type { Interrupts } from "./interrupts.ts";
import { recallHost, trustsHost } from "./known_host.ts";
import type { Person } from "./person.ts";
import type { DownloadOptions } from "./shared_files.ts";
import { TrustStore } from "./trust_store.ts";

/** A room's host, as the person named or chose it. */
export interface JoinTarget {
  /**
   * IP addresses or names of the host; the later ones are for where the first does not answer. Or the address
   * of its room at a broker.
   */
  readonly hosts: readonly string[];
  /** Its TCP port; 0 at a broker. */
  readonly port: number;
  /** Throws if the host's key is not the announced one. */
  readonly expect?: (hostKey: Bytes) => Promise<void>;
}

/** What to join, and how. */
export interface JoiningOptions extends DownloadOptions {
  /** The member. */
  readonly person: Person;
  /** The room's host. */
  readonly target: JoinTarget;
  /** The invite to join by; missing for an open room. */
  readonly invite?: Pick<Invite, "hostKey" | "root"> | undefined;
  /** The 30 digits of the only host that is acceptable; any host if missing. */
  readonly hostKey?: string | undefined;
  /** The 30 digits of the only host that is acceptable, even where another one is known. */
  readonly acceptHost?: string | undefined;
  /** How to get into the broker, if the room is at one. */
  readonly brokerAccess?: BrokerAccess | undefined;
  /** Whether to connect again after the connection is lost. */
  readonly reconnect: boolean;
  /** How long to try that, in milliseconds. */
  readonly giveUpMs: number;
  /** How long messages wait for the first other member, or for `to`, in milliseconds. */
  readonly waitMs: number;
  /** The name, name#tag or key of the only reader of all messages; all members without. */
  readonly to?: string | undefined;
  /** Time that the end leaves to messages that are not sent yet, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether the run ends only when each message is delivered. */
  readonly untilDelivered: boolean;
  /** Whether the front end's input is ignored. */
  readonly listen: boolean;
  /** Files to send to `to` or to the room; then the run ends when it is done with them. */
  readonly send?: FilesToSend | undefined;
  /** Gives wishes and shows events. */
  readonly frontEnd: FrontEnd;
  /** The signals that end the run. */
  readonly interrupts: Interrupts;
}

/**
 * Joins a room and stays until it is left, or ends.
 *
 * @returns The exit status.
 * @throws {LanchatError} If the host cannot be reached, is not the expected one, or does not admit this member.
 */
export async function joinRoom(options: JoiningOptions): Promise<number> {
  const { frontEnd, interrupts, invite, person, target, waitMs } = options;
  const { identity, known, name, warnings } = person;
  const expected = { ...options, key: invite?.hostKey };
  const secrets = invite?.root && await roomSecrets(invite.hostKey, invite.root);
  const connector = new Connector({
    ...target,
    ...throughBroker(options),
    identity,
    psk: secrets?.psk ?? zeroKey(),
    giveUpMs: options.giveUpMs,
    trusts: async (key, where) => {
      await target.expect?.(key);
      return await trustsHost(key, { ...expected, ...where }, known);
    },
  });
  const ownFingerprint = fingerprint(identity.publicKey);
  void interrupts.first.then(() => connector.stop());
  try {
    const channel = await connect(connector, options);
    const { address, hop: { joinCode, peerKey, roomId } } = connector;
    const host = await recallHost(peerKey, { ...expected, ...address }, known);
    const { memberKey } = secrets ?? await openRoomSecrets(peerKey);
    const end = await runClient({
      ...options,
      channel,
      ...options.reconnect && { connector },
      room: {
        identity,
        name,
        roomId,
        hostKey: peerKey,
        memberKey,
        waitMs,
      },
      session: connector.session,
      trustStore: await TrustStore.of(known, identity.publicKey, {
        compared: options.hostKey === undefined ? undefined : peerKey,
      }),
      fingerprint: await ownFingerprint,
      host: host.view,
      hostAddress: formatHostPort(address.host, address.port),
      warnings: [...host.warnings, ...warnings],
      joinCode,
      endsWithInput: true,
      timeoutMs: waitMs + options.timeoutMs,
    });
    frontEnd.show({ event: "closed", reason: end.reason });
    return end.status;
  } catch (error) {
    if (connector.stopped) return EXIT.OK;
    throw error;
  } finally {
    connector.close();
  }
}

/**
 * How to dial a room at a broker; over TCP by default. A broker that has let this user in once may do so again: what
 * it refuses later is shown once, and tried again.
 */
function throughBroker(
  { brokerAccess, frontEnd, target: { hosts: [address = ""] } }: JoiningOptions,
): Pick<ConnectorOptions, "dial"> {
  if (!isBrokerAddress(address)) return {};
  const { room, ...servers } = parseBrokerAddress(address);
  const broker = new Broker(servers, brokerAccess);
  let wasLetIn = false;
  let shown: string | undefined;
  return {
    dial: async (_host, _port, { signal, timeoutMs = DIAL_TIMEOUT_MS }) => {
      try {
        const connection = await broker.call(room!, { signal, timeoutMs });
        wasLetIn = true;
        shown = undefined;
        return connection;
      } catch (error) {
        if (!wasLetIn || !isRefusal(error)) throw error;
        if (error.message !== shown) frontEnd.show({ ...problem(error), event: "warning" });
        shown = error.message;
        throw passing(error);
      }
    },
  };
}

/** Connects for the first time; tries again if the host is busy. */
async function connect(
  connector: Connector,
  { frontEnd, reconnect }: JoiningOptions,
): Promise<SecureChannel> {
  try {
    return await connector.connect();
  } catch (error) {
    if (!reconnect || !(error instanceof LanchatError) || error.code !== "busy") throw error;
    frontEnd.show({ ...problem(error), event: "warning" });
    return await connector.reconnect();
  }
}
