import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/bytes/mod.ts";
import { SessionKeys } from "../../lib/room/mod.ts";
import {
  PeerSessionKey,
  publicHalves,
  type SessionKeyPair,
  type WrappedKey,
} from "../../lib/room/session_key.ts";
import { PREVIOUS_KEY_MS, SESSION_KEY_MS } from "../../lib/room/session_keys.ts";
import { ObjectType } from "../../lib/wire/mod.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { Inbox } from "../support/inbox.ts";
import { sessionKey } from "../support/keys.ts";
import { MEMBER_KEY, Puppet, type Target, targetOf } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

const CONTEXT = { header: utf8("header"), memberKey: MEMBER_KEY };
const CHAIN_KEY = new Uint8Array(32).fill(7);

/** A forged wrapped key. */
const GARBAGE: WrappedKey = {
  wrapped: new Uint8Array(256),
  encapsulated: new Uint8Array(1088),
  sealed: new Uint8Array(48),
};

interface Scene {
  readonly keys: SessionKeys;
  readonly clock: FakeClock;
  /** The generations that came into use. */
  readonly renewed: Inbox<number>;
}

function open(generate: () => Promise<SessionKeyPair> = sessionKey): Scene {
  const clock = new FakeClock();
  const keys = new SessionKeys({ generate, clock });
  const renewed = new Inbox<number>();
  keys.onRenewed = () => renewed.push(keys.current!.generation);
  return { keys, clock, renewed };
}

async function wrap({ keys }: Scene): Promise<WrappedKey> {
  return await (await PeerSessionKey.import(keys.current!)).wrap(CHAIN_KEY, CONTEXT);
}

test("SessionKeys has no key until the first is made", async () => {
  const made = Promise.withResolvers<SessionKeyPair>();
  const { keys, renewed } = open(() => made.promise);
  assertEquals([keys.current, keys.has(1)], [undefined, false]);
  assertEquals(await keys.unwrap(1, CONTEXT, GARBAGE), undefined);
  const pair = await sessionKey();
  made.resolve(pair);
  assertEquals(await renewed.next(), 1);
  assertEquals(keys.current, { generation: 1, ...publicHalves(pair) });
  keys.close();
});

test("SessionKeys replaces its key after an hour and keeps the previous one for three minutes", async () => {
  const scene = open();
  const { clock, keys, renewed } = scene;
  await renewed.next();
  const first = await wrap(scene);
  clock.advance(SESSION_KEY_MS);
  assertEquals(await renewed.next(), 2);
  const second = await wrap(scene);
  assertEquals([keys.has(0), keys.has(1), keys.has(2), keys.has(3)], [false, true, true, false]);
  clock.advance(PREVIOUS_KEY_MS - 1);
  assertEquals(await keys.unwrap(1, CONTEXT, first), CHAIN_KEY);
  assertEquals(await keys.unwrap(2, CONTEXT, second), CHAIN_KEY);
  assertEquals(await keys.unwrap(2, CONTEXT, first), undefined);
  assertEquals(await keys.unwrap(2, { ...CONTEXT, header: utf8("other") }, second), undefined);
  clock.advance(1);
  assertEquals([keys.has(1), keys.has(2)], [false, true]);
  assertEquals(await keys.unwrap(1, CONTEXT, first), undefined);
  keys.close();
  assertEquals(clock.timers, 0);
});

test("SessionKeys.hold stops the time of a previous key, up to its maximum", async () => {
  const { clock, keys, renewed } = open();
  await renewed.next();
  await keys.renew();
  clock.advance(PREVIOUS_KEY_MS - 1000);
  keys.hold(600_000);
  clock.advance(400_000);
  keys.release();
  clock.advance(999);
  assertEquals(keys.has(1), true);
  keys.hold(600_000);
  clock.advance(200_000);
  assertEquals(keys.has(1), true);
  clock.advance(1);
  assertEquals(keys.has(1), false);
  // A key replaced meanwhile has its whole time.
  await keys.renew();
  clock.advance(PREVIOUS_KEY_MS + 600_000 - 1);
  assertEquals(keys.has(2), true);
  clock.advance(1);
  assertEquals(keys.has(2), false);
  keys.close();
});

test("SessionKeys tries again after a second if its first key cannot be made", async () => {
  let tries = 0;
  const { clock, keys, renewed } = open(() => {
    return ++tries < 3 ? Promise.reject(new Error("no memory")) : sessionKey();
  });
  for (let failed = 1; failed < 3; failed++) {
    await nextTurn();
    assertEquals([tries, keys.current], [failed, undefined]);
    clock.advance(1000);
  }
  assertEquals(await renewed.next(), 1);
  keys.close();
  assertEquals(clock.timers, 0);
});

test("SessionKeys replaces its key after 64 failures, whatever the counts of the previous one", async () => {
  const scene = open();
  const { clock, keys, renewed } = scene;
  await renewed.next();
  await Promise.all(Array.from({ length: 63 }, () => keys.unwrap(1, CONTEXT, GARBAGE)));
  assertEquals(keys.current?.generation, 1);
  await keys.unwrap(1, CONTEXT, GARBAGE);
  assertEquals(await renewed.next(), 2);
  for (let i = 0; i < 3; i++) await keys.unwrap(1, CONTEXT, GARBAGE);
  await keys.unwrap(2, CONTEXT, await wrap(scene));
  assertEquals(renewed.all, [1, 2]);
  // The hour counts from the last replacement.
  clock.advance(SESSION_KEY_MS - 1);
  assertEquals(renewed.all, [1, 2]);
  clock.advance(1);
  assertEquals(await renewed.next(), 3);
  keys.close();
  assertEquals(clock.timers, 0);
});

test("SessionKeys replaces its key after 8,192 unwraps", async () => {
  const scene = open();
  const { keys, renewed } = scene;
  await renewed.next();
  const wrapped = await wrap(scene);
  // One RSA operation stands for 8,192, and takes 10 s less.
  const { subtle } = crypto;
  const decrypt = subtle.decrypt.bind(subtle);
  let unwrapped: Promise<ArrayBuffer> | undefined;
  subtle.decrypt = (algorithm, key, data) => {
    const isRsa = (algorithm as Algorithm).name === "RSA-OAEP";
    return isRsa ? unwrapped ??= decrypt(algorithm, key, data) : decrypt(algorithm, key, data);
  };
  try {
    for (let made = 0; made < 8191; made++) {
      assertEquals(await keys.unwrap(1, CONTEXT, wrapped), CHAIN_KEY);
    }
    await nextTurn();
    assertEquals(renewed.all, [1]);
    assertEquals(await keys.unwrap(1, CONTEXT, wrapped), CHAIN_KEY);
    assertEquals(await renewed.next(), 2);
  } finally {
    Reflect.deleteProperty(subtle, "decrypt"); // The prototype has the original.
  }
  keys.close();
});

test("SessionKeys keeps its key if no other can be made, and tries again", async () => {
  let works = true;
  const tried = new Inbox<boolean>();
  const scene = open(async () => {
    tried.push(works);
    if (!works) throw new Error("out of memory");
    return await sessionKey();
  });
  const { clock, keys, renewed } = scene;
  await renewed.next();
  await nextTurn();
  works = false;
  clock.advance(SESSION_KEY_MS);
  await tried.count(2);
  assertEquals(await keys.unwrap(1, CONTEXT, await wrap(scene)), CHAIN_KEY);
  works = true;
  clock.advance(SESSION_KEY_MS);
  assertEquals(await renewed.next(), 2);
  keys.close();
});

test("SessionKeys.close deletes all keys, also one that is being made", async () => {
  const made = Promise.withResolvers<SessionKeyPair>();
  const { clock, keys, renewed } = open(() => made.promise);
  keys.close();
  made.resolve(await sessionKey());
  await made.promise;
  await Promise.resolve();
  assertEquals([keys.current, keys.has(1), renewed.all, clock.timers], [undefined, false, [], 0]);
});

test("Room announces a new session key to all, and accepts keys wrapped for the old one for 180 s", async () => {
  const bob = await Puppet.create("bob");
  const carol = await Puppet.create("carol");
  const alone = await RoomAlone.open({ before: [bob, carol] });
  const old = alone.target;
  await alone.pass(SESSION_KEY_MS);
  const renewed: Target[] = [];
  for (const puppet of [bob, carol]) {
    renewed.push(
      await targetOf((await alone.relay.object(ObjectType.ANNOUNCE, puppet.session)).object),
    );
  }
  assertEquals(renewed.map(({ generation }) => generation), [2, 2]);
  assert(renewed[0]!.modulus.some((byte, i) => byte !== old.modulus[i]));

  async function hears(epoch: number, target: Target): Promise<boolean> {
    const chain = await bob.chain(0, epoch);
    await alone.says(bob, await chain.skdm(target), await chain.msg("heard?"));
    await alone.relay.settle();
    return alone.events.rest().some(({ event }) => event === "message");
  }
  assertEquals([await hears(1, old), await hears(2, renewed[0]!)], [true, true]);
  await alone.pass(PREVIOUS_KEY_MS - 10_000);
  assertEquals([await hears(3, old), await hears(4, renewed[0]!)], [true, true]);
  await alone.pass(10_000);
  assertEquals([await hears(5, old), await hears(6, renewed[0]!)], [false, true]);
  // A newcomer does not learn of the first.
  const dave = await Puppet.create("dave");
  await alone.join(dave);
  assertEquals(alone.target.generation, 2);
  await alone.close();
});
