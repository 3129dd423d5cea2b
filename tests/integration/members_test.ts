import { assert, assertEquals } from "@std/assert";
import { ChannelError } from "../../lib/errors.ts";
import { CloseReason } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { hallTest, heard, type PipelineMember, WholePipeline } from "../support/whole_pipeline.ts";

/** The events of all members except messages, in a short form. */
function presence({ events }: PipelineMember): string[] {
  return events.all.flatMap((event) => {
    switch (event.event) {
      case "ready":
        return [`ready ${event.members.map(({ name }) => name)}`];
      case "joined":
        return [`joined ${event.member.name}`];
      case "left":
        return [`left ${event.member.name} ${event.reason}`];
      case "lost":
      case "back":
        return [`${event.event} ${event.member.name}`];
      case "status":
        return [`${event.member.name} is ${event.text}`];
      case "renamed":
        return [`${event.before} is ${event.member.name}`];
      case "unannounced":
        return [`${event.here.length} here, ${event.leftCount} left without a word`];
      case "key-changed":
        return [`${event.member.name} has another key`];
      case "gap":
      case "reconnected":
      case "rekeyed":
        return [event.event];
      case "warning":
        return [`warning ${event.code}`];
      case "message":
        return [];
    }
  });
}

/** The host's member and others, who joined in that order. */
async function gather(
  pipeline: WholePipeline,
  names: readonly string[],
): Promise<PipelineMember[]> {
  const all = [await pipeline.sit()];
  for (const name of names) {
    const newcomer = await pipeline.join(name);
    await Promise.all(all.map((member) => member.event("joined")));
    all.push(newcomer);
  }
  return all;
}

const NAMES = ["ada", "bob", "carol", "dave", "eve", "frank", "grace", "heidi", "ivan"];

for (const count of [2, 3, 10]) {
  hallTest(`${count} members see each other join, send and leave`, async () => {
    const names = NAMES.slice(0, count - 1);
    const pipeline = await WholePipeline.open();
    const all = await gather(pipeline, names);
    all.forEach((member, i) => {
      const [before, after] = [all.slice(0, i), all.slice(i + 1)];
      assertEquals(presence(member), [
        `ready ${before.map(({ name }) => name)}`,
        ...after.map(({ name }) => `joined ${name}`),
      ]);
    });

    await Promise.all(all.map(({ name, room }) => room.say(`I am ${name}`)));
    await Promise.all(all.map(({ texts }) => texts.count(count - 1)));
    for (const member of all) {
      const others = all.filter((other) => other !== member);
      assertEquals(
        heard(member),
        Object.fromEntries(others.map(({ name }) => [name, [`I am ${name}`]])),
      );
    }

    const [host, leaver, lost] = all as [
      PipelineMember,
      PipelineMember,
      PipelineMember | undefined,
    ];
    await leaver.room.leave();
    assertEquals(await leaver.ran, CloseReason.LEAVING);
    const stay = all.filter((member) => member !== leaver && member !== lost);
    const goodbyes = ["left ada left"];
    await Promise.all(stay.map((member) => member.event("left")));
    if (lost !== undefined) {
      lost.cut();
      assert(await lost.ran instanceof ChannelError);
      await Promise.all(stay.map((member) => member.event("lost")));
      goodbyes.push("lost bob");
    }
    for (const member of stay) assertEquals(presence(member).slice(-goodbyes.length), goodbyes);

    if (stay.length > 1) {
      await host.room.say("who is left?");
      await Promise.all(stay.slice(1).map(({ texts }) => texts.count(count)));
    }
    await pipeline.close();
    for (const member of stay) assertEquals(await member.ran, CloseReason.HOST_ENDS);
    for (const member of all) assert(!presence(member).some((line) => line.startsWith("warning")));
  });
}

hallTest("a member that joins again under its name is a new one", async () => {
  const pipeline = await WholePipeline.open();
  const [host, ada] = await gather(pipeline, ["ada"]) as [PipelineMember, PipelineMember];
  await ada.room.say("first");
  assertEquals(await host.texts.next(), "first");
  await ada.room.leave();
  await host.event("left");
  const again = await pipeline.join("ada");
  await host.event("joined");
  await again.room.say("second");
  assertEquals(await host.texts.next(), "second");
  assert(ada.session.join() !== again.session.join());
  await pipeline.close();
});

hallTest("a full room admits no member until another has left", async () => {
  const pipeline = await WholePipeline.open({ maxMembers: 2, clock: new FakeClock() });
  const [host, ada] = await gather(pipeline, ["ada"]) as [PipelineMember, PipelineMember];
  const refused = await pipeline.enter("bob");
  await assertFails(refused.ran.then((end) => Promise.reject(end)), "room-full");
  await ada.room.leave();
  await host.event("left");
  const bob = await pipeline.join("bob");
  await host.event("joined");
  await bob.room.say("at last");
  assertEquals(await host.texts.next(), "at last");
  assertEquals(presence(host), ["ready ", "joined ada", "left ada left", "joined bob"]);
  await pipeline.close();
});
