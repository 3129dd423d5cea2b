import { assertEquals } from "@std/assert";
import { nextTurn } from "../support/clock.ts";
import { ack } from "../support/records.ts";
import type { ScriptedGuest } from "../support/scripted_guest.ts";
import { RelayOnly } from "../support/relay_only.ts";
import { test } from "../support/test.ts";
import { MemberChange } from "../../lib/wire/mod.ts";

/** A room of three; bob and carol acknowledge only when asked. */
async function gather(): Promise<
  { relayOnly: RelayOnly; ada: ScriptedGuest; bob: ScriptedGuest; carol: ScriptedGuest }
> {
  const relayOnly = new RelayOnly();
  const [ada, bob, carol] = [
    await relayOnly.enter("ada"),
    await relayOnly.enter("bob"),
    await relayOnly.enter("carol"),
  ];
  for (const guest of [ada, bob, carol]) await guest.settle();
  for (const guest of [bob, carol]) guest.acknowledges = false;
  return { relayOnly, ada, bob, carol };
}

async function acknowledge(guest: ScriptedGuest, line: string): Promise<void> {
  await guest.logged(line);
  await guest.send(ack(guest.lastSeq));
  await guest.settle();
}

/** The ACKs of a guest's own envelopes, once the room is idle. */
async function told(guest: ScriptedGuest): Promise<{ delivered: number; reached: number }> {
  await guest.settle();
  await nextTurn();
  const { delivered, reached } = guest.ack;
  return { delivered, reached };
}

test("Relay reports an envelope reached once all receivers that are not away have acknowledged it", async () => {
  const { relayOnly, ada, bob, carol } = await gather();
  await ada.say(["one"]);
  await acknowledge(bob, "ada: one");
  assertEquals(await told(ada), { delivered: 0, reached: 0 });
  await carol.cut();
  await ada.logged("carol away 9");
  assertEquals(await told(ada), { delivered: 0, reached: 1 });
  await ada.say(["two"]);
  assertEquals(await told(ada), { delivered: 0, reached: 1 });
  await acknowledge(bob, "ada: two");
  assertEquals(await told(ada), { delivered: 0, reached: 2 });
  await ada.say(["for carol"], carol);
  assertEquals(await told(ada), { delivered: 0, reached: 3 });
  await relayOnly.close();
});

test("Relay delays the reached report for a member that is back, but withdraws none", async () => {
  const { relayOnly, ada, bob, carol } = await gather();
  bob.acknowledges = true;
  await carol.cut();
  await ada.say(["one"]);
  assertEquals(await told(ada), { delivered: 0, reached: 1 });
  const again = relayOnly.again(carol);
  await again.greeted();
  again.acknowledges = false;
  await again.enter(carol.whereabouts);
  again.listen();
  await ada.say(["two"]);
  assertEquals(await told(ada), { delivered: 0, reached: 1 });
  await acknowledge(again, "ada: two");
  assertEquals(await told(ada), { delivered: 2, reached: 2 });
  await relayOnly.close();
});

test("Relay reports members as away before it leaves them out", async () => {
  const { relayOnly, ada, bob, carol } = await gather();
  bob.acknowledges = true;
  await ada.say(["one"]);
  await carol.logged("ada: one");
  await ada.settle();
  await carol.cut();
  await ada.logged("carol away 9");
  await told(ada);
  const { all } = ada.records;
  const away = all.findIndex((record) =>
    record.type === "member" && record.changes.some(({ change }) => change === MemberChange.AWAY)
  );
  const reached = all.findIndex((record) => record.type === "ack" && record.reached === 1);
  assertEquals(away >= 0 && away < reached, true);
  await relayOnly.close();
});

test("Relay counts a member whose connection is replaced as present", async () => {
  const { relayOnly, ada, bob, carol } = await gather();
  bob.acknowledges = true;
  await ada.say(["one"]);
  await carol.logged("ada: one");
  const again = relayOnly.again(carol);
  await again.greeted();
  assertEquals(await told(ada), { delivered: 0, reached: 0 });
  await relayOnly.close();
});
