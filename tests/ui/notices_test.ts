import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Code } from "../../lib/errors.ts";
import type {
  EndReason,
  InviteEvent,
  LeaveReason,
  ListeningEvent,
  MemberView,
  PresentView,
  ProblemEvent,
  ReadyEvent,
  SessionEvent,
} from "../../lib/session_events.ts";
import { imitates } from "../../lib/room/names.ts";
import {
  type CodeDisplay,
  fingerprintLines,
  greetingLines,
  inviteLines,
  joinedLines,
  noticeLines,
  personLines,
  PROGRAM,
  reconnectedLines,
} from "../../lib/ui/notices.ts";
import { nameProblem } from "../../lib/wire/mod.ts";
import { test } from "../support/test.ts";
import { member, message, NOW } from "./members.ts";

const FINGERPRINT = "012345678901234567890123456789";

function listening(addresses: string[], port: number): ListeningEvent {
  return { event: "listening", addresses, port, fingerprint: FINGERPRINT, tag: "abcdefgh" };
}

function ready(names: string[], joinCode: string | null): ReadyEvent {
  const host = { tag: "abcdefgh", key: "H".repeat(43), known: false, verified: false };
  const members = names.map(member);
  return { ...member("ada"), event: "ready", fingerprint: FINGERPRINT, host, joinCode, members };
}

test("noticeLines shows the command that joins a room, in one line", () => {
  assertEquals(noticeLines(listening(["192.168.1.5", "fd00::2", "fe80::1%eth0"], 12345)), [
    `Listening on port 12345. Others join with: ${PROGRAM} join 192.168.1.5 (or fd00::2)`,
    "The room's fingerprint is 01234 56789 01234 56789 01234 56789.",
  ]);
  assertEquals(
    noticeLines(listening(["192.168.1.5", "fd00::2"], 80))[0],
    `Listening on port 80. Others join with: ${PROGRAM} join 192.168.1.5:80 (or [fd00::2]:80)`,
  );
});

test("noticeLines shows a link-local address only without another address", () => {
  assertEquals(
    noticeLines(listening(["fe80::1%eth0"], 12345))[0],
    `Listening on port 12345. Others join with: ${PROGRAM} join fe80::1%eth0`,
  );
});

test("noticeLines shows no address of an invite-only room", () => {
  const event = { ...listening(["192.168.1.5"], 12345), inviteOnly: true } as const;
  assertEquals(
    noticeLines(event)[0],
    `Listening on port 12345. Others join with: ${PROGRAM} join -`,
  );
});

test("noticeLines shows the port without addresses", () => {
  assertEquals(noticeLines(listening([], 12345))[0], "Listening on port 12345.");
});

test("noticeLines shows the members and the join code at the start", () => {
  assertEquals(noticeLines(ready([], null)), ["You are ada. No one else is here."]);
  assertEquals(noticeLines(ready(["bob", "eve#x"], "7599537536")), [
    "You are ada. 2 others here: bob, eve#x.",
  ]);
  const event = ready(["bob"], "7599537536");
  const [bob] = event.members;
  const host = { ...event.host, key: bob!.key, known: true };
  assertEquals(noticeLines({ ...event, host, members: [{ ...bob!, lost: true as const }] }), [
    "You are ada. 1 other here: bob (host, away).",
  ]);
  const many = Array.from({ length: 22 }, (_, index) => `m${index}`);
  assertEquals(
    noticeLines(ready(many, null)),
    [`You are ada. 22 others here: ${many.slice(0, 20).join(", ")}, 2 more.`],
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
    ["connection-lost", "bob left (connection lost)"],
    ["kicked", "bob was removed by the host"],
    ["too-slow", "bob was removed (too slow)"],
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
    "#aaaaaaaa is here without a name and can't read messages.",
  ]);
  assertEquals(tell([a, b], [a], 100), [
    "#aaaaaaaa, #bbbbbbbb are here without a name and can't read messages.",
    "#aaaaaaaa, 99 more left without giving a name.",
  ]);
});

test("noticeLines shows a member's lost connection, its return and a gap", () => {
  const bob = member("bob");
  assertEquals(noticeLines({ event: "lost", member: bob }), [
    "bob is away (connection lost); messages wait for them",
  ]);
  assertEquals(noticeLines({ event: "back", member: bob }), ["bob is back"]);
  assertEquals(noticeLines({ event: "gap", member: bob, missing: 1 }), [
    "warning: 1 message from bob is missing",
  ]);
  assertEquals(noticeLines({ event: "gap", member: bob, missing: 2 }), [
    "warning: 2 messages from bob are missing",
  ]);
});

test("noticeLines shows the loss and the return of the own connection in one line each", () => {
  const message = "Connection lost";
  assertEquals(noticeLines({ event: "disconnected", reason: "connection-lost", message }), [
    "Connection lost. Reconnecting.",
  ]);
  assertEquals(personLines({ event: "disconnected", reason: "connection-lost", message }), [
    "Connection lost. Reconnecting; keep typing.",
  ]);
  const back = (missed: number): string[] => noticeLines({ event: "reconnected", missed });
  assertEquals(back(0), ["Reconnected. You missed nothing."]);
  assertEquals(back(1), ["Reconnected. 1 message came meanwhile."]);
  assertEquals(back(2), ["Reconnected. 2 messages came meanwhile."]);
  assertEquals(noticeLines({ event: "reconnected", missed: 0, address: "192.0.2.9" }), [
    "Reconnected at 192.0.2.9. You missed nothing.",
  ]);
  assertEquals(noticeLines({ event: "reconnected", missed: 0, joinCode: "0123456789" }), [
    "Reconnected.",
    "The host restarted. Join code 01234 56789.",
  ]);
});

test("noticeLines lists the members with their tags", () => {
  const gone = { ...member("eve"), lost: true } as const;
  assertEquals(noticeLines({ event: "members", members: [gone] }), [
    "Here: eve (tag abcdefgh, connection lost)",
  ]);
  assertEquals(noticeLines({ event: "members", members: [] }), ["No one else is here."]);
  assertEquals(noticeLines({ event: "members", members: [member("bob"), member("eve")] }), [
    "Here: bob (tag abcdefgh), eve (tag abcdefgh)",
  ]);
});

test("noticeLines shows a new name", () => {
  const renamed = { event: "renamed", member: member("robert"), before: "bob" } as const;
  assertEquals(noticeLines(renamed), ["bob is now robert"]);
  assertEquals(noticeLines({ ...renamed, own: true }), ["You are now robert."]);
  assertEquals(noticeLines({ ...renamed, ignored: true }), []);
});

test("noticeLines shows a status", () => {
  const status = (text: string, own?: true): string[] =>
    noticeLines({ event: "status", member: member("bob"), text, ...own && { own } });
  assertEquals([status("lunch"), status("")], [["bob is away: lunch"], ["bob is back"]]);
  assertEquals([status("lunch", true), status("", true)], [
    ["You are away: lunch. /away ends it."],
    ["You are no longer away."],
  ]);
});

test("noticeLines shows failed joins in one line", () => {
  const addresses = ["192.0.2.7", "fe80::1"];
  assertEquals(noticeLines({ event: "failed-joins", count: 47, addresses }), [
    "47 callers left without joining (192.0.2.7, fe80::1). " +
    "They may be guessing join codes; /verify compares more digits.",
  ]);
});

test("noticeLines shows an announcement, and no new keys", () => {
  assertEquals(noticeLines({ event: "announced" }), [
    "This room is now announced on the network.",
  ]);
  assertEquals(noticeLines({ event: "rekeyed" }), []);
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
  assertEquals(ignoring(true), ["Messages from bob are hidden."]);
  assertEquals(ignoring(false), ["Messages from bob are shown again."]);
});

test("noticeLines shows a problem and its hint", () => {
  const problem = { code: "busy", message: "Cannot join" } as const;
  assertEquals(noticeLines({ event: "error", ...problem, hint: "Try again." }), [
    "error: Cannot join",
    "hint: Try again.",
  ]);
  assertEquals(noticeLines({ event: "warning", ...problem }), ["warning: Cannot join"]);
  const usage = { event: "error", code: "empty-message", message: "Usage: /me TEXT" } as const;
  assertEquals(noticeLines(usage), ["Usage: /me TEXT"]);
});

test("noticeLines shows a missing permission and its hint in one line", () => {
  for (const code of ["addresses-hidden", "temporary-identity"] as const) {
    const event = { event: "warning", code, message: "It is so", hint: "Do this." } as const;
    assertEquals(noticeLines(event), ["warning: It is so. Do this."]);
    assertEquals(personLines(event), ["It is so. Do this."]);
  }
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
  assertEquals(lines("host-closed"), ["The host closed the room. lanchat ends."]);
  const told = ["left", "end-of-input", "signal", "connection-lost", "kicked", "refused", "failed"];
  for (const reason of told) assertEquals(lines(reason as EndReason), []);
});

test("noticeLines is empty for messages and their delivery", () => {
  assertEquals(noticeLines(message("bob", "hi")), []);
  assertEquals(noticeLines({ event: "sent", id: "1" }), []);
  assertEquals(noticeLines({ event: "delivered", id: "1" }), []);
  assertEquals(noticeLines({ event: "kept", away: ["bob"] }), [
    "bob is away. The host keeps your messages for them.",
  ]);
  assertEquals(
    noticeLines({ event: "reconnected", missed: 0, unread: ["bob", "carol"] })[1],
    "bob, carol joined meanwhile; you can't read what they said before now.",
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
    { ...ready([], "7599537536"), members: [{ ...member("bob"), key: "H".repeat(43) }] },
    { event: "members", members: [member("bob")] },
    { event: "error", ...problem },
    { event: "warning", ...problem },
  ].flatMap((event) => noticeLines(event as SessionEvent)).filter((line) => line.includes(":"));
  assertEquals(lines.length, 7);
  for (const line of lines) {
    const name = line.slice(0, line.indexOf(":"));
    assert(nameProblem(name) !== undefined || imitates(name), name);
  }
});

test("personLines greets in few lines", () => {
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
    "You are ada. No one else is here yet. /help lists the commands.",
  ]);
  assertEquals(guest.flatMap(personLines).length, 5);
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
        "Call or meet bob. Ask bob to type: /verify NAME show",
        "bob reads you all 12 groups. If one differs, someone is in between.",
        "If all agree, type /verify bob and the four that are ????? here, from left to right.",
        "Safety number of you and bob✓:",
        ...hidden,
      ]);
      assertEquals(lines(event), [
        "Read all 12 groups to bob by voice, not in this chat.",
        "Safety number of you and bob✓:",
        ...all,
      ]);
    }
  }
});

test("noticeLines shows a room code with its members, and none without members", () => {
  const code = { event: "room-code", digits: numbered(8), members: [] } as const;
  assertEquals(noticeLines(code), ["No one else is here to verify."]);
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
    "warning: bob#abcdefgh may not be the bob you met: another key (before: tag zyxwvuts, last " +
    "seen 2023-11-14)",
    "hint: Check with /verify bob#abcdefgh before you trust them.",
  ]);
  const [warning, hint] = noticeLines({ ...event, withheld: true });
  assertMatch(
    warning!,
    /^warning: bob#abcdefgh is not the bob you verified: .* can't read your messages$/,
  );
  assertMatch(hint!, /\/whois bob#abcdefgh .* \/accept /);
  assertEquals(noticeLines({ event: "accepted", member: member("bob") }), [
    "bob can now read your messages, but isn't verified.",
  ]);
  const verified = { ...member("bob"), verified: true } as const;
  assertEquals(noticeLines({ event: "accepted", member: verified }), [
    "bob✓ can now read your messages.",
  ]);
  assertEquals(
    noticeLines({ event: "verified", member: verified }),
    ["You have verified bob✓, and see the ✓ from now on."],
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

test("noticeLines shows the join code only of a host that is here and whose key is new", () => {
  const greeting = (state: { known: boolean; verified: boolean; key?: string }): string[] => {
    const { host, ...event } = ready(["bob"], "0123456789");
    return noticeLines({ ...event, host: { ...host, key: event.members[0]!.key, ...state } });
  };
  assertEquals(greeting({ known: false, verified: false }), [
    "You are ada. 1 other here: bob (host).",
    "Join code 01234 56789.",
    "Compare it in person or by phone; if it differs, someone is in between.",
  ]);
  assertEquals(greeting({ known: false, verified: false, key: "R".repeat(43) }).length, 1);
  assertEquals(greeting({ known: true, verified: false }).length, 1);
  assertEquals(greeting({ known: true, verified: true }).length, 1);
});

test("greetingLines and reconnectedLines show, explain or hide the join code of a member", () => {
  const event = ready(["bob"], "0123456789");
  const advice = "Compare it in person or by phone; if it differs, someone is in between.";
  const greeting = (code: CodeDisplay): string[] => greetingLines(event, code).slice(1, -1);
  assertEquals(greeting("explained"), ["Join code 01234 56789.", advice]);
  assertEquals(greeting("shown"), ["Join code 01234 56789."]);
  assertEquals(greeting("hidden"), []);
  assertEquals(greeting("unseen"), [
    "To be sure of the host, compare its fingerprint: /fingerprint",
  ]);
  const back = (code: CodeDisplay): string[] =>
    reconnectedLines({ event: "reconnected", missed: 0, joinCode: "0123456789" }, code).slice(1);
  assertEquals(back("explained"), ["The host restarted. Join code 01234 56789.", advice]);
  assertEquals(back("shown"), ["The host restarted. Join code 01234 56789."]);
  assertEquals(back("hidden"), ["The host restarted."]);
});

const LINKS = ["192.0.2.2:12345", "[fd00::2]:12345"].map((host) => `lanchat://${host}/#AbZ`);

function invite(secret: boolean, links: string[] = LINKS): InviteEvent {
  return { event: "invite", link: links[0]!, links, secret };
}

test("noticeLines shows the first invite link in one line", () => {
  assertEquals(noticeLines(invite(true)), [
    `Invite link (only its holders can join): ${LINKS[0]}`,
  ]);
  assertEquals(noticeLines(invite(false)), [`Invite link (leads to no other host): ${LINKS[0]}`]);
});

test("noticeLines, greetingLines and inviteLines show the link through a broker", () => {
  const via = "nats://192.0.2.7:4222/abcdefghijklmnop#AbZ";
  const event = { ...invite(false), via };
  const lines = ["Through the broker they run 'join -' and paste this link:", via];
  assertEquals(noticeLines(event).slice(1), [`The same through the broker: ${via}`]);
  const host = listening(["192.0.2.2"], 12345);
  assertEquals(greetingLines(ready([], null), "hidden", host, event).slice(2, 4), lines);
  assert(inviteLines(host, event).join("\n").includes(lines.join("\n")));
});

test("greetingLines shows what others type to join an open room", () => {
  const greet = (addresses: string[], name?: string, members: string[] = []): string[] =>
    greetingLines(
      ready(members, null),
      "hidden",
      { ...listening(addresses, 12345), ...name !== undefined && { name } },
      invite(false),
    );
  assertEquals(greet(["192.0.2.2", "fd00::2"]), [
    "You are ada, the host (tag abcdefgh). Others join with:",
    `    ${PROGRAM} join 192.0.2.2`,
    "No one else is here yet. /help lists the commands.",
  ]);
  assertEquals(greet([]).slice(0, 2), [
    "You are ada, the host (tag abcdefgh). Others join with (put in this machine's address):",
    `    ${PROGRAM} join ADDRESS`,
  ]);
  const [first, , last] = greet(["192.0.2.2"], "movie night", ["bob", "carol"]);
  assertEquals(first, 'You are ada, the host (tag abcdefgh) of "movie night". Others join with:');
  assertEquals(last, "2 others here: bob, carol. /help lists the commands.");
});

test("greetingLines and inviteLines show the link of an invite-only room in a line to copy", () => {
  const closed = { ...listening(["192.0.2.2", "fd00::2"], 12345), inviteOnly: true } as const;
  assertEquals(greetingLines(ready([], null), "hidden", closed, invite(true)), [
    "You are ada, the host (tag abcdefgh). Others join with:",
    `    ${PROGRAM} join -`,
    "Then they paste this link; no one joins without it:",
    LINKS[0],
    "No one else is here yet. /help lists the commands.",
  ]);
  assertEquals(inviteLines(closed, invite(true)), [
    "Others join with:",
    `    ${PROGRAM} join -`,
    "Other addresses of this machine: [fd00::2]:12345",
    "Then they paste this link; no one joins without it:",
    LINKS[0],
    "/invite qr shows the link as a QR code.",
  ]);
  assertEquals(inviteLines(listening([], 12345), invite(false, ["lanchat://ADDRESS:12345/#AbZ"])), [
    "Others join with (put in this machine's address):",
    `    ${PROGRAM} join ADDRESS`,
    "Replace ADDRESS with an address of this machine.",
    "Or they run 'join -' and paste this link, which leads to no other host:",
    "lanchat://ADDRESS:12345/#AbZ",
    "/invite qr shows the link as a QR code.",
  ]);
});

test("joinedLines shows, explains or hides the join code", () => {
  const joined = { event: "joined", member: member("bob"), joinCode: "0123456789" } as const;
  const line = "bob joined (join code 01234 56789)";
  assertEquals(joinedLines(joined, "hidden"), ["bob joined"]);
  assertEquals(joinedLines(joined, "shown"), [line]);
  assertEquals(joinedLines(joined, "explained"), [
    line,
    "Compare it in person or by phone; if it differs, someone is in between.",
  ]);
});

test("fingerprintLines shows one fingerprint at the host, two elsewhere", () => {
  const other = "9".repeat(30);
  assertEquals(
    fingerprintLines(FINGERPRINT, FINGERPRINT)[0],
    "Your fingerprint, and the room's: 01234 56789 01234 56789 01234 56789",
  );
  assertEquals(fingerprintLines(FINGERPRINT, other), [
    "Your fingerprint: 01234 56789 01234 56789 01234 56789",
    "The room's fingerprint: 99999 99999 99999 99999 99999 99999",
  ]);
});

test("noticeLines shows a room with the tag and the name as the host's greeting has them", () => {
  const room = {
    event: "room",
    addresses: ["192.0.2.2", "fd00::2"],
    port: 12345,
    tag: "abcdefgh",
    invite: false,
    known: false,
    verified: false,
  } as const;
  assertEquals(noticeLines(room), ["192.0.2.2 or fd00::2 (tag abcdefgh)"]);
  assertEquals(noticeLines({ ...room, name: "movie night", invite: true, known: true }), [
    '192.0.2.2 or fd00::2 (tag abcdefgh, known, by invite) "movie night"',
  ]);
});

test("noticeLines shows bans and locks", () => {
  const ban = { key: "A".repeat(43), tag: "abcdefgh", name: "bob" };
  const { name: _, ...nameless } = ban;
  const events: [SessionEvent, string][] = [
    [{ event: "banned", ...ban, banned: true }, "bob (tag abcdefgh) is banned."],
    [{ event: "banned", ...nameless, banned: false }, "tag abcdefgh is unbanned."],
    [{ event: "bans", bans: [] }, "No one is banned."],
    [{ event: "bans", bans: [ban, nameless] }, "Banned: bob (tag abcdefgh), tag abcdefgh"],
    [
      { event: "locked", locked: true, host: true },
      "The room is locked. No one new can join until /unlock.",
    ],
    [
      { event: "locked", locked: false, host: true },
      "The room is unlocked. Others can join again.",
    ],
    [
      { event: "locked", locked: true, host: false },
      "Newcomers can't read your messages until /unlock.",
    ],
    [{ event: "locked", locked: false, host: false }, "Everyone here can read your messages."],
  ];
  for (const [event, line] of events) assertEquals(noticeLines(event), [line]);
});
