import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import { SessionKeys } from "../../lib/room/mod.ts";
import { publicHalves, type WrappedKey } from "../../lib/room/session_key.ts";
import { Audience, decodeSkdm, MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { flip } from "../support/assert.ts";
import type { FakeClock } from "../support/clock.ts";
import { sessionKey } from "../support/keys.ts";
import { type OwnChain, Puppet, type SkdmLies } from "../support/puppet.ts";
import { RoomAlone, type RoomAloneOptions } from "../support/room_alone.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

/** Session keys that count their unwraps. */
class CountingKeys extends SessionKeys {
  unwraps = 0;

  constructor(clock: FakeClock) {
    super({ generate: sessionKey, clock });
  }

  override unwrap(...args: Parameters<SessionKeys["unwrap"]>): Promise<Bytes | undefined> {
    this.unwraps++;
    return super.unwrap(...args);
  }
}

interface Scene {
  readonly alone: RoomAlone;
  readonly bob: Puppet;
  readonly mal: Puppet;
  readonly keys: CountingKeys;
}

async function open(options: RoomAloneOptions = {}): Promise<Scene> {
  const bob = await Puppet.create("bob");
  const mal = await Puppet.create("mal");
  let keys: CountingKeys | undefined;
  const alone = await RoomAlone.open({
    before: [bob, mal],
    keys: (clock) => keys = new CountingKeys(clock),
    ...options,
  });
  return { alone, bob, mal, keys: keys! };
}

/** Asserts that an SKDM of mal opens nothing, while bob still gets through. */
async function assertRefused(
  skdmOf: (chain: OwnChain, scene: Scene) => Promise<Bytes>,
  unwraps: number,
): Promise<void> {
  const scene = await open();
  const { bob, keys, mal, alone } = scene;
  const chain = await mal.chain();
  await alone.says(mal, await skdmOf(chain, scene), await chain.msg("unheard"));
  await alone.relay.settle();
  assertEquals(keys.unwraps, unwraps);
  await alone.assertStillHears(bob);
  await alone.assertStillHears(mal);
  await alone.close();
}

function refusal(
  name: string,
  lies: (scene: Scene) => SkdmLies | Promise<SkdmLies>,
  unwraps = 0,
): void {
  test(`Room refuses an SKDM ${name}`, async () => {
    await assertRefused(
      async (chain, scene) => await chain.skdm(scene.alone.target, await lies(scene)),
      unwraps,
    );
  });
}

refusal("of another room", () => ({ roomId: randomBytes(32) }));
refusal("for another identity", ({ bob }) => ({ toKey: bob.identity.publicKey }));
refusal("for another session", () => ({ toSession: randomBytes(16) }));
refusal("for a session key that is gone", () => ({ toGeneration: 0 }));
refusal("for a session key that is not there yet", () => ({ toGeneration: 2 }));
refusal("in the name of another session", ({ bob }) => ({ fromSession: bob.session }));
refusal("in the name of another identity", ({ bob }) => ({ fromKey: bob.identity.publicKey }));
refusal("of epoch 0", () => ({ epoch: 0 }));
refusal("of an unknown audience", () => ({ audience: 2 }));
refusal("that somebody else signed", ({ bob }) => ({ signer: bob.identity }));
refusal("that is bound to another header", () => ({
  context: ({ header, memberKey }) => ({ header: flip(header, 1), memberKey }),
}), 1);
refusal("that was wrapped without the room's secret", () => ({
  context: ({ header }) => ({ header, memberKey: randomBytes(32) }),
}), 1);
for (const [part, size] of [["wrapped", 256], ["encapsulated", 1088], ["sealed", 48]] as const) {
  const noise = (honest: WrappedKey): WrappedKey => ({ ...honest, [part]: randomBytes(size) });
  refusal(`whose part "${part}" is noise`, () => ({ wrap: noise }), 1);
}
for (const half of ["modulus", "kemKey"] as const) {
  test(`Room refuses an SKDM that was wrapped for another ${half}`, async () => {
    await assertRefused(
      (chain, { bob, alone }) =>
        chain.skdm({ ...alone.target, [half]: publicHalves(bob.keys)[half] }),
      1,
    );
  });
}
for (const [index, hex] of vectors.ed25519_small_order_y_le.entries()) {
  for (const sign of [0, 0x80]) {
    refusal(`whose signing key is of small order (${index}, sign ${sign >> 7})`, () => {
      const chainVerifier = Uint8Array.from(hex.match(/../g)!, (digits) => parseInt(digits, 16));
      chainVerifier[31]! |= sign;
      return { chainVerifier };
    });
  }
}

test("Room refuses an SKDM of another size, or with any bit of header and signature flipped", async () => {
  const { bob, keys, mal, alone } = await open();
  const chain = await mal.chain();
  const honest = await chain.skdm(alone.target);
  await alone.says(mal, honest.slice(0, -1), new Uint8Array([...honest, 0]));
  for (let bit = 8; bit < honest.length * 8; bit += 37) await alone.says(mal, flip(honest, bit));
  await alone.relay.settle();
  assertEquals(keys.unwraps, 0);
  await alone.assertStillHears(bob);
  await alone.assertStillHears(mal);
  await alone.close();
});

test("Room refuses an SKDM before its author's ANNOUNCE", async () => {
  const { bob, keys, alone } = await open();
  const carol = await Puppet.create("carol");
  await alone.tell(carol, MemberChange.JOINED);
  const chain = await carol.chain();
  await alone.says(carol, await chain.skdm(alone.target), await chain.msg("too early"));
  await alone.relay.settle();
  assertEquals(keys.unwraps, 0);
  assertEquals(alone.events.rest(), []);
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room never shows a chain under the name of a member that signed its SKDM again", async () => {
  // The attack that a proof found: mal was given nothing, but saw the wrapped key of bob's chain pass.
  const { bob, keys, mal, alone } = await open();
  const chain = await bob.chain();
  const taken = await chain.skdm(alone.target);
  const text = await chain.msg("bob said this");
  const header = {
    fromKey: mal.identity.publicKey,
    fromSession: mal.session,
    chainVerifier: chain.signing.publicKey,
    wrap: () => decodeSkdm(taken),
    signer: mal.identity,
  };
  const stolen = await (await mal.chain()).skdm(alone.target, header);
  await alone.says(mal, stolen, text);
  await alone.relay.settle();
  assertEquals(keys.unwraps, 1, "it was refused for another reason than its header");
  assertEquals(alone.events.rest(), []);
  await alone.says(bob, taken, text);
  const { from } = await alone.event("message");
  assertEquals(from.key, bob.identity.publicKey);
  await alone.assertStillHears(mal);
  await alone.close();
});

test("Room refuses an SKDM of an epoch that is not new, whatever its start", async () => {
  const { bob, keys, mal, alone } = await open();
  const chain = await mal.chain(Audience.ROOM, 5);
  const first = await chain.skdm(alone.target);
  const one = await chain.msg("one");
  await alone.says(mal, first, one);
  assertEquals(await alone.text(), "one");
  const again = await chain.skdm(alone.target);
  const lowered = await chain.skdm(alone.target, { start: 0 });
  const older = await (await mal.chain(Audience.ROOM, 4)).skdm(alone.target);
  await alone.says(mal, first, again, lowered, older, one);
  await alone.relay.settle();
  assertEquals(keys.unwraps, 1);
  await alone.says(mal, await chain.msg("two"));
  assertEquals(await alone.text(), "two");
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room unwraps eight SKDMs of one member at once, then one a second", async () => {
  const { bob, keys, mal, alone } = await open();
  const flood = await Promise.all(Array.from({ length: 30 }, async (_, i) => {
    return await (await mal.chain(Audience.ROOM, i + 1)).skdm(alone.target);
  }));
  await alone.says(mal, ...flood);
  await alone.relay.settle();
  assertEquals(keys.unwraps, 8);
  // No other member waits: bob is heard meanwhile.
  await alone.assertStillHears(bob, 2);
  assertEquals(keys.unwraps, 9);
  await alone.clock.timer(1000);
  for (let second = 1; second <= 5; second++) {
    alone.clock.advance(999);
    await alone.relay.settle();
    assertEquals(keys.unwraps, 8 + second, "before its second is over");
    alone.clock.advance(1);
    await alone.clock.timer(1000);
    assertEquals(keys.unwraps, 9 + second);
  }
  await alone.close();
});

test("Room refuses keys of a member after eight consecutive wrong ones", async () => {
  const { bob, keys, mal, alone } = await open();
  const wrong = { wrap: (honest: WrappedKey) => ({ ...honest, sealed: flip(honest.sealed, 0) }) };
  async function send(count: number, lies: SkdmLies): Promise<void> {
    const chain = await mal.chain(Audience.ROOM, 1 + keys.unwraps);
    const skdm = await chain.skdm(alone.target, lies);
    await alone.says(mal, ...Array(count).fill(skdm));
    await alone.relay.settle();
    await alone.pass(10_000);
  }
  await send(7, wrong);
  await send(1, {}); // One that is right makes up for them.
  await send(8, wrong);
  assertEquals(keys.unwraps, 16);
  await send(8, wrong);
  await send(1, {});
  assertEquals(keys.unwraps, 16);
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room drops objects past 256 KiB after a flood of SKDMs, and all of them at a leave", async () => {
  const { bob, keys, mal, alone } = await open();
  const flood = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
    return await (await mal.chain(Audience.ROOM, i + 1)).skdm(alone.target);
  }));
  for (let i = 0; i < 9; i++) await alone.says(mal, ...flood);
  await alone.relay.settle();
  assertEquals(keys.unwraps, 8);
  await alone.tell(mal, MemberChange.LEFT);
  const { member, reason } = await alone.event("left");
  assertEquals([member.name, reason, keys.unwraps], ["mal", "left", 8]);
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room gives no key to a member that left, though many of its objects wait", async () => {
  const { bob, mal, alone } = await open();
  const flood = await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    return await (await mal.chain(Audience.ROOM, i + 1)).skdm(alone.target);
  }));
  await alone.says(mal, ...flood);
  await alone.relay.settle();
  await alone.tell(mal, MemberChange.LEFT);
  await alone.relay.settle();
  await alone.room.say("for bob");
  const keys = alone.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.SKDM);
  assertEquals(keys.map(({ to }) => to), [bob.session]);
  await alone.close();
});

test("Room.end leaves no timer behind while SKDMs wait", async () => {
  const { mal, alone } = await open();
  const chain = await mal.chain();
  const flood = await chain.skdm(alone.target, {
    wrap: (honest) => ({ ...honest, sealed: flip(honest.sealed, 0) }),
  });
  await alone.says(mal, ...Array(20).fill(flood));
  await alone.relay.settle();
  assert(alone.clock.timers > 0);
  await alone.close();
});

test("Room opens no message of a chain from before its own restart", async () => {
  const { bob, mal, alone } = await open();
  const chain = await bob.chain();
  const old = [await chain.skdm(alone.target), await chain.msg("before")];
  await alone.says(bob, ...old);
  assertEquals(await alone.text(), "before");
  await alone.close();

  const again = await RoomAlone.open({ before: [bob, mal] });
  await again.says(bob, ...old, await chain.msg("after"));
  await again.relay.settle();
  await again.assertStillHears(bob);
  await again.close();
});

test("Room opens no message of a chain from before its author's restart", async () => {
  const { bob, alone } = await open();
  const chain = await bob.chain();
  const skdm = await chain.skdm(alone.target);
  await alone.says(bob, skdm, await chain.msg("before"));
  assertEquals(await alone.text(), "before");
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");

  const restarted = await Puppet.create("bob");
  await alone.join(restarted);
  await alone.says(restarted, skdm, await chain.msg("after"));
  await alone.says(bob, await chain.msg("after"));
  await alone.relay.settle();
  await alone.assertStillHears(restarted);
  await alone.close();
});
