import { assert, assertEquals } from "@std/assert";
import type {
  MemberView,
  PresentView,
  ReadyEvent,
  SessionEvent,
} from "../../lib/session_events.ts";
import { whoLines } from "../../lib/ui/notices.ts";
import { Place } from "../../lib/ui/place.ts";
import { timeOfDay } from "../../lib/ui/timeline.ts";
import { FakeClock } from "../support/clock.ts";
import { READY, TerminalOnly } from "../support/terminal_only.ts";
import { test } from "../support/test.ts";
import { member, NOW, T } from "./members.ts";

const [ADA, HANA, BOB, EVE] = ["ada", "hana", "bob", "eve"].map(person) as [
  PresentView,
  PresentView,
  PresentView,
  PresentView,
];

function person(name: string): PresentView {
  return { ...member(name), key: name.padEnd(43, "_"), session: name };
}

/** Ada is ready, in a room that hana hosts. */
function ready(...members: PresentView[]): ReadyEvent {
  return {
    ...READY,
    ...ADA,
    host: { tag: HANA.tag, key: HANA.key, known: false, verified: false },
    joinCode: "0123456789",
    members,
  };
}

/** A place that has heard of events. */
function placeAfter(members: readonly MemberView[], ...events: SessionEvent[]): Place {
  const place = new Place({ members: () => members, clock: new FakeClock(NOW) });
  for (const event of events) place.hear(event);
  return place;
}

test("Place.line is empty before the room is joined", () => {
  assertEquals(placeAfter([]).line(80), "");
});

test("Place.line names the room by its name or by its host, and counts the members", () => {
  assertEquals(placeAfter([HANA, BOB], ready(HANA, BOB)).line(80), "hana's room: 3 here");
  assertEquals(placeAfter([], { ...ready(), joinCode: null }).line(80), "your room: only you");
  assertEquals(placeAfter([BOB], ready(BOB)).line(80), "the room: 2 here"); // The host only relays.
  const named = new Place({ members: () => [HANA], room: "tea\x1b[2J\u202e: 9 here" });
  named.hear(ready(HANA));
  assertEquals(named.line(80), '"tea\\\\x1b[2J\\\\u{202e}: 9 here": 2 here');
  const long = new Place({ members: () => [HANA], room: "x".repeat(255) });
  long.hear(ready(HANA));
  assertEquals(long.line(80), `"${"x".repeat(32)}…": 2 here`);
});

test("Place.line names the members that are away, by a lost connection or by their status", () => {
  const place = placeAfter([HANA, BOB, EVE], ready(HANA, { ...BOB, lost: true }, EVE));
  assertEquals(place.line(80), "hana's room: 4 here, bob away");
  place.hear({ event: "status", member: EVE, text: "lunch" });
  place.hear({ event: "status", member: ADA, text: "tea", own: true });
  assertEquals(place.line(80), "hana's room: 4 here, you, bob, eve away");
  place.hear({ event: "lost", member: HANA });
  assertEquals(place.line(80), "hana's room: 4 here, 4 away");
  place.hear({ event: "back", member: BOB });
  place.hear({ event: "back", member: HANA });
  place.hear({ event: "status", member: ADA, text: "", own: true });
  assertEquals(place.line(80), "hana's room: 4 here, eve away");
  place.hear({ event: "ignoring", member: EVE, ignored: true });
  assertEquals(place.line(80), "hana's room: 4 here");
});

test("Place.line says that the connection is lost, until it is back or another session begins", () => {
  const lost = { event: "disconnected", reason: "connection-lost", message: "" } as const;
  const seatLost = { event: "warning", code: "seat-lost", message: "" } as const;
  for (
    const [loss, back] of [[lost, { event: "reconnected", missed: 0 }], [
      seatLost,
      ready(),
    ]] as const
  ) {
    const place = placeAfter([HANA], ready(HANA), loss);
    assertEquals(place.line(80), "hana's room: reconnecting");
    assertEquals(place.line(20), "reconnecting");
    place.hear(back);
    assertEquals(place.line(80), "hana's room: 2 here");
  }
});

test("Place.line leaves out what does not fit in its width", () => {
  const place = placeAfter([HANA, BOB, EVE], ready(HANA, BOB, EVE));
  for (const member of [BOB, EVE]) place.hear({ event: "lost", member });
  const lines = [40, 34, 27, 19, 15, 13, 8].map((columns) => place.line(columns));
  assertEquals(lines, [
    "hana's room: 4 here, bob, eve away",
    "hana's room: 4 here, bob, eve away",
    "hana's room: 4 here, 2 away",
    "hana's room: 4 here",
    "hana's room: 4",
    "hana's room",
    "hana's…",
  ]);
});

test("whoLines shows the place, oneself, the host, and since when a member is away", () => {
  const clock = new FakeClock(NOW);
  const bob = { ...BOB, lost: true, behind: true, ignored: true, withheld: true } as const;
  const eve = { ...EVE, status: "verified, really", verified: true };
  const place = new Place({ members: () => [HANA, BOB, EVE], clock });
  place.hear(ready(HANA, BOB, EVE));
  clock.advance(60_000);
  place.hear({ event: "lost", member: BOB });
  clock.advance(60_000);
  place.hear({ event: "status", member: EVE, text: eve.status });
  place.hear({ event: "status", member: ADA, text: "tea", own: true });
  const members = [HANA, bob, eve];
  place.hear({ event: "members", members });
  const [lostAt, statusAt] = [1, 2].map((minutes) => timeOfDay(new Date(NOW + minutes * 60_000)));
  assertEquals(whoLines(ADA, members, place), [
    "hana's room: 4 here, you, bob, eve away",
    `ada: you, tag abcdefgh, away since ${statusAt}: tea`,
    `hana: host, tag abcdefgh, not verified, here since ${T}`,
    `bob: tag abcdefgh, not verified, here since ${T}, connection lost since ${lostAt}, ` +
    "hasn't received your last message, ignored, can't read your messages",
    `eve✓: tag abcdefgh, verified, here since ${T}, away since ${statusAt}: verified, really`,
  ]);
});

test("whoLines gives no time for an absence that began before this run", () => {
  const members = [{ ...BOB, lost: true as const, status: "lunch" }];
  const place = placeAfter(members, { ...ready(...members), joinCode: null });
  assertEquals(whoLines(ADA, members, place), [
    "your room: 2 here, bob away",
    "ada: you, host, tag abcdefgh",
    `bob: tag abcdefgh, not verified, here since ${T}, connection lost, away: lunch`,
  ]);
});

test("TerminalFrontEnd shows the place above the prompt, in one row of any width", async () => {
  for (
    const [columns, place] of [
      [80, "── hana's room: 4 here, bob, eve away"],
      [40, "── hana's room: 4 here, bob, eve away"],
      [32, "── hana's room: 4 here, 2 away"],
      [20, "── hana's room: 4"],
    ] as const
  ) {
    await using terminal = new TerminalOnly(columns, 10);
    await terminal.settled();
    assertEquals(terminal.screen.place, undefined);
    terminal.frontEnd.show(ready(HANA, { ...BOB, lost: true }, { ...EVE, lost: true }));
    await terminal.type("half a line");
    await terminal.settled();
    assertEquals(terminal.screen.place, place);
    await terminal.shows("> half a line");
    await terminal.frontEnd.close();
    await terminal.settled();
    assert(!terminal.stdout.text.endsWith("half a line"));
    assertEquals(terminal.screen.place, undefined);
  }
});

test("TerminalFrontEnd draws the place only when it changes, and leaves no copy of it", async () => {
  await using terminal = new TerminalOnly(60, 20);
  terminal.frontEnd.show(ready(HANA, BOB));
  await terminal.settled();
  const { length } = terminal.stdout.text;
  await terminal.type("h", "i");
  terminal.frontEnd.show({ event: "sent", id: "none" });
  await terminal.settled();
  assertEquals(terminal.stdout.text.slice(length), "hi");
  terminal.frontEnd.show({ event: "lost", member: BOB });
  terminal.frontEnd.show({ event: "disconnected", reason: "connection-lost", message: "Lost" });
  await terminal.settled();
  assertEquals(terminal.screen.place, "── hana's room: reconnecting");
  await terminal.type("\f");
  await terminal.settled();
  assertEquals(terminal.screen.place, "── hana's room: reconnecting");
  assertEquals(terminal.screen.lines, ["> hi"]);
});
