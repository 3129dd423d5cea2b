import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Code } from "../../lib/errors.ts";
import type {
  EndReason,
  LeaveReason,
  MemberView,
  PresentView,
  ProblemEvent,
  ReadyEvent,
  SessionEvent,
} from "../../lib/session_events.ts";
import { imitates } from "../../lib/room/names.ts";
import { noticeLines, personLines, PROGRAM } from "../../lib/ui/notices.ts";
import { nameProblem } from "../../lib/wire/mod.ts";
import { test } from "../support/test.ts";
import { member, message, NOW } from "./members.ts";

const FINGERPRINT = "012345678901234567890123456789";

function listening(addresses: string[], port: number): SessionEvent {
  return { event: "listening", addresses, port, fingerprint: FINGERPRINT, tag: "abcdefgh" };
}

function ready(names: string[], joinCode: string | null): ReadyEvent {
  const host = { tag: "abcdefgh", key: "A".repeat(43), known: false, verified: false };
  const members = names.map(member);
  return { ...member("ada"), event: "ready", fingerprint: FINGERPRINT, host, joinCode, members };
}

test("noticeLines shows the commands that join a room", () => {
  assertEquals(noticeLines(listening(["192.168.1.5", "fd00::2", "fe80::1%eth0"], 12345)), [
    "Listening on port 12345. Others join with:",
    `    ${PROGRAM} join 192.168.1.5`,
    `    ${PROGRAM} join fd00::2`,
    "The room's fingerprint is 01234 56789 01234 56789 01234 56789.",
  ]);
  assertEquals(noticeLines(listening(["192.168.1.5", "fd00::2"], 80)).slice(1, 3), [
    `    ${PROGRAM} join 192.168.1.5:80`,
    `    ${PROGRAM} join [fd00::2]:80`,
  ]);
});

test("noticeLines shows a link-local address only without another address", () => {
  assertEquals(
    noticeLines(listening(["fe80::1%eth0"], 12345))[1],
    `    ${PROGRAM} join fe80::1%eth0`,
  );
});

test("noticeLines shows the port without addresses", () => {
  assertEquals(noticeLines(listening([], 12345))[0], "Listening on port 12345.");
});

test("noticeLines shows the members and the join code at the start", () => {
  assertEquals(noticeLines(ready([], null)), ["You are ada. Nobody else is here."]);
  assertEquals(noticeLines(ready(["bob", "eve#x"], "7599537536")), [
    "You are ada. Here: bob, eve#x",
    "Join code 75995 37536: the host must see the same one.",
  ]);
  const many = Array.from({ length: 22 }, (_, index) => `m${index}`);
  assertEquals(
    noticeLines(ready(many, null)),
    [`You are ada. Here: ${many.slice(0, 20).join(", ")}, 2 more`],
  );
});

test("noticeLines shows joins and leaves", () => {
  assertEquals(noticeLines({ event: "joined", member: member("bob") }), [
    "bob joined (tag abcdefgh)",
  ]);
  assertEquals(noticeLines({ event: "joined", member: member("bob"), joinCode: "0123456789" }), [
    "bob joined (tag abcdefgh, join code 01234 56789)",
  ]);
  const reasons: [LeaveReason, string][] = [
    ["left", "bob left"],
    ["connection-lost", "bob is gone, as the connection was lost"],
    ["kicked", "bob was removed by the host"],
    ["too-slow", "bob was removed as it did not keep up"],
  ];
  for (const [reason, line] of reasons) {
    assertEquals(noticeLines({ event: "left", member: member("bob"), reason }), [line]);
  }
});

test("noticeLines names unannounced sessions, and counts those past the limit", () => {
  const [a, b] = [member("#aaaaaaaa"), member("#bbbbbbbb")];
  const tell = (here: MemberView[], left: MemberView[], leftCount = left.length): string[] =>
    noticeLines({ event: "unannounced", here, left, leftCount });
  assertEquals(tell([a], []), [
    "#aaaaaaaa is here and has not said who they are: they cannot read.",
  ]);
  assertEquals(tell([a, b], [a], 100), [
    "#aaaaaaaa, #bbbbbbbb are here and have not said who they are: they cannot read.",
    "#aaaaaaaa, 99 more left without having said who they were.",
  ]);
});

test("noticeLines shows a member's lost connection, its return and a gap", () => {
  const bob = member("bob");
  assertEquals(noticeLines({ event: "lost", member: bob }), [
    "bob has lost the connection: what you say waits for its return",
  ]);
  assertEquals(noticeLines({ event: "back", member: bob }), ["bob is back"]);
  assertEquals(noticeLines({ event: "gap", member: bob, missing: 1 }), [
    "warning: 1 message of bob is missing",
  ]);
  assertEquals(noticeLines({ event: "gap", member: bob, missing: 2 }), [
    "warning: 2 messages of bob are missing",
  ]);
});

test("noticeLines shows the loss and the return of the own connection in one line each", () => {
  const message = "Connection lost";
  assertEquals(noticeLines({ event: "disconnected", reason: "connection-lost", message }), [
    "Connection lost. Trying again; what you type is kept.",
  ]);
  const back = (missed: number): string[] => noticeLines({ event: "reconnected", missed });
  assertEquals(back(0), ["Connected again; no message was missed."]);
  assertEquals(back(1), ["Connected again; 1 message came meanwhile."]);
  assertEquals(back(2), ["Connected again; 2 messages came meanwhile."]);
  assertEquals(noticeLines({ event: "reconnected", missed: 0, address: "192.0.2.9" }), [
    "Connected again, at 192.0.2.9; no message was missed.",
  ]);
  assertEquals(
    noticeLines({ event: "reconnected", missed: 0, joinCode: "0123456789" })[1],
    "The host was started anew and shows the join code 01234 56789.",
  );
});

test("noticeLines lists the members with their tags", () => {
  const gone = { ...member("eve"), lost: true } as const;
  assertEquals(noticeLines({ event: "members", members: [gone] }), [
    "Here: eve (tag abcdefgh, connection lost)",
  ]);
  assertEquals(noticeLines({ event: "members", members: [] }), ["Nobody else is here."]);
  assertEquals(noticeLines({ event: "members", members: [member("bob"), member("eve")] }), [
    "Here: bob (tag abcdefgh), eve (tag abcdefgh)",
  ]);
});

test("noticeLines shows a new name", () => {
  const renamed = { event: "renamed", member: member("robert"), before: "bob" } as const;
  assertEquals(noticeLines(renamed), ["bob is robert now"]);
  assertEquals(noticeLines({ ...renamed, own: true }), ["You are robert now."]);
  assertEquals(noticeLines({ ...renamed, ignored: true }), []);
});

test("noticeLines shows a status", () => {
  const status = (text: string, own?: true): string[] =>
    noticeLines({ event: "status", member: member("bob"), text, ...own && { own } });
  assertEquals([status("lunch"), status("")], [["bob is away: lunch"], ["bob is here again"]]);
  assertEquals([status("lunch", true), status("", true)], [
    ["You are shown as away: lunch"],
    ["You are shown as back."],
  ]);
});

test("noticeLines shows failed joins in one line", () => {
  const addresses = ["192.0.2.7", "fe80::1"];
  assertEquals(noticeLines({ event: "failed-joins", count: 47, addresses }), [
    "47 joins failed or ended at once (192.0.2.7, fe80::1). " +
    "Somebody may be guessing a join code: /verify compares more digits.",
  ]);
});

test("noticeLines shows an announcement and new keys", () => {
  assertEquals(noticeLines({ event: "announced" }), [
    "This room is announced on the network now.",
  ]);
  assertEquals(noticeLines({ event: "rekeyed" }), [
    "Your keys are new: what you say from now on is sealed with them.",
  ]);
});

test("noticeLines shows the details of a member, and whether it is ignored", () => {
  const bob = { ...member("bob"), fingerprint: FINGERPRINT };
  const known = "has the fingerprint 01234 56789 01234 56789 01234 56789.";
  assertEquals(noticeLines({ event: "member", member: bob }), [`bob (tag abcdefgh) ${known}`]);
  assertEquals(noticeLines({ event: "member", member: { ...bob, joinCode: "0123456789" } }), [
    `bob (tag abcdefgh, join code 01234 56789) ${known}`,
  ]);
  const ignoring = (ignored: boolean): string[] =>
    noticeLines({ event: "ignoring", member: bob, ignored });
  assertEquals(ignoring(true), ["What bob says is not shown."]);
  assertEquals(ignoring(false), ["What bob says is shown again."]);
});

test("noticeLines shows a problem and its hint", () => {
  const problem = { code: "busy", message: "Cannot join" } as const;
  assertEquals(noticeLines({ event: "error", ...problem, hint: "Try again." }), [
    "error: Cannot join",
    "hint: Try again.",
  ]);
  assertEquals(noticeLines({ event: "warning", ...problem }), ["warning: Cannot join"]);
});

test("noticeLines shows the result and the advice of a check", () => {
  const lines = (ok: boolean | null, advice: string): string[] =>
    noticeLines({ event: "check", check: "clock", ok, saw: "it ticks", advice });
  assertEquals(lines(true, ""), ["ok clock: it ticks"]);
  assertEquals(lines(false, "Wind it."), ["!! clock: it ticks", "   Wind it."]);
  assertEquals(lines(null, "Look."), ["?? clock: it ticks", "   Look."]);
});

test("noticeLines shows an end only if the host closed the room", () => {
  const lines = (reason: EndReason): string[] => noticeLines({ event: "closed", reason });
  assertEquals(lines("host-closed"), ["The host closed the room."]);
  const told = ["left", "end-of-input", "signal", "connection-lost", "kicked", "refused", "failed"];
  for (const reason of told) assertEquals(lines(reason as EndReason), []);
});

test("noticeLines is empty for messages and their delivery", () => {
  assertEquals(noticeLines(message("bob", "hi")), []);
  assertEquals(noticeLines({ event: "sent", id: "1" }), []);
  assertEquals(noticeLines({ event: "delivered", id: "1" }), []);
  assertEquals(noticeLines({ event: "kept", away: ["bob"] }), [
    "bob is away. The host keeps what you sent for them.",
  ]);
  assertEquals(
    noticeLines({ event: "reconnected", missed: 0, unread: ["bob", "carol"] })[1],
    "bob, carol joined meanwhile: what they said without you cannot be read.",
  );
  assertEquals(noticeLines({ event: "failed", id: "1", code: "nobody-here" }), []);
});

test("noticeLines escapes control characters", () => {
  assertEquals(noticeLines({ event: "left", member: member("b\x1b[2J\nob"), reason: "left" }), [
    "b\\x1b[2J\\x0aob left",
  ]);
});

test("noticeLines starts no line with a possible name and a colon", () => {
  const problem = { code: "busy", message: "Cannot join", hint: "Try again." } as const;
  const lines = [
    listening(["192.168.1.5"], 12345),
    ready(["bob"], "7599537536"),
    { event: "members", members: [member("bob")] },
    { event: "error", ...problem },
    { event: "warning", ...problem },
  ].flatMap((event) => noticeLines(event as SessionEvent)).filter((line) => line.includes(":"));
  assertEquals(lines.length, 8);
  for (const line of lines) {
    const name = line.slice(0, line.indexOf(":"));
    assert(nameProblem(name) !== undefined || imitates(name), name);
  }
});

test("personLines greets in at most four lines", () => {
  const problem = (code: Code): ProblemEvent => ({
    event: "warning",
    code,
    message: "It is so",
    hint: "Do this.",
  });
  const host: SessionEvent[] = [
    problem("temporary-identity"),
    { event: "listening", addresses: [], port: 1, fingerprint: FINGERPRINT, tag: "x" },
    ready([], null),
  ];
  const guest: SessionEvent[] = [
    problem("temporary-identity"),
    ready(["ada"], "0123456789"),
    problem("host-unverified"),
  ];
  assertEquals(host.flatMap(personLines), [
    "It is so. Do this.",
    `Others join with: ${PROGRAM} join ADDRESS:1, with an address of this machine`,
    "The room's fingerprint is 01234 56789 01234 56789 01234 56789.",
    "You are ada. Nobody else is here yet; /help shows the commands.",
  ]);
  assertEquals(guest.flatMap(personLines).length, 4);
  assertEquals(personLines(problem("addresses-hidden")), ["It is so. Do this."]);
});

/** Digits of which each group tells its place. */
function numbered(count: number): string {
  return Array.from({ length: count }, (_, i) => String(i + 1).padStart(5, "0")).join("");
}

test("noticeLines hides the requested groups of a safety number", () => {
  const bob = { ...member("bob"), verified: true };
  const digits = numbered(12);
  const [first, second] = [digits.slice(0, 30), digits.slice(30)] as const;
  const rows = ["00001 00002 00003 00004 00005 00006", "00007 00008 00009 00010 00011 00012"];
  const cases = [
    [
      first,
      [1, 2, 3, 5],
      ["????? ????? ????? 00004 ????? 00006 (bob)", `${rows[1]} (you)`],
      [`${rows[0]} (bob)`, `${rows[1]} (you)`],
    ],
    [
      second,
      [3, 4, 5, 6],
      [`${rows[0]} (you)`, "00007 00008 ????? ????? ????? ????? (bob)"],
      [`${rows[0]} (you)`, `${rows[1]} (bob)`],
    ],
  ] as const;
  for (const lines of [noticeLines, personLines]) {
    for (const [fingerprint, asked, hidden, all] of cases) {
      const event = { event: "safety-number", member: bob, digits, fingerprint } as const;
      assertEquals(lines({ ...event, asked }), [
        "Safety number of bob✓ and you:",
        ...hidden,
        "On that person's screen, /verify with your name and the word show has all of it.",
        "If all else is the same, type the four groups that are missing here from that screen:",
        "/verify bob 12345 67890 12345 67890",
      ]);
      assertEquals(lines(event), [
        "Safety number of bob✓ and you:",
        ...all,
        "The other screen asks for four of your groups: read them out.",
      ]);
    }
  }
});

test("noticeLines shows a room code with its members, and none without members", () => {
  const code = { event: "room-code", digits: numbered(8), members: [] } as const;
  assertEquals(noticeLines(code), ["Nobody else is here to verify."]);
  const members = Array.from({ length: 22 }, (_, i) => member(`m${i}`));
  const [who, digits, ...meaning] = noticeLines({ ...code, members });
  assertMatch(who!, /^Room code of you, m0, m1, .*, m19, 2 more:$/);
  assertEquals(digits, "00001 00002 00003 00004 00005 00006 00007 00008");
  assertEquals(meaning.length, 1);
});

test("noticeLines warns of a known name with another key, and gives a hint", () => {
  const known = { tag: "zyxwvuts", key: "B".repeat(43), lastSeen: NOW, verified: false };
  const event = { event: "key-changed", member: member("bob#abcdefgh"), known } as const;
  assertEquals(noticeLines({ ...event, withheld: false }), [
    "warning: bob#abcdefgh has a name that you know with another key (tag zyxwvuts, last seen on " +
    "2023-11-14)",
    "hint: Compare with /verify bob#abcdefgh before you take it for the same person.",
  ]);
  const [warning, hint] = noticeLines({ ...event, withheld: true });
  assertMatch(warning!, /^warning: bob#abcdefgh .* cannot read what you say$/);
  assertMatch(hint!, /\/whois bob#abcdefgh .* \/accept /);
  assertEquals(noticeLines({ event: "accepted", member: member("bob") }), [
    "bob can read what you say from now on, and is not verified.",
  ]);
  const verified = { ...member("bob"), verified: true } as const;
  assertEquals(noticeLines({ event: "accepted", member: verified }), [
    "bob✓ can read what you say from now on.",
  ]);
  assertEquals(
    noticeLines({ event: "verified", member: verified }),
    ["bob✓ is verified: the mark stands behind the name from now on."],
  );
});

test("noticeLines marks each name of a verified member", () => {
  const bob = { ...member("bob"), verified: true };
  const members: PresentView[] = [bob, { ...bob, lost: true }];
  const events: SessionEvent[] = [
    { event: "joined", member: bob },
    { event: "left", member: bob, reason: "left" },
    { event: "lost", member: bob },
    { event: "back", member: bob },
    { event: "renamed", member: bob, before: "robert" },
    { event: "status", member: bob, text: "away" },
    { event: "status", member: bob, text: "" },
    { event: "gap", member: bob, missing: 1 },
    { event: "members", members },
    { event: "member", member: { ...bob, fingerprint: "0".repeat(30) } },
    { event: "ignoring", member: bob, ignored: true },
    { ...ready([], null), members },
  ];
  for (const event of events) {
    for (const lines of [noticeLines(event), personLines(event)]) {
      const text = lines.join().replaceAll("/unignore bob", "");
      assertEquals([text.includes("bob✓"), text.match(/bob(?!✓)/)], [true, null], event.event);
    }
  }
});

test("personLines says what to compare with a new, a known and a verified host", () => {
  const greeting = ({ known, verified }: { known: boolean; verified: boolean }): string => {
    const { host, ...event } = ready([], "0123456789") as ReadyEvent;
    return personLines({ ...event, host: { ...host, known, verified } })[1]!;
  };
  const compare = "if the host's screen has it too, nobody is in between.";
  assertEquals(greeting({ known: false, verified: false }), `Join code 01234 56789: ${compare}`);
  assertEquals(
    greeting({ known: true, verified: false }),
    `Join code 01234 56789: the host has the same key as before; ${compare}`,
  );
  assertEquals(
    greeting({ known: true, verified: true }),
    "Join code 01234 56789: the host must see the same one.",
  );
});

const LINKS = ["192.0.2.2:12345", "[fd00::2]:12345"].map((host) => `lanchat://${host}/#AbZ`);

function invite(secret: boolean, links: string[] = LINKS): SessionEvent {
  return { event: "invite", link: links[0]!, links, secret };
}

test("personLines shows an invite in a line to copy, and the other addresses", () => {
  assertEquals(noticeLines(invite(true)), [
    "Whoever has this link gets in:",
    ...LINKS.map((link) => `    ${link}`),
  ]);
  assertEquals(personLines(invite(true)), [
    "Whoever has this link gets in:",
    LINKS[0],
    "In place of 192.0.2.2:12345 it may say [fd00::2]:12345.",
  ]);
  assertEquals(personLines(invite(true, LINKS.slice(0, 1))).length, 2);
  assertEquals(personLines(invite(true, ["lanchat://ADDRESS:12345/#AbZ"])), [
    "Whoever has this link gets in:",
    "lanchat://ADDRESS:12345/#AbZ",
    "Put an address of this machine in place of ADDRESS in it.",
  ]);
  assertEquals(personLines(invite(false)), [
    `Or with this link, which leads to no other host: ${LINKS[0]}`,
  ]);
});

test("noticeLines shows no address of an invite-only room", () => {
  const event: SessionEvent = {
    event: "listening",
    addresses: ["192.0.2.2"],
    port: 12345,
    fingerprint: FINGERPRINT,
    tag: "abcdefgh",
    inviteOnly: true,
  };
  const room = "The room's fingerprint is 01234 56789 01234 56789 01234 56789.";
  assertEquals(noticeLines(event), ["Listening on port 12345.", room]);
  assertEquals(personLines(event), [`Only invited people get in. ${room}`]);
});

test("noticeLines shows bans and locks", () => {
  const ban = { key: "A".repeat(43), tag: "abcdefgh", name: "bob" };
  const { name: _, ...nameless } = ban;
  const events: [SessionEvent, string][] = [
    [{ event: "banned", ...ban, banned: true }, "bob (tag abcdefgh) is banned."],
    [{ event: "banned", ...nameless, banned: false }, "tag abcdefgh may come again."],
    [{ event: "bans", bans: [] }, "Nobody is banned."],
    [{ event: "bans", bans: [ban, nameless] }, "Banned: bob (tag abcdefgh), tag abcdefgh"],
    [{ event: "locked", locked: true, host: true }, "Nobody new gets in until /unlock."],
    [{ event: "locked", locked: false, host: true }, "Others can join again."],
    [
      { event: "locked", locked: true, host: false },
      "Whoever comes now cannot read what you say, until /unlock.",
    ],
    [{ event: "locked", locked: false, host: false }, "Everybody who is here reads what you say."],
  ];
  for (const [event, line] of events) assertEquals(noticeLines(event), [line]);
});
