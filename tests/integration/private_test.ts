import { assert, assertEquals } from "@std/assert";
import { type Bytes, equal } from "../../lib/bytes/mod.ts";
import {
  decodeHostRecord,
  decodeMemberRecord,
  EnvelopeClass,
  type PlainRecord,
} from "../../lib/wire/mod.ts";
import { hallTest, WholePipeline } from "../support/whole_pipeline.ts";
import { TextSearch } from "../support/memory.ts";

const PUBLIC = "canary for everybody: the heron stands in the reeds";
const PRIVATE = "canary for bob alone: the otter swims at midnight";
const ACTION = "canary of an action: waves a cormorant feather";

/** How often texts are found in bytes. */
function search(texts: readonly string[], ...streams: readonly (readonly Bytes[])[]): number[] {
  const search = new TextSearch(texts);
  for (const chunks of streams) {
    search.cut();
    for (const chunk of chunks) search.push(chunk);
  }
  return [...search.found];
}

/** The private objects among what a member sent. */
function privateObjects(records: readonly PlainRecord[]): Bytes[] {
  return records.map(decodeMemberRecord).flatMap((record) =>
    record.type !== "batch" ? [] : record.envelopes
      .filter((envelope) => envelope.class === EnvelopeClass.CHAT && envelope.to !== undefined)
      .map(({ object }) => object)
  );
}

/** Whether a member was sent an object. */
function got(records: readonly PlainRecord[], object: Bytes): boolean {
  return records.map(decodeHostRecord).some((record) =>
    record.type === "batch" && record.envelopes.some((envelope) => equal(envelope.object, object))
  );
}

hallTest(
  "no byte at the relay reveals a text, and only its addressee gets a private message",
  async () => {
    const pipeline = await WholePipeline.open();
    const host = await pipeline.sit();
    const ada = await pipeline.join("ada the distinct");
    const bob = await pipeline.join("bob");
    const carol = await pipeline.join("carol");
    await ada.room.say(PRIVATE, { to: "bob" });
    await ada.room.say(ACTION, { kind: "action" });
    await ada.room.say(PUBLIC);
    for (const member of [host, bob, carol]) {
      const own = member === bob ? [PRIVATE] : [];
      await member.texts.count(own.length + 2);
      assertEquals(member.texts.all, [...own, ACTION, PUBLIC]);
    }
    const [message] = bob.events.all.filter((event) => event.event === "message");
    assert(message?.event === "message" && message.private);
    await pipeline.close();

    const canaries = [PUBLIC, PRIVATE, ACTION, ada.name];
    const wire = pipeline.calls.all.flatMap(({ toHost, toMember }) => [toHost, toMember]);
    const traffic = [...pipeline.relay.records.values()];
    const records = traffic.flatMap(({ toHost, toMember }) =>
      [toHost, toMember].map((records) => records.map(({ payload }) => payload))
    );
    assertEquals(search(canaries, ...wire, ...records), [0, 0, 0, 0]);
    // The same search finds the greeting, which is not secret.
    assert(search(["LANCHAT"], ...wire)[0]! > 0);

    const objects = privateObjects(pipeline.relay.with(ada).toHost);
    assertEquals(objects.length, 1);
    const receivers = [host, bob, carol, ada].filter((member) =>
      got(pipeline.relay.with(member).toMember, objects[0]!)
    );
    assertEquals(receivers.map(({ name }) => name), ["bob"]);
  },
);

hallTest(
  "a private message reaches one of two members with the same name, and no former member",
  async () => {
    const pipeline = await WholePipeline.open();
    await pipeline.sit();
    const ada = await pipeline.join("ada");
    const first = await pipeline.join("bob", { identity: "first bob" });
    const second = await pipeline.join("bob", { identity: "second bob" });
    await ada.event("joined");
    await ada.event("joined");
    const [, , shown] = ada.room.members;
    assert(shown!.name === `bob#${shown!.tag}`);
    await ada.room.say("for the second", { to: shown!.name });
    assertEquals(await second.texts.next(), "for the second");
    await ada.room.say("for the first", { to: "bob" });
    assertEquals(await first.texts.next(), "for the first");
    await second.room.leave();
    await ada.event("left");
    const failed = await ada.room.say("too late", { to: shown!.name }).catch(({ code }) => code);
    assertEquals(failed, "no-such-member");
    await pipeline.close();
    assertEquals([first.texts.all, second.texts.all], [["for the first"], ["for the second"]]);
  },
);
