import { assert, assertEquals } from "@std/assert";
import { toHex, utf8 } from "../../lib/bytes/mod.ts";
import { SessionKeys } from "../../lib/room/mod.ts";
import {
  PeerSessionKey,
  type SessionKeyPair,
  type WrappedKey,
} from "../../lib/room/session_key.ts";
import { PREVIOUS_KEY_MS, SESSION_KEY_MS } from "../../lib/room/session_keys.ts";
import { Audience, decodeMsg, ObjectType } from "../../lib/wire/mod.ts";
import { FakeClock } from "../support/clock.ts";
import { sessionKey } from "../support/keys.ts";
import { MEMBER_KEY, Puppet, type Target, targetOf } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

const CONTEXT = { header: utf8("header"), memberKey: MEMBER_KEY };
const CHAIN_KEY = new Uint8Array(32).fill(7);

async function wrap(keys: SessionKeys): Promise<WrappedKey> {
  return await (await PeerSessionKey.import(keys.current!)).wrap(CHAIN_KEY, CONTEXT);
}

test("SessionKeys.renew keeps each previous key for three minutes, whatever their number", async () => {
  const clock = new FakeClock();
  const keys = new SessionKeys({ generate: sessionKey, clock });
  await keys.renew(); // The first that is being made.
  const wrapped: WrappedKey[] = [];
  for (let i = 0; i < 3; i++) {
    wrapped.push(await wrap(keys));
    await keys.renew();
    clock.advance(1000);
  }
  assertEquals(keys.current!.generation, 4);
  for (const [i, one] of wrapped.entries()) {
    assertEquals(await keys.unwrap(i + 1, CONTEXT, one), CHAIN_KEY);
  }
  clock.advance(PREVIOUS_KEY_MS - 3000);
  assertEquals([1, 2, 3, 4].map((generation) => keys.has(generation)), [false, true, true, true]);
  clock.advance(1000);
  assertEquals([2, 3, 4].map((generation) => keys.has(generation)), [false, true, true]);
  keys.close();
  assertEquals(clock.timers, 0);
});

test("SessionKeys.renew fails if no key can be made, and the key in use stays", async () => {
  let works = true;
  const clock = new FakeClock();
  const generate = async (): Promise<SessionKeyPair> => {
    if (!works) throw new Error("out of memory");
    return await sessionKey();
  };
  const keys = new SessionKeys({ generate, clock });
  await keys.renew();
  works = false;
  assertEquals(await keys.renew().catch(({ message }: Error) => message), "out of memory");
  assertEquals(keys.current!.generation, 1);
  works = true;
  const renewed = Promise.withResolvers<void>();
  keys.onRenewed = renewed.resolve;
  clock.advance(SESSION_KEY_MS);
  await renewed.promise;
  assertEquals(keys.current!.generation, 2);
  keys.close();
});

test("Room.rekey seals all later messages with new keys, to the room and to one member", async () => {
  const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
  const alone = await RoomAlone.open({ before: [bob, carol] });
  const chains = new Set<string>();
  const say = async (options: { to?: string } = {}): Promise<void> => {
    const said = alone.room.say("hello", options);
    const { object } = await alone.relay.object(ObjectType.MSG);
    chains.add(toHex(decodeMsg(object).chainId));
    await said;
  };
  await say();
  await say({ to: "bob" });
  alone.clock.advance(1000); // The time between two epochs.
  const old = alone.target;
  await alone.room.rekey();
  const renewed: Target[] = [];
  for (const puppet of [bob, carol]) {
    renewed.push(
      await targetOf((await alone.relay.object(ObjectType.ANNOUNCE, puppet.session)).object),
    );
  }
  assertEquals(renewed.map(({ generation }) => generation), [2, 2]);
  assert(toHex(renewed[0]!.modulus) !== toHex(old.modulus));
  await say();
  await say({ to: "bob" });
  assertEquals(chains.size, 4);

  // Keys that others wrapped before they knew still come.
  for (const [epoch, target] of [old, renewed[0]!].entries()) {
    const chain = await bob.chain(Audience.ROOM, epoch + 1);
    await alone.says(bob, await chain.skdm(target), await chain.msg(`${epoch}`));
    assertEquals(await alone.text(), `${epoch}`);
  }
  await alone.close();
});

test("Room.rekey runs at most once a second, so that the others accept each key at once", async () => {
  const alone = await RoomAlone.open({ before: [await Puppet.create("bob")] });
  await alone.room.rekey();
  const again = alone.room.rekey();
  await alone.clock.timer(1000);
  const announced = (): number =>
    alone.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.ANNOUNCE).length;
  await alone.relay.settle();
  assertEquals(announced(), 2);
  alone.clock.advance(1000);
  await again;
  await alone.relay.settle();
  assertEquals(announced(), 3);
  await alone.close();
});

test("Room.rekey resolves when the room ends, and fails if no key can be made", async () => {
  let works = true;
  const generate = (): Promise<SessionKeyPair> =>
    works ? sessionKey() : Promise.reject(new Error("out of memory"));
  const alone = await RoomAlone.open({ generate });
  works = false;
  const failed = await alone.room.rekey().catch(({ message }: Error) => message);
  assertEquals(failed, "out of memory");
  works = true;
  const late = alone.room.rekey();
  await alone.close();
  await late;
});
