import { assertEquals } from "@std/assert";
import { type Bytes, toBase64Url } from "../../lib/bytes/mod.ts";
import { chooseGroups, TrustStore } from "../../lib/session/trust_store.ts";
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
  readonly trustStore: TrustStore;
  readonly clock: FakeClock;
}

async function scene(): Promise<Scene> {
  const ada = await identityOf("ada");
  const clock = new FakeClock();
  const known = await KnownPeers.open(undefined, clock);
  return { ada, known, clock, trustStore: await TrustStore.of(known, ada.publicKey) };
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
async function verify(trustStore: TrustStore, member: Member): Promise<void> {
  await trustStore.verify(member, (await trustStore.safetyNumber(member.key)).digits);
}

/** All orders of some items. */
function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) =>
    permutations(items.toSpliced(i, 1)).map((others) => [item, ...others])
  );
}

/** What each person is under a name. */
async function verdicts({ trustStore }: Scene, name: string, ...people: string[]) {
  const keys = await Promise.all(people.map(keyOf));
  return keys.map((key) => trustStore.judge({ key, name }));
}

test("TrustStore.judge finds a new member fine, and one with its known key", async () => {
  const room = await scene();
  assertEquals(await verdicts(room, "bob", "bob", "mal", "ada"), ["fine", "fine", "fine"]);
  room.trustStore.spoke(await member("bob"));
  assertEquals(await verdicts(room, "robert", "bob", "mal"), ["fine", "fine"]);
});

test("TrustStore.judge finds another key under a known name, or one that looks like it", async () => {
  const room = await scene();
  room.trustStore.spoke(await member("bob"));
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

test("TrustStore.spoke notes a member once, by its plain name, unless it is withheld", async () => {
  const room = await scene();
  const { trustStore, clock, known } = room;
  const bob = await member("bob#", "bob");
  trustStore.spoke(bob);
  assertEquals(known.find(bob.key)?.names, ["bob"]);
  clock.advance(1000);
  trustStore.spoke(bob);
  assertEquals(known.find(bob.key)?.lastSeen, clock.now() - 1000);
  trustStore.spoke(await member("robert", "bob"));
  assertEquals(known.find(bob.key)?.names, ["robert", "bob"]);
  assertEquals(known.find(bob.key)?.lastSeen, clock.now());
  trustStore.spoke(await member("ada"));
  await known.setVerified(bob.key, true);
  trustStore.spoke(await member("bob#", "mal"));
  assertEquals(known.all().map(({ names }) => names), [["robert", "bob"]]);
  // A name that several are known by is nobody's alone.
  await known.setVerified(bob.key, false);
  trustStore.spoke(await member("bob#", "eve"));
  assertEquals(await verdicts(room, "bob", "mal"), ["changed"]); // The room asks anew.
  trustStore.spoke(await member("bob#", "mal"));
  assertEquals(await verdicts(room, "bob", "bob", "mal", "eve"), ["changed", "changed", "changed"]);
});

test("TrustStore.spoke searches the known peers once for many messages of a withheld member", async () => {
  const { trustStore, known } = await scene();
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
    trustStore.judge({ key: stranger.key, name: "bob" });
    for (let i = 0; i < 100; i++) {
      trustStore.spoke(stranger);
      assertEquals(trustStore.isVerified(stranger), false);
    }
    assertEquals(looks, 1);
  }
  assertEquals(known.find(await keyOf("carol"))?.names, ["carol"]);
});

test("TrustStore.isVerified is false without a comparison, and under another peer's name", async () => {
  const room = await scene();
  const host = await member("hana");
  const compared = await TrustStore.of(room.known, room.ada.publicKey, { compared: host.key });
  assertEquals(room.trustStore.isVerified(host), false);
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

test("TrustStore.kept resolves when the changes are written", async () => {
  const file = Deno.makeTempFileSync();
  try {
    const ada = await identityOf("ada");
    const trustStore = await TrustStore.of(await KnownPeers.open(file), ada.publicKey);
    const [bob, hana] = [await member("bob"), await member("hana")];
    trustStore.spoke(bob);
    trustStore.entered(hana, "10.0.0.1:12345");
    await trustStore.kept();
    const known = await KnownPeers.open(file);
    assertEquals([known.find(bob.key)?.names, known.hostAt("10.0.0.1:12345")?.key], [
      ["bob"],
      hana.key,
    ]);
  } finally {
    for (const path of [file, `${file}.lock`]) Deno.removeSync(path);
  }
});

test("TrustStore.namesakeOf prefers a verified peer, then the last met", async () => {
  const { trustStore, clock, known } = await scene();
  for (const person of ["one", "two", "three"]) {
    trustStore.spoke(await member("bob", person));
    clock.advance(1000);
  }
  const namesake = async (): Promise<unknown> => trustStore.namesakeOf(await member("bob#", "mal"));
  const view = async (person: string, ago: number, verified: boolean): Promise<unknown> => {
    const key = await keyOf(person);
    const lastSeen = clock.now() - ago;
    return { key: toBase64Url(key), tag: await keyTag(key), lastSeen, verified };
  };
  assertEquals(await namesake(), await view("three", 1000, false));
  await known.setVerified(await keyOf("one"), true);
  assertEquals(await namesake(), await view("one", 3000, true));
  assertEquals(trustStore.namesakeOf(await member("carol")), undefined);
});

test("TrustStore.namesakeOf has the tags of peers known before, heard or verified", async () => {
  const { ada, known } = await scene();
  const [bob, carol, dave] = await Promise.all(
    ["bob", "carol", "dave"].map((name) => member(name)),
  );
  await known.seen(bob!.key, { name: "bob" });
  const trustStore = await TrustStore.of(known, ada.publicKey);
  trustStore.spoke(carol!);
  await verify(trustStore, dave!);
  for (const { name, tag } of [bob!, carol!, dave!]) {
    assertEquals(trustStore.namesakeOf(await member(name, "mal"))?.tag, tag);
  }
});

/** The groups of a fingerprint at some places, counted from 1. */
function groupsAt(fingerprint: string, places: readonly number[]): string {
  const groups = fingerprint.match(/\d{5}/g)!;
  return places.map((place) => groups[place - 1]).join(" ");
}

test("TrustStore.verify takes all digits or the groups asked for, and no others", async () => {
  const { trustStore, ada, known } = await scene();
  for (const person of ["bob", "carol", "dave"]) {
    const other = await member(person);
    const number = await safetyNumber(other.key, ada.publicKey);
    const [own, half] = await Promise.all([ada.publicKey, other.key].map(fingerprint));
    const { asked, ...shown } = await trustStore.ask(other.key);
    assertEquals(shown, { digits: number, fingerprint: half! });
    assertEquals(shown, await trustStore.safetyNumber(other.key));
    const right = groupsAt(half!, asked);
    const visible = [1, 2, 3, 4, 5, 6].filter((place) => !asked.includes(place));
    const wrong = [
      ["", "digits: 0,"],
      ["x", "Wrong number of digits"],
      [groupsAt(half!, asked.slice(1)), "digits: 15,"],
      [half!.slice(-10), "digits: 10,"],
      [half!, "digits: 30,"],
      [`${number}0`, "digits: 61,"],
      // This one's own half is on the screen of everybody who was ever compared with.
      [groupsAt(own!, asked), "don't match"],
      [groupsAt(half!, [...visible, ...asked.slice(2)]), "don't match"],
      [groupsAt(half!, asked.toReversed()), "don't match"],
      [await safetyNumber(other.key, await keyOf("mal")), "don't match"],
      [`${right.slice(0, -1)}${(Number(right.at(-1)) + 1) % 10}`, "don't match"],
    ] as const;
    for (const [digits, reason] of wrong) {
      await assertFails(trustStore.verify(other, digits), "wrong-digits", reason);
      assertEquals([known.find(other.key), trustStore.isVerified(other)], [
        undefined,
        false,
      ]);
    }
    await trustStore.verify(
      other,
      { bob: right, carol: right.replaceAll(" ", "") }[person] ?? number,
    );
    assertEquals(trustStore.isVerified(other), true);
    assertEquals(known.find(other.key)?.names, [person]);
    // Once, for each time that it was asked.
    await assertFails(trustStore.verify(other, right), "wrong-digits", "The last safety number");
  }
  const mal = await member("bob", "mal");
  assertEquals(trustStore.namesakeOf(mal)?.tag, (await member("bob")).tag);
  assertEquals(trustStore.isVerified(mal), false);
});

test("TrustStore.verify takes four groups only for the number shown last", async () => {
  const { trustStore } = await scene();
  const [bob, carol, mal] = [
    await member("bob"),
    await member("carol"),
    await member("bob", "mal"),
  ];
  const halves = await Promise.all([bob, carol, mal].map(({ key }) => fingerprint(key)));
  await assertFails(
    trustStore.verify(bob, halves[0]!.slice(0, 20)),
    "wrong-digits",
    "The last safety number",
  );
  const { asked } = await trustStore.ask(bob.key);
  // Another has the name by now, with another key.
  for (const half of halves) {
    const digits = groupsAt(half, asked);
    await assertFails(trustStore.verify(mal, digits), "wrong-digits", "The last safety number");
  }
  const { asked: askedNext } = await trustStore.ask(carol.key);
  for (const places of [asked, askedNext]) {
    const digits = groupsAt(halves[0]!, places);
    await assertFails(trustStore.verify(bob, digits), "wrong-digits", "The last safety number");
  }
  assertEquals([bob, carol, mal].map((each) => trustStore.isVerified(each)), [
    false,
    false,
    false,
  ]);
  // To show somebody all digits asks nothing.
  await trustStore.safetyNumber(bob.key);
  await trustStore.verify(carol, groupsAt(halves[1]!, askedNext));
  assertEquals(trustStore.isVerified(carol), true);
});

test("chooseGroups makes all choices of four of six groups equally often", () => {
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

test("TrustStore.ask chooses at random, by the given source or the system's", async () => {
  const { ada, known } = await scene();
  const bob = await keyOf("bob");
  const random = (count: number): Bytes => new Uint8Array(count).map((_, i) => count - i);
  const trustStore = await TrustStore.of(known, ada.publicKey, { random });
  assertEquals((await trustStore.ask(bob)).asked, [3, 4, 5, 6]);
  const choices = new Set<string>();
  while (choices.size < 2) {
    const { trustStore } = await scene();
    choices.add(`${(await trustStore.ask(bob)).asked}`);
  }
});

test("TrustStore.ask asks for the same groups of a key until it is verified", async () => {
  const { ada, known } = await scene();
  let count = 0;
  const random = (length: number): Bytes => {
    const order = [[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]][count++ % 2]!;
    assertEquals(length, 24);
    return new Uint8Array(Uint32Array.from(order).buffer);
  };
  const trustStore = await TrustStore.of(known, ada.publicKey, { random });
  const [bob, carol] = [await member("bob"), await member("carol")];
  const asked = async ({ key }: Member): Promise<unknown> => (await trustStore.ask(key)).asked;
  assertEquals(await asked(bob), [1, 2, 3, 4]);
  assertEquals(await asked(carol), [3, 4, 5, 6]);
  assertEquals(await asked(bob), [1, 2, 3, 4]);
  await verify(trustStore, carol);
  assertEquals(await asked(bob), [1, 2, 3, 4]);
  await trustStore.verify(bob, groupsAt(await fingerprint(bob.key), [1, 2, 3, 4]));
  random(24);
  assertEquals(await asked(bob), [3, 4, 5, 6]);
});

test("TrustStore.accept finds the withheld member with a fingerprint", async () => {
  const room = await scene();
  const { trustStore, known } = room;
  await known.setVerified(await keyOf("bob"), true, "bob");
  const [mal, eve] = [await member("bob#", "mal"), await member("bob#", "eve")];
  const digits = await fingerprint(mal.key);
  for (
    const [others, given, reason] of [
      [[eve], digits, "No member without your key"],
      [[], digits, "No member without your key"],
      [[mal, eve], digits.slice(1), "digits: 29,"],
      [[mal, eve], await fingerprint(await keyOf("bob")), "No member without your key"],
    ] as const
  ) {
    await assertFails(trustStore.accept(others, given), "wrong-digits", reason);
  }
  assertEquals(await verdicts(room, "bob", "mal", "eve"), ["withheld", "withheld"]);
  const meant = trustStore.accept([eve, mal], digits.replaceAll(/\d{5}/g, "$& "));
  assertEquals(await meant, mal);
  // It can read, and is never shown as the other is.
  assertEquals(await verdicts(room, "bob", "mal", "eve", "bob"), ["changed", "withheld", "fine"]);
  assertEquals(trustStore.isVerified(mal), false);
});

test("TrustStore.verify gives the name to the verified peer, and takes it from unverified ones", async () => {
  const room = await scene();
  const { trustStore, known } = room;
  const [bob, mal, carol] = [
    await member("bob"),
    await member("B0b", "mal"),
    await member("carol"),
  ];
  for (const each of [mal, bob, carol]) trustStore.spoke(each);
  trustStore.spoke(await member("mallory", "mal"));
  await verify(trustStore, bob);
  assertEquals(await verdicts(room, "bob", "bob", "mal"), ["fine", "withheld"]);
  assertEquals(await verdicts(room, "mallory", "mal"), ["fine"]);
  assertEquals(known.find(carol.key)?.names, ["carol"]);
  // Two who are verified may share a name.
  await verify(trustStore, mal);
  assertEquals(await verdicts(room, "bob", "bob", "mal"), ["fine", "fine"]);
});

test("TrustStore keeps for this run what it cannot write, and reports that", async () => {
  const ada = await identityOf("ada");
  const known = await KnownPeers.open("/nowhere/at/all/identity.peers.jsonl");
  const trustStore = await TrustStore.of(known, ada.publicKey);
  const told = new Inbox<string>();
  trustStore.onUnkept = ({ code }) => told.push(code);
  const bob = await member("bob");
  await verify(trustStore, bob);
  assertEquals([told.all, trustStore.isVerified(bob)], [["peers-unwritable"], true]);
  trustStore.spoke(await member("carol"));
  await verify(trustStore, bob);
  assertEquals(told.all.length, 2); // Nobody asked for carol to be noted, and it was said before.
  assertEquals(trustStore.judge({ key: await keyOf("mal"), name: "carol" }), "changed");
});
