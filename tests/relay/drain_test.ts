import { assertEquals } from "@std/assert";
import { FAREWELL_MS } from "../../lib/channel/mod.ts";
import { DRAIN_MS } from "../../lib/relay/mod.ts";
import { CloseReason, MAX_OBJECT_BYTES } from "../../lib/wire/mod.ts";
import { nextTurn } from "../support/clock.ts";
import { ack } from "../support/records.ts";
import type { ScriptedGuest } from "../support/scripted_guest.ts";
import { RelayOnly } from "../support/relay_only.ts";
import { test } from "../support/test.ts";

const { HOST_ENDS } = CloseReason;

/** A room whose end waits for bob, who has not acknowledged an envelope. */
async function ending(): Promise<
  { relayOnly: RelayOnly; ada: ScriptedGuest; bob: ScriptedGuest; closed: Promise<void> }
> {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  bob.acknowledges = false;
  await ada.say(["one", "two"]);
  await bob.logged("ada: two");
  await ada.settle();
  return { relayOnly, ada, bob, closed: relayOnly.relay.close() };
}

/** Whether the relay has said farewell. */
async function parted(...guests: readonly ScriptedGuest[]): Promise<boolean[]> {
  for (let i = 0; i < 5; i++) await nextTurn();
  return guests.map(({ records }) => records.all.at(-1)?.type === "close");
}

test("Relay.close waits until the members have the queued envelopes, and tells their senders", async () => {
  const { ada, bob, closed, relayOnly } = await ending();
  relayOnly.clock.advance(DRAIN_MS - 1);
  assertEquals(await parted(ada, bob), [false, false]);
  await bob.send(ack(bob.lastSeq - 1));
  assertEquals(await parted(ada, bob), [false, false]);
  assertEquals(ada.ack.delivered, 1);
  await bob.send(ack(bob.lastSeq));
  assertEquals([await ada.farewell(), await bob.farewell()], [HOST_ENDS, HOST_ENDS]);
  assertEquals(ada.ack.delivered, 2);
  await closed;
  await relayOnly.close();
});

test("Relay.close waits no longer than its argument says", async () => {
  const { ada, bob, closed, relayOnly } = await ending();
  relayOnly.clock.advance(DRAIN_MS);
  assertEquals([await ada.farewell(), await bob.farewell()], [HOST_ENDS, HOST_ENDS]);
  assertEquals(ada.ack, { type: "ack", accepted: 2, delivered: 0, reached: 0, seq: 1 });
  await closed;
  await relayOnly.close();
});

test("Relay.close does not wait for a member whose connection is lost, before or meanwhile", async () => {
  const relayOnly = new RelayOnly();
  const guests = [];
  for (const name of ["ada", "bob", "carol"]) guests.push(await relayOnly.enter(name));
  const [ada, bob, carol] = guests as [ScriptedGuest, ScriptedGuest, ScriptedGuest];
  for (const guest of [bob, carol]) guest.acknowledges = false;
  await ada.say(["one"]);
  await bob.logged("ada: one");
  await carol.logged("ada: one");
  await bob.cut();
  await ada.logged(`bob away ${CloseReason.LOST}`);
  await carol.logged(`bob away ${CloseReason.LOST}`);
  await ada.settle();
  const closed = relayOnly.relay.close();
  assertEquals(await parted(ada), [false]);
  await carol.cut();
  assertEquals(await ada.farewell(), HOST_ENDS);
  await closed;
  await relayOnly.close();
});

test("Relay.close accepts no envelope that comes meanwhile", async () => {
  const { ada, bob, closed, relayOnly } = await ending();
  await ada.say(["too late"]);
  await ada.settle();
  await bob.settle();
  await bob.send(ack(bob.lastSeq));
  assertEquals([await ada.farewell(), await bob.farewell()], [HOST_ENDS, HOST_ENDS]);
  assertEquals(ada.ack.accepted, 2);
  assertEquals(bob.log.all.filter((line) => line.startsWith("ada")), ["ada: one", "ada: two"]);
  await closed;
  await relayOnly.close();
});

test("Relay.close tells a newcomer at once that the room ends while it waits", async () => {
  const { ada, bob, closed, relayOnly } = await ending();
  await ada.cut();
  for (const late of [relayOnly.again(ada), relayOnly.again(bob), relayOnly.knock("carol")]) {
    assertEquals(await late.farewell(), HOST_ENDS);
    assertEquals(late.records.all, [{ type: "close", reason: HOST_ENDS }]);
  }
  assertEquals(await parted(bob), [false]);
  await bob.send(ack(bob.lastSeq));
  assertEquals(await bob.farewell(), HOST_ENDS);
  await closed;
  await relayOnly.close();
});

test("Relay.close reads held and slowed members, and waits for their acknowledgements", async () => {
  const relayOnly = new RelayOnly({ maxRate: 100_000 });
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  for (const guest of [ada, bob]) guest.acknowledges = false;
  await bob.say(["to ada"]);
  await ada.logged("bob: to ada");
  // Ada sends more at once than in two seconds, and then acknowledges.
  const object = new Uint8Array(MAX_OBJECT_BYTES);
  for (let i = 0; i < 6; i++) void ada.say([object]);
  void ada.send(ack(ada.lastSeq));
  for (let i = 0; i < 5; i++) await nextTurn();
  assertEquals(bob.ack.delivered, 0);
  const closed = relayOnly.relay.close();
  await bob.delivered(1);
  void bob.send(ack(bob.lastSeq));
  assertEquals([await ada.farewell(), await bob.farewell()], [HOST_ENDS, HOST_ENDS]);
  await closed;
  await relayOnly.close();
});

test("Relay.close may be asked twice", async () => {
  const { ada, bob, closed, relayOnly } = await ending();
  const again = relayOnly.relay.close();
  relayOnly.clock.advance(DRAIN_MS);
  assertEquals([await ada.farewell(), await bob.farewell()], [HOST_ENDS, HOST_ENDS]);
  await nextTurn();
  relayOnly.clock.advance(FAREWELL_MS);
  await Promise.all([closed, again]);
  await relayOnly.close();
});
