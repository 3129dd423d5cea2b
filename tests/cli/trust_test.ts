import { assertEquals } from "@std/assert";
import { type Bytes, toBase64Url } from "../../lib/bytes/mod.ts";
import { Acquaintances, chooseGroups } from "../../lib/cli/trust.ts";
import { fingerprint, type Identity, keyTag, safetyNumber } from "../../lib/crypto/mod.ts";
import type { Member } from "../../lib/room/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { Inbox } from "../support/inbox.ts";
import { identityOf } from "../support/keys.ts";
import { test } from "../support/test.ts";

/** Ada, and whom she knows. */
interface Scene {
  readonly ada: Identity;
  readonly known: KnownPeers;
  readonly acquaintances: Acquaintances;
  readonly clock: FakeClock;
}

async function scene(): Promise<Scene> {
  const ada = await identityOf("ada");
  const clock = new FakeClock();
  const known = await KnownPeers.open(undefined, clock);
  return { ada, known, clock, acquaintances: await Acquaintances.of(known, ada.publicKey) };
}

async function keyOf(person: string): Promise<Bytes> {
  return (await identityOf(person)).publicKey;
}

/** Somebody under a name; `bob#` is shown with its tag. */
async function member(name: string, person = name): Promise<Member> {
  const key = await keyOf(person);
  const tag = await keyTag(key);
  return { name: name.endsWith("#") ? name + tag : name, tag, key, session: new Uint8Array(16) };
}

/** Somebody compares all digits. */
async function verify(acquaintances: Acquaintances, member: Member): Promise<void> {
  await acquaintances.verify(member, (await acquaintances.safetyNumber(member.key)).digits);
}

/** All orders of some items. */
function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) =>
    permutations(items.toSpliced(i, 1)).map((others) => [item, ...others])
  );
}

/** What each person is under a name. */
async function verdicts({ acquaintances }: Scene, name: string, ...people: string[]) {
  const keys = await Promise.all(people.map(keyOf));
  return keys.map((key) => acquaintances.judge({ key, name }));
}

test("Acquaintances take whoever is new for fine, and what is known of nobody else", async () => {
  const room = await scene();
  assertEquals(await verdicts(room, "bob", "bob", "mal", "ada"), ["fine", "fine", "fine"]);
  room.acquaintances.spoke(await member("bob"));
  assertEquals(await verdicts(room, "robert", "bob", "mal"), ["fine", "fine"]);
});

test("Acquaintances find another key under a known name, or one that looks like it", async () => {
  const room = await scene();
  room.acquaintances.spoke(await member("bob"));
  for (const name of ["bob", "Bob", "b0b", "bоb"]) {
    assertEquals(
      await verdicts(room, name, "bob", "mal", "ada"),
      ["fine", "changed", "fine"],
      name,
    );
  }
  await room.known.setVerified(await keyOf("bob"), true);
  for (const name of ["bob", "BOB"]) {
    assertEquals(await verdicts(room, name, "bob", "mal", "ada"), ["fine", "withheld", "fine"]);
  }
  // Verified or not, and whatever else it is known by.
  await room.known.setVerified(await keyOf("carol"), true, "carol");
  assertEquals(await verdicts(room, "bob", "carol"), ["withheld"]);
});

test("Acquaintances note who spoke, under its plain name and once, but nobody who is withheld", async () => {
  const room = await scene();
  const { acquaintances, clock, known } = room;
  const bob = await member("bob#", "bob");
  acquaintances.spoke(bob);
  assertEquals(known.find(bob.key)?.names, ["bob"]);
  clock.advance(1000);
  acquaintances.spoke(bob);
  assertEquals(known.find(bob.key)?.lastSeen, clock.now() - 1000);
  acquaintances.spoke(await member("robert", "bob"));
  assertEquals(known.find(bob.key)?.names, ["robert", "bob"]);
  assertEquals(known.find(bob.key)?.lastSeen, clock.now());
  acquaintances.spoke(await member("ada"));
  await known.setVerified(bob.key, true);
  acquaintances.spoke(await member("bob#", "mal"));
  assertEquals(known.all().map(({ names }) => names), [["robert", "bob"]]);
  // A name that several are known by is nobody's alone.
  await known.setVerified(bob.key, false);
  acquaintances.spoke(await member("bob#", "eve"));
  assertEquals(await verdicts(room, "bob", "mal"), ["changed"]); // The room asks anew.
  acquaintances.spoke(await member("bob#", "mal"));
  assertEquals(await verdicts(room, "bob", "bob", "mal", "eve"), ["changed", "changed", "changed"]);
});

test("Acquaintances go once through all who are known, however much one says who is withheld", async () => {
  const { acquaintances, known } = await scene();
  await known.setVerified(await keyOf("bob"), true, "bob");
  await known.setVerified(await keyOf("carol"), true, "carol");
  const all = known.all.bind(known);
  let looks = 0;
  known.all = () => {
    looks++;
    return all();
  };
  for (const person of ["mal", "carol"]) {
    const stranger = await member("bob#", person);
    looks = 0;
    acquaintances.judge({ key: stranger.key, name: "bob" });
    for (let i = 0; i < 100; i++) {
      acquaintances.spoke(stranger);
      assertEquals(acquaintances.isVerified(stranger), false);
    }
    assertEquals(looks, 1);
  }
  assertEquals(known.find(await keyOf("carol"))?.names, ["carol"]);
});

test("Acquaintances take nobody for verified who was not compared, or has somebody else's name", async () => {
  const room = await scene();
  const host = await member("hana");
  const compared = await Acquaintances.of(room.known, room.ada.publicKey, { compared: host.key });
  assertEquals(room.acquaintances.isVerified(host), false);
  assertEquals(compared.isVerified(host), true);
  assertEquals(compared.isVerified(await member("hana", "mal")), false);
  for (const verified of [false, true]) {
    await room.known.seen(await keyOf("bob"), { name: "bob" });
    await room.known.setVerified(await keyOf("bob"), verified);
    assertEquals(compared.isVerified(await member("bob#", "hana")), false);
    assertEquals(compared.isVerified(await member("bob")), verified);
    compared.judge({ key: host.key, name: "hana" });
    assertEquals(compared.isVerified(host), true);
  }
});

test("Acquaintances.kept waits until what was noted is in its file", async () => {
  const file = Deno.makeTempFileSync();
  try {
    const ada = await identityOf("ada");
    const acquaintances = await Acquaintances.of(await KnownPeers.open(file), ada.publicKey);
    const [bob, hana] = [await member("bob"), await member("hana")];
    acquaintances.spoke(bob);
    acquaintances.entered(hana, "10.0.0.1:12345");
    await acquaintances.kept();
    const known = await KnownPeers.open(file);
    assertEquals([known.find(bob.key)?.names, known.hostAt("10.0.0.1:12345")?.key], [
      ["bob"],
      hana.key,
    ]);
  } finally {
    for (const path of [file, `${file}.lock`]) Deno.removeSync(path);
  }
});

test("Acquaintances tell of a namesake: one that is verified, or else the last", async () => {
  const { acquaintances, clock, known } = await scene();
  for (const person of ["one", "two", "three"]) {
    acquaintances.spoke(await member("bob", person));
    clock.advance(1000);
  }
  const namesake = async (): Promise<unknown> =>
    acquaintances.namesakeOf(await member("bob#", "mal"));
  const view = async (person: string, ago: number, verified: boolean): Promise<unknown> => {
    const key = await keyOf(person);
    const lastSeen = clock.now() - ago;
    return { key: toBase64Url(key), tag: await keyTag(key), lastSeen, verified };
  };
  assertEquals(await namesake(), await view("three", 1000, false));
  await known.setVerified(await keyOf("one"), true);
  assertEquals(await namesake(), await view("one", 3000, true));
  assertEquals(acquaintances.namesakeOf(await member("carol")), undefined);
});

test("Acquaintances know the tags of those who were known before, spoke, or were verified", async () => {
  const { ada, known } = await scene();
  const [bob, carol, dave] = await Promise.all(
    ["bob", "carol", "dave"].map((name) => member(name)),
  );
  await known.seen(bob!.key, { name: "bob" });
  const acquaintances = await Acquaintances.of(known, ada.publicKey);
  acquaintances.spoke(carol!);
  await verify(acquaintances, dave!);
  for (const { name, tag } of [bob!, carol!, dave!]) {
    assertEquals(acquaintances.namesakeOf(await member(name, "mal"))?.tag, tag);
  }
});

/** The groups of a fingerprint at some places, counted from 1. */
function groupsAt(fingerprint: string, places: readonly number[]): string {
  const groups = fingerprint.match(/\d{5}/g)!;
  return places.map((place) => groups[place - 1]).join(" ");
}

test("Acquaintances.verify marks by all digits or the groups asked for, and by no others", async () => {
  const { acquaintances, ada, known } = await scene();
  for (const person of ["bob", "carol", "dave"]) {
    const other = await member(person);
    const number = await safetyNumber(other.key, ada.publicKey);
    const [own, half] = await Promise.all([ada.publicKey, other.key].map(fingerprint));
    const { asked, ...shown } = await acquaintances.ask(other.key);
    assertEquals(shown, { digits: number, fingerprint: half! });
    assertEquals(shown, await acquaintances.safetyNumber(other.key));
    const right = groupsAt(half!, asked);
    const visible = [1, 2, 3, 4, 5, 6].filter((place) => !asked.includes(place));
    const wrong = [
      ["", "0 are given"],
      ["x", "digits are needed"],
      [groupsAt(half!, asked.slice(1)), "15 are given"],
      [half!.slice(-10), "10 are given"],
      [half!, "30 are given"],
      [`${number}0`, "61 are given"],
      // This one's own half is on the screen of everybody who was ever compared with.
      [groupsAt(own!, asked), "not the digits"],
      [groupsAt(half!, [...visible, ...asked.slice(2)]), "not the digits"],
      [groupsAt(half!, asked.toReversed()), "not the digits"],
      [await safetyNumber(other.key, await keyOf("mal")), "not the digits"],
      [`${right.slice(0, -1)}${(Number(right.at(-1)) + 1) % 10}`, "not the digits"],
    ] as const;
    for (const [digits, reason] of wrong) {
      await assertFails(acquaintances.verify(other, digits), "wrong-digits", reason);
      assertEquals([known.find(other.key), acquaintances.isVerified(other)], [
        undefined,
        false,
      ]);
    }
    await acquaintances.verify(
      other,
      { bob: right, carol: right.replaceAll(" ", "") }[person] ?? number,
    );
    assertEquals(acquaintances.isVerified(other), true);
    assertEquals(known.find(other.key)?.names, [person]);
    // Once, for each time that it was asked.
    await assertFails(acquaintances.verify(other, right), "wrong-digits", "shown last");
  }
  const mal = await member("bob", "mal");
  assertEquals(acquaintances.namesakeOf(mal)?.tag, (await member("bob")).tag);
  assertEquals(acquaintances.isVerified(mal), false);
});

test("Acquaintances.verify takes four groups only as an answer to the number shown last", async () => {
  const { acquaintances } = await scene();
  const [bob, carol, mal] = [
    await member("bob"),
    await member("carol"),
    await member("bob", "mal"),
  ];
  const halves = await Promise.all([bob, carol, mal].map(({ key }) => fingerprint(key)));
  await assertFails(
    acquaintances.verify(bob, halves[0]!.slice(0, 20)),
    "wrong-digits",
    "shown last",
  );
  const { asked } = await acquaintances.ask(bob.key);
  // Another has the name by now, with another key.
  for (const half of halves) {
    const digits = groupsAt(half, asked);
    await assertFails(acquaintances.verify(mal, digits), "wrong-digits", "shown last");
  }
  const { asked: askedNext } = await acquaintances.ask(carol.key);
  for (const places of [asked, askedNext]) {
    const digits = groupsAt(halves[0]!, places);
    await assertFails(acquaintances.verify(bob, digits), "wrong-digits", "shown last");
  }
  assertEquals([bob, carol, mal].map((each) => acquaintances.isVerified(each)), [
    false,
    false,
    false,
  ]);
  // To show somebody all digits asks nothing.
  await acquaintances.safetyNumber(bob.key);
  await acquaintances.verify(carol, groupsAt(halves[1]!, askedNext));
  assertEquals(acquaintances.isVerified(carol), true);
});

test("chooseGroups makes each choice of four of the six groups as often as any other", () => {
  const counts = new Map<string, number>();
  const orders = permutations([1, 2, 3, 4, 5, 6]);
  for (const order of orders) {
    const chosen = chooseGroups((count) => {
      assertEquals(count, 24);
      return new Uint8Array(Uint32Array.from(order).buffer);
    });
    assertEquals(chosen, chosen.toSorted());
    counts.set(`${chosen}`, (counts.get(`${chosen}`) ?? 0) + 1);
  }
  assertEquals([...counts.values()], Array(15).fill(orders.length / 15));
});

test("Acquaintances.ask goes by the chance that it is given, else by true one", async () => {
  const { ada, known } = await scene();
  const bob = await keyOf("bob");
  const random = (count: number): Bytes => new Uint8Array(count).map((_, i) => count - i);
  const acquaintances = await Acquaintances.of(known, ada.publicKey, { random });
  assertEquals((await acquaintances.ask(bob)).asked, [3, 4, 5, 6]);
  const { acquaintances: ordinary } = await scene();
  const choices = new Set<string>();
  while (choices.size < 2) choices.add(`${(await ordinary.ask(bob)).asked}`);
});

test("Acquaintances.accept takes whoever has the fingerprint that is given, of those who are withheld", async () => {
  const room = await scene();
  const { acquaintances, known } = room;
  await known.setVerified(await keyOf("bob"), true, "bob");
  const [mal, eve] = [await member("bob#", "mal"), await member("bob#", "eve")];
  const digits = await fingerprint(mal.key);
  for (
    const [others, given, reason] of [
      [[eve], digits, "nobody"],
      [[], digits, "nobody"],
      [[mal, eve], digits.slice(1), "29 are given"],
      [[mal, eve], await fingerprint(await keyOf("bob")), "nobody"],
    ] as const
  ) {
    await assertFails(acquaintances.accept(others, given), "wrong-digits", reason);
  }
  assertEquals(await verdicts(room, "bob", "mal", "eve"), ["withheld", "withheld"]);
  const meant = acquaintances.accept([eve, mal], digits.replaceAll(/\d{5}/g, "$& "));
  assertEquals(await meant, mal);
  // It can read, and is never shown as the other is.
  assertEquals(await verdicts(room, "bob", "mal", "eve", "bob"), ["changed", "withheld", "fine"]);
  assertEquals(acquaintances.isVerified(mal), false);
});

test("Acquaintances give a name to whoever is verified, and to nobody who had it unverified before", async () => {
  const room = await scene();
  const { acquaintances, known } = room;
  const [bob, mal, carol] = [
    await member("bob"),
    await member("B0b", "mal"),
    await member("carol"),
  ];
  for (const each of [mal, bob, carol]) acquaintances.spoke(each);
  acquaintances.spoke(await member("mallory", "mal"));
  await verify(acquaintances, bob);
  assertEquals(await verdicts(room, "bob", "bob", "mal"), ["fine", "withheld"]);
  assertEquals(await verdicts(room, "mallory", "mal"), ["fine"]);
  assertEquals(known.find(carol.key)?.names, ["carol"]);
  // Two who are verified may share a name.
  await verify(acquaintances, mal);
  assertEquals(await verdicts(room, "bob", "bob", "mal"), ["fine", "fine"]);
});

test("Acquaintances go by what could not be kept, and say so", async () => {
  const ada = await identityOf("ada");
  const known = await KnownPeers.open("/nowhere/at/all/identity.peers.jsonl");
  const acquaintances = await Acquaintances.of(known, ada.publicKey);
  const told = new Inbox<string>();
  acquaintances.onUnkept = ({ code }) => told.push(code);
  const bob = await member("bob");
  await verify(acquaintances, bob);
  assertEquals([told.all, acquaintances.isVerified(bob)], [["peers-unwritable"], true]);
  acquaintances.spoke(await member("carol"));
  await verify(acquaintances, bob);
  assertEquals(told.all.length, 2); // Nobody asked for carol to be noted, and it was said before.
  assertEquals(acquaintances.judge({ key: await keyOf("mal"), name: "carol" }), "changed");
});
