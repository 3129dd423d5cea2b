import { assert, assertEquals } from "@std/assert";
import { type Bytes, equal } from "../../lib/bytes/mod.ts";
import {
  decodeHostRecord,
  decodeMemberRecord,
  EnvelopeClass,
  type PlainRecord,
} from "../../lib/wire/mod.ts";
import { Hall, hallTest } from "../support/hall.ts";
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
  "no byte that the relay handles tells what is said, and only one gets what is for one",
  async () => {
    const hall = await Hall.open();
    const host = await hall.sit();
    const ada = await hall.join("ada the distinct");
    const bob = await hall.join("bob");
    const carol = await hall.join("carol");
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
    await hall.close();

    const canaries = [PUBLIC, PRIVATE, ACTION, ada.name];
    const wire = hall.calls.all.flatMap(({ toHost, toMember }) => [toHost, toMember]);
    const traffic = [...hall.relay.records.values()];
    const records = traffic.flatMap(({ toHost, toMember }) =>
      [toHost, toMember].map((records) => records.map(({ payload }) => payload))
    );
    assertEquals(search(canaries, ...wire, ...records), [0, 0, 0, 0]);
    // The same search finds the greeting, which is no secret.
    assert(search(["LANCHAT"], ...wire)[0]! > 0);

    const objects = privateObjects(hall.relay.with(ada).toHost);
    assertEquals(objects.length, 1);
    const receivers = [host, bob, carol, ada].filter((member) =>
      got(hall.relay.with(member).toMember, objects[0]!)
    );
    assertEquals(receivers.map(({ name }) => name), ["bob"]);
  },
);

hallTest(
  "a private message reaches one of two with the same name, and nobody who left",
  async () => {
    const hall = await Hall.open();
    await hall.sit();
    const ada = await hall.join("ada");
    const first = await hall.join("bob", { identity: "first bob" });
    const second = await hall.join("bob", { identity: "second bob" });
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
    await hall.close();
    assertEquals([first.texts.all, second.texts.all], [["for the first"], ["for the second"]]);
  },
);
