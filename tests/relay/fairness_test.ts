import { assert, assertEquals } from "@std/assert";
import { SHARE_BYTES } from "../../lib/relay/mod.ts";
import { ENVELOPE_OVERHEAD_BYTES, MAX_OBJECT_BYTES } from "../../lib/wire/mod.ts";
import { nextTurn } from "../support/clock.ts";
import { ack } from "../support/records.ts";
import type { ScriptedGuest } from "../support/scripted_guest.ts";
import { RelayOnly } from "../support/relay_only.ts";
import { test } from "../support/test.ts";

/** Sends as fast as an honest member can: with 240,000 bytes under way. */
async function flood(guest: ScriptedGuest, objectBytes: number): Promise<void> {
  const perRecord = Math.floor(60_000 / (objectBytes + ENVELOPE_OVERHEAD_BYTES));
  const record = Array(perRecord).fill(new Uint8Array(objectBytes));
  while (true) {
    await guest.say(record);
    await guest.acknowledged(guest.cmid - 3 * perRecord);
  }
}

/** Waits until the room is idle. */
async function standstill(...guests: readonly ScriptedGuest[]): Promise<void> {
  const count = (): number => guests.reduce((sum, { records }) => sum + records.all.length, 0);
  for (let before = -1; before !== count();) {
    before = count();
    for (let i = 0; i < 20; i++) await nextTurn();
  }
}

for (const floods of [1, 3]) {
  for (const objectBytes of [200, 16_833, MAX_OBJECT_BYTES]) {
    test(`Relay puts no more than a share of ${floods} fast senders of ${objectBytes} bytes before a message`, async () => {
      const relayOnly = new RelayOnly();
      const [bob, carol] = [await relayOnly.enter("bob"), relayOnly.knock("carol")];
      await carol.enter();
      const fast: ScriptedGuest[] = [];
      for (let i = 0; i < floods; i++) fast.push(await relayOnly.enter(`fast ${i}`));
      carol.acknowledges = false;
      for (const guest of fast) void flood(guest, objectBytes);
      const bound = floods * (SHARE_BYTES + ENVELOPE_OVERHEAD_BYTES + objectBytes);
      for (let round = 1; round <= 5; round++) {
        await standstill(bob, ...fast);
        await bob.say([`message ${round}`]);
        await bob.acknowledged(round);
        const before = carol.envelopes.length;
        while (carol.log.all.at(-1) !== `bob: message ${round}`) await carol.read();
        const bytes = carol.envelopes.slice(before, -1).reduce(
          (sum, { object }) => sum + ENVELOPE_OVERHEAD_BYTES + object.length,
          0,
        );
        assert(bytes > 0, "the queue was empty");
        assert(bytes <= bound, `${bytes} bytes stand before the message, over ${bound}`);
        await carol.send(ack(carol.lastSeq));
      }
      await relayOnly.close();
    });
  }
}

test("Relay passes on every message of a fast sender, in order, and those of others in between", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob, carol] = [
    await relayOnly.enter("ada"),
    await relayOnly.enter("bob"),
    await relayOnly.enter("carol"),
  ];
  const count = 3000;
  for (let i = 0; i < count; i += 100) {
    void ada.say(Array.from({ length: 100 }, (_, j) => `${i + j}`));
    await bob.say([`bob ${i}`]);
  }
  await ada.acknowledged(count);
  await carol.log.count(count + count / 100);
  const lines = carol.log.all;
  const of = (name: string): string[] => lines.filter((line) => line.startsWith(`${name}: `));
  assertEquals(of("ada"), Array.from({ length: count }, (_, i) => `ada: ${i}`));
  assertEquals(of("bob"), Array.from({ length: count / 100 }, (_, i) => `bob: bob ${i * 100}`));
  await relayOnly.close();
});
