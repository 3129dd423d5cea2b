import { assertEquals } from "@std/assert";
import { FAREWELL_MS } from "../../lib/channel/mod.ts";
import { DRAIN_MS } from "../../lib/relay/mod.ts";
import { CloseReason, MAX_OBJECT_BYTES } from "../../lib/wire/mod.ts";
import { nextTurn } from "../support/clock.ts";
import type { Guest } from "../support/guest.ts";
import { Inn } from "../support/inn.ts";
import { test } from "../support/test.ts";

const { HOST_ENDS } = CloseReason;

/** A room whose end waits for bob, who has got something and has not acknowledged it. */
async function ending(): Promise<{ inn: Inn; ada: Guest; bob: Guest; closed: Promise<void> }> {
  const inn = new Inn();
  const [ada, bob] = [await inn.enter("ada"), await inn.enter("bob")];
  bob.acknowledges = false;
  await ada.say(["one", "two"]);
  await bob.logged("ada: two");
  await ada.settle();
  return { inn, ada, bob, closed: inn.relay.close() };
}

/** Whether the relay has said farewell. */
async function parted(...guests: readonly Guest[]): Promise<boolean[]> {
  for (let i = 0; i < 5; i++) await nextTurn();
  return guests.map(({ records }) => records.all.at(-1)?.type === "close");
}

test("Relay.close waits until the members have what is queued, and tells who sent it", async () => {
  const { ada, bob, closed, inn } = await ending();
  inn.clock.advance(DRAIN_MS - 1);
  assertEquals(await parted(ada, bob), [false, false]);
  await bob.send({ type: "ack", seq: bob.lastSeq - 1 });
  assertEquals(await parted(ada, bob), [false, false]);
  assertEquals(ada.ack.delivered, 1);
  await bob.send({ type: "ack", seq: bob.lastSeq });
  assertEquals([await ada.farewell(), await bob.farewell()], [HOST_ENDS, HOST_ENDS]);
  assertEquals(ada.ack.delivered, 2);
  await closed;
  await inn.close();
});

test("Relay.close waits no longer than it is told to", async () => {
  const { ada, bob, closed, inn } = await ending();
  inn.clock.advance(DRAIN_MS);
  assertEquals([await ada.farewell(), await bob.farewell()], [HOST_ENDS, HOST_ENDS]);
  assertEquals(ada.ack, { type: "ack", accepted: 2, delivered: 0, reached: 0, seq: 1 });
  await closed;
  await inn.close();
});

test("Relay.close waits for nobody whose connection is lost, before or meanwhile", async () => {
  const inn = new Inn();
  const guests = [];
  for (const name of ["ada", "bob", "carol"]) guests.push(await inn.enter(name));
  const [ada, bob, carol] = guests as [Guest, Guest, Guest];
  for (const guest of [bob, carol]) guest.acknowledges = false;
  await ada.say(["one"]);
  await bob.logged("ada: one");
  await carol.logged("ada: one");
  await bob.cut();
  await ada.logged(`bob away ${CloseReason.LOST}`);
  await carol.logged(`bob away ${CloseReason.LOST}`);
  await ada.settle();
  const closed = inn.relay.close();
  assertEquals(await parted(ada), [false]);
  await carol.cut();
  assertEquals(await ada.farewell(), HOST_ENDS);
  await closed;
  await inn.close();
});

test("Relay.close takes nothing that comes meanwhile", async () => {
  const { ada, bob, closed, inn } = await ending();
  await ada.say(["too late"]);
  await ada.settle();
  await bob.settle();
  await bob.send({ type: "ack", seq: bob.lastSeq });
  assertEquals([await ada.farewell(), await bob.farewell()], [HOST_ENDS, HOST_ENDS]);
  assertEquals(ada.ack.accepted, 2);
  assertEquals(bob.log.all.filter((line) => line.startsWith("ada")), ["ada: one", "ada: two"]);
  await closed;
  await inn.close();
});

test("Relay.close tells whoever comes while it waits at once that the room ends", async () => {
  const { ada, bob, closed, inn } = await ending();
  await ada.cut();
  for (const late of [inn.again(ada), inn.again(bob), inn.knock("carol")]) {
    assertEquals(await late.farewell(), HOST_ENDS);
    assertEquals(late.records.all, [{ type: "close", reason: HOST_ENDS }]);
  }
  assertEquals(await parted(bob), [false]);
  await bob.send({ type: "ack", seq: bob.lastSeq });
  assertEquals(await bob.farewell(), HOST_ENDS);
  await closed;
  await inn.close();
});

test("Relay.close hears who was held and who was slowed, and waits for what they acknowledge", async () => {
  const inn = new Inn({ maxRate: 100_000 });
  const [ada, bob] = [await inn.enter("ada"), await inn.enter("bob")];
  for (const guest of [ada, bob]) guest.acknowledges = false;
  await bob.say(["to ada"]);
  await ada.logged("bob: to ada");
  // Ada sends more at once than in two seconds, and then acknowledges.
  const object = new Uint8Array(MAX_OBJECT_BYTES);
  for (let i = 0; i < 6; i++) void ada.say([object]);
  void ada.send({ type: "ack", seq: ada.lastSeq });
  for (let i = 0; i < 5; i++) await nextTurn();
  assertEquals(bob.ack.delivered, 0);
  const closed = inn.relay.close();
  await bob.delivered(1);
  void bob.send({ type: "ack", seq: bob.lastSeq });
  assertEquals([await ada.farewell(), await bob.farewell()], [HOST_ENDS, HOST_ENDS]);
  await closed;
  await inn.close();
});

test("Relay.close may be asked twice", async () => {
  const { ada, bob, closed, inn } = await ending();
  const again = inn.relay.close();
  inn.clock.advance(DRAIN_MS);
  assertEquals([await ada.farewell(), await bob.farewell()], [HOST_ENDS, HOST_ENDS]);
  await nextTurn();
  inn.clock.advance(FAREWELL_MS);
  await Promise.all([closed, again]);
  await inn.close();
});
