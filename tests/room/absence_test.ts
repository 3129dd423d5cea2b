import { assertEquals } from "@std/assert";
import { PREVIOUS_KEY_MS } from "../../lib/room/session_keys.ts";
import { MemberChange } from "../../lib/wire/mod.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

const KEEP_MS = 600_000;

async function open(): Promise<{ alone: RoomAlone; bob: Puppet }> {
  const bob = await Puppet.create("bob");
  return { bob, alone: await RoomAlone.open({ before: [bob], keepMs: KEEP_MS }) };
}

/** Resumes the connection. @param queued Number of things in the queue. */
async function comeBack(
  alone: RoomAlone,
  roster: readonly Puppet[],
  queued: number,
): Promise<void> {
  const lastCmid = alone.relay.envelopes.all.at(-1)?.cmid ?? 0;
  alone.dial(false);
  await alone.relay.accept({ resumed: true, lastCmid });
  await alone.relay.resume(roster.map(({ entry }) => entry), queued);
}

test("Room opens messages that waited while it was away, even if its session key was replaced", async () => {
  for (const [awayMs, expected] of [[KEEP_MS, true], [KEEP_MS + PREVIOUS_KEY_MS, false]] as const) {
    const { bob, alone } = await open();
    const old = alone.target;
    await alone.cut();
    void alone.room.rekey();
    await alone.clock.timer(PREVIOUS_KEY_MS + KEEP_MS);
    alone.clock.advance(awayMs);
    await comeBack(alone, [bob], 2);
    const chain = await bob.chain();
    await alone.says(bob, await chain.skdm(old), await chain.msg("while you were away"));
    await alone.relay.settle();
    const types = alone.events.rest().map(({ event }) => event);
    assertEquals(types, expected ? ["message", "reconnected"] : ["reconnected"]);
    await alone.close();
  }
});

test("Room names members that joined while it was away and cannot be read, once and without a warning", async () => {
  const { bob, alone } = await open();
  const carol = await Puppet.create("carol");
  const chain = await carol.chain();
  await alone.cut();
  alone.clock.advance(KEEP_MS / 2);
  await comeBack(alone, [bob, carol], 3);
  await alone.tell(carol, MemberChange.JOINED);
  await alone.says(carol, await carol.announce(alone.session), await chain.msg("hello?"));
  assertEquals((await alone.event("joined")).member.name, "carol");
  const { missed, unread } = await alone.event("reconnected");
  assertEquals([missed, unread], [0, ["carol"]]);
  await alone.pass(60_000);
  await alone.says(carol, await chain.skdm(await alone.heardBy(carol)), await chain.msg("now"));
  assertEquals(await alone.text(), "now");
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room shows the sending time and the number of messages that waited while it was away", async () => {
  const { bob, alone } = await open();
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target));
  const begun = alone.clock.now();
  await alone.cut();
  alone.clock.advance(KEEP_MS);
  await comeBack(alone, [bob], 2);
  // Bob's clock is five minutes slow, and then five minutes fast.
  const times = [begun - 300_000, begun + KEEP_MS + 300_000];
  for (const at of times) await alone.says(bob, await chain.msg("meanwhile", { at }));
  for (const at of times) assertEquals((await alone.event("message")).at, at);
  assertEquals((await alone.event("reconnected")).missed, 2);
  await alone.close();
});
