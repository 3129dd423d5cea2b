import { assertEquals } from "@std/assert";
import { type Bytes, toHex, utf8 } from "../../lib/bytes/mod.ts";
import type { Member, RoomOptions } from "../../lib/room/mod.ts";
import {
  Audience,
  BodyKind,
  decodeFileMessage,
  encodeBatch,
  encodeFileMessage,
  type FileMessage,
  type Inner,
  ReportState,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

const TRANSFER = new Uint8Array(16).fill(1);

const OFFER: FileMessage = {
  kind: "offer",
  transfer: TRANSFER,
  stream: false,
  size: 5,
  files: 1,
  manifestBytes: 19,
  root: new Uint8Array(32).fill(2),
  name: "notes.txt",
};
const WANT: FileMessage = { kind: "want", transfer: TRANSFER, ranges: [{ first: 0, count: 1 }] };
const GRANT: FileMessage = { kind: "grant", transfer: TRANSFER, secret: new Uint8Array(32) };
const REPORT: FileMessage = { kind: "report", transfer: TRANSFER, state: 1, value: 5 };

/** A received message, beside the texts that came with it. */
type Heard = string | readonly [kind: string, from: string, isPrivate: boolean];

/** A room that notes texts and messages about transfers in the order in which it passes them on. */
async function listening(
  before: readonly Puppet[],
  options: Pick<RoomOptions, "ignores"> = {},
): Promise<{ alone: RoomAlone; heard: Heard[] }> {
  const heard: Heard[] = [];
  const alone = await RoomAlone.open({
    before,
    ...options,
    onEvent: (event) => {
      if (event.event === "message") heard.push(event.text);
    },
    onFileMessage: (message: FileMessage, from: Member, isPrivate: boolean) =>
      heard.push([message.kind, from.name, isPrivate]),
  });
  return { alone, heard };
}

/** Returns the next message that a puppet reads, with the keys before it. */
async function reads(alone: RoomAlone, puppet: Puppet): Promise<Inner> {
  while (true) {
    const { object, to } = await alone.relay.envelopes.next();
    if (object[0] === 0x20 || to !== undefined && toHex(to) !== toHex(puppet.session)) continue;
    const inner = await puppet.take(object);
    if (inner !== undefined) return inner;
  }
}

/** A MSG with a message about a transfer. */
function msg(chain: Awaited<ReturnType<Puppet["chain"]>>, message: FileMessage): Promise<Bytes> {
  const { body, kind } = encodeFileMessage(message);
  return chain.msg(body, { kind });
}

test("Room.sendFileMessage sends to the room or to one session, in order with the texts", async () => {
  const bob = await Puppet.create("bob");
  const { alone } = await listening([bob]);
  const to = toHex(bob.session);
  const sent = [
    alone.room.say("one"),
    alone.room.sendFileMessage(OFFER),
    alone.room.sendFileMessage(REPORT),
    alone.room.say("two"),
    alone.room.sendFileMessage(GRANT, to),
  ];
  assertEquals((await reads(alone, bob)).kind, BodyKind.TEXT);
  for (const message of [OFFER, REPORT]) {
    const { body, kind } = await reads(alone, bob);
    assertEquals(decodeFileMessage(kind, body), message);
  }
  assertEquals((await reads(alone, bob)).kind, BodyKind.TEXT);
  const { body, kind } = await reads(alone, bob);
  assertEquals(decodeFileMessage(kind, body), GRANT);
  await Promise.all(sent);
  await alone.close();
});

test("Room.sendFileMessage resolves once the host has accepted it", async () => {
  const bob = await Puppet.create("bob");
  const { alone } = await listening([bob]);
  alone.relay.acknowledges = false;
  let accepted = false;
  const sent = alone.room.sendFileMessage(OFFER).then(() => accepted = true);
  assertEquals((await reads(alone, bob)).kind, BodyKind.OFFER);
  await alone.relay.settle();
  assertEquals(accepted, false);
  alone.relay.acknowledge();
  await sent;
  await alone.close();
});

test("Room.sendFileMessage refuses what no one can read", async () => {
  const bob = await Puppet.create("bob");
  const { alone } = await listening([]);
  await assertFails(alone.room.sendFileMessage(OFFER), "nobody-here", "Cannot send files");
  await assertFails(alone.room.sendFileMessage(WANT, toHex(bob.session)), "no-such-member");
  await alone.join(bob);
  alone.room.lock(new Set());
  await assertFails(alone.room.sendFileMessage(WANT, toHex(bob.session)), "key-withheld");
  await alone.close();
  await assertFails(alone.room.sendFileMessage(WANT, toHex(bob.session)), "no-such-member");
});

test("Room passes on messages about transfers in order with the texts of that member", async () => {
  const bob = await Puppet.create("bob");
  const { alone, heard } = await listening([bob]);
  const [chain, direct] = [await bob.chain(), await bob.chain(Audience.DIRECT)];
  await alone.says(bob, await chain.skdm(alone.target), await direct.skdm(alone.target));
  await alone.says(
    bob,
    await chain.msg("one"),
    await msg(chain, OFFER),
    await msg(direct, GRANT),
    await chain.msg("two"),
    await msg(direct, WANT),
    await msg(chain, REPORT),
  );
  await alone.relay.settle();
  assertEquals(heard, [
    "one",
    ["offer", "bob", false],
    ["grant", "bob", true],
    "two",
    ["want", "bob", true],
    ["report", "bob", false],
  ]);
  await alone.close();
});

test("Room drops a malformed message about a transfer, and hears what follows", async () => {
  const bob = await Puppet.create("bob");
  const { alone, heard } = await listening([bob]);
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target));
  for (const kind of [BodyKind.OFFER, BodyKind.WANT, BodyKind.GRANT, BodyKind.REPORT, 15]) {
    await alone.says(bob, await chain.msg(utf8("no such layout, whatever it is"), { kind }));
  }
  await alone.says(bob, await msg(chain, REPORT));
  await alone.relay.settle();
  assertEquals(heard, [["report", "bob", false]]);
  await alone.close();
});

test("Room drops offers of an ignored member, and no other message about a transfer", async () => {
  const bob = await Puppet.create("bob");
  const { alone, heard } = await listening([bob], { ignores: () => true });
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target));
  await alone.says(bob, await msg(chain, OFFER), await msg(chain, WANT));
  await alone.relay.settle();
  assertEquals(heard, [["want", "bob", false]]);
  await alone.close();
});

test("Room pays for messages about transfers from the sender's budget, and paces its own", async () => {
  const bob = await Puppet.create("bob");
  const { alone, heard } = await listening([bob]);
  const ranges = Array.from({ length: 1000 }, (_, i) => ({ first: 2 * i, count: 1 }));
  const large: FileMessage = { kind: "want", transfer: TRANSFER, ranges };
  // A want of 16,016 bytes costs 17 tokens of the 10,000 that a member may spend at once.
  const count = Math.floor(10_000 / 17) + 1;
  let accepted = 0;
  const to = toHex(bob.session);
  const sent = Array.from(
    { length: count },
    () => alone.room.sendFileMessage(large, to).then(() => accepted++),
  );
  for (let i = 0; i < count - 1; i++) await reads(alone, bob);
  await alone.relay.settle();
  assertEquals(accepted, count - 1);
  alone.clock.advance(1);
  await reads(alone, bob);
  await Promise.all(sent);

  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target));
  // Beside texts that cost 258 tokens each, of the 20,000 that a member may have others spend at once.
  const texts = encodeBatch(new Array(256).fill({ kind: BodyKind.TEXT, text: utf8("x") }));
  for (let i = 0; i < 77; i++) {
    await alone.says(bob, await chain.msg(texts, { kind: BodyKind.BATCH }));
  }
  const received = Math.floor((20_000 - 77 * 258) / 17) + 1;
  for (let i = 0; i < received; i++) await alone.says(bob, await msg(chain, large));
  await alone.relay.settle();
  assertEquals(heard.length, 77 * 256 + received - 1);
  alone.clock.advance(1);
  await alone.relay.settle();
  assertEquals(heard.length, 77 * 256 + received);
  await alone.close();
});

test("Room holds messages about transfers until it is ready", async () => {
  const bob = await Puppet.create("bob");
  const heard: string[] = [];
  const alone = await RoomAlone.create({
    before: [bob],
    onEvent: ({ event }) => heard.push(event),
    onFileMessage: ({ kind }) => heard.push(kind),
  });
  const carol = await Puppet.create("carol");
  await alone.relay.admit([bob, carol].map((puppet) => puppet.entry));
  await alone.heardBy(bob);
  await alone.says(bob, await bob.announce(alone.session));
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target));
  await alone.says(bob, await msg(chain, { ...REPORT, state: ReportState.PAUSED }));
  await alone.relay.settle();
  assertEquals(heard, []);
  await alone.says(carol, await carol.announce(alone.session));
  await alone.event("ready");
  assertEquals(heard, ["ready", "report"]);
  await alone.close();
});
