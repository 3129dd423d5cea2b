import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { concat, toBase64Url } from "../../lib/bytes/mod.ts";
import { type Channel, localChannel, type SecureChannel } from "../../lib/channel/mod.ts";
import { type ClientOptions, type Reconnector, runClient } from "../../lib/session/client.ts";
import type { ClientEnd } from "../../lib/session/ending.ts";
import { Interrupts } from "../../lib/session/interrupts.ts";
import { TrustStore } from "../../lib/session/trust_store.ts";
import { fingerprint, label, roomCode } from "../../lib/crypto/mod.ts";
import { ChannelError } from "../../lib/errors.ts";
import { DEFAULT_LIMITS, type ProvenSession, Relay } from "../../lib/relay/mod.ts";
import { type RoomOptions, SessionKeys } from "../../lib/room/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import type { FrontEnd } from "../../lib/session/front_end.ts";
import type { SessionEvent, Wish } from "../../lib/session_events.ts";
import { encodeKickHead, KickOp } from "../../lib/wire/mod.ts";
import { channelPair, type TestChannel } from "../support/channel.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { ScriptedGuest } from "../support/scripted_guest.ts";
import { Inbox } from "../support/inbox.ts";
import { identityOf, sessionKey, sessionOf } from "../support/keys.ts";
import { HOST, MEMBER_KEY, ROOM_ID } from "../support/puppet.ts";
import { test } from "../support/test.ts";
import { TestMember } from "../support/rooms_in_memory.ts";

/** A real client at a real relay; the test breaks and makes its connections. */
class ClientAtRelay {
  readonly clock: FakeClock = new FakeClock();
  readonly relay: Relay = new Relay({ clock: this.clock });
  readonly events: Inbox<SessionEvent> = new Inbox();
  /** Settled by the test for each try to connect again. */
  readonly tries: Inbox<PromiseWithResolvers<void>> = new Inbox();
  ended!: Promise<ClientEnd>;
  /** Ends the way, as a signal does. */
  stop!: () => void;
  /** Breaks the front end. */
  break!: () => void;
  /** Called before another session is made. */
  onRenew: () => Promise<void> = () => Promise.resolve();
  #relays!: TestChannel;
  #wish!: ReadableStreamDefaultController<Wish>;
  readonly #served: Promise<void>[] = [];
  readonly #others: TestMember[] = [];
  readonly #othersRan: Promise<unknown>[] = [];
  readonly #interrupts = new Interrupts(() => {});

  /** Whom the member knows. */
  known!: KnownPeers;
  /** Where the host is. */
  address: Reconnector["address"] = { host: "192.0.2.1", port: 12_345 };

  /**
   * A member that is ready.
   *
   * @param host The host's key, as its events have it. @param options What is not as usual.
   */
  static async start(
    host = "",
    known?: KnownPeers,
    { bobs = [], hostAddress, to, ...room }:
      & Partial<Pick<RoomOptions, "hostKey" | "maxBurned" | "waitMs">>
      & Partial<Pick<ClientOptions, "hostAddress" | "to">>
      & { readonly bobs?: readonly string[] } = {},
  ): Promise<ClientAtRelay> {
    const client = new ClientAtRelay();
    client.known = known ?? await KnownPeers.open(undefined);
    const identity = await identityOf("ada");
    const { publicKey: key } = identity;
    const newSeat = async (): Promise<Reconnector["session"]> => ({
      ...await sessionOf(ROOM_ID, key),
      keys: new SessionKeys({ generate: sessionKey }),
    });
    let seat = await newSeat();
    let stopped = false;
    const way: Reconnector = {
      get session(): Reconnector["session"] {
        return seat;
      },
      get stopped(): boolean {
        return stopped;
      },
      get address(): Reconnector["address"] {
        return client.address;
      },
      hop: { joinCode: "0123456789" } as Reconnector["hop"],
      async reconnect(): Promise<SecureChannel> {
        if (stopped) throw new ChannelError("connection-lost", "stopped");
        const answer = Promise.withResolvers<void>();
        client.tries.push(answer);
        await answer.promise;
        return await client.#connect({ key, ...seat }) as SecureChannel;
      },
      entered: () => {},
      renew: async () => {
        await client.onRenew();
        seat = await newSeat();
      },
      stop: () => void (stopped = true),
    };
    client.stop = way.stop;
    for (const name of bobs) await client.join(name, "bob");
    const input = new ReadableStream<Wish>({ start: (wish) => void (client.#wish = wish) });
    const frontEnd: FrontEnd = {
      input,
      show: (event) => client.events.push(event),
      writable: () => Promise.resolve(),
      broken: new Promise((resolve) => void (client.break = resolve)),
      interrupted: new Promise(() => {}),
      close: () => Promise.resolve(),
    };
    client.ended = runClient({
      frontEnd,
      channel: await client.#connect({ key, ...seat }),
      connector: way,
      room: {
        identity,
        name: "ada",
        roomId: ROOM_ID,
        hostKey: HOST.publicKey,
        memberKey: MEMBER_KEY,
        ...room,
      },
      session: seat,
      trustStore: await TrustStore.of(client.known, identity.publicKey),
      fingerprint: "0".repeat(30),
      ...hostAddress !== undefined && { hostAddress },
      to,
      host: { tag: "", key: host, known: true, verified: true },
      joinCode: null,
      listen: false,
      endsWithInput: true,
      untilDelivered: false,
      timeoutMs: 1000,
      interrupts: client.#interrupts,
    });
    await client.event("ready");
    return client;
  }

  /** The next event of a kind; others are skipped. */
  async event<Kind extends SessionEvent["event"]>(
    kind: Kind,
  ): Promise<SessionEvent & { event: Kind }> {
    return await this.events.find((event): event is SessionEvent & { event: Kind } =>
      event.event === kind
    );
  }

  /** Somebody else comes. @param identity Whose key it has. */
  async enter(name: string, identity: string = name): Promise<TestMember> {
    const member = await TestMember.create(name, { identity });
    const [mine, relays] = localChannel();
    this.#othersRan.push(this.relay.serve(relays, member), member.run(mine));
    this.#others.push(member);
    return member;
  }

  /** Somebody else comes, and is in the room. */
  async join(name: string, identity?: string): Promise<TestMember> {
    const member = await this.enter(name, identity);
    await member.ready;
    return member;
  }

  say(text: string, to?: string): void {
    this.#wish.enqueue({ do: "say", text, kind: "text", id: text, ...to !== undefined && { to } });
  }

  wish(wish: Wish): void {
    this.#wish.enqueue(wish);
  }

  endInput(): void {
    this.#wish.close();
  }

  /** Breaks the connection. */
  async lose(): Promise<void> {
    this.#relays.end.close();
    await this.event("disconnected");
  }

  /** Breaks the connection of a client that is ready, and lets the seat expire. */
  async loseSeat(): Promise<void> {
    await this.expireSeat();
    await this.event("disconnected");
  }

  /** Breaks the connection, and lets the seat expire. */
  async expireSeat(): Promise<void> {
    this.#relays.end.close();
    await Promise.all(this.#served);
    this.clock.advance(DEFAULT_LIMITS.keepSeatMs);
  }

  async close(): Promise<void> {
    await this.relay.close(0);
    await Promise.all([...this.#served, ...this.#othersRan]);
    for (const { room } of this.#others) room.end("not-delivered");
    this.#interrupts.close();
  }

  async #connect(guest: ProvenSession): Promise<Channel> {
    const [mine, relays] = await channelPair();
    this.#relays = relays;
    this.#served.push(this.relay.serve(relays, guest));
    return mine;
  }
}

test("runClient begins another session after too many members have left, shows that once, and keeps bans", async () => {
  const client = await ClientAtRelay.start("", undefined, { maxBurned: 2 });
  const { publicKey: target } = await identityOf("mal");
  const head = encodeKickHead({ roomId: ROOM_ID, target, op: KickOp.BAN, number: 1 });
  client.relay.broadcast(concat(head, await HOST.sign(concat(label("lanchat/1 kick"), head))));
  for (const name of ["bob", "carol"]) {
    const member = await client.enter(name);
    await client.event("joined");
    await member.room.leave();
    await client.event("left");
  }
  const dave = await client.enter("dave");
  const warning = await client.events.next();
  assertEquals(warning.event === "warning" && warning.code, "seat-lost");
  (await client.tries.next()).resolve();
  const ready = await client.events.next();
  assertEquals(ready.event === "ready" && ready.members.map(({ name }) => name), ["dave"]);
  // The relay has forgotten the ban.
  const mal = await client.enter("mal");
  const eve = await client.enter("eve");
  await eve.event("ready");
  assertEquals((await client.event("joined")).member.name, "eve");
  client.say("to those who are not banned");
  await Promise.all([dave, eve].map(({ texts }) => texts.next()));
  assertEquals(mal.texts.all, []);
  client.endInput();
  assertEquals(await client.ended, { reason: "end-of-input", status: 0 });
  await client.close();
});

test("runClient sends messages in its next session that were typed while the seat was lost", async () => {
  const client = await ClientAtRelay.start();
  await client.loseSeat();
  const bob = await client.join("bob");
  for (const text of ["one", "two"]) client.say(text);
  (await client.tries.next()).resolve();
  assertEquals((await client.event("warning")).code, "seat-lost");
  (await client.tries.next()).resolve();
  assertEquals((await client.event("ready")).members.map(({ name }) => name), ["bob"]);
  client.endInput();
  assertEquals(await client.ended, { reason: "end-of-input", status: 0 });
  await bob.texts.count(2);
  assertEquals(bob.texts.all, ["one", "two"]);
  await client.close();
});

test("runClient sends a message after a session that was lost before it was ready", async () => {
  const client = await ClientAtRelay.start();
  await client.loseSeat();
  const bob = await client.join("bob");
  const silent = new ScriptedGuest(client.relay, { name: "silent" }); // A newcomer waits for its answer.
  await silent.enter();
  silent.listen();
  client.say("typed while away");
  (await client.tries.next()).resolve();
  await client.event("warning");
  (await client.tries.next()).resolve();
  await bob.event("joined");
  await (await bob.room.say("to a member that is not ready")).delivered;
  await client.expireSeat();
  (await client.tries.next()).resolve();
  await client.event("warning");
  await silent.leave();
  const carol = await client.join("carol"); // The relay has dropped bob, as the time went on.
  (await client.tries.next()).resolve();
  await client.event("ready");
  assertEquals(await carol.texts.next(), "typed while away");
  client.endInput();
  assertEquals(await client.ended, { reason: "end-of-input", status: 0 });
  await client.close();
});

test("runClient sends a private message in its next session to the same key only", async () => {
  const client = await ClientAtRelay.start();
  await client.enter("bob");
  await client.event("joined");
  await client.loseSeat(); // Bob is not heard of either for so long.
  const mal = await client.join("bob", "mal");
  for (const to of ["bob", undefined]) client.say(`to ${to ?? "all"}`, to);
  await nextTurn();
  (await client.tries.next()).resolve();
  assertEquals((await client.event("warning")).code, "seat-lost");
  (await client.tries.next()).resolve();
  assertEquals((await client.event("ready")).members.map(({ name }) => name), ["bob"]);
  const outcome = await client.events.find((
    event,
  ): event is SessionEvent & { event: "failed" | "sent" } =>
    (event.event === "failed" || event.event === "sent") && event.id === "to bob"
  );
  assertEquals(outcome, { event: "failed", id: "to bob", code: "no-such-member" });
  client.endInput();
  await client.ended;
  await mal.texts.count(1);
  assertEquals(mal.texts.all, ["to all"]);
  await client.close();
});

test("runClient sends all messages only to the member that it waits for, and to its key", async () => {
  const client = await ClientAtRelay.start("", undefined, { to: "bob", waitMs: 600_000 });
  client.say("one");
  const carol = await client.join("carol");
  await client.event("joined");
  await carol.room.rename("bobby");
  await client.event("renamed");
  const bob = await client.join("bob");
  assertEquals(await bob.texts.next(), "one");
  await bob.room.leave();
  await client.event("left");
  const mal = await client.join("bob", "mal");
  await client.event("joined");
  client.say("two");
  client.endInput();
  assertEquals(await client.ended, { reason: "end-of-input", status: 1 });
  assertEquals([carol.texts.all, mal.texts.all], [[], []]);
  await client.close();
});

test("runClient reads no message for a member that is not there, or has two sessions", async () => {
  for (const bobs of [[], ["robert"], ["bob", "robert"]]) {
    const client = await ClientAtRelay.start("", undefined, { bobs, to: "bob", waitMs: 0 });
    client.say("secret");
    const { code } = await client.event("error");
    assertEquals([code, await client.ended], ["no-such-member", { reason: "failed", status: 1 }]);
    await client.close();
  }
});

test("runClient keeps a private message for the key that had the name when it was typed", async () => {
  const client = await ClientAtRelay.start();
  const bob = await client.join("bob");
  const mal = await client.join("mal");
  for (const _ of [bob, mal]) await client.event("joined");
  const silent = new ScriptedGuest(client.relay, { name: "silent" });
  await silent.enter();
  for (let i = 0; i < 32; i++) client.say("x".repeat(16_000)); // More than may be on the way.
  client.say("for bob", "bob");
  client.wish({ do: "whois", name: "mal" });
  await client.event("member"); // Carried out after all before.
  await bob.room.rename("robert");
  await mal.event("renamed"); // So that it does not report the name as taken.
  assertEquals((await client.event("renamed")).member.name, "robert");
  await mal.room.rename("bob");
  assertEquals((await client.event("renamed")).member.name, "bob");
  const expired = client.expireSeat();
  await silent.cut();
  await expired;
  const [robert, other] = [await client.join("robert", "bob"), await client.join("bob", "mal")];
  (await client.tries.next()).resolve();
  assertEquals((await client.event("warning")).code, "seat-lost");
  (await client.tries.next()).resolve();
  await client.event("ready");
  client.say("for all");
  for (const { texts } of [robert, other]) {
    await texts.find((text): text is string => text === "for all");
  }
  const received = [bob, mal, robert, other].map(({ texts }) => texts.all.includes("for bob"));
  assertEquals(received, [false, false, true, false]);
  client.endInput();
  await client.ended;
  await client.close();
});

test("runClient takes a name for the member last shown while no session is ready", async () => {
  const client = await ClientAtRelay.start();
  await client.enter("bob");
  await client.event("joined");
  await client.loseSeat();
  const mal = await client.join("bob", "mal");
  const silent = new ScriptedGuest(client.relay, { name: "silent" }); // A newcomer waits for its answer.
  await silent.enter();
  silent.listen();
  (await client.tries.next()).resolve();
  await client.event("warning");
  (await client.tries.next()).resolve();
  await mal.event("joined");
  await (await mal.room.say("to a member that is not ready")).delivered;
  client.onRenew = () => {
    client.say("for bob", "bob");
    return nextTurn();
  };
  await client.expireSeat();
  (await client.tries.next()).resolve();
  await client.event("warning");
  await silent.leave();
  const again = await client.join("bob", "mal");
  (await client.tries.next()).resolve();
  await client.event("ready");
  client.say("for all");
  await again.texts.find((text): text is string => text === "for all");
  assert(!again.texts.all.includes("for bob"));
  client.endInput();
  await client.ended;
  await client.close();
});

test("runClient sends a private message to no one who takes a name that no one had", async () => {
  const client = await ClientAtRelay.start();
  await client.enter("carol");
  await client.event("joined");
  await client.loseSeat();
  const bob = await client.join("bob");
  (await client.tries.next()).resolve();
  await client.event("warning");
  const again = await client.tries.next();
  client.say("secret", "bob");
  assertEquals((await client.event("failed")).code, "no-such-member");
  again.resolve();
  await client.event("ready");
  client.say("for all");
  await bob.texts.next();
  assertEquals(bob.texts.all, ["for all"]);
  client.endInput();
  await client.ended;
  await client.close();
});

test("runClient ends while another session begins", async () => {
  const client = await ClientAtRelay.start();
  const [renewing, renewed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  client.onRenew = () => {
    renewing.resolve();
    return renewed.promise;
  };
  await client.loseSeat();
  client.say("typed while away");
  (await client.tries.next()).resolve();
  await renewing.promise;
  client.break();
  await nextTurn();
  renewed.resolve();
  assertEquals(await client.ended, { reason: "failed", status: 1 });
  await client.close();
});

test("runClient keeps its name in its next session", async () => {
  const client = await ClientAtRelay.start();
  client.wish({ do: "nick", name: "adele" });
  assertEquals((await client.event("renamed")).member.name, "adele");
  client.wish({ do: "nick", name: "a#b" });
  assertEquals((await client.event("error")).code, "bad-name");
  await client.loseSeat();
  (await client.tries.next()).resolve();
  await client.event("warning");
  (await client.tries.next()).resolve();
  assertEquals((await client.event("ready")).name, "adele");
  client.endInput();
  assertEquals(await client.ended, { reason: "end-of-input", status: 0 });
  await client.close();
});

test("runClient sends its status again in its next session, and one not sent in the last", async () => {
  const client = await ClientAtRelay.start();
  client.wish({ do: "status", text: "at lunch" });
  assertEquals((await client.event("status")).text, "at lunch");
  await client.loseSeat();
  const bob = await client.join("bob");
  client.wish({ do: "status", text: "in bed" });
  await nextTurn();
  (await client.tries.next()).resolve();
  await client.event("warning");
  (await client.tries.next()).resolve();
  assertEquals((await client.event("ready")).members.map(({ name }) => name), ["bob"]);
  const told = [(await bob.event("status")).text, (await bob.event("status")).text];
  assertEquals(told, ["at lunch", "in bed"]);
  client.endInput();
  assertEquals(await client.ended, { reason: "end-of-input", status: 0 });
  await client.close();
});

test("runClient shows no event after its end while a wish is under way", async () => {
  const client = await ClientAtRelay.start();
  client.wish({ do: "nick", name: "adele" });
  await client.event("renamed");
  client.wish({ do: "rekey" }); // Its turn comes in a second.
  await nextTurn();
  await client.close();
  await client.ended;
  await nextTurn();
  assertEquals(client.events.rest().map(({ event }) => event), []);
});

test("runClient ends and fails waiting messages if no session follows a lost one", async () => {
  const client = await ClientAtRelay.start();
  await client.loseSeat();
  client.say("typed while away");
  (await client.tries.next()).resolve();
  await client.event("warning");
  (await client.tries.next()).reject(new ChannelError("connection-lost", "Gave up"));
  assertEquals((await client.event("failed")).code, "not-delivered");
  assertEquals(await client.ended, { reason: "connection-lost", status: 1 });
  await client.close();
});

test("runClient shows no error when a signal ends the wait for a connection after the last line", async () => {
  const client = await ClientAtRelay.start();
  await client.loseSeat();
  client.say("typed while away");
  client.endInput();
  const answer = await client.tries.next();
  await nextTurn();
  client.stop();
  answer.reject(new DOMException("The signal has been aborted", "AbortError"));
  assertEquals(await client.ended, { reason: "signal", status: 1 });
  const codes = client.events.all.flatMap((event) => event.event === "error" ? [event.code] : []);
  assertEquals(codes, ["undelivered"]);
  await client.close();
});

test("runClient keeps its lock, and the members that it keeps out, over the loss of its seat", async () => {
  const client = await ClientAtRelay.start();
  await client.enter("bob");
  await client.event("joined");
  client.wish({ do: "lock" });
  assertEquals(await client.event("locked"), { event: "locked", locked: true, host: false });
  await client.loseSeat(); // Bob is not heard of either for so long.
  await client.join("bob");
  await client.join("carol");
  (await client.tries.next()).resolve();
  (await client.tries.next()).resolve();
  const { members: shown } = await client.event("ready");
  const marks = shown.map(({ name, withheld }) => [name, withheld ?? false]);
  assertEquals(marks, [["bob", false], ["carol", true]]);
  client.wish({ do: "unlock" });
  assertEquals((await client.event("locked")).locked, false);
  client.wish({ do: "who" });
  const all = (await client.event("members")).members;
  assertEquals(all.filter(({ withheld }) => withheld).length, 0);
  client.endInput();
  await client.ended;
  await client.close();
});

test("runClient gives keys to a member that came after lock by accept, and to no other", async () => {
  const client = await ClientAtRelay.start();
  client.wish({ do: "lock" });
  await client.event("locked");
  for (const name of ["carol", "dave"]) {
    await client.enter(name);
    await client.event("joined");
  }
  const { publicKey } = await identityOf("carol");
  client.wish({ do: "accept", digits: await fingerprint(publicKey) });
  assertEquals((await client.event("accepted")).member.name, "carol");
  client.wish({ do: "who" });
  const { members } = await client.event("members");
  const marks = members.map(({ name, withheld }) => [name, withheld ?? false]);
  assertEquals(marks, [["carol", false], ["dave", true]]);
  client.endInput();
  await client.ended;
  await client.close();
});

test("runClient marks the renaming of an ignored member, and uses the new name", async () => {
  const client = await ClientAtRelay.start();
  await client.known.setVerified((await identityOf("zed")).publicKey, true, "zed");
  const mal = await client.enter("mal");
  await client.event("joined");
  client.wish({ do: "ignore", name: "mal" });
  await client.event("ignoring");
  await mal.room.rename("zed");
  const { ignored, member } = await client.event("renamed");
  assertEquals([ignored, member.name], [true, `zed#${member.tag}`]);
  client.wish({ do: "who" });
  const { members } = await client.event("members");
  assertEquals(members.map(({ name, withheld }) => [name, withheld]), [[member.name, true]]);
  assert(client.events.all.every(({ event }) => event !== "key-changed"));
  client.endInput();
  await client.ended;
  await client.close();
});

test("runClient shows another room code where an attacker has answered as the relay", async () => {
  // The host is no member. The man has copied the number of its room, and passes on what members say.
  const { publicKey: man } = await identityOf("man");
  const codes: string[] = [];
  for (const hostKey of [HOST.publicKey, man]) {
    const client = await ClientAtRelay.start("", undefined, { hostKey });
    await client.enter("bob");
    await client.event("joined");
    client.wish({ do: "verify" });
    const { digits, members } = await client.event("room-code");
    assertEquals(members.map(({ name }) => name), ["bob"]);
    codes.push(digits);
    const keys = [(await identityOf("ada")).publicKey, (await identityOf("bob")).publicKey];
    assertEquals(digits, await roomCode(ROOM_ID, [hostKey, ...keys]));
    client.endInput();
    await client.ended;
    await client.close();
  }
  assertNotEquals(codes[0], codes[1]);
});

test("runClient notes the name of the host's own member, and of no other silent member", async () => {
  const { publicKey: host } = await identityOf("bob");
  for (const isLast of [true, false]) {
    const client = await ClientAtRelay.start(toBase64Url(host));
    if (!isLast) await client.loseSeat();
    for (const name of ["carol", "bob"]) {
      await client.join(name);
      if (isLast) await client.event("joined");
    }
    if (!isLast) {
      for (let i = 0; i < 2; i++) (await client.tries.next()).resolve();
      assertEquals((await client.event("ready")).members.length, 2);
    }
    assertEquals(client.known.all().map(({ key, names }) => [key, names]), [[host, ["bob"]]]);
    client.endInput();
    await client.ended;
    await client.close();
  }
});

test("runClient ends after the known peers are written", async () => {
  const file = Deno.makeTempFileSync();
  const other = await Deno.open(`${file}.lock`, { create: true, write: true });
  try {
    const client = await ClientAtRelay.start("", await KnownPeers.open(file));
    const bob = await client.enter("bob");
    await client.event("joined");
    await other.lock(true);
    await bob.room.say("hello");
    await client.event("message");
    client.endInput();
    await bob.event("left");
    await other.unlock();
    await client.ended;
    assertEquals((await KnownPeers.open(file)).all().map(({ names }) => names), [["bob"]]);
    await client.close();
  } finally {
    other.close();
    for (const path of [file, `${file}.lock`]) Deno.removeSync(path);
  }
});

test("runClient refuses wishes that only the host can carry out", async () => {
  const client = await ClientAtRelay.start();
  const wishes: Wish[] = [
    { do: "kick", name: "bob" },
    { do: "ban", name: "bob" },
    { do: "unban", name: "bob" },
    { do: "bans" },
    { do: "invite" },
  ];
  for (const wish of wishes) {
    client.wish(wish);
    assertEquals((await client.event("error")).code, "not-host", wish.do);
  }
  client.endInput();
  assertEquals(await client.ended, { reason: "end-of-input", status: 0 });
  await client.close();
});

test("runClient shows a host's new address once, and notes it", async () => {
  const hostAddress = "192.0.2.1:12345";
  const client = await ClientAtRelay.start("", undefined, { hostAddress });
  const { publicKey } = HOST;
  for (const address of ["fd00::9", undefined]) {
    if (address !== undefined) client.address = { host: address, port: 12_345 };
    await client.lose();
    (await client.tries.next()).resolve();
    const back = await client.event("reconnected");
    assertEquals(back, {
      event: "reconnected",
      missed: 0,
      ...address !== undefined && { address },
    });
    assertEquals(client.known.hostAt("[fd00::9]:12345")?.key, publicKey);
  }
  client.endInput();
  await client.ended;
  await client.close();
});
