import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat } from "../../../lib/bytes/mod.ts";
import type { Channel } from "../../../lib/channel/mod.ts";
import { LanchatError } from "../../../lib/errors.ts";
import { Relay } from "../../../lib/relay/mod.ts";
import { Room, type RoomEvent, SessionKeys } from "../../../lib/room/mod.ts";
import {
  Audience,
  CloseReason,
  decodeMsg,
  decodeSkdm,
  decodeText,
  encodeAgain,
  encodeNeed,
  MemberChange,
  ObjectType,
  type PlainRecord,
} from "../../../lib/wire/mod.ts";
import { FakeClock } from "../../support/clock.ts";
import { ScriptedGuest } from "../../support/scripted_guest.ts";
import { identityOf, sessionKey } from "../../support/keys.ts";
import { HOST, MEMBER_KEY, type OwnChain, Puppet, ROOM_ID } from "../../support/puppet.ts";
import { RoomAlone } from "../../support/room_alone.ts";
import { decodeSteps, masked, refusal, type Target } from "../target.ts";
import { recordOf } from "./wire.ts";

/** A member that knows all secrets of the room and lies at will. */
interface Mallory {
  readonly alone: RoomAlone;
  readonly puppet: Puppet;
  chain: OwnChain;
  epoch: number;
  generation: number;
}

/** A chain that is newer than all before. */
async function begin(mallory: Mallory, audience: number): Promise<OwnChain> {
  return mallory.chain = await mallory.puppet.chain(audience, ++mallory.epoch);
}

/** The fields that a lie tells, or none where it is laid out as nothing. */
function lied<Fields>(decode: () => Fields): Partial<Fields> {
  try {
    return decode();
  } catch (error) {
    refusal(error, LanchatError);
    return {};
  }
}

type Lie = (mallory: Mallory, mask: Bytes) => Promise<Bytes> | Bytes;

/** A member's object: honest where the mask is zero, and as long as the mask. */
const LIES: readonly Lie[] = [
  // Arbitrary bytes.
  (_mallory, mask) => mask,
  // An ANNOUNCE.
  async (mallory, mask) => {
    const { puppet, alone } = mallory;
    const generation = ++mallory.generation;
    return masked(await puppet.announce(alone.session, { generation }), mask);
  },
  // An ANNOUNCE valid except for its contents.
  (mallory, mask) => {
    const { puppet, alone } = mallory;
    const untagged = (honest: Bytes): Bytes => masked(honest, mask);
    return puppet.announce(alone.session, { generation: ++mallory.generation, untagged });
  },
  // An SKDM.
  async (mallory, mask) => {
    const chain = await begin(mallory, Audience.ROOM);
    return masked(await chain.skdm(mallory.alone.target), mask);
  },
  // An SKDM valid except for its contents.
  async (mallory, mask) => {
    const chain = await begin(mallory, Audience.DIRECT);
    const { target } = mallory.alone;
    const honest = await chain.skdm(target);
    // Wrap and sign it again, or the signature check would stop the lie.
    return await chain.skdm(target, lied(() => decodeSkdm(masked(honest, mask))));
  },
  // An SKDM valid except for the wrapped key.
  async (mallory, mask) => {
    const chain = await begin(mallory, Audience.ROOM);
    return await chain.skdm(mallory.alone.target, {
      wrap: ({ encapsulated, sealed, wrapped }) => {
        const lie = concat(mask, new Uint8Array(1392)).slice(0, 1392);
        const bytes = masked(concat(wrapped, encapsulated, sealed), lie);
        return {
          wrapped: bytes.slice(0, 256),
          encapsulated: bytes.slice(256, 1344),
          sealed: bytes.slice(1344),
        };
      },
    });
  },
  // A MSG.
  async ({ chain }, mask) => masked(await chain.msg("hello"), mask),
  // A MSG valid except for its outer fields.
  async ({ chain }, mask) => {
    const { chainKey, index } = chain;
    const honest = await chain.msg("hello");
    Object.assign(chain, { chainKey, index });
    const { sealed: _, ...fields } = lied(() => decodeMsg(masked(honest, mask)));
    return await chain.msg("hello", fields);
  },
  // A MSG valid except for its plaintext.
  ({ chain }, mask) => chain.msg("hello", { plaintext: (honest) => masked(honest, mask) }),
  // A MSG of any kind with any body.
  ({ chain }, mask) => chain.msg(mask.slice(1), { kind: mask[0] ?? 0 }),
  // A NEED.
  (_mallory, mask) => masked(encodeNeed(1), mask),
  // An AGAIN of a MSG without a NEED.
  async ({ chain }, mask) =>
    masked(encodeAgain({ round: 1, object: await chain.msg("hello") }), mask),
  // An ANNOUNCE valid except for its name.
  (mallory, mask) => {
    const { puppet, alone } = mallory;
    const field = (honest: Bytes): Bytes => masked(honest, mask);
    return puppet.announce(alone.session, { generation: ++mallory.generation, field });
  },
];

/** One thing more than lies: what the relay says of the member. */
async function act(mallory: Mallory, kind: number, data: Bytes): Promise<void> {
  const { puppet, alone } = mallory;
  const lie = LIES[kind % (LIES.length + 1)];
  if (lie === undefined) {
    const change = MemberChange.JOINED + (data[0] ?? 0) % MemberChange.BACK;
    return await alone.tell(puppet, change, (data[1] ?? 0) % (CloseReason.LOST + 1));
  }
  const object = await lie(mallory, data);
  // The relay forwards no other objects.
  if (object.length > 0) await alone.says(puppet, object);
}

/** How a room tells that something in it is wrong. */
function assertNoFault(events: readonly RoomEvent[]): void {
  for (const event of events) {
    assert(event.event !== "warning" || event.code !== "internal", Deno.inspect(event));
  }
}

/** A room in which a member with its secrets sends anything: an honest member still sends and receives. */
const room: Target = {
  name: "room",
  runs: 40,
  async run(input): Promise<string> {
    const [bob, puppet] = [await Puppet.create("bob"), await Puppet.create("mallory")];
    const alone = await RoomAlone.open({ before: [bob, puppet] });
    const chain = await puppet.chain();
    const mallory: Mallory = { alone, puppet, chain, epoch: 0, generation: 1 };
    for (const { data, kind } of decodeSteps(input)) await act(mallory, kind, data);
    await alone.relay.settle();
    const shown = [...alone.events.all];
    const honest = await bob.chain();
    await alone.says(bob, await honest.skdm(alone.target), await honest.msg("still here"));
    await alone.events.find((event): event is typeof event =>
      event.event === "message" && event.from.name === "bob" && event.text === "still here"
    );
    const said = alone.room.say("so am I");
    await bob.take((await alone.relay.object(ObjectType.SKDM, bob.session)).object);
    const { object } = await alone.relay.object(ObjectType.MSG);
    assertEquals(decodeText((await bob.take(object))!.body), "so am I");
    await said;
    assertNoFault(alone.events.all);
    await alone.close();
    return `ok: ${shown.map((event) => event.event === "warning" ? event.code : event.event)}`;
  },
};

/** A connection on which each step sends a record of its kind, and whose other direction is dropped. */
function scripted(input: Bytes): Channel & { readonly sent: PlainRecord[] } {
  const sent: PlainRecord[] = [];
  return {
    readable: ReadableStream.from(
      decodeSteps(input).map(recordOf),
    ),
    writable: new WritableStream({ write: (record) => void sent.push(record as PlainRecord) }),
    carriesShared: false,
    sent,
  };
}

/** A room whose host sends any records: it continues or ends, and releases all resources. */
const roomHost: Target = {
  name: "room-host",
  runs: 300,
  async run(input): Promise<string> {
    const clock = new FakeClock();
    const events: RoomEvent[] = [];
    const keys = new SessionKeys({ generate: sessionKey, clock });
    const room = new Room({
      identity: await identityOf("ada"),
      name: "ada",
      nonce: new Uint8Array(16).fill(1),
      session: new Uint8Array(16).fill(1),
      roomId: ROOM_ID,
      hostKey: HOST.publicKey,
      memberKey: MEMBER_KEY,
      keys,
      emit: (event) => void events.push(event),
      clock,
    });
    const channel = scripted(input);
    let end: string;
    try {
      end = `ok ${await room.run(channel)}`;
    } catch (error) {
      end = refusal(error, LanchatError);
    }
    room.end("not-delivered");
    assertNoFault(events);
    assertEquals(clock.timers, 0, "timers are left");
    return `${end}: ${channel.sent.slice(0, 4).map(({ type }) => type)}`;
  },
};

/** A relay with a member that sends any records: the others hear each other all the same. */
const relay: Target = {
  name: "relay",
  runs: 200,
  async run(input): Promise<string> {
    const relay = new Relay({ clock: new FakeClock() });
    const names = new Map<string, string>();
    const [alice, bob] = [
      new ScriptedGuest(relay, { name: "alice", names }),
      new ScriptedGuest(relay, {
        name: "bob",
        names,
      }),
    ];
    for (const guest of [alice, bob]) {
      await guest.enter();
      guest.listen();
    }
    const channel = scripted(input);
    await relay.serve(channel, {
      key: new Uint8Array(32).fill(1),
      nonce: new Uint8Array(16).fill(1),
      session: new Uint8Array(16).fill(1),
    });
    await alice.say(["still here"]);
    await bob.logged("alice: still here");
    await relay.close();
    await Promise.all([alice.farewell(), bob.farewell(), alice.served, bob.served]);
    return `ok: ${channel.sent.slice(0, 6).map(({ type }) => type)}`;
  },
};

/** Rooms and relays against any peer. */
export const roomTargets: readonly Target[] = [room, roomHost, relay];
