import { assert, assertEquals } from "@std/assert";
import { type Channel, localChannel } from "../../lib/channel/mod.ts";
import { ChannelError } from "../../lib/errors.ts";
import { Relay } from "../../lib/relay/mod.ts";
import { nextTurn } from "../support/clock.ts";
import { within } from "../support/deadline.ts";
import { test } from "../support/test.ts";
import { TestMember } from "../support/rooms_in_memory.ts";

/** A host whose process may end at any moment, and who is with it. */
class Hosts {
  #relay = new Relay();
  readonly #cuts = new Map<TestMember, () => void>();
  readonly #runs = new Map<TestMember, Promise<number | Error>>();
  readonly #served: Promise<unknown>[] = [];

  /** A member comes, for the first time or again. */
  dial(member: TestMember): void {
    const [mine, theirs] = localChannel();
    const { channel, cut } = breakable(mine);
    this.#served.push(this.#relay.serve(theirs, member));
    this.#cuts.set(member, cut);
    this.#runs.set(member, member.run(channel));
  }

  /** A member comes, and is ready. */
  async join(name: string): Promise<TestMember> {
    const member = await TestMember.create(name);
    this.dial(member);
    await member.ready;
    return member;
  }

  /** A member's connection breaks. */
  async cut(member: TestMember): Promise<void> {
    this.#cuts.get(member)!();
    await this.#runs.get(member);
  }

  /** The process is killed, with all that waits in it, and another one begins. */
  async crash(): Promise<void> {
    for (const cut of this.#cuts.values()) cut();
    await Promise.all(this.#runs.values());
    await this.#relay.close(0);
    this.#relay = new Relay();
  }

  /** Ends all rooms and releases all resources. */
  async close(): Promise<void> {
    await this.#relay.close();
    await Promise.all([...this.#served, ...this.#runs.values()]);
    for (const { room } of this.#runs.keys()) room.end("not-delivered");
  }
}

/** A channel that breaks in both directions on demand. */
function breakable({ readable, writable }: Channel): {
  channel: Channel;
  cut: () => void;
} {
  const abort = new AbortController();
  const { signal } = abort;
  const sending = new TransformStream();
  sending.readable.pipeTo(writable, { signal }).catch(() => {});
  return {
    channel: {
      readable: readable.pipeThrough(new TransformStream(), { signal }),
      writable: sending.writable,
      carriesShared: false,
    },
    cut: () => abort.abort(new ChannelError("connection-lost", "cut")),
  };
}

/** Sends texts without a pause until stopped. */
function talk({ name, room }: TestMember): { stop: () => Promise<string[]> } {
  const said: string[] = [];
  const delivered: Promise<unknown>[] = [];
  let talking = true;
  const done = (async () => {
    while (talking) {
      const text = `${name} ${said.length}`;
      said.push(text);
      delivered.push((await room.say(text)).delivered);
    }
  })();
  return {
    stop: async () => {
      talking = false;
      await done;
      assert((await Promise.all(delivered)).every((lacking) => lacking !== undefined));
      return said;
    },
  };
}

/** Asserts that every member received every text once and in order. */
async function assertAllHeard(
  members: readonly TestMember[],
  said: readonly string[][],
): Promise<void> {
  const total = said.flat().length;
  for (const [i, { events, texts }] of members.entries()) {
    await texts.count(total - said[i]!.length);
    for (const [j, { name }] of members.entries()) {
      const heard = texts.all.filter((text) => text.startsWith(`${name} `));
      assertEquals(heard, i === j ? [] : said[j]);
    }
    const unexpected = events.all.filter(({ event }) =>
      event === "gap" || event === "warning" || event === "left"
    );
    assertEquals(unexpected, []);
  }
}

test("members receive everything once while they send and the host's process is killed and restarted", () =>
  within(
    (async () => {
      const hosts = new Hosts();
      const members = [];
      for (const name of ["ada", "bob", "carol"]) members.push(await hosts.join(name));
      const [ada, bob, carol] = members as [TestMember, TestMember, TestMember];
      const talks = members.map(talk);
      for (const order of [[ada, bob, carol], [carol, ada, bob], [bob, carol, ada]]) {
        const { length } = ada.texts.all;
        await ada.texts.count(length + 20);
        await hosts.crash();
        for (const member of order) {
          hosts.dial(member);
          await member.event("reconnected");
        }
      }
      const said = await Promise.all(talks.map(({ stop }) => stop()));
      await assertAllHeard(members, said);
      await hosts.close();
    })(),
    () => "something did not come",
  ));

test("members receive everything once while they send and their own connections break", () =>
  within(
    (async () => {
      const hosts = new Hosts();
      const members = [];
      for (const name of ["ada", "bob", "carol"]) members.push(await hosts.join(name));
      const talks = members.map(talk);
      for (let i = 0; i < 9; i++) {
        const member = members[i % 3]!;
        const { texts } = members[(i + 1) % 3]!;
        await texts.count(texts.all.length + 5);
        await hosts.cut(member);
        await texts.count(texts.all.length + 5);
        hosts.dial(member);
        await member.event("reconnected");
      }
      const said = await Promise.all(talks.map(({ stop }) => stop()));
      await assertAllHeard(members, said);
      await hosts.close();
    })(),
    () => "something did not come",
  ));

test("members receive everything once while they send and several host processes are killed in turn", () =>
  within(
    (async () => {
      const hosts = new Hosts();
      const members = [];
      for (const name of ["ada", "bob", "carol"]) members.push(await hosts.join(name));
      const [ada, bob, carol] = members as [TestMember, TestMember, TestMember];
      const talks = members.map(talk);
      // The members that reach each host process; all of them reach the last one.
      for (const present of [[ada, bob], [], [carol, bob], [bob], [bob, ada, carol]]) {
        await hosts.crash();
        for (const member of present) hosts.dial(member);
        for (let i = 0; i < 20; i++) await nextTurn();
      }
      await Promise.all(members.map((member) => member.event("reconnected")));
      const said = await Promise.all(talks.map(({ stop }) => stop()));
      await assertAllHeard(members, said);
      await hosts.close();
    })(),
    () => "something did not come",
  ));
