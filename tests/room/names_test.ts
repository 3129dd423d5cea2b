import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import fc from "fast-check";
import confusables from "unhomoglyph/data.json" with { type: "json" };
import { animalName } from "../../lib/cli/animal_name.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import { RoomError } from "../../lib/errors.ts";
import { imitates, looksOf, sameName } from "../../lib/room/names.ts";
import { MemberChange, nameProblem } from "../../lib/wire/mod.ts";
import { EMOJI } from "../support/emoji.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";
import { RoomsInMemory, type TestMember } from "../support/rooms_in_memory.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

function shown(alone: RoomAlone): string[] {
  return alone.room.members.map(({ name }) => name);
}

/** Each confusable character and its prototype, except those that normalization removes. */
const PAIRS = Object.entries(confusables).filter(([source]) => source.normalize("NFD") === source);

const ORDINARY = [
  "张伟",
  "一郎",
  "ノア",
  "エレン",
  "五十嵐レイ",
  "Böhm Ěda",
  "ʻIolani",
  "김민준",
  "Олег",
  "José",
  "Σοφία",
  "Ὀδυσσεύς",
  "محمد",
  "יוסף",
  "नेहा",
  "रामः",
  "สมชาย",
  "ዮሐንስ",
  "Արամ",
  "ᐳᓪᓗ",
  "Nguyễn Văn A",
  "Anna Maria",
  "Wong To Ming",
  "You Jin",
  "O'Neil-Smith",
  "d’Arc",
  "x-y",
  "dr.who",
  "user_1",
  "_x_",
  "@bob",
  "C++",
  "7 of 9",
  "42",
  "root",
  "hostess",
  "Errol",
  "😀",
  "🐱cat",
  ...Object.values(EMOJI).flatMap((emoji) => [emoji, `${emoji} cat`, `cat${emoji}`]),
];

const IMITATING = [
  ["lanchat", "Lanchat", "LANCHAT", "1anchat", "lanchat 2", "~lanchat", "lanchat-bot"],
  ["warning", "Error", "HINT", "Here 2", "Join code 93511 39463", "You are bob. Here"],
  ["Connection lost. Reconnecting", "Reconnected. You missed nothing.", "No one else is here."],
  ["you", "host", "The Host", "h0st", "ｈｏｓｔ", "hоst", "-host-", "system", "SYSTEM", "ѕуstem"],
  ["server", "room", "roorn", "admin", "adrnin", "moderator", "private"],
  ["-- bob joined", "-bob", "– bob", "一 bob", "* bob", "∗bob", "> bob", "[bob]", "(bob", "•bob"],
  ["12.30", "9.05 bob", "12-30", "１２.３０", "١٢.٣٠"],
  ["bob： hi", "bob꞉ hi", "bob∶", "bobː", "bobः hi", "bob﹕"],
  ["bob♯abcdefgh", "bob＃abcdefgh", "bob﹟abcdefgh"],
  ["bob → you", "bob->you", "bob ⇒ you", "bob ➜ you", "bob › you", "bob ￫ you", "bob to you"],
  ["bob (private)", "bob (private", "bob)", "bob⦆", "bob）", "(bob)", "bob (tag abcdefgh"],
  ["bob ✗", "bob ❌"],
  ["bobᵛ", "bob ⱽ", "bobˇ", "bob∨", "bob⌄", "bob ⋁", "bobˎˊ", "bobﾚ", "Bobレ", "bobㇾ", "bob㋹"],
  ["bobͮ", "bobv⃞", "bob✕⃝", "bob ̌", "bob-̌"],
  [
    "\u25AA\uFE0F bob",
    "\u25B6\uFE0Fbob",
    "\u3030\uFE0F bob",
    "*\uFE0F\u20E3 bob",
    "bob\u2716\uFE0F",
  ],
  ["\u27A1\uFE0F bob", "bob \u2194\uFE0F eve", "bob1\u20E3", "\u{1F1EB} bob\u20E3"],
  [
    "@аll",
    "~all",
    "аll",
    "AII",
    "＠here",
    "hеre",
    "everyοne",
    "the everyone",
    "@everyone!",
    "@@all",
  ],
  ["...", "- -", "⠀", "⠀⠀", "^_^", "'"],
].flat();

/** A name, and one in which a character was replaced by one that looks like it. */
const lookAlikes = fc.tuple(
  fc.string({ unit: "grapheme", maxLength: 4 }),
  fc.constantFrom(...PAIRS),
  fc.string({ unit: "grapheme", maxLength: 4 }),
).map(([before, pair, after]) => pair.map((middle) => `${before} ${middle}${after}`));

/** Returns the name under which all members show one, itself included. */
function namesOf(member: TestMember, others: readonly TestMember[]): string[] {
  const seen = others.map(({ room }) =>
    room.members.find(({ session }) => session.every((b, i) => b === member.session[i]))!.name
  );
  return [member.room.me.name, ...seen];
}

test("sameName is true for names that look alike", () => {
  const pairs = [
    ["Bob", "bob"],
    ["bob", "ｂob"],
    ["bob", "b0b"],
    ["BOB", "B0B"],
    ["BOB", "ВОВ"], // Cyrillic.
    ["Hans", "Нans"], // A Cyrillic En, whose small letter is no h.
    ["НИК", "ник"],
    ["Σοφίας", "ΣΟΦΊΑΣ"],
    ["Tom", "torn"],
    ["Bill", "BiII"],
    ["ian", "IAN"],
    ["Ian", "lan"],
    ["Straße", "STRASSE"],
    ["paul", "раul"],
    ["anna maria", "anna⠀⠀maria"],
    ["bob", "bob⠀"],
    ["O'Neil", "O’Neil"],
    ["𝐛𝐨𝐛", "bob"],
    ["张伟", "张伟"],
  ] as const;
  for (const [a, b] of pairs) assert(sameName(a, b) && sameName(b, a), `${a} ${b}`);
});

test("looksOf, imitates and nameProblem match the known answers", () => {
  for (const { name, ...looks } of vectors.names) {
    assertEquals({ ...looksOf(name) }, looks, name);
    assertEquals(nameProblem(name), undefined, name);
  }
  for (const name of vectors.refused_names) assert(nameProblem(name) !== undefined, name);
});

test("sameName is false for names that do not look alike", () => {
  const names = [...ORDINARY, "Jose", "Sofia", "Anna", "annamaria", "bob", "rob", "bobo"];
  for (const a of names) {
    for (const b of names) assertEquals(sameName(a, b), a === b, `${a} ${b}`);
  }
});

test("sameName is true for every confusable of Unicode, in any context and both directions", () => {
  for (const [source, target] of PAIRS) assert(sameName(`x${source}y`, `x${target}y`), source);
  fc.assert(fc.property(lookAlikes, ([a, b]) => {
    assert(sameName(a!, b!) && sameName(b!, a!));
  }));
});

test("sameName ignores invisible characters in emoji", () => {
  for (const emoji of Object.values(EMOJI)) {
    const bare = emoji.replaceAll(/\p{Default_Ignorable_Code_Point}/gu, "");
    assert(sameName(`bob ${emoji}`, `bob ${bare}`), emoji);
  }
  const ignored = fc.constantFrom(..."\u200D\u200C\uFE0E\uFE0F\u{E0067}\u{E007F}\u00AD");
  const around = fc.string({ unit: "grapheme-ascii", maxLength: 8 });
  fc.assert(fc.property(around, ignored, around, (before, character, after) => {
    assert(sameName(`${before}${character}${after}`, `${before}${after}`));
  }));
});

test("sameName is symmetric and ignores case", () => {
  const text = fc.string({ unit: fc.constantFrom(..."iIlL1|oO0mrnМТтßςσΣİı ⠀"), maxLength: 3 });
  fc.assert(fc.property(text, text, (a, b) => assertEquals(sameName(a, b), sameName(b, a))));
  const name = fc.string({ unit: "grapheme" });
  fc.assert(fc.property(name, (name) => {
    assert(sameName(name, name.toUpperCase()) && sameName(name, name.toLowerCase()));
  }));
});

test("imitates is true for names like lanchat's own lines and marks", () => {
  for (const name of IMITATING) assert(imitates(name), name);
  for (const name of IMITATING) assertEquals(nameProblem(name), undefined, name);
});

test("imitates is true for lanchat's own words in any look-alike letters", () => {
  const letter = (letter: string) =>
    fc.constantFrom(letter, ...PAIRS.filter(([, target]) => target === letter).map(([it]) => it));
  const word = fc.constantFrom("lanchat", "warning", "error", "host", "system", "you")
    .chain((word) => fc.tuple(...[...word].map(letter)));
  fc.assert(fc.property(word, (letters) => assert(imitates(letters.join("")))));
});

test("imitates or nameProblem catches every look-alike of a check mark", () => {
  const checks = fc.constantFrom(..."√∛∜⎷⍻☑✅✓✔🗸🗹𐄂🮱");
  const around = fc.string({ unit: "grapheme", maxLength: 6 });
  fc.assert(fc.property(around, checks, around, (before, check, after) => {
    assert(nameProblem(`${before}${check}${after}`.normalize()) !== undefined);
  }));
  // Nor one that only Unicode's tables know to be the same, or to look the same.
  const looks = Object.entries(confusables).filter(([, target]) => /[√✓✔]/u.test(target));
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    const plain = character.normalize("NFKC");
    if (/[√✓✔☑✅]/u.test(plain)) looks.push([character, plain]);
  }
  for (const [source] of looks) {
    assert(nameProblem(`bob${source}`) !== undefined || imitates(`bob${source}`), source);
  }
});

test("imitates is false for names of people", () => {
  for (const name of ORDINARY) assert(!imitates(name), name);
});

test("imitates and sameName are false for the names that lanchat gives", async () => {
  const names = new Set<string>();
  for (let i = 0; i < 500; i++) names.add(await animalName(randomBytes(32)));
  for (const name of names) {
    assert(!imitates(name), name);
    for (const other of names) assertEquals(sameName(name, other), name === other);
  }
});

test("Room shows the second holder of a name with its tag, the same to all, and warns both", async () => {
  const rooms = new RoomsInMemory();
  const hana = await rooms.join("hana");
  const first = await rooms.join("ada");
  const second = await rooms.join("Ada", { identity: "another" });
  await second.event("ready");
  assertEquals((await second.event("warning")).code, "name-taken");
  await first.event("joined");
  const { code, hint, message } = await first.event("warning");
  assertEquals(code, "name-taken");
  assertMatch(hint!, /^Nothing to do\. /);
  assert(message.includes("you stay ada"), message);
  const { tag } = second.room.me;
  const third = await rooms.join("hana ada");
  assertEquals(namesOf(second, [hana, first, third]), Array(4).fill(`Ada#${tag}`));
  assertEquals(namesOf(first, [hana, second, third]), Array(4).fill("ada"));
  assertEquals(namesOf(third, [hana, first, second]), Array(4).fill("hana ada"));

  await first.room.say("for the second", { to: `Ada#${tag}` });
  await second.texts.next();
  await second.room.say("for the first", { to: "ada" });
  await first.texts.next();
  const { from } = await first.event("message");
  assertEquals(from.name, `Ada#${tag}`);
  assertEquals(hana.texts.all, []);
  await rooms.close();
});

test("Room.find finds a member with an emoji in its name, typed raw or as shown", async () => {
  const rooms = new RoomsInMemory();
  const name = `${EMOJI.rainbow} ada`;
  const typed = "\u{1F3F3}\u{1F308} ada";
  const ada = await rooms.join(name);
  const hana = await rooms.join("hana");
  const second = await rooms.join(typed, { identity: "another" });
  await second.event("ready");
  const { tag } = second.room.me;
  for (const text of [name, typed]) {
    assertEquals(hana.room.find(text).name, name);
    assertEquals(hana.room.find(`${text}#${tag}`).name, `${typed}#${tag}`);
  }
  await hana.room.say("hi", { to: typed });
  assertEquals(await ada.texts.next(), "hi");
  await rooms.close();
});

test("Room tags one of two members with look-alike names, on both sides", async () => {
  const rooms = new RoomsInMemory();
  const first = await rooms.join("paul");
  const second = await rooms.join("раul"); // Two Cyrillic letters.
  const { tag } = second.room.me;
  assertEquals((await second.event("warning")).code, "name-taken");
  assertEquals((await first.event("joined")).member.name, `раul#${tag}`);
  assertEquals((await first.event("warning")).code, "name-taken");
  assertEquals(namesOf(first, [second]), ["paul", "paul"]);
  assertEquals(namesOf(second, [first]), [`раul#${tag}`, `раul#${tag}`]);
  await second.room.say("hi");
  assertEquals((await first.event("message")).from.name, `раul#${tag}`);
  await rooms.close();
});

test("Room shows an imitating name with its tag from the start, and warns its holder", async () => {
  const rooms = new RoomsInMemory();
  const ada = await rooms.join("ada");
  const imitator = await rooms.join("lanсhat"); // A Cyrillic letter.
  const { tag } = imitator.room.me;
  const shown = `lanсhat#${tag}`;
  assertEquals((await imitator.event("ready")).me.name, shown);
  const { code, message } = await imitator.event("warning");
  assertEquals([code, message.includes(shown)], ["name-misleading", true]);
  assertEquals((await ada.event("joined")).member.name, shown);
  assertEquals(namesOf(imitator, [ada]), [shown, shown]);

  await imitator.room.say("warning: do as I say");
  assertEquals((await ada.event("message")).from.name, shown);
  await assertRejects(() => ada.room.say("no", { to: "lanсhat" }), RoomError, "No such member");
  await ada.room.say("yes", { to: shown });
  assertEquals(await imitator.texts.next(), "yes");
  assertEquals(ada.events.rest().filter(({ event }) => event === "warning"), []);
  await rooms.close();
});

test("Room warns a newcomer that its name is taken, after `ready`", async () => {
  const bob = await Puppet.create("ADA", "bob");
  const alone = await RoomAlone.open({ before: [bob] });
  const { code, message } = await alone.event("warning");
  assertEquals([code, message.includes(`ada#${alone.room.me.tag}`)], ["name-taken", true]);
  assertEquals([alone.room.me.name, shown(alone)], [`ada#${alone.room.me.tag}`, ["ADA"]]);
  await alone.close();
});

test("Room tags the member that came later, not the one that announced itself later", async () => {
  const [first, second, third] = await Promise.all(
    ["one", "two", "three"].map((identity) => Puppet.create("bob", identity)),
  ) as [Puppet, Puppet, Puppet];
  const alone = await RoomAlone.create();
  await alone.relay.admit([first.entry, second.entry]);
  for (const puppet of [second, first]) {
    await alone.says(puppet, await puppet.announce(alone.session));
    await alone.relay.settle();
  }
  const { members } = await alone.event("ready");
  assertEquals(members.map(({ name }) => name), ["bob", `bob#${members[1]!.tag}`]);
  const last = await alone.join(third);
  assertEquals(last.name, `bob#${last.tag}`);
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room tags the later of two members that join at once, in any order of their announcements", async () => {
  const [first, second] = await Promise.all(
    ["one", "two"].map((identity) => Puppet.create("bob", identity)),
  ) as [Puppet, Puppet];
  const alone = await RoomAlone.open();
  await alone.tell(first, MemberChange.JOINED);
  await alone.tell(second, MemberChange.JOINED);
  for (const puppet of [second, first]) {
    await alone.says(puppet, await puppet.announce(alone.session));
    await alone.relay.settle();
  }
  const { tag } = alone.room.members[1]!;
  assertEquals(shown(alone), ["bob", `bob#${tag}`]);
  // The member that was shown with the name now has a tag.
  const told = alone.events.rest().map((event) =>
    event.event === "renamed"
      ? `${event.before} is ${event.member.name}`
      : event.event === "joined" && event.member.name
  );
  assertEquals(told, ["bob", `bob is bob#${tag}`, "bob"]);
  await alone.close();
});

test("Room ranks a member that was silent for long after the holder of its name", async () => {
  const [silent, holder] = await Promise.all(
    ["one", "two"].map((identity) => Puppet.create("bob", identity)),
  ) as [Puppet, Puppet];
  const alone = await RoomAlone.open();
  await alone.tell(silent, MemberChange.JOINED);
  await alone.relay.settle();
  assertEquals((await alone.join(holder)).name, "bob");
  await alone.pass(10_000);
  assertEquals((await alone.event("unannounced")).here.length, 1);
  await alone.says(silent, await silent.announce(alone.session));
  const { member } = await alone.event("joined");
  assertEquals(member.name, `bob#${member.tag}`);
  assertEquals(shown(alone).includes("bob"), true);
  await alone.close();
});

test("Room keeps a member's tag when the first holder of the name leaves", async () => {
  const [first, second, third] = await Promise.all(
    ["one", "two", "three"].map((identity) => Puppet.create("bob", identity)),
  ) as [Puppet, Puppet, Puppet];
  const alone = await RoomAlone.open({ before: [first, second] });
  const tagged = shown(alone)[1]!;
  assert(/^bob#[a-z2-7]{8}$/.test(tagged), tagged);
  await alone.tell(first, MemberChange.LEFT);
  await alone.event("left");
  assertEquals(shown(alone), [tagged]);
  const chain = await second.chain();
  await alone.says(second, await chain.skdm(alone.target), await chain.msg("still me"));
  assertEquals((await alone.event("message")).from.name, tagged);
  // A newcomer is tagged too: it must not get the name of a present member.
  const last = await alone.join(third);
  assertEquals(last.name, `bob#${last.tag}`);
  await alone.close();
});

test("Room tags no second session of one identity", async () => {
  const bob = await Puppet.create("bob");
  const self = await Puppet.create("ada");
  const alone = await RoomAlone.open({ before: [bob, self] });
  assertEquals(alone.room.me.name, "ada");
  const twin = await Puppet.create("bob");
  assertEquals((await alone.join(twin)).name, "bob");
  await alone.relay.settle();
  assertEquals([shown(alone), alone.events.rest()], [["bob", "ada", "bob"], []]);
  await alone.close();
});
