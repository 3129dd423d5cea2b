import { assert, assertEquals } from "@std/assert";
import { equal } from "../../lib/bytes/mod.ts";
import { HostSearch, type StartSearch } from "../../lib/session/host_search.ts";
import { trustsHost } from "../../lib/session/known_host.ts";
import { Connector } from "../../lib/session/connector.ts";
import { systemClock } from "../../lib/clock.ts";
import { keyTag, randomBytes, roomSecrets, zeroKey } from "../../lib/crypto/mod.ts";
import { dial, type FoundRoom } from "../../lib/net/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import { M1_BYTES } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { greeting, Impostor, sending } from "../support/impostor.ts";
import { identityOf } from "../support/keys.ts";
import { RoomOverSockets } from "../support/over_sockets.ts";
import { Proxy } from "../support/proxy.ts";

/** The host's address, and two that it does not have. */
const [GOOD, EVE, OTHER] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"] as const;

// The session keys are still being made when these end.
Deno.test("Connector.connect fails at once with a refused invite, and only when certain with one accepted before", async () => {
  const invite = randomBytes(16);
  const sockets = await RoomOverSockets.open({ invite });
  const other = await RoomOverSockets.open({ invite: randomBytes(16) });
  await using proxy = await Proxy.open(other.port);
  const { publicKey } = await identityOf("host");
  const connector = new Connector({
    hosts: [GOOD],
    port: proxy.port,
    identity: await identityOf("ada"),
    psk: (await roomSecrets(publicKey, invite)).psk,
    trusts: () => Promise.resolve(true),
    giveUpMs: 0,
  });
  await assertFails(connector.connect(), "wrong-invite");
  proxy.target = sockets.port;
  await connector.connect();
  // The host has begun another room; a connection that breaks there by chance looks the same.
  proxy.target = other.port;
  for (let i = 0; i < 2; i++) await assertFails(connector.connect(), "connection-lost");
  const { exitStatus } = await assertFails(
    connector.connect(),
    "another-room",
    "no longer accepts the invite",
  );
  assertEquals(exitStatus, 3);
  connector.close();
  await Promise.all([sockets.close(), other.close()]);
});

Deno.test("Connector.connect through a broker takes no end for a refusal of an invite that was accepted before", async () => {
  const invite = randomBytes(16);
  const sockets = await RoomOverSockets.open({ invite });
  const other = await RoomOverSockets.open({ invite: randomBytes(16) });
  const { publicKey } = await identityOf("host");
  let port = other.port;
  const connector = new Connector({
    hosts: ["nats://192.0.2.7:4222/abcdefghijklmnop"],
    port: 0,
    identity: await identityOf("ada"),
    psk: (await roomSecrets(publicKey, invite)).psk,
    trusts: () => Promise.resolve(true),
    giveUpMs: 0,
    dial: (_host, _port, options) => dial(GOOD, port, options),
  });
  await assertFails(connector.connect(), "wrong-invite");
  port = sockets.port;
  await connector.connect();
  // Another client of the broker can end each handshake as a host does that does not know the invite.
  port = other.port;
  for (let i = 0; i < 5; i++) await assertFails(connector.connect(), "connection-lost");
  port = sockets.port;
  await connector.connect();
  connector.close();
  await Promise.all([sockets.close(), other.close()]);
});

Deno.test("Connector.connect does not take a connection that is reset or ends late for a refusal", async () => {
  const invite = randomBytes(16);
  const sockets = await RoomOverSockets.open({ invite });
  // Each behind the first bytes of M1.
  const ends = [undefined, "cut", "cut", "reset", "cut", "cut", "late", "cut"] as const;
  const cut = { direction: "toHost", at: 100 } as const;
  await using proxy = await Proxy.open(sockets.port, (connection) => {
    const end = ends[connection];
    return end === undefined ? [] : [{ ...cut, kind: end === "late" ? "cut" : end }];
  });
  const { publicKey } = await identityOf("host");
  let now = 0;
  let isLate = false;
  const connector = new Connector({
    hosts: [GOOD],
    port: proxy.port,
    identity: await identityOf("ada"),
    psk: (await roomSecrets(publicKey, invite)).psk,
    trusts: () => Promise.resolve(true),
    giveUpMs: 0,
    clock: { ...systemClock, elapsed: () => now += isLate ? 3000 : 0 },
  });
  await connector.connect();
  for (const end of ends.slice(1)) {
    isLate = end === "late";
    await assertFails(connector.connect(), "connection-lost");
  }
  await connector.connect();
  connector.close();
  await sockets.close();
});

Deno.test("Connector.connect tries the next address after another key, or no lanchat host", async () => {
  const sockets = await RoomOverSockets.open();
  const { publicKey } = await identityOf("host");
  for (
    const answer of [
      sending(),
      async (caller: Deno.TcpConn) => void await caller.write(new TextEncoder().encode("HTTP/1.1")),
    ]
  ) {
    await using _eve = new Impostor(answer, { hostname: EVE, port: sockets.port });
    const connector = new Connector({
      hosts: [EVE, GOOD],
      port: sockets.port,
      identity: await identityOf("ada"),
      psk: zeroKey(),
      trusts: (key) => Promise.resolve(equal(key, publicKey)),
      giveUpMs: 0,
    });
    await connector.connect();
    assertEquals(connector.address.host, GOOD);
    connector.close();
  }
  await sockets.close();
});

Deno.test("Connector.connect tries no other address after a changed host key", async () => {
  const sockets = await RoomOverSockets.open();
  await using _eve = new Impostor(sending(), { hostname: EVE, port: sockets.port });
  const { publicKey } = await identityOf("host");
  const known = await KnownPeers.open(undefined);
  await known.seen((await identityOf("carol")).publicKey, { address: `${GOOD}:${sockets.port}` });
  for (const hosts of [[GOOD], [GOOD, "localhost"], [EVE, GOOD, "localhost"], [GOOD, OTHER]]) {
    const connector = new Connector({
      hosts,
      port: sockets.port,
      identity: await identityOf("ada"),
      psk: zeroKey(),
      trusts: async (key, where) => equal(key, publicKey) && await trustsHost(key, where, known),
      giveUpMs: 0,
    });
    const { exitStatus } = await assertFails(connector.connect(), "host-key-changed");
    assertEquals(exitStatus, 3);
    connector.close();
  }
  await sockets.close();
});

Deno.test("Connector.connect takes each end after its first M1 for a refused invite, at each address", async () => {
  const sockets = await RoomOverSockets.open({ invite: randomBytes(16) });
  const { publicKey } = await identityOf("host");
  const { psk } = await roomSecrets(publicKey, randomBytes(16));
  await using reset = await Proxy.open(sockets.port, () => [
    { direction: "toHost", at: 100, kind: "reset" },
  ]);
  let now = 0;
  for (
    const [hosts, port] of [[[GOOD, OTHER], sockets.port], [[OTHER, GOOD], reset.port]] as const
  ) {
    const connector = new Connector({
      hosts,
      port,
      identity: await identityOf("ada"),
      psk,
      trusts: () => Promise.resolve(true),
      giveUpMs: 0,
      clock: { ...systemClock, elapsed: () => now += 3000 },
    });
    await assertFails(connector.connect(), "wrong-invite");
    connector.close();
  }
  await sockets.close();
});

Deno.test("Connector.reconnect waits for its host while another answers, and fails once that has all addresses", async () => {
  const sockets = await RoomOverSockets.open();
  await using proxy = await Proxy.open(sockets.port);
  await using eve = new Impostor(sending(), { hostname: EVE, port: proxy.port });
  const asked: string[] = [];
  const connector = new Connector({
    hosts: [GOOD, EVE, OTHER],
    port: proxy.port,
    identity: await identityOf("ada"),
    psk: zeroKey(),
    trusts: (_, { host }) => {
      asked.push(host);
      return Promise.resolve(true);
    },
    giveUpMs: 0,
  });
  await connector.connect();
  proxy.refuse();
  // The second time nobody asks there any more.
  for (let i = 0; i < 2; i++) await assertFails(connector.connect(), "connection-refused");
  assertEquals([asked, eve.callers], [[GOOD], 1]);
  await proxy.admit();
  await connector.connect();
  await using heir = new Impostor(sending());
  proxy.target = heir.port;
  await assertFails(connector.connect(), "connection-refused", OTHER);
  await using _last = new Impostor(sending(), { hostname: OTHER, port: proxy.port });
  await assertFails(connector.connect(), "another-room", "different key");
  connector.close();
  await sockets.close();
});

Deno.test("Connector.connect tells a host that fell silent from another program, and from a refused invite", async () => {
  const { publicKey } = await identityOf("host");
  const { psk } = await roomSecrets(publicKey, randomBytes(16));
  for (const key of [zeroKey(), psk]) {
    for (const hangsUp of [false, true]) {
      const clock = new FakeClock();
      await using silent = new Impostor(async (caller) => {
        await caller.write(greeting({ invite: key === psk }));
        await caller.read(new Uint8Array(M1_BYTES));
        // A host whose M2 does not come through ends after 10 s, if that comes through.
        clock.advance(hangsUp ? 10_000 : 15_000);
        if (hangsUp) caller.close();
      });
      const connector = new Connector({
        hosts: [GOOD],
        port: silent.port,
        identity: await identityOf("ada"),
        psk: key,
        trusts: () => Promise.resolve(true),
        giveUpMs: 0,
        clock,
      });
      await assertFails(connector.connect(), "handshake-stalled", `${GOOD}:${silent.port}`);
      connector.close();
    }
  }
});

/** A search that finds what it is told. */
class FakeSearch implements StartSearch {
  rooms: FoundRoom[] = [];
  closed = false;
  readonly #begun = Promise.withResolvers<() => void>();

  /** For `ConnectorOptions.search`. */
  follow(tag: string): HostSearch {
    return new HostSearch(tag, ({ onChange }) => {
      this.#begun.resolve(onChange!);
      return this;
    });
  }

  /** Finds a room, once it is searched for. */
  async find(tag: string, address: string, port: number): Promise<void> {
    const onChange = await this.#begun.promise;
    const instance = `${this.rooms.length}`;
    this.rooms = [...this.rooms, { instance, tag, port, invite: false, addresses: [address] }];
    onChange();
  }

  close(): void {
    this.closed = true;
  }
}

Deno.test("Connector.reconnect finds its host at an announced address, and no impostor", async () => {
  const sockets = await RoomOverSockets.open();
  await using proxy = await Proxy.open(sockets.port);
  const called = Promise.withResolvers<void>();
  await using eve = new Impostor(async (caller) => {
    called.resolve();
    await sending()(caller);
  }, { hostname: EVE });
  const [host, other] = await Promise.all(
    ["host", "carol"].map(async (name) => await keyTag((await identityOf(name)).publicKey)),
  );
  const search = new FakeSearch();
  const connector = new Connector({
    hosts: [GOOD],
    port: proxy.port,
    identity: await identityOf("ada"),
    psk: zeroKey(),
    trusts: () => Promise.resolve(true),
    giveUpMs: Infinity,
    search: (tag) => search.follow(tag),
    // It stands still: nothing but what is found ends a wait.
    clock: new FakeClock(),
  });
  await connector.connect();
  proxy.refuse();
  const back = connector.reconnect();
  await search.find(other!, GOOD, sockets.port);
  await search.find(host!, EVE, eve.port);
  await called.promise;
  await search.find(host!, GOOD, sockets.port);
  await back;
  assertEquals(connector.address, { host: GOOD, port: sockets.port });
  assert(search.closed);
  connector.close();
  await sockets.close();
});

Deno.test("HostSearch.found resolves for no more than eight addresses", async () => {
  const search = new FakeSearch();
  const host = search.follow("pkeke42s");
  for (let i = 1; i <= 8; i++) {
    const { found } = host;
    await search.find("pkeke42s", GOOD, i);
    await found;
    assertEquals(host.addresses().length, i);
  }
  await search.find("pkeke42s", GOOD, 9);
  const never = Symbol();
  const later = new Promise((resolve) => setTimeout(() => resolve(never)));
  assertEquals(await Promise.race([host.found, later]), never);
  assertEquals(host.addresses().length, 9);
});
