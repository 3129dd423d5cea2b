import { assert, assertEquals, assertMatch } from "@std/assert";
import type { DoctorCommand } from "../../lib/cli/commands/doctor.ts";
import type { HostAnswer } from "../../lib/cli/ask_host.ts";
import {
  checkUp,
  type Environment,
  type PeerLookup,
  type TerminalLook,
} from "../../lib/cli/checkup.ts";
import { equal } from "../../lib/bytes/mod.ts";
import { generateIdentity } from "../../lib/crypto/mod.ts";
import { HandshakeError, NetError, StoreError } from "../../lib/errors.ts";
import type { Connection, Listener, MulticastRoute } from "../../lib/net/mod.ts";
import type { KnownPeer } from "../../lib/store/mod.ts";
import type { CheckEvent } from "../../lib/session_events.ts";
import { AcceptStatus } from "../../lib/wire/mod.ts";
import { test } from "../support/test.ts";

const NOW = 1_795_480_204_301;

const { identity: IDENTITY } = await generateIdentity();

const COMMAND: DoctorCommand = {
  kind: "doctor",
  target: { host: "192.0.2.9", port: 12_345 },
  port: 12_345,
  timeoutMs: 3000,
  identity: undefined,
  profile: undefined,
  viaCreds: undefined,
  json: false,
};

const TERMINAL: TerminalLook = {
  isTerminal: true,
  size: { columns: 80, rows: 24 },
  colors: true,
  type: "xterm",
  locale: "en_GB.UTF-8",
};

function network(
  name: string,
  address: string,
  cidr = `${address}/24`,
): Deno.NetworkInterfaceInfo {
  const [family, netmask, scopeid] = address.includes(":")
    ? ["IPv6", "ffff:ffff:ffff:ffff::", 2] as const
    : ["IPv4", "255.255.255.0", null] as const;
  const mac = "00:00:00:00:00:00";
  return { name, address, cidr, family, netmask, mac, scopeid } as Deno.NetworkInterfaceInfo;
}

const INTERFACES = [network("eth0", "192.0.2.2"), network("eth0", "fe80::1")];

function connection(): Connection {
  return {
    readable: new ReadableStream(),
    writable: new WritableStream(),
    remoteAddress: "192.0.2.9",
    close() {},
  };
}

function listener(port: number): Listener {
  return { port, hosts: ["::"], connections: ReadableStream.from([connection()]), close() {} };
}

function answer({ status = AcceptStatus.OK as number, time = NOW } = {}): HostAnswer {
  const instance = new Uint8Array(8);
  return {
    key: IDENTITY.publicKey,
    accept: {
      type: "accept",
      status,
      resumed: false,
      instance,
      lastCmid: 0,
      maxMembers: 9,
      time,
      keep: 90,
    },
  };
}

const FILE = "/home/ada/identity.json";

function peer(changes: Partial<KnownPeer> = {}): KnownPeer {
  return {
    key: IDENTITY.publicKey,
    names: [],
    addresses: ["192.0.2.9:12345"],
    firstSeen: NOW,
    lastSeen: NOW,
    verified: false,
    ...changes,
  };
}

/** Checks only this machine, as a host. */
const HOSTING: Partial<DoctorCommand> = { target: undefined };

/** The checks that only a host needs. */
const OF_A_HOST: readonly CheckEvent["check"][] = ["port", "multicast"];

/** The known peers of an identity that has met one peer or none. */
function peerLookup(met?: KnownPeer): PeerLookup {
  return {
    find: (key) => met !== undefined && equal(met.key, key) ? met : undefined,
    hostAt: (address) => met?.addresses.includes(address) ? met : undefined,
  };
}

const ROUTE: MulticastRoute = {
  link: "eth0",
  family: "IPv4",
  listens: true,
  sent: true,
  heard: true,
};

/** An environment in which all checks pass. */
const HEALTHY: Environment = {
  granted: () => true,
  interfaces: () => Promise.resolve(INTERFACES),
  listen: ({ port }) => listener(port),
  dial: () => Promise.resolve(connection()),
  reachBroker: () => Promise.resolve(),
  callBroker: () => Promise.resolve(connection()),
  ask: () => Promise.resolve(answer()),
  multicast: () => Promise.resolve({ routes: [ROUTE], leftOut: [] }),
  lookUp: () => Promise.resolve(["192.0.2.9"]),
  identity: () =>
    Promise.resolve({ file: FILE, identity: IDENTITY, isProtected: false, isPrivate: true }),
  known: () => Promise.resolve(peerLookup()),
  terminal: () => TERMINAL,
  now: () => NOW,
};

async function checks(
  changes: Partial<Environment> = {},
  command: Partial<DoctorCommand> = {},
): Promise<CheckEvent[]> {
  return await Array.fromAsync(checkUp({ ...COMMAND, ...command }, { ...HEALTHY, ...changes }));
}

/** Asserts the result of one check. @returns The checks after it. */
async function assertVerdict(
  check: CheckEvent["check"],
  ok: boolean | null,
  saw: RegExp,
  advice: RegExp,
  changes: Partial<Environment>,
  command: Partial<DoctorCommand> = {},
): Promise<string[]> {
  const all = await checks(changes, { ...OF_A_HOST.includes(check) && HOSTING, ...command });
  const at = all.findIndex((event) => event.check === check);
  const event = all[at]!;
  assertEquals(event.ok, ok, event.saw);
  assertMatch(event.saw, saw);
  assertMatch(event.advice, advice);
  for (const { ok, advice } of all) assert(ok !== true || advice === "");
  return all.slice(at + 1).map(({ check }) => check);
}

function fails(error: Error): () => Promise<never> {
  return () => Promise.reject(error);
}

const NOTHING = /^$/;

test("checkUp passes all checks of a host, and none of this machine as a host", async () => {
  const all = await checks();
  assertEquals(all.filter(({ advice, ok }) => !ok || advice !== ""), []);
  assertEquals(all.map(({ check }) => check), [
    ...["permissions", "addresses", "terminal", "identity"],
    ...["connection", "lanchat", "host", "clock"],
  ]);
});

test("checkUp checks only this machine if no host is given", async () => {
  const never = (): never => {
    throw new Error("nobody is asked");
  };
  const all = await checks({ ask: never, lookUp: never }, HOSTING);
  assertEquals(all.map(({ check }) => check), [
    ...["permissions", "addresses", "port", "multicast", "terminal", "identity"],
  ]);
});

test("checkUp checks each server of a broker, then the host of the room there", async () => {
  const target = { host: "nats://192.0.2.9:4222,192.0.2.8:4222/abcdefghijklmnop", port: 0 };
  const never = (): never => {
    throw new Error("it is no name");
  };
  const all = await checks({ lookUp: never }, { target });
  const OTHERS = ["permissions", "addresses", "terminal", "identity"] as const;
  assertEquals(all.map(({ check }) => check), [
    ...OTHERS,
    ...["broker", "broker", "connection", "lanchat", "host", "clock"] as const,
  ]);
  const [, , , , first] = all;
  assertEquals(first!.saw, "nats://192.0.2.9:4222 takes this user and their calls (0 ms)");

  const down = new NetError("connection-refused", "nothing listens");
  const called: (string | undefined)[] = [];
  const oneIsDown = await checks({
    reachBroker: ({ servers }, room) => {
      called.push(room);
      return servers[0]!.host === "192.0.2.9" ? Promise.reject(down) : Promise.resolve();
    },
  }, { target });
  // A user may be let into this room alone.
  assertEquals(called, ["abcdefghijklmnop", "abcdefghijklmnop"]);
  assertEquals(oneIsDown.map(({ ok }) => ok).slice(4, 7), [false, true, true]);
  assertEquals((await checks({ reachBroker: fails(down) }, { target })).length, 6);
  assertEquals((await checks({}, { target: { host: "nats://a:4222", port: 0 } })).length, 5);
  const noHost = new NetError("connection-refused", "no host is there", { hint: "Check it." });
  const [, , , , , , last, ...rest] = await checks({ callBroker: fails(noHost) }, { target });
  assertEquals([last!.check, last!.ok, last!.advice], ["connection", false, "Check it."]);
  assertEquals(rest, []);
});

test("checkUp names the use of each missing permission", async () => {
  await assertVerdict("permissions", null, /^net granted; sys, env/, /--allow-sys lists/, {
    granted: (permission) => permission === "net",
  });
  await assertVerdict("permissions", null, /^none granted; net,/, /--allow-net/, {
    granted: () => false,
  });
});

test("checkUp reports a machine without a network", async () => {
  await assertVerdict("addresses", true, /^192\.0\.2\.2 \(eth0\), fe80::1 \(eth0\)$/, NOTHING, {});
  await assertVerdict("addresses", null, /not allowed to list/, /--allow-sys/, {
    interfaces: () => Promise.resolve(undefined),
  });
  await assertVerdict("addresses", false, /only loopback/, /Connect/, {
    interfaces: () => Promise.resolve([]),
  });
  await assertVerdict("addresses", false, /network gave none/, /Connect/, {
    interfaces: () =>
      Promise.resolve([network("wlan0", "169.254.1.2"), network("wlan0", "fe80::2")]),
  });
});

test("checkUp reports a free port and the addresses that reach it", async () => {
  await assertVerdict("port", true, /free.*192\.0\.2\.2, fe80::1%eth0/, NOTHING, {});
  await assertVerdict("port", true, /free.*127\.0\.0\.1/, NOTHING, {
    interfaces: () => Promise.resolve(undefined),
  });
  await assertVerdict(
    "port",
    false,
    /cannot reach it at fe80::1%eth0/,
    /TCP port 12345 .*firewall/,
    {
      dial: (host) =>
        host.startsWith("fe80")
          ? Promise.reject(new NetError("unreachable", "No"))
          : Promise.resolve(connection()),
    },
  );
});

const IN_USE: Partial<Environment> = {
  listen() {
    throw new NetError("port-in-use", "Cannot listen");
  },
};

test("checkUp distinguishes a hosting lanchat from another program on the port", async () => {
  await assertVerdict("port", true, /lanchat hosts on 12345.*192\.0\.2\.2/, NOTHING, IN_USE);
  for (const code of ["busy", "needs-invite", "handshake-stalled"] as const) {
    const ask = fails(new HandshakeError(code, "No"));
    await assertVerdict("port", true, /lanchat hosts/, NOTHING, { ...IN_USE, ask });
  }
  const ask = fails(new HandshakeError("not-lanchat", "No"));
  await assertVerdict("port", false, /another/, /--port 1$/, { ...IN_USE, ask }, { port: 65_535 });
  await assertVerdict("port", false, /another program/, /serve --port 12346/, { ...IN_USE, ask });
  await assertVerdict("port", false, /cannot reach it at 192\.0\.2\.2/, /--host/, {
    ...IN_USE,
    dial: (host) =>
      host === "127.0.0.1"
        ? Promise.resolve(connection())
        : Promise.reject(new NetError("connection-refused", "No")),
  });
});

test("checkUp reports a port that it cannot listen on", async () => {
  const listen = (): never => {
    throw new NetError("permission-denied", "Cannot use port");
  };
  await assertVerdict("port", false, /Cannot use port/, /./, { listen });
  await assertVerdict("port", null, /Cannot use port/, /--allow-net/, {
    listen,
    granted: () => false,
  });
});

test("checkUp reports for each interface and family whether its own multicast returns", async () => {
  const lost = { ...ROUTE, family: "IPv6", heard: false } as const;
  const deaf = { ...lost, link: "tun0", listens: false, problem: "EINVAL" };
  const cases = [
    [[ROUTE, { ...ROUTE, link: "tun0" }], true, /heard on eth0 \(IPv4\), tun0 \(IPv4\)$/, NOTHING],
    [[lost, lost], false, /not heard on eth0 \(IPv6\), eth0/, /UDP port 5353/],
    [[lost, deaf], false, /not heard.*listen for multicast on tun0/, /UDP port 5353.*by address/],
    [[ROUTE, lost], null, /not heard on eth0 \(IPv6\)/, /UDP port 5353/],
    [[ROUTE, deaf], null, /listen for multicast on tun0 \(IPv6: EINVAL\)/, /by address/],
    [[deaf, deaf], null, /listen for/, /by address/],
  ] as const;
  for (const [routes, ok, saw, advice] of cases) {
    const multicast = () => Promise.resolve({ routes, leftOut: [] });
    await assertVerdict("multicast", ok, saw, advice, { multicast });
  }
  await assertVerdict("multicast", null, /Cannot try/, /Use the address/, {
    multicast: fails(new NetError("discovery-unavailable", "Cannot try")),
  });
});

test("checkUp names the interfaces on which it does not try multicast", async () => {
  const leftOut = ["veth64", "veth65"];
  const saw = /heard on eth0 \(IPv4\); multicast is not tested on veth64, veth65: .* more than 64/;
  await assertVerdict("multicast", null, saw, /^Turn off unused interfaces/, {
    multicast: () => Promise.resolve({ routes: [ROUTE], leftOut }),
  });
  const lost = { ...ROUTE, heard: false };
  await assertVerdict("multicast", false, /not tested on veth64, veth65/, /UDP port 5353/, {
    multicast: () => Promise.resolve({ routes: [lost], leftOut }),
  });
});

test("checkUp stops waiting for multicast and for a name after its timeout", async () => {
  const begun = performance.now();
  const hanging: Partial<Environment> = {
    multicast: (signal) =>
      new Promise((resolve) =>
        signal.addEventListener(
          "abort",
          () => resolve({ routes: [{ ...ROUTE, heard: false }], leftOut: [] }),
        )
      ),
    lookUp: () => new Promise(() => {}),
  };
  const behind = await assertVerdict(
    "name",
    false,
    /no answer for ada\.local in 0\.02 s/,
    /IP address/,
    hanging,
    {
      target: { host: "ada.local", port: 1 },
      timeoutMs: 20,
    },
  );
  assertEquals(behind, []);
  const multicast = ["multicast", false, /not heard on eth0/, /UDP port 5353/] as const;
  await assertVerdict(...multicast, hanging, { timeoutMs: 20 });
  assert(performance.now() - begun < 2000);
});

test("checkUp describes the terminal", async () => {
  const terminal = (changes: Partial<TerminalLook>): Partial<Environment> => ({
    terminal: () => ({ ...TERMINAL, ...changes }),
  });
  await assertVerdict("terminal", true, /^xterm, 80 × 24, colors, en_GB\.UTF-8$/, NOTHING, {});
  const locale = "de_DE.ISO-8859-1";
  await assertVerdict("terminal", false, /ISO-8859-1: not UTF-8/, /UTF-8/, terminal({ locale }));
  for (const locale of ["C", "POSIX", undefined]) {
    await assertVerdict("terminal", null, /UTF-8 support unknown/, /UTF-8/, terminal({ locale }));
  }
  await assertVerdict("terminal", true, /NO_COLOR/, NOTHING, terminal({ colors: false }));
  await assertVerdict("terminal", null, /plain lines/, NOTHING, terminal({ isTerminal: false }));
});

test("checkUp reports faults of the identity file", async () => {
  await assertVerdict(
    "identity",
    true,
    /^only you can read .*json \(no passphrase, tag \w{8}\)/,
    NOTHING,
    {},
  );
  await assertVerdict("identity", true, /^only you can read .* \(with a passphrase\)/, NOTHING, {
    identity: () => Promise.resolve({ file: FILE, isProtected: true, isPrivate: true }),
  });
  await assertVerdict("identity", true, /its mode was not checked/, NOTHING, {
    identity: () => Promise.resolve({ file: FILE, isProtected: true, isPrivate: false }),
  });
  await assertVerdict("identity", true, /^\/home.* will be created/, NOTHING, {
    identity: () => Promise.resolve({ file: FILE }),
  });
  for (const code of ["identity-damaged", "identity-unreadable", "identity-unwritable"] as const) {
    const identity = fails(new StoreError(code, "It is broken"));
    await assertVerdict("identity", false, /It is broken/, /./, { identity });
  }
  await assertVerdict("identity", null, /missing/, /--allow-read --allow-write/, {
    identity: fails(
      new StoreError("permission-denied", "--allow-env is missing", {
        hint: "Allow --allow-read --allow-write",
      }),
    ),
  });
});

test("checkUp resolves a name, and stops if that fails", async () => {
  const target = { host: "ada.local", port: 12_345 };
  await assertVerdict("name", true, /^ada\.local is 192\.0\.2\.9$/, NOTHING, {}, { target });
  const lookUp = fails(new NetError("name-not-found", "No address"));
  const behind = await assertVerdict("name", false, /No address/, /spelling/, { lookUp }, {
    target,
  });
  assertEquals(behind, []);
});

test("checkUp reports why it cannot reach a host, and a host in another network", async () => {
  const dial = (host: string): Promise<Connection> =>
    host === "192.0.2.2" || host.startsWith("fe80")
      ? Promise.resolve(connection())
      : Promise.reject(new NetError("unreachable", "No answer"));
  const behind = await assertVerdict("connection", false, /No answer/, /^Check that both/, {
    dial,
  });
  assertEquals(behind, []);
  const target = { host: "198.51.100.1", port: 12_345 };
  await assertVerdict(
    "connection",
    false,
    /No answer/,
    /^198\.51\.100\.1 is in none of this machine's networks \(192\.0\.2\.2\/24\)\. [^.]+\.$/,
    { dial },
    { target },
  );
  // A refused connection has reached its host.
  const refuse = fails(new NetError("connection-refused", "Nothing"));
  await assertVerdict("connection", false, /Nothing/, /^Check that 'lanchat serve'/, {
    dial: (host) => host === target.host ? refuse() : dial(host),
  }, { target });
});

test("checkUp reports which program answers", async () => {
  const refused = [
    ["not-lanchat", false],
    ["wrong-version", false],
    ["handshake-failed", false],
    ["handshake-stalled", false],
    ["connection-lost", false],
    ["busy", null],
  ] as const;
  for (const [code, ok] of refused) {
    const ask = fails(new HandshakeError(code, "It says no"));
    const behind = await assertVerdict("lanchat", ok, /It says no/, /./, { ask });
    assertEquals(behind, []);
  }
  const ask = fails(new HandshakeError("needs-invite", "No"));
  assertEquals(await assertVerdict("lanchat", true, /by invitation only/, NOTHING, { ask }), []);
});

test("checkUp reports the host's admission, key and clock, even if the host admits no one", async () => {
  const says = (it: HostAnswer): Partial<Environment> => ({ ask: () => Promise.resolve(it) });
  const full = says(answer({ status: AcceptStatus.ROOM_FULL }));
  const behind = await assertVerdict("lanchat", false, /room is full/, /--max-members/, full);
  assertEquals(behind, ["host", "clock"]);
  const ending = says({ key: IDENTITY.publicKey });
  assertEquals(await assertVerdict("lanchat", false, /room is closing/, /./, ending), ["host"]);
});

test("checkUp distinguishes a known host from a new one and from an impostor", async () => {
  const met = (known?: KnownPeer): Partial<Environment> => ({
    known: () => Promise.resolve(peerLookup(known)),
  });
  const digits = String.raw`tag \w{8}, fingerprint \d{5}( \d{5}){5}`;
  const cases = [
    [undefined, "first contact"],
    [peer(), String.raw`met on \d{4}-\d\d-\d\d, not verified`],
    [peer({ verified: true }), "verified"],
    [peer({ key: new Uint8Array(32), addresses: ["192.0.2.9:1"] }), "first contact"],
  ] as const;
  for (const [known, acquaintance] of cases) {
    await assertVerdict("host", true, RegExp(`^${digits}; ${acquaintance}$`), NOTHING, met(known));
  }
  const identity = fails(new StoreError("permission-denied", "No"));
  await assertVerdict("host", true, RegExp(`^${digits}$`), NOTHING, { identity });
  const known = fails(new StoreError("permission-denied", "It is hidden", { hint: "Show it." }));
  await assertVerdict("host", null, RegExp(`^${digits}; It is hidden$`), /Show/, { known });
  const impostor = met(peer({ key: new Uint8Array(32) }));
  const behind = await assertVerdict(
    "host",
    false,
    /^The key of the host at .* has changed/,
    /--accept-host/,
    impostor,
  );
  assertEquals(behind, ["clock"]);
});

test("checkUp reports the difference of the clocks and accepts ten minutes", async () => {
  const apart = (ms: number): Partial<Environment> => ({
    ask: () => Promise.resolve(answer({ time: NOW + ms })),
  });
  const cases = [
    [0, true, /^the same/, NOTHING],
    [600_000, true, /^10 min behind/, NOTHING],
    [-61_000, true, /^61 s ahead of/, NOTHING],
    [600_001, false, /^10 min behind/, /Correct the wrong clock/],
    [-7_200_000, false, /^120 min ahead of/, /Correct the wrong clock/],
  ] as const;
  for (const [ms, ok, saw, advice] of cases) {
    await assertVerdict("clock", ok, saw, advice, apart(ms));
  }
});

test("checkUp rethrows an unexpected error", async () => {
  const dial = fails(new TypeError("a fault"));
  const failure = await checks({ dial }).catch((error) => error);
  assert(failure instanceof TypeError);
});
