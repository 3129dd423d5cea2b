import { assert, assertEquals } from "@std/assert";
import { type Bytes, toHex } from "../../lib/bytes/mod.ts";
import { DEFAULT_LIMITS } from "../../lib/relay/mod.ts";
import { CloseReason, EnvelopeClass, type HostRecord } from "../../lib/wire/mod.ts";
import { ack } from "../support/records.ts";
import type { ScriptedGuest } from "../support/scripted_guest.ts";
import { RelayOnly } from "../support/relay_only.ts";
import { test } from "../support/test.ts";

type Behind = Extract<HostRecord, { type: "behind" }>;

/** A room of three; the last two acknowledge only when asked. */
async function gather(): Promise<[RelayOnly, ScriptedGuest, ScriptedGuest, ScriptedGuest]> {
  const relayOnly = new RelayOnly();
  const guests = [];
  for (const name of ["ada", "bob", "carol"]) guests.push(await relayOnly.enter(name));
  for (const guest of guests) await guest.settle();
  for (const guest of guests.slice(1)) guest.acknowledges = false;
  return [relayOnly, ...guests as [ScriptedGuest, ScriptedGuest, ScriptedGuest]];
}

/** Asks the relay. @returns The names of the members that it reports. */
async function behind(
  asker: ScriptedGuest,
  ...others: readonly ScriptedGuest[]
): Promise<string[]> {
  const before = answers(asker).length;
  await asker.send({ type: "behind" });
  await asker.settle();
  while (answers(asker).length === before) {
    await asker.records.count(asker.records.all.length + 1);
  }
  const name = (session: Bytes): string | undefined =>
    others.find((other) => toHex(other.session) === toHex(session))?.name;
  return answers(asker).at(-1)!.sessions.map((session) => name(session) ?? "somebody");
}

function answers({ records }: ScriptedGuest): Behind[] {
  return records.all.filter((record) => record.type === "behind");
}

async function acknowledge(guest: ScriptedGuest, line: string): Promise<void> {
  await guest.logged(line);
  await guest.send(ack(guest.lastSeq));
  await guest.settle();
}

test("Relay reports the members that have not acknowledged a member's messages, to the room or to one", async () => {
  const [relayOnly, ada, bob, carol] = await gather();
  assertEquals(await behind(ada), []);
  await ada.say(["to all"]);
  await ada.acknowledged(1);
  assertEquals(await behind(ada, bob, carol), ["bob", "carol"]);
  await acknowledge(bob, "ada: to all");
  assertEquals(await behind(ada, bob, carol), ["carol"]);
  await ada.say(["to bob"], bob);
  await ada.say(["to bob, too"], bob);
  await ada.acknowledged(3);
  await acknowledge(carol, "ada: to all");
  await bob.logged("ada (direct): to bob, too");
  await bob.send(ack(bob.lastSeq - 1));
  await bob.settle();
  assertEquals(await behind(ada, bob, carol), ["bob"]);
  await bob.send(ack(bob.lastSeq));
  await bob.settle();
  assertEquals(await behind(ada, bob, carol), []);
  await relayOnly.close();
});

test("Relay reports no member behind for messages of others or for keys", async () => {
  const [relayOnly, ada, bob, carol] = await gather();
  await bob.say(["to all"]);
  await carol.logged("bob: to all");
  await ada.send({
    type: "batch",
    envelopes: [{
      class: EnvelopeClass.CONTROL,
      to: undefined,
      cmid: ++ada.cmid,
      object: new Uint8Array(1),
    }],
  });
  await ada.acknowledged(1);
  assertEquals(await behind(ada, bob, carol), []);
  assertEquals(await behind(bob, ada, carol), ["carol"]);
  await relayOnly.close();
});

test("Relay reports a member behind that is away, and not one that is gone", async () => {
  const [relayOnly, ada, bob, carol] = await gather();
  await ada.say(["to all"]);
  await ada.acknowledged(1);
  await bob.cut();
  await carol.leave(CloseReason.LEAVING);
  assertEquals(await behind(ada, bob, carol), ["bob"]);
  await relayOnly.pass(DEFAULT_LIMITS.keepSeatMs, [ada]);
  assertEquals(await behind(ada, bob, carol), []);
  await relayOnly.close();
});

test("Relay answers once a member that asks again before it has taken the answer", async () => {
  const relayOnly = new RelayOnly();
  const ada = relayOnly.knock("ada");
  await ada.enter();
  for (let i = 0; i < 1000; i++) await ada.send({ type: "behind" });
  ada.listen();
  await ada.settle();
  const count = answers(ada).length;
  assert(count >= 1 && count < 10, `${count} answers`);
  await relayOnly.close();
});

test("Relay takes no question before the member has said where it was", async () => {
  const relayOnly = new RelayOnly();
  const guest = relayOnly.knock("ada");
  await guest.greeted();
  await guest.send({ type: "behind" });
  assertEquals(await guest.farewell(), CloseReason.PROTOCOL);
  await relayOnly.close();
});
