import { assertEquals } from "@std/assert";
import { PREVIOUS_KEY_MS } from "../../lib/room/mod.ts";
import { MemberChange } from "../../lib/wire/mod.ts";
import { Puppet } from "../support/puppet.ts";
import { Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";

const KEEP_MS = 600_000;

async function open(): Promise<{ stage: Stage; bob: Puppet }> {
  const bob = await Puppet.create("bob");
  return { bob, stage: await Stage.open({ before: [bob], keepMs: KEEP_MS }) };
}

/** The connection comes back. @param queued How much waits for it. */
async function comeBack(stage: Stage, roster: readonly Puppet[], queued: number): Promise<void> {
  const lastCmid = stage.relay.envelopes.all.at(-1)?.cmid ?? 0;
  stage.dial(false);
  await stage.relay.accept({ resumed: true, lastCmid });
  await stage.relay.resume(roster.map(({ entry }) => entry), queued);
}

test("Room reads what was said while it was away, though its session key was replaced meanwhile", async () => {
  for (const [awayMs, expected] of [[KEEP_MS, true], [KEEP_MS + PREVIOUS_KEY_MS, false]] as const) {
    const { bob, stage } = await open();
    const old = stage.target;
    await stage.cut();
    void stage.room.rekey();
    await stage.clock.timer(PREVIOUS_KEY_MS + KEEP_MS);
    stage.clock.advance(awayMs);
    await comeBack(stage, [bob], 2);
    const chain = await bob.chain();
    await stage.says(bob, await chain.skdm(old), await chain.msg("while you were away"));
    await stage.relay.settle();
    const types = stage.events.rest().map(({ event }) => event);
    assertEquals(types, expected ? ["message", "reconnected"] : ["reconnected"]);
    await stage.close();
  }
});

test("Room says once who joined while it was away and cannot be read, and warns of nothing", async () => {
  const { bob, stage } = await open();
  const carol = await Puppet.create("carol");
  const chain = await carol.chain();
  await stage.cut();
  stage.clock.advance(KEEP_MS / 2);
  await comeBack(stage, [bob, carol], 3);
  await stage.tell(carol, MemberChange.JOINED);
  await stage.says(carol, await carol.announce(stage.session), await chain.msg("hello?"));
  assertEquals((await stage.event("joined")).member.name, "carol");
  const { missed, unread } = await stage.event("reconnected");
  assertEquals([missed, unread], [0, ["carol"]]);
  await stage.pass(60_000);
  await stage.says(carol, await chain.skdm(await stage.heardBy(carol)), await chain.msg("now"));
  assertEquals(await stage.text(), "now");
  assertEquals(stage.events.rest(), []);
  await stage.close();
});

test("Room shows the times at which that was said which waited while it was away, and how much that is", async () => {
  const { bob, stage } = await open();
  const chain = await bob.chain();
  await stage.says(bob, await chain.skdm(stage.target));
  const begun = stage.clock.now();
  await stage.cut();
  stage.clock.advance(KEEP_MS);
  await comeBack(stage, [bob], 2);
  // Bob's clock is five minutes slow, and then five minutes fast.
  const times = [begun - 300_000, begun + KEEP_MS + 300_000];
  for (const at of times) await stage.says(bob, await chain.msg("meanwhile", { at }));
  for (const at of times) assertEquals((await stage.event("message")).at, at);
  assertEquals((await stage.event("reconnected")).missed, 2);
  await stage.close();
});
