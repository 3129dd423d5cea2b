/**
 * The checks of `lanchat doctor`: of this machine, then of a host that cannot be joined.
 *
 * @module
 */
import { DEFAULT_PORT, formatHostPort, isAddress, isInNetwork } from "../address.ts";
import {
  type BrokerAddress,
  formatBrokerAddress,
  isBrokerAddress,
  parseBrokerAddress,
  type TypedBrokerAddress,
} from "../broker_address.ts";
import { type Bytes, equal } from "../bytes/mod.ts";
import { day, deadline, systemClock } from "../clock.ts";
import { fingerprint, groups, keyTag } from "../crypto/mod.ts";
import { type Code, CODES, fromSource, LanchatError, StoreError } from "../errors.ts";
import {
  addressesOf,
  type Connection,
  type DialOptions,
  type Listener,
  type MulticastCheck,
  type MulticastRoute,
} from "../net/mod.ts";
import type { Permission } from "../permission.ts";
import { MAX_CLOCK_SKEW_MS, REFUSALS } from "../room/mod.ts";
import type { IdentityLook, KnownPeers } from "../store/mod.ts";
import type { CheckEvent, CheckName } from "../session_events.ts";
import type { DoctorCommand } from "./commands/doctor.ts";
import type { HostAnswer } from "./ask_host.ts";
import { changedHost, interfacesLeftOut } from "../session/mod.ts";
import type { IdentityChoice } from "./person.ts";

/** What each permission allows. */
const GIVES: Readonly<Record<Permission, string>> = {
  net: "--allow-net reaches others",
  sys: "--allow-sys lists this machine's addresses",
  env: "--allow-env finds your files",
  read: "--allow-read loads your identity",
  write: "--allow-write saves your identity",
};

const PERMISSIONS = Object.keys(GIVES) as Permission[];

/** Failures of a handshake that only lanchat causes. */
const GREETED: ReadonlySet<Code> = new Set(["busy", "needs-invite", "handshake-stalled"]);

/** The name of the only interface that is known without `--allow-sys`. */
const DEFAULT_INTERFACE = "the default interface";

/** Addresses that a machine gives itself if the network gives it none (RFC 3927). */
const SELF_ASSIGNED = /^169\.254\./;

/** The advice if multicast does not work. */
const BY_ADDRESS = "Without multicast, others cannot find this room, but they can join by address.";

const LOOPBACK = "127.0.0.1";

/** The broker of a host that is reached over TCP. */
const NONE: TypedBrokerAddress = { tls: false, servers: [] };

/** The terminal that a chat would run in. */
export interface TerminalLook {
  /** Whether a person can type and read there. */
  readonly isTerminal: boolean;
  /** Its size in characters; missing without a terminal. */
  readonly size?: { readonly columns: number; readonly rows: number };
  /** Whether colors are wanted. */
  readonly colors: boolean;
  /** The value of `TERM`; missing if unknown. */
  readonly type?: string | undefined;
  /** The locale of its characters; missing if unknown. */
  readonly locale?: string | undefined;
}

/** The known peers of an identity. */
export type PeerLookup = Pick<KnownPeers, "find" | "hostAt">;

/** The machine, the network and the files that a checkup looks at. */
export interface Environment {
  /** As `isFullyGranted` of `lib/permission.ts`. */
  granted(permission: Permission): boolean;
  /** As `ownInterfaces` of `lib/net`. */
  interfaces(): Promise<Interfaces>;
  /** As `listen` of `lib/net`. */
  listen(options: { port: number }): Listener;
  /** As `dial` of `lib/net`. */
  dial(host: string, port: number, options: DialOptions): Promise<Connection>;
  /**
   * Connects to a broker, and calls a room, to learn whether the user may; without a room one that does not exist.
   */
  reachBroker(address: BrokerAddress, room: string | undefined, timeoutMs: number): Promise<void>;
  /** Calls the host of a room at a broker. */
  callBroker(address: BrokerAddress, room: string, timeoutMs: number): Promise<Connection>;
  /** As `askHost`. */
  ask(connection: Connection, timeoutMs: number): Promise<HostAnswer>;
  /** As `checkMulticast` of `lib/net`. */
  multicast(signal: AbortSignal): Promise<MulticastCheck>;
  /** As `lookUp` of `lib/net`. */
  lookUp(name: string): Promise<readonly string[]>;
  /** As `lookAtIdentity` of `lib/store`. */
  identity(choice: IdentityChoice): Promise<IdentityLook>;
  /** Opens the known peers beside an identity file. */
  known(identityFile: string): Promise<PeerLookup>;
  /** The terminal. */
  terminal(): TerminalLook;
  /** Milliseconds since 1970. */
  now(): number;
}

/** The network interfaces but loopback; `undefined` if they cannot be listed. */
type Interfaces = readonly Deno.NetworkInterfaceInfo[] | undefined;

/** The environment as a checkup finds it. */
interface Setting {
  readonly environment: Environment;
  readonly interfaces: Interfaces;
  /** Maximum wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
}

/** The result of a check. */
type Verdict = Omit<CheckEvent, "event" | "check">;

/**
 * Runs all checks in order: with a target those of its host, without one whether this machine can be a host.
 * Those of the host end with the first that fails, because the others need it.
 * Each wait for an answer takes at most {@linkcode DoctorCommand.timeoutMs}.
 */
export async function* checkUp(
  command: DoctorCommand,
  environment: Environment,
): AsyncGenerator<CheckEvent, void, void> {
  const { port, target, timeoutMs } = command;
  const interfaces = await environment.interfaces();
  const setting: Setting = { environment, interfaces, timeoutMs };
  yield named("permissions", checkPermissions(environment));
  yield named("addresses", checkAddresses(interfaces));
  if (target === undefined) {
    yield named("port", await checkPort(port, setting));
    yield named("multicast", await checkMulticast(setting));
  }
  yield named("terminal", checkTerminal(environment.terminal()));
  const { file, verdict } = await checkIdentity(command, environment);
  yield named("identity", verdict);
  if (target === undefined) return;
  const { room, ...broker } = isBrokerAddress(target.host) ? parseBrokerAddress(target.host) : NONE;
  if (broker.servers.length > 0) {
    let isReached = false;
    for (const server of broker.servers) {
      const verdict = await checkServer({ ...broker, servers: [server] }, room, setting);
      isReached ||= verdict.ok === true;
      yield named("broker", verdict);
    }
    if (!isReached || room === undefined) return;
  } else if (!isAddress(target.host)) {
    const found = await checkName(target.host, setting);
    yield named("name", found);
    if (!found.ok) return;
  }
  let connection: Connection;
  const begun = environment.now();
  try {
    connection = room !== undefined
      ? await environment.callBroker(broker, room, timeoutMs)
      : await environment.dial(target.host, target.port, { timeoutMs });
  } catch (error) {
    yield named("connection", notConnected(target.host, interfaces, failure(error)));
    return;
  }
  const ms = Math.max(0, environment.now() - begun);
  const where = formatHostPort(target.host, target.port, DEFAULT_PORT);
  yield named("connection", good(`${where} takes connections (${ms} ms)`));
  let answer: HostAnswer;
  try {
    answer = await environment.ask(connection, timeoutMs);
  } catch (error) {
    yield named("lanchat", handshakeFailed(failure(error)));
    return;
  }
  const now = environment.now();
  yield named("lanchat", checkAdmission(answer));
  const address = formatHostPort(target.host, target.port);
  yield named("host", await checkHost(answer.key, address, file, environment));
  if (answer.accept !== undefined) yield named("clock", checkClock(answer.accept.time - now));
}

function checkPermissions({ granted }: Environment): Verdict {
  const missing = PERMISSIONS.filter((permission) => !granted(permission));
  if (missing.length === 0) return good("all granted");
  const given = PERMISSIONS.filter((permission) => granted(permission));
  const advice = missing.map((permission) => GIVES[permission]).join(", ");
  return unknown(
    `${list(given) || "none"} granted; ${list(missing)} missing or partial`,
    fromSource(`${advice}.`),
  );
}

function checkAddresses(interfaces: Interfaces): Verdict {
  if (interfaces === undefined) {
    return unknown("not allowed to list them", CODES["addresses-hidden"].hint);
  }
  const saw = list(
    interfaces.map(({ address, name }) => `${address} (${name || DEFAULT_INTERFACE})`),
  );
  const advice = "Connect this machine to the others' network.";
  if (interfaces.length === 0) return bad("only loopback", advice);
  const ipv4 = interfaces.filter(({ family }) => family === "IPv4");
  return ipv4.length > 0 && ipv4.every(({ address }) => SELF_ASSIGNED.test(address))
    ? bad(`${saw}: self-assigned, the network gave none`, advice)
    : good(saw);
}

async function checkPort(port: number, setting: Setting): Promise<Verdict> {
  const { environment, interfaces } = setting;
  const own = interfaces === undefined ? [] : addressesOf(interfaces);
  const addresses = own.length === 0 ? [LOOPBACK] : own;
  let listener: Listener;
  try {
    listener = environment.listen({ port });
  } catch (error) {
    const problem = failure(error);
    if (problem.code === "port-in-use") {
      return await checkUsedPort(port, addresses, setting);
    }
    const isDenied = problem.code === "permission-denied" && !environment.granted("net");
    return isDenied ? unclear(problem) : failed(problem);
  }
  const answering = hangUpOnAll(listener);
  const reached = await reachedOf(addresses, listener.port, setting);
  listener.close();
  await answering;
  const unreached = addresses.filter((address) => !reached.includes(address));
  if (unreached.length === 0) {
    return good(`${listener.port} is free; this machine reaches it at ${list(reached)}`);
  }
  return bad(
    `${listener.port} is free, but this machine cannot reach it at ${list(unreached)}`,
    `Allow TCP port ${listener.port} in this machine's firewall.`,
  );
}

/** Checks a port on which a program listens already: lanchat or another one. */
async function checkUsedPort(
  port: number,
  addresses: readonly string[],
  setting: Setting,
): Promise<Verdict> {
  const { environment, timeoutMs } = setting;
  const reached = await reachedOf(addresses, port, setting);
  const problem = await environment.dial(reached[0] ?? LOOPBACK, port, { timeoutMs })
    .then((connection) => environment.ask(connection, timeoutMs))
    .then(() => undefined, failure);
  if (problem !== undefined && !GREETED.has(problem.code)) {
    const hint = `Use another port: lanchat serve --port ${port % 65_535 + 1}`;
    return bad(`${port} is taken by another program`, hint);
  }
  if (reached.length === 0) {
    return bad(
      `lanchat hosts on ${port}, but this machine cannot reach it at ${list(addresses)}`,
      "Host without --host, or with this machine's address on the others' network.",
    );
  }
  return good(
    `lanchat hosts on ${port}; this machine reaches it at ${list(reached)}; ` +
      `run 'lanchat doctor ADDRESS' on another machine to test from there`,
  );
}

async function reachedOf(
  addresses: readonly string[],
  port: number,
  { environment: { dial }, timeoutMs }: Setting,
): Promise<string[]> {
  const isReached = await Promise.all(
    addresses.map((address) =>
      dial(address, port, { timeoutMs }).then(({ close }) => {
        close();
        return true;
      }, () => false)
    ),
  );
  return addresses.filter((_, i) => isReached[i]);
}

async function hangUpOnAll({ connections }: Listener): Promise<void> {
  for await (const connection of connections) connection.close();
}

async function checkMulticast({ environment, timeoutMs }: Setting): Promise<Verdict> {
  const late = new AbortController();
  const cancel = systemClock.after(timeoutMs, () => late.abort());
  try {
    return multicastVerdict(await environment.multicast(late.signal));
  } catch (error) {
    return unclear(failure(error));
  } finally {
    cancel();
  }
}

function multicastVerdict({ leftOut, routes }: MulticastCheck): Verdict {
  const where = (isIt: (route: MulticastRoute) => boolean): string =>
    list(
      routes.filter(isIt).map(({ family, link, problem }) =>
        `${link || DEFAULT_INTERFACE} (${family}${problem === undefined ? "" : `: ${problem}`})`
      ),
    );
  const back = where(({ heard }) => heard);
  const lost = where(({ heard, listens }) => listens && !heard);
  const unheard = where(({ listens }) => !listens);
  const firewall = "Allow UDP port 5353 in this machine's firewall.";
  const untried = leftOut.length === 0
    ? undefined
    : interfacesLeftOut("multicast is not tested", leftOut);
  const saw = [
    ...back === "" ? [] : [`own multicast heard on ${back}`],
    ...lost === "" ? [] : [`own multicast not heard on ${lost}`],
    ...unheard === "" ? [] : [`cannot listen for multicast on ${unheard}`],
    ...untried === undefined ? [] : [untried.message],
  ].join("; ");
  if (lost === "" && unheard === "") return untried ? unknown(saw, untried.hint ?? "") : good(saw);
  if (lost !== "" && back === "") return bad(saw, `${firewall} ${BY_ADDRESS}`);
  return unknown(
    saw,
    lost === ""
      ? BY_ADDRESS
      : "If the others use that interface, allow UDP port 5353 in this machine's firewall.",
  );
}

function checkTerminal(terminal: TerminalLook): Verdict {
  const { colors, isTerminal, locale, size, type } = terminal;
  if (!isTerminal) {
    return unknown(
      "not a terminal on both standard input and output: lanchat uses plain lines",
      "",
    );
  }
  const facts = [
    ...type === undefined ? [] : [type],
    ...size === undefined ? [] : [`${size.columns} × ${size.rows}`],
    colors ? "colors" : "no colors (NO_COLOR)",
    ...locale === undefined ? [] : [locale],
  ].join(", ");
  if (locale !== undefined && /utf-?8/i.test(locale)) return good(facts);
  const advice = "If letters look broken, set the terminal to UTF-8 and LANG=C.UTF-8.";
  return locale === undefined || /^(?:C|POSIX)$/.test(locale)
    ? unknown(`${facts}; UTF-8 support unknown`, advice)
    : bad(`${facts}: not UTF-8`, advice);
}

async function checkIdentity(
  choice: IdentityChoice,
  { identity: look }: Environment,
): Promise<{ file?: string; verdict: Verdict }> {
  try {
    const { file, identity, isPrivate, isProtected } = await look(choice);
    if (isProtected === undefined) {
      return { verdict: good(`${file} will be created at the first start`) };
    }
    const facts = identity === undefined
      ? "with a passphrase"
      : `no passphrase, tag ${await keyTag(identity.publicKey)}`;
    const readers = isPrivate
      ? `only you can read ${file}`
      : `${file} exists, its mode was not checked`;
    return { file, verdict: good(`${readers} (${facts})`) };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { verdict: error.code === "permission-denied" ? unclear(error) : failed(error) };
  }
}

async function checkName(name: string, { environment, timeoutMs }: Setting): Promise<Verdict> {
  try {
    const addresses = await deadline(systemClock, timeoutMs, environment.lookUp(name));
    const { hint } = CODES["name-not-found"];
    return addresses === undefined
      ? bad(`no answer for ${name} in ${timeoutMs / 1000} s`, hint)
      : good(`${name} is ${list(addresses)}`);
  } catch (error) {
    return failed(failure(error));
  }
}

/** Checks one server of a broker. */
async function checkServer(
  broker: BrokerAddress,
  room: string | undefined,
  { environment, timeoutMs }: Setting,
): Promise<Verdict> {
  const begun = environment.now();
  try {
    await environment.reachBroker(broker, room, timeoutMs);
  } catch (error) {
    return failed(failure(error));
  }
  const ms = Math.max(0, environment.now() - begun);
  return good(`${formatBrokerAddress(broker)} takes this user and their calls (${ms} ms)`);
}

function notConnected(
  host: string,
  interfaces: Interfaces,
  problem: LanchatError,
): Verdict {
  const networks = interfaces?.filter(({ family }) => family === "IPv4") ?? [];
  const isElsewhere = problem.code === "unreachable" && isIPv4(host) && !host.startsWith("127.") &&
    networks.length > 0 && !networks.some((network) => isInNetwork(host, network));
  if (!isElsewhere) return failed(problem);
  const own = list(networks.map(({ cidr }) => cidr));
  return bad(
    problem.message,
    `${host} is in none of this machine's networks (${own}). Connect to the host's network.`,
  );
}

function handshakeFailed(problem: LanchatError): Verdict {
  if (problem.code === "busy") return unclear(problem);
  if (problem.code === "needs-invite") {
    return good("lanchat answers; the room is by invitation only");
  }
  return failed(problem);
}

function checkAdmission({ accept }: HostAnswer): Verdict {
  if (accept === undefined) {
    return bad("lanchat answers, but the room is closing", CODES["connection-refused"].hint);
  }
  const refusal = REFUSALS[accept.status];
  return refusal === undefined
    ? good("lanchat answers; the room is open")
    : bad(`lanchat answers, but ${refusal.reason}`, CODES[refusal.code].hint);
}

async function checkHost(
  key: Bytes,
  address: string,
  identityFile: string | undefined,
  environment: Environment,
): Promise<Verdict> {
  const [digits, tag] = await Promise.all([fingerprint(key), keyTag(key)]);
  const saw = `tag ${tag}, fingerprint ${groups(digits)}`;
  if (identityFile === undefined) return good(saw); // Without an identity no peers are known.
  let known: PeerLookup;
  try {
    known = await environment.known(identityFile);
  } catch (error) {
    const { hint, message } = failure(error);
    return unknown(`${saw}; ${message}`, hint);
  }
  const pinned = known.hostAt(address);
  if (pinned !== undefined && !equal(pinned.key, key)) {
    return failed(await changedHost(address, digits, pinned));
  }
  const before = known.find(key);
  const state = before === undefined
    ? "first contact"
    : before.verified
    ? "verified"
    : `met on ${day(before.firstSeen)}, not verified`;
  return good(`${saw}; ${state}`);
}

/** @param ms Milliseconds by which the host's clock is ahead of this machine's. */
function checkClock(ms: number): Verdict {
  const seconds = Math.round(Math.abs(ms) / 1000);
  const amount = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  const saw = seconds === 0
    ? "the same as the host's"
    : `${amount} ${ms > 0 ? "behind" : "ahead of"} the host's`;
  if (Math.abs(ms) <= MAX_CLOCK_SKEW_MS) return good(saw);
  return bad(
    saw,
    "Correct the wrong clock: message times are off until then.",
  );
}

function named(check: CheckName, verdict: Verdict): CheckEvent {
  return { event: "check", check, ...verdict };
}

function good(saw: string): Verdict {
  return { ok: true, saw, advice: "" };
}

function bad(saw: string, advice: string): Verdict {
  return { ok: false, saw, advice };
}

function failed({ hint, message }: LanchatError): Verdict {
  return bad(message, hint);
}

function unclear({ hint, message }: LanchatError): Verdict {
  return unknown(message, hint);
}

function unknown(saw: string, advice: string): Verdict {
  return { ok: null, saw, advice };
}

/** @throws Any other error, because it is a fault of lanchat. */
function failure(error: unknown): LanchatError {
  if (error instanceof LanchatError) return error;
  throw error;
}

function list(items: readonly string[]): string {
  return items.join(", ");
}

function isIPv4(host: string): boolean {
  return isAddress(host) && !host.includes(":");
}
