import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { PresentView } from "../../lib/session_events.ts";
import { type Event, HostProgram, Program, run, UNVERIFIED } from "../support/program.ts";

/** A host shared by tests that do not affect each other. */
let host: HostProgram;
Deno.test.beforeAll(async () => {
  host = await HostProgram.start(["--name", "hana", "--json"]);
});
Deno.test.afterAll(() => host[Symbol.asyncDispose]());

/** The printed events, without the warning that an identity is not kept. */
function printed(program: Program): Event[] {
  return program.events.filter((event) =>
    event.event !== "warning" || event.code !== "temporary-identity"
  );
}

/** The events that answer input. */
function answers(program: Program): Record<string, unknown>[] {
  const kinds = ["sent", "failed", "error", "members"];
  return program.events.filter(({ event }) => kinds.includes(event)).map((event) => ({ ...event }));
}

/** Asserts that a member has exactly the fields that it should have. */
function assertMember(member: unknown, name: string): void {
  const { key, session, tag, ...rest } = member as Record<string, unknown>;
  assertEquals(rest, { name });
  assertMatch(key as string, /^[\w-]{43}$/);
  assertMatch(session as string, /^[0-9a-f]{8}$/);
  assertMatch(tag as string, /^[a-z2-7]{8}$/);
}

/** Asserts that a member is present and unverified, without other fields. @returns The member. */
function assertPresent(member: PresentView): Omit<PresentView, "since" | "verified"> {
  const { since, verified, ...who } = member;
  assert(Number.isInteger(since) && Math.abs(Date.now() - since) < 600_000, `${since}`);
  assertEquals(verified, false);
  assertMember(who, who.name);
  return who;
}

/** Writes these lines, and no more; waits for the end. */
async function script(
  lines: readonly unknown[],
  ...args: string[]
): Promise<{ status: number; answers: Record<string, unknown>[] }> {
  await using member = new Program(["join", host.address, "--json", ...args]);
  for (const line of lines) {
    await member.write(`${typeof line === "string" ? line : JSON.stringify(line)}\n`);
  }
  await member.endInput();
  const status = await member.status();
  assertEquals(member.stderr.text, "");
  assertEquals(member.events.at(-1), { event: "closed", reason: "end-of-input" });
  return { status, answers: answers(member) };
}

/** The form of `bad-input`. */
function badInput(line: number): Record<string, unknown> {
  return {
    event: "error",
    code: "bad-input",
    hint: 'Write one JSON object per line, as in {"say": "hello"}.',
    line,
  };
}

Deno.test("every event has exactly its fields, at the host and at a member", async () => {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  await using bob = await host.join(["--name", "bob", "--json"]);
  await host.event("joined");
  const before = Date.now();
  await bob.tell({ say: "hello" });
  await host.event("message");
  await host.tell({ say: "to you", to: "bob" });
  await bob.event("message");
  await Promise.all([host, bob].map((each) => each.event("delivered")));
  await bob.tell({ do: "who" });
  await bob.event("members");
  await bob.tell({ do: "quit" });
  await bob.ends(0);
  await host.event("left");
  host.signal("SIGINT");
  await host.ends(0);
  assertEquals([host.stderr.text, bob.stderr.text], ["", ""]);

  for (const each of [host, bob]) {
    const delivered = printed(each).filter(({ event }) => event === "delivered");
    assertEquals(delivered, [{ event: "delivered", id: "1" }]);
  }
  const [listening, invite, hostReady, joined, message, sent, left, closed, ...noMore] = printed(
    host,
  )
    .filter(({ event }) => event !== "delivered");
  assertEquals(noMore, []);
  const { fingerprint, tag, ...where } = listening as Event<"listening">;
  assertEquals(where, { event: "listening", addresses: ["127.0.0.1"], port: host.port });
  assertMatch(fingerprint, /^\d{30}$/);
  assertMatch(tag, /^[a-z2-7]{8}$/);
  const { link } = invite as Event<"invite">;
  assertEquals(invite, { event: "invite", link, links: [link], secret: false });
  assert(link.startsWith(`lanchat://${host.address}/#`), link);

  const { event: _ready, fingerprint: own, host: itself, joinCode, members, ...hana } =
    hostReady as Event<"ready">;
  assertMember(hana, "hana");
  assertEquals(own, fingerprint);
  assertEquals(itself, { tag, key: hana.key, known: true, verified: true });
  assertEquals([hana.tag, joinCode, members], [tag, null, []]);

  const [bobReady, unverified, bobSent, bobMessage, bobMembers, bobClosed, ...noMoreOfBob] =
    printed(bob).filter(({ event }) => event !== "delivered");
  assertEquals(noMoreOfBob, []);
  const { event: _, fingerprint: bobFingerprint, host: itsHost, joinCode: code, ...rest } =
    bobReady as Event<"ready">;
  const { members: others, ...me } = rest;
  assertMember(me, "bob");
  assertMatch(bobFingerprint, /^\d{30}$/);
  assertNotEquals(bobFingerprint, fingerprint);
  assertEquals(itsHost, { tag, key: hana.key, known: false, verified: false });
  assertMatch(code!, /^\d{10}$/);
  assertEquals(others.map(assertPresent), [hana]);
  assertEquals(unverified, {
    event: "warning",
    code: "host-unverified",
    message: UNVERIFIED,
    hint: "Compare the join code with the person at the host, or join with --host-key.",
  });

  assertEquals(joined, { event: "joined", member: me, joinCode: code! });
  const { at, ...said } = message as Event<"message">;
  assertEquals(said, { event: "message", from: me, text: "hello", kind: "text", private: false });
  assert(Number.isInteger(at) && at >= before && at <= Date.now(), `${at}`);
  assertEquals(sent, { event: "sent", id: "1" });
  assertEquals(left, { event: "left", member: me, reason: "left" });
  assertEquals(closed, { event: "closed", reason: "signal" });

  assertEquals(bobSent, { event: "sent", id: "1" });
  const { at: _at, ...answer } = bobMessage as Event<"message">;
  assertEquals(answer, {
    event: "message",
    from: hana,
    text: "to you",
    kind: "text",
    private: true,
  });
  assertEquals(bobMembers, { event: "members", members: others });
  assertEquals(bobClosed, { event: "closed", reason: "left" });
});

Deno.test("a relay prints only its address and closed", async () => {
  await using relay = await HostProgram.start(["--relay-only", "--json"]);
  await using member = await relay.join(["--json"]);
  await member.tell({ do: "quit" });
  await member.status();
  relay.signal("SIGTERM");
  await relay.ends(0);
  assertEquals(printed(relay).map(({ event }) => event), ["listening", "invite", "closed"]);
  assertEquals((await member.event("ready")).host.tag, (await relay.event("listening")).tag);
});

Deno.test("each message gets one answer, in order, under its given or assigned id", async () => {
  const { answers, status } = await script([
    { say: "a" },
    { say: "b", id: "mine" },
    { say: "c" },
    { say: "d", id: "4" },
    { say: "e", id: "👋".repeat(64) },
    { say: "f" },
    { say: "g" },
  ]);
  assertEquals(status, 0);
  const ids = ["1", "mine", "2", "4", "👋".repeat(64), "3", "5"];
  assertEquals(answers, ids.map((id) => ({ event: "sent", id })));
});

Deno.test("an id that was used before is an error and its message is not sent", async () => {
  const { answers, status } = await script(
    [{ say: "one", id: "x" }, { say: "two", id: "x" }, { say: "three" }, { say: "four", id: "1" }],
    "--name",
    "twice",
  );
  assertEquals(status, 1);
  const errors = answers.filter(({ event }) => event === "error");
  assertEquals(errors.map(({ code, line }) => [code, line]), [["duplicate-id", 2], [
    "duplicate-id",
    4,
  ]]);
  assertEquals(answers.filter(({ event }) => event === "sent").map(({ id }) => id), ["x", "1"]);
  const said = host.events.filter((event) =>
    event.event === "message" && event.from.name === "twice"
  );
  assertEquals(said.map((event) => (event as Event<"message">).text), ["one", "three"]);
});

Deno.test("a line that is not a wish is an error with its number and has no other effect", async () => {
  const bad = [
    "nonsense",
    "[]",
    '"say"',
    "null",
    "{}",
    '{"say":""}',
    '{"say":1}',
    '{"say":"x","do":"who"}',
    '{"do":"dance"}',
    '{"do":null}',
    '{"say":"x","id":""}',
    '{"say":"x","id":7}',
    `{"say":"x","id":"${"x".repeat(65)}"}`,
    '{"say":"x","to":5}',
    '{"say":"\\ud800"}',
    '{"say":"x"}{"say":"y"}',
    '{"say":"x"',
  ];
  const { answers, status } = await script([
    "",
    "  ",
    { say: "before", unknown: { key: 1 } },
    ...bad,
    '\t{"say" : "after", "id": "last"}\r',
  ]);
  assertEquals(status, 1);
  const errors = answers.filter(({ event }) => event === "error");
  assertEquals(
    errors.map(({ message: _, ...error }) => error),
    bad.map((_, i) => badInput(i + 4)),
  );
  const sent = answers.filter(({ event }) => event === "sent");
  assertEquals(sent, [{ event: "sent", id: "1" }, { event: "sent", id: "last" }]);
});

Deno.test("input that is not UTF-8, or a line without end, is bad input too", async () => {
  await using member = await host.join(["--json"]);
  await member.write(new Uint8Array([0x22, 0xff, 0x22, 0x0a]));
  await member.write(`{"say":"${"x".repeat(200_000)}"}\n`);
  await member.tell({ say: "fine" });
  await member.event("sent");
  await member.endInput();
  await member.ends(1);
  const errors = answers(member).filter(({ event }) => event === "error");
  assertEquals(errors.map(({ code, line }) => [code, line]), [["bad-input", 1], ["bad-input", 2]]);
});

Deno.test("a text of 16,384 bytes is sent, and only one of one byte more fails", async () => {
  const longest = "é".repeat(8192);
  const { answers, status } = await script(
    [
      { say: longest, id: "fits" },
      { say: `${longest}x`, id: "over" },
      { say: "\x01".repeat(16_384), id: "escaped" },
    ],
    "--name",
    "long",
  );
  assertEquals(status, 1);
  assertEquals(
    answers.filter(({ event }) => event !== "error").toSorted((a, b) =>
      `${a.id}` < `${b.id}` ? -1 : 1
    ),
    [
      { event: "sent", id: "escaped" },
      { event: "sent", id: "fits" },
      { event: "failed", id: "over", code: "message-too-long" },
    ].toSorted((a, b) => a.id < b.id ? -1 : 1),
  );
  assertEquals(answers.at(-1), {
    event: "error",
    code: "undelivered",
    message: "1 of 3 lines were not delivered",
  });
});

Deno.test("to addresses one member by name, name#tag or key, and no other", async () => {
  await using bob = await host.join(["--name", "bob", "--json"]);
  await using carol = await host.join(["--name", "carol", "--json"]);
  const { key, tag } = await bob.event("ready");
  const to = ["bob", `bob#${tag}`, key];
  for (const one of to) await carol.tell({ say: `to ${one}`, to: one, id: one });
  for (const nobody of ["nobody", "carol", "bob#aaaaaaaa", `${key.slice(1)}A`]) {
    await carol.tell({ say: "lost", to: nobody, id: `lost on ${nobody}` });
  }
  await carol.tell({ say: "to everybody" });
  const { private: isPrivate } = await bob.event("message", ({ text }) => text === "to everybody");
  assertEquals(isPrivate, false);
  const received = bob.events.filter(({ event }) => event === "message") as Event<"message">[];
  assertEquals(
    received.map(({ text, private: isPrivate }) => [text, isPrivate]),
    [...to.map((one) => [`to ${one}`, true]), ["to everybody", false]],
  );
  await carol.tell({ do: "quit" });
  await carol.ends(1);
  const failed = answers(carol).filter(({ event }) => event === "failed");
  assertEquals(failed.map(({ code }) => code), Array(4).fill("no-such-member"));
  await host.event("left", ({ member }) => member.name === "carol");
  assert(!host.stdout.text.includes('"text":"to bob"'));
});

Deno.test("a name that two members share is ambiguous without its tag", async () => {
  await using room = await HostProgram.start(["--name", "hana", "--json"]);
  await using first = await room.join(["--name", "bob", "--json"]);
  await using second = await room.join(["--name", "bob", "--json"]);
  const tags = [(await first.event("ready")).tag, (await second.event("ready")).tag];
  await room.stdout.count(2, /"event":"joined"/);
  for (const tag of tags) await room.tell({ say: tag, to: `bob#${tag}` });
  assertEquals((await first.event("message")).text, tags[0]);
  assertEquals((await second.event("message")).text, tags[1]);
});

Deno.test("who answers with the others, each once", async () => {
  await using room = await HostProgram.start(["--name", "hana", "--json"]);
  await room.tell({ do: "who" });
  assertEquals((await room.event("members")).members, []);
  await using bob = await room.join(["--name", "bob", "--json"]);
  await using carol = await room.join(["--name", "carol", "--json"]);
  await carol.tell({ do: "who" });
  const { members } = await carol.event("members");
  assertEquals(members.map(({ name }) => name).toSorted(), ["bob", "hana"]);
  for (const member of members) assertPresent(member);
  await bob.tell({ do: "quit" });
  await bob.ends(0);
});

Deno.test("whois answers with the fingerprint, and the join code that both ends show", async () => {
  await using room = await HostProgram.start(["--name", "hana", "--json"]);
  const { fingerprint, key } = await room.event("ready");
  await using bob = await room.join(["--name", "bob", "--json", "--host-key", fingerprint]);
  await using carol = await room.join(["--name", "carol", "--json"]);
  const ready = await bob.event("ready");
  const { joinCode } = ready;
  await room.event("joined", ({ member }) => member.name === "carol");
  await carol.event("ready");

  await room.tell({ do: "whois", name: ready.key });
  const { member: seen } = await room.event("member");
  const { fingerprint: digits, joinCode: shown, ...who } = seen;
  assertPresent(who);
  assertEquals([who.name, digits, shown], ["bob", ready.fingerprint, joinCode!]);
  await bob.tell({ do: "whois", name: "hana" });
  const host = (await bob.event("member")).member;
  assertEquals([host.key, host.verified], [key, true]);
  assertEquals([host.fingerprint, host.joinCode], [fingerprint, joinCode!]);
  await carol.tell({ do: "whois", name: `bob#${ready.tag}` });
  const { member } = await carol.event("member");
  assertEquals([member.name, "joinCode" in member, member.verified], ["bob", false, false]);
  await carol.tell({ do: "whois", name: "hana" });
  assertEquals(
    (await carol.event("member", ({ member }) => member.key === key)).member.verified,
    false,
  );
});

Deno.test("rekey is answered once the keys are new, and messages continue", async () => {
  await using room = await HostProgram.start(["--name", "hana", "--json"]);
  await using bob = await room.join(["--name", "bob", "--json"]);
  for (const text of ["one", "two"]) {
    await bob.tell({ say: text });
    await room.tell({ say: text });
    await Promise.all(
      [room, bob].map((each) => each.event("message", (said) => said.text === text)),
    );
    await bob.tell({ do: "rekey" });
    assertEquals(await bob.event("rekeyed"), { event: "rekeyed" });
  }
});

Deno.test("nick announces both names to all members, and refuses an invalid one", async () => {
  await using room = await HostProgram.start(["--name", "hana", "--json"]);
  await using bob = await room.join(["--name", "bob", "--json"]);
  await using carol = await room.join(["--name", "carol", "--json"]);
  await bob.tell({ do: "nick", name: "a:b" });
  const { code, message } = await bob.event("error");
  assertEquals([code, message], [
    "bad-name",
    "Cannot use this name: it has one of the characters : # \\",
  ]);
  for (const name of ["bobby", "robert"]) await bob.tell({ do: "nick", name });
  await bob.tell({ say: "hello" });
  const { from } = await carol.event("message");
  assertMember(from, "robert");
  const told = (program: Program): Event<"renamed">[] =>
    program.events.filter((event): event is Event<"renamed"> => event.event === "renamed");
  assertEquals(
    told(carol).map(({ before, member }) => [before, member.name]),
    [["bob", "bobby"], ["bobby", "robert"]],
  );
  assertEquals(told(bob).at(-1), {
    event: "renamed",
    member: from,
    before: "bobby",
    own: true,
  });
  await using dave = await room.join(["--name", "dave", "--json"]);
  const { members } = await dave.event("ready");
  assertEquals(members.map(({ name }) => name).toSorted(), ["carol", "hana", "robert"]);
  await bob.tell({ do: "nick", name: "carol" });
  await carol.event("warning", ({ code }) => code === "name-taken");
  const { tag } = await bob.event("ready");
  await bob.event("renamed", ({ member }) => member.name === `carol#${tag}`);
  await carol.event("renamed", ({ member }) => member.name === `carol#${tag}`);
});

Deno.test("status reaches all members, later ones too, and is in the answer to who", async () => {
  await using room = await HostProgram.start(["--name", "hana", "--json"]);
  await using bob = await room.join(["--name", "bob", "--json"]);
  await bob.tell({ do: "status", text: "x".repeat(201) });
  assertEquals((await bob.event("error")).code, "bad-status");
  await bob.tell({ do: "status", text: "at lunch" });
  const { member, ...own } = await bob.event("status");
  assertMember(member, "bob");
  assertEquals(own, { event: "status", text: "at lunch", own: true });
  assertEquals(await room.event("status"), { event: "status", member, text: "at lunch" });
  await using carol = await room.join(["--name", "carol", "--json"]);
  assertEquals(await carol.event("status"), { event: "status", member, text: "at lunch" });
  for (const each of [room, carol]) {
    await each.tell({ do: "who" });
    const { members } = await each.event("members");
    assertEquals(members.find(({ name }) => name === "bob")!.status, "at lunch");
  }
  await bob.tell({ do: "status", text: "" });
  await bob.tell({ do: "quit" });
  await bob.ends(0);
  await carol.event("status", ({ text }) => text === "");
});

Deno.test("who marks a member that lacks the last message, until it is delivered", async () => {
  await using room = await HostProgram.start(["--name", "hana", "--json"]);
  await using bob = await room.join(["--name", "bob", "--json"]);
  await room.event("joined");
  bob.signal("SIGSTOP");
  await room.tell({ say: "are you there?" });
  await room.event("sent");
  await room.tell({ do: "who" });
  const { members } = await room.event("members");
  assertEquals(members.map(({ behind, name }) => [name, behind]), [["bob", true]]);
  bob.signal("SIGCONT");
  await room.event("delivered");
  await room.tell({ do: "who" });
  await room.event("members", ({ members }) => !("behind" in members[0]!));
});

Deno.test("a wish about an absent member is an error without other effect", async () => {
  const wishes = ["whois", "ignore", "unignore"];
  const { answers, status } = await script(wishes.map((wish) => ({ do: wish, name: "nobody" })));
  assertEquals(status, 0);
  const error = {
    event: "error",
    code: "no-such-member",
    message: "No such member here",
    hint: "Use a name from /who, or name#tag if two share a name.",
  };
  assertEquals(answers, Array(3).fill(error));
});

Deno.test("ignore hides one member's messages until unignore, and no others", async () => {
  await using room = await HostProgram.start(["--name", "hana", "--json"]);
  await using bob = await room.join(["--name", "bob", "--json"]);
  await using carol = await room.join(["--name", "carol", "--json"]);
  await bob.event("joined");
  await room.tell({ do: "ignore", name: "bob" });
  const { ignored, member } = await room.event("ignoring");
  assertEquals(ignored, true);
  assertMember(member, "bob");
  await bob.tell({ say: "hidden" });
  await bob.tell({ say: "hidden, too", to: "hana" });
  await bob.event("delivered", ({ id }) => id === "2");
  await room.tell({ do: "who" });
  const { members } = await room.event("members");
  assertEquals(members.map(({ ignored, name }) => [name, ignored]), [
    ["bob", true],
    ["carol", undefined],
  ]);
  await room.tell({ do: "unignore", name: member.key });
  await room.event("ignoring", ({ ignored }) => !ignored);
  await bob.tell({ say: "shown" });
  await room.event("message", ({ text }) => text === "shown");
  const heard = room.events.filter((event): event is Event<"message"> => event.event === "message");
  assertEquals(heard.map(({ text }) => text), ["shown"]);
  await carol.event("message", ({ text }) => text === "hidden");
});

Deno.test("text is exact, and control characters are escaped", async () => {
  await using member = await host.join(["--name", "reader", "--json"]);
  const text =
    '\\ " / é 👋 \x00\b\t\n\v\f\r\x1b[2J\x7f\x80\x85\x9b\u200e\u202e\u2066\u2028\u2029\ufeffend';
  await host.tell({ say: text });
  const line = await member.stdout.line(/"event":"message"/);
  assertEquals(JSON.parse(line).text, text);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/.test(line), line);
  for (
    const escape of ["\\u0000", "\\u000a", "\\u001b", "\\u007f", "\\u009b", "\\u202e", "\\u2066"]
  ) {
    assert(line.includes(escape), line);
  }
  assert(line.includes("é 👋"), line);
});

Deno.test("a message after ready reaches every listed member, and joined comes before a member's messages", async () => {
  await using room = await HostProgram.start(["--name", "hana", "--json"]);
  await using early = await room.join(["--name", "early", "--json"]);
  for (let i = 0; i < 4; i++) {
    await using late = await room.join(["--name", `late${i}`, "--json"]);
    await Promise.all([
      late.tell({ say: `from late${i}` }),
      early.tell({ say: `to late${i}` }),
      room.tell({ say: `host to late${i}` }),
    ]);
    for (const text of [`to late${i}`, `host to late${i}`]) {
      await late.event("message", (message) => message.text === text);
    }
    for (const program of [room, early]) {
      await program.event("message", (message) => message.text === `from late${i}`);
      const about = program.events.filter((event) =>
        (event.event === "joined" && event.member.name === `late${i}`) ||
        (event.event === "message" && event.from.name === `late${i}`)
      );
      assertEquals(about.map(({ event }) => event), ["joined", "message"]);
    }
  }
});

Deno.test("own messages do not come back", async () => {
  await using member = await host.join(["--name", "echo", "--json"]);
  await member.tell({ say: "is there an echo?" });
  await host.event("message", ({ from }) => from.name === "echo");
  await host.tell({ say: "no echo" });
  await member.event("message", ({ text }) => text === "no echo");
  const messages = member.events.filter(({ event }) => event === "message") as Event<"message">[];
  assert(messages.every(({ from }) => from.name !== "echo"));
});

Deno.test("closed stays the last event, also with later input", async () => {
  await using room = await HostProgram.start(["--name", "hana", "--json"]);
  await using member = await room.join(["--json"]);
  await room.event("joined");
  await room.block(member);
  room.signal("SIGINT");
  await member.event("closed");
  await room.write('nonsense\n{"do":"who"}\n{"say":"too late"}\n');
  room.stdout.resume();
  await room.status();
  assertEquals(room.events.at(-1), { event: "closed", reason: "signal" });
});

Deno.test("a member that does not answer is named after ten seconds, and the room continues", async () => {
  await using room = await HostProgram.start(["--name", "hana", "--json"]);
  await using asleep = await room.join(["--name", "asleep", "--json"]);
  const { key } = await asleep.event("ready");
  asleep.signal("SIGSTOP");
  await using late = await room.join(["--name", "late", "--json"]);
  assertEquals((await late.event("ready")).members.map(({ name }) => name), ["hana"]);
  assertEquals((await late.event("unannounced")).here.map((member) => member.key), [key]);
  await late.tell({ say: "hello" });
  assertEquals((await room.event("message")).text, "hello");
  asleep.signal("SIGCONT");
  await late.event("joined", ({ member }) => member.key === key);
});

Deno.test("a script without wishes exits as a pipe does", async () => {
  const { status, stderr, stdout } = await run(["join", host.address, "--json"]);
  assertEquals([status, stderr], [0, ""]);
  const last = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  assertEquals(last, { event: "closed", reason: "end-of-input" });
});
