import { assertEquals } from "@std/assert";
import { BROKER_CALLER } from "../../lib/broker_address.ts";
import { AWAY_LONG_MS, DEFAULT_LIMITS, MAX_AWAY_LONG } from "../../lib/relay/mod.ts";
import { AcceptStatus } from "../../lib/wire/mod.ts";
import { RelayOnly } from "../support/relay_only.ts";
import type { ScriptedGuest } from "../support/scripted_guest.ts";
import { test } from "../support/test.ts";

const KEPT_MS = DEFAULT_LIMITS.keepSeatMs;

/** Members of one address that lose their connections, a second after each other. */
async function loseAll(
  relayOnly: RelayOnly,
  ada: ScriptedGuest,
  address: string,
  count: number,
): Promise<ScriptedGuest[]> {
  const guests: ScriptedGuest[] = [];
  for (let i = 0; i < count; i++) {
    const guest = relayOnly.knock(`${address} ${i}`, { address });
    await guest.enter();
    guests.push(guest);
  }
  for (const guest of guests) {
    await guest.cut();
    await relayOnly.pass(1000, [ada]);
  }
  return guests;
}

/** Whether the relay has kept the place of each. */
async function kept(relayOnly: RelayOnly, guests: readonly ScriptedGuest[]): Promise<boolean[]> {
  const found: boolean[] = [];
  for (const guest of guests) {
    const again = relayOnly.again(guest);
    found.push((await again.greeted()).resumed);
    await again.leave();
  }
  return found;
}

test("Relay keeps seats for as long as its limits say, and announces the time", async () => {
  for (const keepSeatMs of [0, 60_000, 3_600_000]) {
    const relayOnly = new RelayOnly({ keepSeatMs });
    const ada = await relayOnly.enter("ada");
    const bob = await relayOnly.enter("bob");
    assertEquals(bob.accept.keep, keepSeatMs / 1000);
    await bob.cut();
    await ada.logged("bob away 9");
    await relayOnly.pass(Math.max(0, keepSeatMs - 1), [ada]);
    assertEquals(ada.log.rest(), []);
    relayOnly.clock.advance(1);
    await ada.logged("bob left 9");
    await relayOnly.close();
  }
});

test("Relay keeps so many seats of one address for long, and gives up the oldest", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  const many = await loseAll(relayOnly, ada, "192.0.2.1", MAX_AWAY_LONG + 2);
  const [other] = await loseAll(relayOnly, ada, "192.0.2.2", 1);
  // For a short time all of them are kept: a whole office may lose its connection.
  assertEquals(ada.log.all.filter((line) => line.includes("left")), []);
  await relayOnly.pass(AWAY_LONG_MS, [ada]);
  assertEquals(ada.log.all.filter((line) => line.includes("left")), [
    "192.0.2.1 0 left 9",
    "192.0.2.1 1 left 9",
  ]);
  assertEquals(await kept(relayOnly, [many[0]!, many[2]!, many.at(-1)!, other!]), [
    false,
    true,
    true,
    true,
  ]);
  await relayOnly.close();
});

test("Relay counts the addresses of one IPv6 network as one", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  const [first] = await loseAll(relayOnly, ada, "2001:db8::1", 1);
  await loseAll(relayOnly, ada, "2001:db8::2", MAX_AWAY_LONG);
  await relayOnly.pass(AWAY_LONG_MS, [ada]);
  assertEquals(await kept(relayOnly, [first!]), [false]);
  await relayOnly.close();
});

test("Relay keeps the seats of all members through a broker, who lose it at once", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  const many = await loseAll(relayOnly, ada, BROKER_CALLER, MAX_AWAY_LONG + 2);
  await relayOnly.pass(AWAY_LONG_MS, [ada]);
  assertEquals(ada.log.all.filter((line) => line.includes("left")), []);
  assertEquals(await kept(relayOnly, [many[0]!, many.at(-1)!]), [true, true]);
  await relayOnly.close();
});

test("Relay forgets how long a member was away that came back", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  const bob = await relayOnly.enter("bob");
  await bob.cut();
  await relayOnly.pass(AWAY_LONG_MS + 1000, [ada]);
  const again = relayOnly.again(bob);
  await again.greeted();
  await again.enter(bob.whereabouts);
  again.listen();
  await relayOnly.pass(KEPT_MS, [ada, again]);
  await again.cut();
  await relayOnly.pass(KEPT_MS - 1, [ada]);
  assertEquals(ada.log.all.filter((line) => line.includes("left")), []);
  await relayOnly.close();
});

test("Relay of a full room gives up members that are away for long, the longest first", async () => {
  const relayOnly = new RelayOnly({ maxMembers: 3 });
  const ada = await relayOnly.enter("ada");
  const bob = await relayOnly.enter("bob");
  const carol = await relayOnly.enter("carol");
  for (const guest of [bob, carol]) {
    await guest.cut();
    await relayOnly.pass(1000, [ada]);
  }
  await relayOnly.pass(AWAY_LONG_MS - 2001, [ada]);
  const early = relayOnly.knock("early");
  assertEquals((await early.greeted()).status, AcceptStatus.ROOM_FULL);
  await relayOnly.pass(2001, [ada]);
  const dave = await relayOnly.enter("dave");
  await ada.logged("bob left 9");
  await relayOnly.enter("eve");
  await ada.logged("carol left 9");
  const late = relayOnly.knock("late");
  assertEquals((await late.greeted()).status, AcceptStatus.ROOM_FULL);
  await dave.leave();
  await relayOnly.close();
});
