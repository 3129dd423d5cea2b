import { assertEquals } from "@std/assert";
import { MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { Puppet } from "../support/puppet.ts";
import { nextTurn, Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";

/** A room of bob and carol with a host that is acknowledged by hand. */
async function open(): Promise<{ stage: Stage; bob: Puppet; carol: Puppet }> {
  const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
  const stage = await Stage.open({ before: [bob, carol] });
  await stage.relay.settle();
  stage.relay.acknowledges = false;
  return { stage, bob, carol };
}

/** Says something that the host takes. @returns Its number, and who is away, once it is delivered. */
async function say(
  stage: Stage,
  to?: string,
): Promise<{ cmid: number; away: () => Promise<readonly string[] | undefined> }> {
  const said = stage.room.say("hello", to === undefined ? {} : { to });
  const { cmid } = await stage.relay.object(ObjectType.MSG);
  await stage.relay.ack(cmid, cmid - 1, cmid - 1);
  let names: readonly string[] | undefined;
  void (await said).delivered.then((away) => names = away?.map(({ name }) => name));
  return {
    cmid,
    away: async () => {
      await stage.relay.settle();
      await nextTurn();
      return names;
    },
  };
}

test("Room.say tells who is away and may lack a message once all others have it", async () => {
  const { bob, carol, stage } = await open();
  await stage.tell(carol, MemberChange.AWAY);
  const first = await say(stage);
  assertEquals(await first.away(), undefined, "bob may lack it");
  await stage.relay.ack(first.cmid, first.cmid - 1, first.cmid);
  assertEquals(await first.away(), ["carol"]);
  await stage.tell(bob, MemberChange.AWAY);
  const alone = await say(stage, "bob");
  await stage.relay.ack(alone.cmid, first.cmid - 1, alone.cmid);
  assertEquals(await alone.away(), ["bob"]);
  await stage.close();
});

test("Room.say waits for who is away as long as nobody is known to be", async () => {
  const { carol, stage } = await open();
  const { away, cmid } = await say(stage);
  await stage.relay.ack(cmid, cmid - 1, cmid);
  assertEquals(await away(), undefined);
  await stage.tell(carol, MemberChange.AWAY);
  assertEquals(await away(), ["carol"]);
  await stage.close();
});

test("Room.say names nobody who came later or cannot read", async () => {
  const { stage } = await open();
  const stranger = await Puppet.create("stranger");
  await stage.tell(stranger, MemberChange.JOINED);
  const { away, cmid } = await say(stage);
  const dave = await Puppet.create("dave");
  stage.relay.acknowledges = true;
  await stage.join(dave);
  await stage.relay.settle();
  for (const puppet of [stranger, dave]) await stage.tell(puppet, MemberChange.AWAY);
  await stage.relay.ack(cmid, cmid - 1, cmid);
  assertEquals(await away(), []);
  await stage.close();
});
