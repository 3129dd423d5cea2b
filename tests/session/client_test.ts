import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { concat, toBase64Url } from "../../lib/bytes/mod.ts";
import { type Channel, localChannel, type SecureChannel } from "../../lib/channel/mod.ts";
import { type ClientOptions, type Reconnector, runClient } from "../../lib/session/client.ts";
import type { ClientEnd } from "../../lib/session/ending.ts";
import { Interrupts } from "../../lib/session/interrupts.ts";
import { TrustStore } from "../../lib/session/trust_store.ts";
import { fingerprint, label, roomCode } from "../../lib/crypto/mod.ts";
import { ChannelError } from "../../lib/errors.ts";
import { DEFAULT_LIMITS, type Guest, Relay } from "../../lib/relay/mod.ts";
import { type RoomOptions, SessionKeys } from "../../lib/room/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import type { FrontEnd } from "../../lib/session/front_end.ts";
import type { SessionEvent, Wish } from "../../lib/session_events.ts";
import { encodeKickHead, KickOp } from "../../lib/wire/mod.ts";
import { channelPair, type TestChannel } from "../support/channel.ts";
import { FakeClock } from "../support/clock.ts";
import { Inbox } from "../support/inbox.ts";
import { identityOf, sessionKey, sessionOf } from "../support/keys.ts";
import { HOST, MEMBER_KEY, ROOM_ID } from "../support/puppet.ts";
import { nextTurn } from "../support/stage.ts";
import { test } from "../support/test.ts";
import { TestMember } from "../support/world.ts";

/** A chat whose way to the relay is cut and made again by the test. */
class Talk {
  readonly clock: FakeClock = new FakeClock();
  readonly relay: Relay = new Relay({ clock: this.clock });
  readonly events: Inbox<SessionEvent> = new Inbox();
  /** Settled by the test for each try to connect again. */
  readonly tries: Inbox<PromiseWithResolvers<void>> = new Inbox();
  ended!: Promise<ClientEnd>;
  /** Ends the way, as a signal does. */
  stop!: () => void;
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
    { hostAddress, ...room }:
      & Partial<Pick<RoomOptions, "hostKey" | "maxBurned">>
      & Partial<Pick<ClientOptions, "hostAddress">> = {},
  ): Promise<Talk> {
    const talk = new Talk();
    talk.known = known ?? await KnownPeers.open(undefined);
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
        return talk.address;
      },
      hop: { joinCode: "0123456789" } as Reconnector["hop"],
      async reconnect(): Promise<SecureChannel> {
        const answer = Promise.withResolvers<void>();
        talk.tries.push(answer);
        await answer.promise;
        return await talk.#connect({ key, ...seat }) as SecureChannel;
      },
      entered: () => {},
      renew: async () => {
        seat = await newSeat();
      },
      stop: () => void (stopped = true),
    };
    talk.stop = way.stop;
    const input = new ReadableStream<Wish>({ start: (wish) => void (talk.#wish = wish) });
    const frontEnd: FrontEnd = {
      input,
      show: (event) => talk.events.push(event),
      writable: () => Promise.resolve(),
      broken: new Promise(() => {}),
      interrupted: new Promise(() => {}),
      close: () => Promise.resolve(),
    };
    talk.ended = runClient({
      frontEnd,
      channel: await talk.#connect({ key, ...seat }),
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
      trustStore: await TrustStore.of(talk.known, identity.publicKey),
      fingerprint: "0".repeat(30),
      ...hostAddress !== undefined && { hostAddress },
      host: { tag: "", key: host, known: true, verified: true },
      joinCode: null,
      listensOnly: false,
      endsWithInput: true,
      untilDelivered: false,
      timeoutMs: 1000,
      interrupts: talk.#interrupts,
    });
    await talk.event("ready");
    return talk;
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

  /** Breaks the connection, and lets the seat expire. */
  async loseSeat(): Promise<void> {
    this.#relays.end.close();
    await Promise.all(this.#served);
    this.clock.advance(DEFAULT_LIMITS.keepSeatMs);
    await this.event("disconnected");
  }

  async close(): Promise<void> {
    await this.relay.close(0);
    await Promise.all([...this.#served, ...this.#othersRan]);
    for (const { room } of this.#others) room.end("not-delivered");
    this.#interrupts.close();
  }

  async #connect(guest: Guest): Promise<Channel> {
    const [mine, relays] = await channelPair();
    this.#relays = relays;
    this.#served.push(this.relay.serve(relays, guest));
    return mine;
  }
}

test("chat begins another session where too many have come and gone, says so once, and keeps bans", async () => {
  const talk = await Talk.start("", undefined, { maxBurned: 2 });
  const { publicKey: target } = await identityOf("mal");
  const head = encodeKickHead({ roomId: ROOM_ID, target, op: KickOp.BAN, number: 1 });
  talk.relay.tell(concat(head, await HOST.sign(concat(label("lanchat/1 kick"), head))));
  for (const name of ["bob", "carol"]) {
    const member = await talk.enter(name);
    await talk.event("joined");
    await member.room.leave();
    await talk.event("left");
  }
  const dave = await talk.enter("dave");
  const warning = await talk.events.next();
  assertEquals(warning.event === "warning" && warning.code, "seat-lost");
  (await talk.tries.next()).resolve();
  const ready = await talk.events.next();
  assertEquals(ready.event === "ready" && ready.members.map(({ name }) => name), ["dave"]);
  // The relay has forgotten the ban.
  const mal = await talk.enter("mal");
  const eve = await talk.enter("eve");
  await eve.event("ready");
  assertEquals((await talk.event("joined")).member.name, "eve");
  talk.say("to those who are not banned");
  await Promise.all([dave, eve].map(({ texts }) => texts.next()));
  assertEquals(mal.texts.all, []);
  talk.endInput();
  assertEquals(await talk.ended, { reason: "end-of-input", status: 0 });
  await talk.close();
});

test("chat says in its next session what was typed while the seat was lost", async () => {
  const talk = await Talk.start();
  await talk.loseSeat();
  const bob = await talk.join("bob");
  for (const text of ["one", "two"]) talk.say(text);
  (await talk.tries.next()).resolve();
  assertEquals((await talk.event("warning")).code, "seat-lost");
  (await talk.tries.next()).resolve();
  assertEquals((await talk.event("ready")).members.map(({ name }) => name), ["bob"]);
  talk.endInput();
  assertEquals(await talk.ended, { reason: "end-of-input", status: 0 });
  await bob.texts.count(2);
  assertEquals(bob.texts.all, ["one", "two"]);
  await talk.close();
});

test("chat says in its next session to nobody else of that name what was for one member", async () => {
  const talk = await Talk.start();
  await talk.enter("bob");
  await talk.event("joined");
  await talk.loseSeat(); // Bob is not heard of either for so long.
  const mal = await talk.join("bob", "mal");
  for (const to of ["bob", undefined]) talk.say(`to ${to ?? "all"}`, to);
  await nextTurn();
  (await talk.tries.next()).resolve();
  assertEquals((await talk.event("warning")).code, "seat-lost");
  (await talk.tries.next()).resolve();
  assertEquals((await talk.event("ready")).members.map(({ name }) => name), ["bob"]);
  const outcome = await talk.events.find((
    event,
  ): event is SessionEvent & { event: "failed" | "sent" } =>
    (event.event === "failed" || event.event === "sent") && event.id === "to bob"
  );
  assertEquals(outcome, { event: "failed", id: "to bob", code: "no-such-member" });
  talk.endInput();
  await talk.ended;
  await mal.texts.count(1);
  assertEquals(mal.texts.all, ["to all"]);
  await talk.close();
});

test("chat keeps in its next session the name that was taken", async () => {
  const talk = await Talk.start();
  talk.wish({ do: "nick", name: "adele" });
  assertEquals((await talk.event("renamed")).member.name, "adele");
  talk.wish({ do: "nick", name: "a#b" });
  assertEquals((await talk.event("error")).code, "bad-name");
  await talk.loseSeat();
  (await talk.tries.next()).resolve();
  await talk.event("warning");
  (await talk.tries.next()).resolve();
  assertEquals((await talk.event("ready")).name, "adele");
  talk.endInput();
  assertEquals(await talk.ended, { reason: "end-of-input", status: 0 });
  await talk.close();
});

test("chat tells its status in the next session again, and there what was not told in the last", async () => {
  const talk = await Talk.start();
  talk.wish({ do: "status", text: "at lunch" });
  assertEquals((await talk.event("status")).text, "at lunch");
  await talk.loseSeat();
  const bob = await talk.join("bob");
  talk.wish({ do: "status", text: "in bed" });
  await nextTurn();
  (await talk.tries.next()).resolve();
  await talk.event("warning");
  (await talk.tries.next()).resolve();
  assertEquals((await talk.event("ready")).members.map(({ name }) => name), ["bob"]);
  const told = [(await bob.event("status")).text, (await bob.event("status")).text];
  assertEquals(told, ["at lunch", "in bed"]);
  talk.endInput();
  assertEquals(await talk.ended, { reason: "end-of-input", status: 0 });
  await talk.close();
});

test("chat tells nothing behind its end, though a wish is under way", async () => {
  const talk = await Talk.start();
  talk.wish({ do: "nick", name: "adele" });
  await talk.event("renamed");
  talk.wish({ do: "rekey" }); // Its turn comes in a second.
  await nextTurn();
  await talk.close();
  await talk.ended;
  await nextTurn();
  assertEquals(talk.events.rest().map(({ event }) => event), []);
});

test("chat ends, and fails what was typed, where no session follows the one that was lost", async () => {
  const talk = await Talk.start();
  await talk.loseSeat();
  talk.say("typed while away");
  (await talk.tries.next()).resolve();
  await talk.event("warning");
  (await talk.tries.next()).reject(new ChannelError("connection-lost", "Gave up"));
  assertEquals((await talk.event("failed")).code, "not-delivered");
  assertEquals(await talk.ended, { reason: "connection-lost", status: 1 });
  await talk.close();
});

test("chat tells of no fault where a signal ends the wait for a connection behind the last line", async () => {
  const talk = await Talk.start();
  await talk.loseSeat();
  talk.say("typed while away");
  talk.endInput();
  const answer = await talk.tries.next();
  await nextTurn();
  talk.stop();
  answer.reject(new DOMException("The signal has been aborted", "AbortError"));
  assertEquals(await talk.ended, { reason: "signal", status: 1 });
  const codes = talk.events.all.flatMap((event) => event.event === "error" ? [event.code] : []);
  assertEquals(codes, ["undelivered"]);
  await talk.close();
});

test("chat stays locked over the loss of its seat, to whom it was locked before", async () => {
  const talk = await Talk.start();
  await talk.enter("bob");
  await talk.event("joined");
  talk.wish({ do: "lock" });
  assertEquals(await talk.event("locked"), { event: "locked", locked: true, host: false });
  await talk.loseSeat(); // Bob is not heard of either for so long.
  await talk.join("bob");
  await talk.join("carol");
  (await talk.tries.next()).resolve();
  (await talk.tries.next()).resolve();
  const { members: shown } = await talk.event("ready");
  const marks = shown.map(({ name, withheld }) => [name, withheld ?? false]);
  assertEquals(marks, [["bob", false], ["carol", true]]);
  talk.wish({ do: "unlock" });
  assertEquals((await talk.event("locked")).locked, false);
  talk.wish({ do: "who" });
  const all = (await talk.event("members")).members;
  assertEquals(all.filter(({ withheld }) => withheld).length, 0);
  talk.endInput();
  await talk.ended;
  await talk.close();
});

test("chat lets read by /accept who came behind /lock, and nobody else", async () => {
  const talk = await Talk.start();
  talk.wish({ do: "lock" });
  await talk.event("locked");
  for (const name of ["carol", "dave"]) {
    await talk.enter(name);
    await talk.event("joined");
  }
  const { publicKey } = await identityOf("carol");
  talk.wish({ do: "accept", digits: await fingerprint(publicKey) });
  assertEquals((await talk.event("accepted")).member.name, "carol");
  talk.wish({ do: "who" });
  const { members } = await talk.event("members");
  const marks = members.map(({ name, withheld }) => [name, withheld ?? false]);
  assertEquals(marks, [["carol", false], ["dave", true]]);
  talk.endInput();
  await talk.ended;
  await talk.close();
});

test("chat tells no person by which names goes who is ignored, and goes by them", async () => {
  const talk = await Talk.start();
  await talk.known.setVerified((await identityOf("zed")).publicKey, true, "zed");
  const mal = await talk.enter("mal");
  await talk.event("joined");
  talk.wish({ do: "ignore", name: "mal" });
  await talk.event("ignoring");
  await mal.room.rename("zed");
  const { ignored, member } = await talk.event("renamed");
  assertEquals([ignored, member.name], [true, `zed#${member.tag}`]);
  talk.wish({ do: "who" });
  const { members } = await talk.event("members");
  assertEquals(members.map(({ name, withheld }) => [name, withheld]), [[member.name, true]]);
  assert(talk.events.all.every(({ event }) => event !== "key-changed"));
  talk.endInput();
  await talk.ended;
  await talk.close();
});

test("chat shows another room code where a man in the middle has answered as the relay", async () => {
  // The host is no member. The man has copied the number of its room, and passes on what members say.
  const { publicKey: man } = await identityOf("man");
  const codes: string[] = [];
  for (const hostKey of [HOST.publicKey, man]) {
    const talk = await Talk.start("", undefined, { hostKey });
    await talk.enter("bob");
    await talk.event("joined");
    talk.wish({ do: "verify" });
    const { digits, members } = await talk.event("room-code");
    assertEquals(members.map(({ name }) => name), ["bob"]);
    codes.push(digits);
    const keys = [(await identityOf("ada")).publicKey, (await identityOf("bob")).publicKey];
    assertEquals(digits, await roomCode(ROOM_ID, [hostKey, ...keys]));
    talk.endInput();
    await talk.ended;
    await talk.close();
  }
  assertNotEquals(codes[0], codes[1]);
});

test("chat notes the name of the host's own member, and of nobody else who says nothing", async () => {
  const { publicKey: host } = await identityOf("bob");
  for (const isLast of [true, false]) {
    const talk = await Talk.start(toBase64Url(host));
    if (!isLast) await talk.loseSeat();
    for (const name of ["carol", "bob"]) {
      await talk.join(name);
      if (isLast) await talk.event("joined");
    }
    if (!isLast) {
      for (let i = 0; i < 2; i++) (await talk.tries.next()).resolve();
      assertEquals((await talk.event("ready")).members.length, 2);
    }
    assertEquals(talk.known.all().map(({ key, names }) => [key, names]), [[host, ["bob"]]]);
    talk.endInput();
    await talk.ended;
    await talk.close();
  }
});

test("chat ends once it is kept who has spoken", async () => {
  const file = Deno.makeTempFileSync();
  const other = await Deno.open(`${file}.lock`, { create: true, write: true });
  try {
    const talk = await Talk.start("", await KnownPeers.open(file));
    const bob = await talk.enter("bob");
    await talk.event("joined");
    await other.lock(true);
    await bob.room.say("hello");
    await talk.event("message");
    talk.endInput();
    await bob.event("left");
    await other.unlock();
    await talk.ended;
    assertEquals((await KnownPeers.open(file)).all().map(({ names }) => names), [["bob"]]);
    await talk.close();
  } finally {
    other.close();
    for (const path of [file, `${file}.lock`]) Deno.removeSync(path);
  }
});

test("chat leaves what the host alone can do to the host", async () => {
  const talk = await Talk.start();
  const wishes: Wish[] = [
    { do: "kick", name: "bob" },
    { do: "ban", name: "bob" },
    { do: "unban", name: "bob" },
    { do: "bans" },
    { do: "invite" },
  ];
  for (const wish of wishes) {
    talk.wish(wish);
    assertEquals((await talk.event("error")).code, "not-host", wish.do);
  }
  talk.endInput();
  assertEquals(await talk.ended, { reason: "end-of-input", status: 0 });
  await talk.close();
});

test("chat tells once where a host is that has another address, and knows it there", async () => {
  const hostAddress = "192.0.2.1:12345";
  const talk = await Talk.start("", undefined, { hostAddress });
  const { publicKey } = HOST;
  for (const address of ["fd00::9", undefined]) {
    if (address !== undefined) talk.address = { host: address, port: 12_345 };
    await talk.lose();
    (await talk.tries.next()).resolve();
    const back = await talk.event("reconnected");
    assertEquals(back, {
      event: "reconnected",
      missed: 0,
      ...address !== undefined && { address },
    });
    assertEquals(talk.known.hostAt("[fd00::9]:12345")?.key, publicKey);
  }
  talk.endInput();
  await talk.ended;
  await talk.close();
});
