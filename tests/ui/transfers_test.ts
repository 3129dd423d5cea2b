/** What people and pipes see of offers and transfers. */
import { assert, assertEquals } from "@std/assert";
import type { MemberView, ProgressEvent, SessionEvent } from "../../lib/session_events.ts";
import { noticeLines, personLines } from "../../lib/ui/notices.ts";
import { PlainFrontEnd } from "../../lib/ui/mod.ts";
import { formatBytes, formatSeconds, percentOf } from "../../lib/ui/quantity.ts";
import { TransferBoard } from "../../lib/ui/transfer_board.ts";
import { READY, TerminalOnly } from "../support/terminal_only.ts";
import { test } from "../support/test.ts";
import { message, T } from "./members.ts";
import { memoryStreams } from "./streams.ts";
import { BOB, CAROL, OFFER, OWN_OFFER, ownProgress, progress } from "./transfers.ts";

/** Acts on a terminal, in three ways. */
const HOSTILE = "a\x1b[2J\u202e\nb";

test("formatBytes and formatSeconds round to what a person can use", () => {
  const sizes = [0, 1, 999, 1000, 9949, 9950, 999_499, 999_500, 3_200_412, 5e9, 2.5e15];
  assertEquals(sizes.map(formatBytes), [
    "0 bytes",
    "1 byte",
    "999 bytes",
    "1.0 kB",
    "9.9 kB",
    "10 kB",
    "999 kB",
    "1.0 MB",
    "3.2 MB",
    "5.0 GB",
    "2500 TB",
  ]);
  const times = [0, 0.2, 99, 100, 5999, 7800];
  assertEquals(times.map(formatSeconds), [
    "0 s",
    "1 s",
    "99 s",
    "2 min",
    "1 h 40 min",
    "2 h 10 min",
  ]);
  assertEquals([[0, 0], [1, 3], [999, 1000], [3, 3]].map(([a, b]) => percentOf(a!, b!)), [
    100,
    33,
    99,
    100,
  ]);
});

test("an offer names the sender, the file, its size and what to type", () => {
  assertEquals(personLines(OFFER), [
    'bob✓ offers you "report.pdf" (3.2 MB).',
    "/accept 1 saves it in /home/ada/lanchat, or /decline 1.",
  ]);
  const { size: _, ...stream } = OFFER;
  assertEquals(personLines({ ...stream, from: CAROL, private: false }), [
    'carol (not verified) offers everyone "report.pdf" (of unknown size).',
    "/accept 1 saves it in /home/ada/lanchat, or /decline 1.",
  ]);
  assertEquals(personLines({ ...OFFER, accepted: true }), [
    'bob✓ offers you "report.pdf" (3.2 MB). It is saved in /home/ada/lanchat.',
  ]);
  const { directory: __, ...unsaved } = OFFER;
  assertEquals(personLines(unsaved), [
    'bob✓ offers you "report.pdf" (3.2 MB).',
    "To save it, start lanchat with --allow-read --allow-write.",
  ]);
  assertEquals(noticeLines(OFFER), ['bob✓ offers you "report.pdf" (3.2 MB).']);
  assertEquals(personLines(OWN_OFFER), [
    'You offer "photos" (12 files, 8.0 MB) to everyone. /cancel 2 takes them back.',
  ]);
  assertEquals(
    personLines({ ...OWN_OFFER, to: BOB, private: true })[0]!.split(". ")[0],
    [
      'You offer "photos" (12 files, 8.0 MB) to bob✓',
    ][0],
  );
});

test("a long name of a file is cut in its middle: its end says what it is", () => {
  const name = `holiday.jpg${" ".repeat(200)}.exe`;
  assertEquals(
    personLines({ ...OFFER, name })[0],
    `bob✓ offers you "holiday.jpg${" ".repeat(41)}…    .exe" (3.2 MB).`,
  );
});

test("the end of a transfer says where the files are, and that their hashes match", () => {
  const received = { event: "received", id: 1, from: BOB, bytes: 3_200_000 } as const;
  assertEquals(noticeLines({ ...received, paths: ["/tmp/report.pdf"] }), [
    "Received from bob✓ (3.2 MB, hash matches): /tmp/report.pdf",
  ]);
  assertEquals(noticeLines({ ...received, paths: ["/a", "/b", "/c", "/d", "/e"] }), [
    "Received from bob✓ (3.2 MB, hashes match): /a, /b, /c, 2 more",
  ]);
  assertEquals(noticeLines({ event: "file-sent", id: 2, member: BOB, name: "photos" }), [
    'bob✓ has "photos"; the hash matches.',
  ]);
  const failed = { event: "file-failed", id: 2, name: "photos" } as const;
  assertEquals(noticeLines({ ...failed, code: "file-gone", message: "bob left" }), [
    '"photos": bob left',
    "hint: Ask the sender to send it again.",
  ]);
  const full = { ...failed, code: "disk-full", message: "bob has no room", member: BOB } as const;
  assertEquals(noticeLines(full), ['"photos": bob has no room']);
});

test("/transfers lists each transfer with its number", () => {
  assertEquals(noticeLines({ event: "transfers", transfers: [] }), [
    "There are no offers and no transfers.",
  ]);
  const { directory: _, event: _event, ...offer } = OFFER;
  const { event: _own, ...own } = OWN_OFFER;
  const receivers = [{ member: BOB, bytes: 80_000 }, { member: CAROL, bytes: 4_000_000 }];
  assertEquals(
    noticeLines({
      event: "transfers",
      transfers: [
        { ...offer, state: "offered", bytes: 0 },
        { ...own, state: "offered", bytes: 0 },
        { ...own, id: 3, state: "active", bytes: 80_000, receivers },
        { ...offer, id: 4, state: "paused", pausedBy: "you", bytes: 1_600_000 },
        { ...offer, id: 5, state: "paused", pausedBy: "away", bytes: 1_600_000 },
      ],
    }),
    [
      '1: "report.pdf" (3.2 MB) from bob✓, waits for your answer',
      '2: "photos" (12 files, 8.0 MB) to everyone, no answer yet',
      '3: "photos" (12 files, 8.0 MB) to everyone, bob✓ 1%, carol 50%',
      '4: "report.pdf" (3.2 MB) from bob✓, paused at 50%',
      '5: "report.pdf" (3.2 MB) from bob✓, 50%, the sender is away',
    ],
  );
});

test("no name of a file acts on a terminal, wherever it is shown", () => {
  const events: SessionEvent[] = [
    { ...OFFER, name: HOSTILE, directory: HOSTILE },
    progress(50, { name: HOSTILE }),
    { event: "received", id: 1, from: { ...BOB, name: HOSTILE }, paths: [HOSTILE], bytes: 1 },
    { event: "file-sent", id: 1, member: { ...BOB, name: HOSTILE }, name: HOSTILE },
    { event: "file-failed", id: 1, name: HOSTILE, code: "file-gone", message: HOSTILE },
    {
      event: "transfers",
      transfers: [{ ...OFFER, name: HOSTILE, state: "active", bytes: 1 }],
    },
  ];
  const board = new TransferBoard();
  for (const event of events.slice(0, 2)) board.hear(event);
  const lines = [...events.flatMap(noticeLines), ...events.flatMap(personLines), board.line(200)];
  assert(lines.every((line) => !/[\p{Cc}\p{Cf}]/u.test(line)), lines.join("|"));
});

/** The line after events, in a width. */
function lineAfter(columns: number, ...events: SessionEvent[]): string {
  const board = new TransferBoard();
  for (const event of events) board.hear(event);
  return board.line(columns);
}

test("TransferBoard.line says less in a narrow window, and nothing if nothing is under way", () => {
  assertEquals(lineAfter(80, OFFER), "");
  const widths = [80, 67, 60, 40, 30, 16, 4];
  assertEquals(widths.map((columns) => lineAfter(columns, OFFER, progress(45))), [
    'Receiving "report.pdf" from bob✓ [#########-----------] 45%, 524 kB/s, 5 s left',
    '"report.pdf" [#########-----------] 45%, 524 kB/s, 5 s left',
    '"report.pdf" [#########-----------] 45%, 524 kB/s, 5 s left',
    '"report.pdf" [####------] 45%, 5 s left',
    '"report.pdf" [####------] 45%',
    '"report.pdf" 45%',
    "45%",
  ]);
  const long = lineAfter(80, OFFER, progress(45, { name: `${"x".repeat(200)}holiday.exe` }));
  assert(long.startsWith(`"${"x".repeat(16)}…iday.exe" [`), long);
  const { size: _, secondsLeft: _left, ...unknown } = progress(45);
  assertEquals(
    lineAfter(80, OFFER, unknown),
    'Receiving "report.pdf" from bob✓ 1.4 MB, 524 kB/s',
  );
});

test("TransferBoard.line says which receivers have paused", () => {
  const paused = (members: readonly MemberView[]): ProgressEvent => {
    const event = ownProgress(new Map(members.map((one) => [one, 50])));
    const [first, ...others] = event.receivers!;
    return { ...event, receivers: [{ ...first!, paused: true }, ...others] };
  };
  assertEquals(
    lineAfter(80, OWN_OFFER, paused([BOB])),
    'Sending "photos" to everyone [##########----------] 50%, bob✓ paused it',
  );
  assertEquals(
    lineAfter(80, OWN_OFFER, paused([BOB, CAROL])),
    '"photos" [#####-----] 50%, 90 s left: bob✓ 50% (paused), carol 50%',
  );
});

test("TransferBoard.line says how far each receiver is, and counts further transfers", () => {
  const half = ownProgress(new Map([[BOB, 50], [CAROL, 7]]));
  assertEquals(
    lineAfter(100, OWN_OFFER, half),
    'Sending "photos" to everyone [#-------------------] 7%, 2.0 MB/s, 90 s left: bob✓ 50%, carol 7%',
  );
  assertEquals(
    lineAfter(80, OWN_OFFER, half),
    '"photos" [----------] 7%, 90 s left: bob✓ 50%, carol 7%',
  );
  assertEquals(
    lineAfter(70, OWN_OFFER, half, OFFER, progress(1)),
    '"photos" [----------] 7%, 90 s left: bob✓ 50%, carol 7% (+1)',
  );
  const many = Array.from({ length: 5 }, (_, i) => ({ ...BOB, key: `${i}`, session: `${i}` }));
  assertEquals(
    lineAfter(80, OWN_OFFER, ownProgress(new Map(many.map((one, i) => [one, i < 2 ? 100 : 40])))),
    '"photos" [####------] 40%, 90 s left: 2 of 5 have it',
  );
  const sent = { event: "file-sent", id: 2, name: "photos" } as const;
  assertEquals(
    lineAfter(50, OWN_OFFER, half, { ...sent, member: BOB }),
    '"photos" [----------] 7%, 90 s left',
  );
  assertEquals(
    lineAfter(50, OWN_OFFER, half, { ...sent, member: BOB }, { ...sent, member: CAROL }),
    "",
  );
});

test("TransferBoard.line shows files that are read, until they are offered or fail", () => {
  const preparing = {
    event: "preparing",
    id: 2,
    name: "photos",
    size: 8_000_000,
    count: 12,
  } as const;
  assertEquals(
    [80, 40, 9].map((columns) => lineAfter(columns, preparing)),
    [
      'Reading "photos" (12 files, 8.0 MB) before it is offered',
      'Reading "photos" (12 files, 8.0 MB)',
      "Reading…",
    ],
  );
  assertEquals(lineAfter(80, preparing, OWN_OFFER), "");
  const failed = {
    event: "file-failed",
    id: 2,
    name: "",
    code: "file-changed",
    message: "",
  } as const;
  assertEquals(lineAfter(80, preparing, failed), "");
  assertEquals(noticeLines(preparing), []);
  assertEquals(noticeLines({ ...preparing, size: 3e9 }), ['Reading "photos" (12 files, 3.0 GB).']);
});

test("TransferBoard.line shows no own transfer that no one receives", () => {
  const gone = { ...ownProgress(new Map([[BOB, 50]])), receivers: [] };
  const { receivers: _, ...none } = gone;
  assertEquals(lineAfter(80, OWN_OFFER, ownProgress(new Map([[BOB, 50]])), gone), "");
  assertEquals(lineAfter(80, OWN_OFFER, none), "");
  assertEquals(lineAfter(80, OWN_OFFER, ownProgress(new Map([[BOB, 100]]))), "");
});

test("TransferBoard.line shows a paused transfer after those that go on, and none that has ended", () => {
  const paused = progress(45, { paused: true, pausedBy: "you" });
  assertEquals(
    lineAfter(100, OFFER, paused),
    'Receiving "report.pdf" from bob✓ [#########-----------] 45%, paused; /resume 1 continues',
  );
  assertEquals(
    lineAfter(100, OFFER, progress(45, { paused: true, pausedBy: "sender" })),
    'Receiving "report.pdf" from bob✓ [#########-----------] 45%, the sender paused it',
  );
  assertEquals(
    lineAfter(80, OFFER, paused),
    '"report.pdf" [####------] 45%, paused; /resume 1 continues',
  );
  assertEquals(
    lineAfter(60, OFFER, progress(45, { paused: true, pausedBy: "sender" })),
    '"report.pdf" [####------] 45%, the sender paused it',
  );
  const own = ownProgress(new Map([[BOB, 50]]));
  assert(lineAfter(100, OFFER, paused, OWN_OFFER, own).startsWith('Sending "photos"'));
  const received = { event: "received", id: 1, from: BOB, paths: ["a"], bytes: 1 } as const;
  assertEquals(lineAfter(80, OFFER, progress(100), received), "");
  const failed = {
    event: "file-failed",
    id: 1,
    name: "a",
    code: "file-gone",
    message: "",
  } as const;
  assertEquals(lineAfter(80, OFFER, progress(50), failed), "");
});

for (
  const [columns, line] of [
    [80, '── "report.pdf" [#########-----------] 45%, 524 kB/s, 5 s left'],
    [40, '── "report.pdf" [####------] 45%'],
  ] as const
) {
  test(`the terminal redraws progress in one row above the place, in ${columns} columns`, async () => {
    await using terminal = new TerminalOnly(columns, 24);
    terminal.frontEnd.show(READY);
    terminal.frontEnd.show(OFFER);
    await terminal.settled();
    const before = terminal.screen.lines.slice(0, -1);
    await terminal.type("hello");
    for (const percent of [0, 20, 45]) {
      terminal.frontEnd.show(progress(percent));
      await terminal.settled();
    }
    assertEquals(terminal.screen.lines, [...before, line, "> hello"]);
    assertEquals(terminal.screen.place, "── your room: only you");
    const paths = ["/home/ada/lanchat/report.pdf"];
    terminal.frontEnd.show({ event: "received", id: 1, from: BOB, paths, bytes: 3_200_000 });
    await terminal.settled();
    const text = terminal.screen.lines.join("\n").replaceAll(/\n {6,}/g, " ");
    assert(
      text.endsWith(
        `${T} -- Received from bob✓ (3.2 MB, hash matches): ${paths[0]}\n> hello`,
      ),
      text,
    );
  });
}

test("the terminal rings for an offer that waits for an answer, and for no other", async () => {
  const foot = { environment: { TERM: "foot" } };
  const shown = async (
    event: SessionEvent,
    notify = true,
  ): Promise<[number, readonly string[]]> => {
    await using terminal = new TerminalOnly(80, 24, { ...foot, notify });
    terminal.frontEnd.show(READY);
    terminal.frontEnd.show(event);
    await terminal.settled();
    const { bells, commands } = terminal.screen.effects;
    return [bells, commands];
  };
  assertEquals(await shown(OFFER), [1, ['777;notify;bob✓;offers "report.pdf"']]);
  assertEquals(await shown({ ...OFFER, accepted: true }), [0, []]);
  assertEquals(await shown(OWN_OFFER), [0, []]);
  assertEquals(await shown(OFFER, false), [0, []]);
});

test("the terminal asks once before a person leaves while files are under way", async () => {
  for (const leaving of ["/quit\r", "\x03", "\x04"]) {
    await using terminal = new TerminalOnly(100, 24);
    terminal.frontEnd.show(READY);
    terminal.frontEnd.show(OFFER);
    terminal.frontEnd.show(progress(45));
    await terminal.type(leaving);
    await terminal.settled();
    const question = '"report.pdf" is still under way. To leave all the same, do it again.';
    assertEquals(terminal.screen.lines.at(-3), `${T} -- ${question}`);
    await terminal.type(leaving);
    assertEquals((await terminal.input.read()).value, { do: "quit" });
  }
});

test("PlainFrontEnd shows progress at each tenth, and at a pause", async () => {
  const { streams, stderr, stdout } = memoryStreams();
  const frontEnd = new PlainFrontEnd(streams);
  frontEnd.show(OFFER);
  for (const percent of [0, 4, 9, 10, 14, 35, 39]) frontEnd.show(progress(percent));
  frontEnd.show(progress(39, { paused: true, pausedBy: "you" }));
  frontEnd.show(progress(39, { paused: true, pausedBy: "you" }));
  frontEnd.show(progress(39, { paused: true, pausedBy: "sender" }));
  frontEnd.show(progress(39, { paused: true, pausedBy: "away" }));
  frontEnd.show(progress(39));
  const { secondsLeft: _, ...fast } = progress(100);
  frontEnd.show(fast);
  await frontEnd.close();
  assertEquals(stdout.text, "");
  assertEquals(stderr.text.trimEnd().split("\n"), [
    'lanchat: bob✓ offers you "report.pdf" (3.2 MB).',
    'lanchat: "report.pdf": 10% of 3.2 MB, 524 kB/s, 5 s left',
    'lanchat: "report.pdf": 35% of 3.2 MB, 524 kB/s, 5 s left',
    'lanchat: "report.pdf": 39% of 3.2 MB, paused',
    'lanchat: "report.pdf": 39% of 3.2 MB, the sender paused it',
    'lanchat: "report.pdf": 39% of 3.2 MB, the sender is away',
    'lanchat: "report.pdf": 39% of 3.2 MB, 524 kB/s, 5 s left',
    'lanchat: "report.pdf": 100% of 3.2 MB, 524 kB/s',
  ]);
});

test("PlainFrontEnd shows the progress of a stream at each doubling", async () => {
  const { streams, stderr } = memoryStreams();
  const frontEnd = new PlainFrontEnd(streams, { quiet: false });
  for (const bytes of [0, 999_999, 1e6, 1.5e6, 2e6, 3e6, 9e6]) {
    const { secondsLeft: _, size: _size, ...stream } = progress(0, { bytes });
    frontEnd.show(stream);
  }
  await frontEnd.close();
  assertEquals(stderr.text.match(/[\d.]+ MB(?=,)/g), ["1.0 MB", "2.0 MB", "9.0 MB"]);
});

test("PlainFrontEnd for files only redraws progress in a row, and shows no messages, joins and leaves", async () => {
  const { streams, stderr, stdout } = memoryStreams();
  const frontEnd = new PlainFrontEnd(streams, { onlyFiles: true, redraws: true });
  frontEnd.show({ ...OWN_OFFER, to: BOB });
  frontEnd.show(message("bob", "hello"));
  frontEnd.show({ event: "joined", member: CAROL });
  const half = ownProgress(new Map([[BOB, 50]]));
  frontEnd.show(half);
  frontEnd.show(half);
  frontEnd.show({ event: "warning", code: "host-moved", message: "Moved" });
  frontEnd.show({ event: "file-sent", id: 2, member: BOB, name: "photos" });
  await frontEnd.close();
  assertEquals(stdout.text, "");
  const row = 'Sending "photos" to bob✓ [##########----------] 50%, 2.0 MB/s, 90 s left';
  assertEquals(
    stderr.text,
    [
      'lanchat: You offer "photos" (12 files, 8.0 MB) to bob✓.\n',
      `\r${row}\x1b[K`,
      `\r\x1b[Klanchat: warning: Moved\n\r${row}\x1b[K`,
      '\r\x1b[Klanchat: bob✓ has "photos"; the hash matches.\n',
    ].join(""),
  );
});

test("PlainFrontEnd shows failed transfers also if it is to be quiet", async () => {
  const { streams, stderr } = memoryStreams();
  const frontEnd = new PlainFrontEnd(streams, { quiet: true });
  frontEnd.show(OFFER);
  frontEnd.show(progress(50));
  frontEnd.show({ event: "file-failed", id: 1, name: "a", code: "file-declined", message: "No" });
  await frontEnd.close();
  assertEquals(stderr.text, 'lanchat: "a": No\n');
});
