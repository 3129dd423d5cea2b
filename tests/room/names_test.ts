import { assert, assertEquals } from "@std/assert";
import { MemberChange } from "../../lib/wire/mod.ts";
import { Puppet } from "../support/puppet.ts";
import { Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";
import { type TestMember, World } from "../support/world.ts";

function shown(stage: Stage): string[] {
  return stage.room.members.map(({ name }) => name);
}

/** How everybody shows one member, itself included. */
function namesOf(member: TestMember, others: readonly TestMember[]): string[] {
  const seen = others.map(({ room }) =>
    room.members.find(({ session }) => session.every((b, i) => b === member.session[i]))!.name
  );
  return [member.room.me.name, ...seen];
}

test("Room shows a second holder of a name with its tag, to all alike, and warns both", async () => {
  const world = new World();
  const host = await world.join("host");
  const first = await world.join("ada");
  const second = await world.join("Ada", { identity: "another" });
  await second.event("ready");
  assertEquals((await second.event("warning")).code, "name-taken");
  await first.event("joined");
  const { code, message } = await first.event("warning");
  assertEquals(code, "name-taken");
  assert(message.includes("you are ada"), message);
  const { tag } = second.room.me;
  const third = await world.join("host ada");
  assertEquals(namesOf(second, [host, first, third]), Array(4).fill(`Ada#${tag}`));
  assertEquals(namesOf(first, [host, second, third]), Array(4).fill("ada"));
  assertEquals(namesOf(third, [host, first, second]), Array(4).fill("host ada"));

  await first.room.say("for the second", { to: `Ada#${tag}` });
  await second.texts.next();
  await second.room.say("for the first", { to: "ada" });
  await first.texts.next();
  const { from } = await first.event("message");
  assertEquals(from.name, `Ada#${tag}`);
  assertEquals(host.texts.all, []);
  await world.close();
});

test("Room warns whoever comes to find its name taken, behind `ready`", async () => {
  const bob = await Puppet.create("ADA", "bob");
  const stage = await Stage.open({ before: [bob] });
  const { code, message } = await stage.event("warning");
  assertEquals([code, message.includes(`ada#${stage.room.me.tag}`)], ["name-taken", true]);
  assertEquals([stage.room.me.name, shown(stage)], [`ada#${stage.room.me.tag}`, ["ADA"]]);
  await stage.close();
});

test("Room gives the tag by who came first, whoever announced itself first", async () => {
  const [first, second, third] = await Promise.all(
    ["one", "two", "three"].map((identity) => Puppet.create("bob", identity)),
  ) as [Puppet, Puppet, Puppet];
  const stage = await Stage.create();
  await stage.relay.admit([first.entry, second.entry]);
  for (const puppet of [second, first]) {
    await stage.says(puppet, await puppet.announce(stage.session));
    await stage.relay.settle();
  }
  const { members } = await stage.event("ready");
  assertEquals(members.map(({ name }) => name), ["bob", `bob#${members[1]!.tag}`]);
  const last = await stage.join(third);
  assertEquals(last.name, `bob#${last.tag}`);
  assertEquals(stage.events.rest(), []);
  await stage.close();
});

test("Room gives the tag to the later of two who join at once, whoever is heard first", async () => {
  const [first, second] = await Promise.all(
    ["one", "two"].map((identity) => Puppet.create("bob", identity)),
  ) as [Puppet, Puppet];
  const stage = await Stage.open();
  await stage.tell(first, MemberChange.JOINED);
  await stage.tell(second, MemberChange.JOINED);
  for (const puppet of [second, first]) {
    await stage.says(puppet, await puppet.announce(stage.session));
    await stage.relay.settle();
  }
  const { tag } = stage.room.members[1]!;
  assertEquals(shown(stage), ["bob", `bob#${tag}`]);
  // Who was shown with the name is not any more.
  const told = stage.events.rest().map((event) =>
    event.type === "renamed"
      ? `${event.before} is ${event.member.name}`
      : event.type === "joined" && event.member.name
  );
  assertEquals(told, ["bob", `bob is bob#${tag}`, "bob"]);
  await stage.close();
});

test("Room gives nobody a name before its holder for having been silent for long", async () => {
  const [silent, holder] = await Promise.all(
    ["one", "two"].map((identity) => Puppet.create("bob", identity)),
  ) as [Puppet, Puppet];
  const stage = await Stage.open();
  await stage.tell(silent, MemberChange.JOINED);
  await stage.relay.settle();
  assertEquals((await stage.join(holder)).name, "bob");
  await stage.pass(10_000);
  await stage.says(silent, await silent.announce(stage.session));
  const { member } = await stage.event("joined");
  assertEquals(member.name, `bob#${member.tag}`);
  assertEquals(shown(stage).includes("bob"), true);
  await stage.close();
});

test("Room lets a member keep its tag when the first holder of the name leaves", async () => {
  const [first, second, third] = await Promise.all(
    ["one", "two", "three"].map((identity) => Puppet.create("bob", identity)),
  ) as [Puppet, Puppet, Puppet];
  const stage = await Stage.open({ before: [first, second] });
  const tagged = shown(stage)[1]!;
  assert(/^bob#[a-z2-7]{8}$/.test(tagged), tagged);
  await stage.tell(first, MemberChange.LEFT);
  await stage.event("left");
  assertEquals(shown(stage), [tagged]);
  const chain = await second.chain();
  await stage.says(second, await chain.skdm(stage.target), await chain.msg("still me"));
  assertEquals((await stage.event("message")).from.name, tagged);
  // One that comes now is tagged too, as nobody may get the name of somebody who is here.
  const last = await stage.join(third);
  assertEquals(last.name, `bob#${last.tag}`);
  await stage.close();
});

test("Room takes a second session of one identity for no other holder of its name", async () => {
  const bob = await Puppet.create("bob");
  const self = await Puppet.create("ada");
  const stage = await Stage.open({ before: [bob, self] });
  assertEquals(stage.room.me.name, "ada");
  const twin = await Puppet.create("bob");
  assertEquals((await stage.join(twin)).name, "bob");
  await stage.relay.settle();
  assertEquals([shown(stage), stage.events.rest()], [["bob", "ada", "bob"], []]);
  await stage.close();
});
