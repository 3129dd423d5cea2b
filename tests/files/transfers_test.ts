import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat, toHex, utf8 } from "../../lib/bytes/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import { StoreError } from "../../lib/errors.ts";
import {
  type FileContents,
  LEAF_BYTES,
  memoryFile,
  SEALED_UNIT_BYTES,
} from "../../lib/files/mod.ts";
import {
  type FileMessage,
  ReportState,
  type WantRange,
  WithdrawReason,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import {
  type FileEvent,
  FileRoom,
  type FileSide,
  type SentMessage,
  testBytes,
} from "../support/file_room.ts";
import { nextTurn } from "../support/clock.ts";
import { diskTest, SmallDisk } from "../support/disk.ts";
import { test } from "../support/test.ts";

/** Files in memory. A test may change or break them while they are sent. */
class TestFiles implements FileContents {
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly contents: Bytes[];
  /** What a read throws. */
  failure: Error | undefined;
  closed = false;

  constructor(files: Readonly<Record<string, Bytes>>) {
    this.files = Object.entries(files).map(([path, { length: size }]) => ({ path, size }));
    this.contents = Object.values(files);
  }

  readAt(file: number, offset: number, into: Bytes): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    into.set(this.contents[file]!.subarray(offset, offset + into.length));
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

/** A room of ada, who sends, and of others. */
async function roomOf(...names: readonly string[]): Promise<[FileRoom, ...FileSide[]]> {
  const room = new FileRoom();
  const sides: FileSide[] = [];
  for (const name of names) sides.push(await room.enter(name));
  return [room, ...sides];
}

/** The units that were sent, with the number of their receivers. */
function sentUnits(room: FileRoom): (readonly [unit: number, receivers: number])[] {
  return room.chunks.map(({ offset, to }) => [offset / SEALED_UNIT_BYTES, to.length]);
}

/** Reports of a state that a member sent, by their values. */
function reported(room: FileRoom, from: string, state: number): number[] {
  return room.sent.all.flatMap((sent) =>
    sent.from === from && sent.message.kind === "report" && sent.message.state === state
      ? [sent.message.value]
      : []
  );
}

/** The wants of a member. */
function wants(room: FileRoom, from: string): (readonly (readonly [number, number])[])[] {
  return room.sent.all.flatMap((sent) =>
    sent.from === from && sent.message.kind === "want"
      ? [sent.message.ranges.map(({ count, first }) => [first, count] as const)]
      : []
  );
}

/** What a member was shown, without progress. */
function shown(side: FileSide): string[] {
  return side.events.all.filter(({ event }) => event !== "progress").map((event: FileEvent) =>
    "code" in event ? `${event.event} ${event.code}` : event.event
  );
}

/** Has several members accept the next offer at the same moment. */
async function acceptAll(...sides: readonly FileSide[]): Promise<void> {
  const offers: FileEvent[] = [];
  for (const side of sides) offers.push(await side.event("offer"));
  sides.forEach((side, i) => side.transfers.accept((offers[i] as { readonly id: number }).id));
}

// One transfer.

test("Transfers sends a file to one member, which has it under its name", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob", "carol") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  const bytes = testBytes(300_000);
  await ada.offers("notes.txt", bytes, bob);
  const offer = await bob.event("offer");
  assertEquals([offer.from!.name, offer.name, offer.size, offer.count, offer.private], [
    "ada",
    "notes.txt",
    300_000,
    1,
    true,
  ]);
  assertEquals([offer.directory, offer.accepted], [bob.directory, undefined]);
  assertEquals(await bob.names(), []);
  assertEquals(room.chunks, []);
  bob.transfers.accept(offer.id);
  const { event: _event, from, ...received } = await bob.event("received");
  assertEquals(from.name, "ada");
  const directory = await Deno.realPath(bob.directory);
  assertEquals(received, { id: offer.id, paths: [`${directory}/notes.txt`], bytes: 300_000 });
  assertEquals(await bob.read("notes.txt"), bytes);
  assertEquals(await bob.names(), ["notes.txt"]);
  assertEquals((await ada.event("file-sent")).member.name, "bob");
  assertEquals([ada.transfers.list(), bob.transfers.list()], [[], []]);
  assertEquals([ada, bob, room.sides[2]!].map(shown), [
    ["offer", "file-sent"],
    ["offer", "received"],
    [],
  ]);
  // Each unit goes out once, in order, and no message is sent in vain.
  assertEquals(sentUnits(room), [0, 1, 2, 3, 4, 5].map((unit) => [unit, 1]));
  assertEquals(wants(room, "bob"), [[[0, 6]]]);
  assertEquals(reported(room, "bob", ReportState.COMPLETE), [300_000]);
});

test("Transfers sends empty files, many small ones and folders, whole and under their paths", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  const files: Record<string, Bytes> = { "a/empty": testBytes(0), "../b\u202E.txt": testBytes(7) };
  for (let i = 0; i < 300; i++) files[`a/b/${i}`] = testBytes(i * 3, i);
  const contents = new TestFiles(files);
  await ada.offersAll("a", contents, bob);
  await bob.accepts();
  const { bytes, paths } = await bob.event("received");
  assertEquals([bytes, paths.length, await bob.names()], [134_557, 2, ["a", "b.txt"]]);
  for (let i = 0; i < 300; i++) assertEquals(await bob.read(`a/b/${i}`), testBytes(i * 3, i));
  assertEquals(await bob.read("a/empty"), testBytes(0));
  assertEquals(await bob.read("b.txt"), testBytes(7));
  await ada.event("file-sent");
  assertEquals(contents.closed, true);
});

test("Transfers sends a single empty file", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  await ada.offers("empty", testBytes(0));
  await bob.accepts();
  assertEquals((await bob.event("received")).bytes, 0);
  assertEquals(await bob.read("empty"), testBytes(0));
});

// Several receivers.

test("Transfers seals each unit once for all that want it at first", async () => {
  const [room, ada, bob, carol] = await roomOf("ada", "bob", "carol") as [
    FileRoom,
    FileSide,
    FileSide,
    FileSide,
  ];
  await using _room = room;
  const bytes = testBytes(20 * LEAF_BYTES);
  room.chunkMs = 1000;
  await ada.offers("film", bytes);
  await acceptAll(bob, carol);
  await bob.event("received");
  await carol.event("received");
  assertEquals([await bob.read("film"), await carol.read("film")], [bytes, bytes]);
  assertEquals(room.flows, 1);
  assertEquals(sentUnits(room).map(([unit]) => unit), Array.from({ length: 22 }, (_, i) => i));
  await ada.event("file-sent");
  await ada.event("file-sent");
  assertEquals(ada.transfers.list(), []);
});

test("Transfers lets a late receiver join the shared flow after the head, and sends the rest afterwards", async () => {
  const [room, ada, bob, carol] = await roomOf("ada", "bob", "carol") as [
    FileRoom,
    FileSide,
    FileSide,
    FileSide,
  ];
  await using _room = room;
  const bytes = testBytes(40 * LEAF_BYTES);
  room.chunkMs = 1000;
  await ada.offers("film", bytes);
  await bob.accepts();
  await room.sends(15);
  const before = room.chunks.length;
  assert(before > 4 && before < 30);
  await carol.accepts();
  await bob.event("received");
  await carol.event("received");
  assertEquals(await carol.read("film"), bytes);
  const units = sentUnits(room);
  // No leaf of the shared flow that came after carol's head was sent for bob alone, but those under way.
  const shared = units.filter(([, receivers]) => receivers === 2).map(([unit]) => unit);
  assert(shared.length > 0);
  assertEquals(shared, Array.from({ length: shared.length }, (_, i) => 42 - shared.length + i));
  const [head] = units.slice(before).find(([unit]) => unit < 2)!;
  assertEquals(head, 0);
  // Carol got most units once.
  const session = toHex(carol.member.session);
  const own = room.chunks.filter(({ to }) => to.some((one) => toHex(one) === session));
  assert(own.length >= 42 && own.length < 84, `${own.length}`);
});

test("Transfers gives a receiver that lost units a flow of its own, and the others nothing twice", async () => {
  const [room, ada, bob, carol] = await roomOf("ada", "bob", "carol") as [
    FileRoom,
    FileSide,
    FileSide,
    FileSide,
  ];
  await using _room = room;
  const bytes = testBytes(20 * LEAF_BYTES);
  let lost = 0;
  room.carry = (chunk, _from, to) => {
    const isLost = to === carol && [5, 6, 9, 21].includes(chunk.offset / SEALED_UNIT_BYTES) &&
      lost++ < 4;
    return isLost ? [] : [chunk];
  };
  await ada.offers("film", bytes);
  await acceptAll(bob, carol);
  await bob.event("received");
  await carol.event("received");
  assertEquals(await carol.read("film"), bytes);
  assertEquals(wants(room, "carol").at(-1), [[5, 2], [9, 1], [21, 1]]);
  assertEquals(sentUnits(room).slice(22), [[5, 1], [6, 1], [9, 1], [21, 1]]);
  assertEquals(wants(room, "bob").length, 1);
});

test("Transfers wants a lost node at once, and nothing of the leaves is used before", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  let lost = 0;
  room.chunkMs = 1000;
  room.carry = (chunk) => chunk.offset === 0 && lost++ === 0 ? [] : [chunk];
  const bytes = testBytes(30 * LEAF_BYTES);
  await ada.offers("film", bytes);
  await bob.accepts();
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
  const units = sentUnits(room).map(([unit]) => unit);
  // The node goes out again while the shared flow goes on, and most leaves only once.
  assert(units.lastIndexOf(0) < 8, `${units}`);
  assert(units.length < 45, `${units}`);
});

// Losses.

test("Transfers wants units again after 5 s without a byte, and then less and less often", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  let lost = true;
  room.carry = (chunk) => lost ? [] : [chunk];
  await ada.offers("notes", testBytes(10));
  await bob.accepts();
  const start = room.clock.elapsed();
  const times: number[] = [];
  for (let count = 2; count < 8; count++) {
    while (wants(room, "bob").length < count) await room.pass(100);
    times.push(Math.round((room.clock.elapsed() - start) / 1000));
  }
  assertEquals(times, [5, 15, 35, 75, 135, 195]);
  lost = false;
  await bob.event("received");
});

test("Transfers wants what was under way when its connection is back", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(30 * LEAF_BYTES);
  await ada.offers("film", bytes);
  await bob.accepts();
  await room.sends(15);
  bob.cut();
  await room.pass(3000);
  assert(room.chunks.length < 25);
  bob.connect();
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
  assertEquals(shown(ada).includes("file-failed"), false);
});

test("Transfers pauses after 16 damaged units in a row, blames no one, and goes on when resumed", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  let damages = true;
  room.carry = (chunk) => {
    if (!damages || chunk.offset < 3 * SEALED_UNIT_BYTES) return [chunk];
    const bytes = chunk.bytes.slice();
    bytes[9]! ^= 1;
    return [{ ...chunk, bytes }];
  };
  const bytes = testBytes(30 * LEAF_BYTES);
  await ada.offers("film", bytes);
  const id = await bob.accepts();
  const { code, message } = await bob.event("warning");
  assertEquals([code, message], ["file-damaged", 'Cannot receive "film": what comes is damaged']);
  assertEquals(bob.transfers.list()[0]!.state, "paused");
  await room.pass(1000);
  assertEquals(reported(room, "bob", ReportState.STOPPED), []);
  assertEquals(wants(room, "bob").at(-1), []);
  const count = room.chunks.length;
  await room.pass(100_000);
  assertEquals(room.chunks.length, count);
  damages = false;
  bob.transfers.resume(id);
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
});

test("Transfers counts damaged units in a row only", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  let count = 0;
  room.carry = (chunk) => {
    if (chunk.offset <= SEALED_UNIT_BYTES || ++count % 10 === 0) return [chunk];
    const bytes = chunk.bytes.slice();
    bytes[9]! ^= 1;
    return [{ ...chunk, bytes }];
  };
  const bytes = testBytes(6 * LEAF_BYTES);
  await ada.offers("film", bytes);
  await bob.accepts();
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
});

// Restarts.

test("Transfers continues from what is on the disk after a restart, without being asked", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  await ada.offers("film", bytes);
  await bob.accepts();
  await room.sends(25);
  await bob.restart();
  assertEquals(await bob.names(), ["film.part"]);
  const sent = room.chunks.length;
  const wanted = wants(room, "bob").length;
  const offer = await bob.event("offer");
  assertEquals(offer.accepted, true);
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
  // Node and manifest come again, and what was not on the disk.
  const again = room.chunks.length - sent;
  assert(again < 42 - 15, `${again} units came again`);
  assertEquals(wants(room, "bob")[wanted], [[0, 2]]);
});

test("Transfers checks each leaf on the disk, and wants those again that were changed", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  await ada.offers("film", bytes);
  await bob.accepts();
  await room.sends(30);
  bob.leave();
  await bob.transfers.close();
  const path = `${bob.directory}/film.part/files/film`;
  const partly = await Deno.readFile(path);
  partly[10 * LEAF_BYTES]! ^= 1;
  await Deno.writeFile(path, partly);
  bob.join();
  await bob.restart();
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
  const [first] = wants(room, "bob")[2]![0]!;
  assertEquals(first, 2 + 9);
});

test("Transfers does not end before the files of an earlier run are checked, whatever its connection does", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  await ada.offers("film", bytes);
  await bob.accepts();
  await room.sends(25);
  await bob.restart();
  const received = bob.event("received");
  let isDone = false;
  received.then(() => isDone = true, () => isDone = true);
  // Also while it reads and hashes what is there.
  while (!isDone) {
    bob.transfers.reconnected();
    await nextTurn();
  }
  await received;
  assertEquals(await bob.read("film"), bytes);
});

test("Transfers offers again when its own session is replaced, and receivers continue", async () => {
  const [room, ada, bob, carol] = await roomOf("ada", "bob", "carol") as [
    FileRoom,
    FileSide,
    FileSide,
    FileSide,
  ];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  await ada.offers("film", bytes);
  await bob.accepts();
  const { id } = await carol.event("offer");
  await room.sends(25);
  ada.replaceSession();
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
  assertEquals(shown(bob), ["offer", "received"]);
  // The offer that waited for an answer is the same one, too.
  carol.transfers.accept(id);
  await carol.event("received");
  assertEquals(shown(carol), ["offer", "received"]);
  const grants = room.sent.all.filter(({ message }) => message.kind === "grant");
  const secrets = new Set(
    grants.map(({ message }) => toHex((message as { secret: Bytes }).secret)),
  );
  assertEquals([grants.length, secrets.size], [3, 2]);
});

test("Transfers gives the same key to another session of a receiver", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  await ada.offers("film", bytes, bob);
  await bob.accepts();
  await room.sends(25);
  const sent = room.chunks.length;
  bob.replaceSession();
  await bob.event("received");
  assertEquals(shown(bob), ["offer", "received"]);
  assert(room.chunks.length - sent < 42 - 15);
  const grants = room.sent.all.flatMap(({ message }) => message.kind === "grant" ? [message] : []);
  assertEquals(grants[0], grants[1]);
});

test("Transfers continues an earlier part when the sender has restarted and offers the same again", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  await ada.offers("film", bytes);
  const id = await bob.accepts();
  await room.sends(25);
  await ada.restart();
  await room.pass(40_000);
  const failed = await bob.event("file-failed");
  assertEquals([failed.id, failed.code, failed.message], [id, "file-unfinished", "ada left"]);
  assertEquals(await bob.names(), ["film.part"]);
  const sent = room.chunks.length;
  await ada.offers("film", bytes);
  assertEquals((await bob.event("offer")).accepted, true);
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
  assert(room.chunks.length - sent < 42 - 15);
});

test("Transfers offers again to a program that was killed, though its old seat is still kept", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  await ada.offers("film", bytes, bob);
  await bob.accepts();
  await room.sends(25);
  const old = bob.member;
  await bob.restart(true);
  assertEquals((await bob.event("offer")).accepted, true);
  ada.transfers.left(old);
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
  await ada.event("file-sent");
  assertEquals(shown(ada), ["offer", "file-sent"]);
});

test("Transfers believes a receiver that had everything when the sender's session was replaced", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  bob.isScripted = true;
  await ada.offers("notes", testBytes(1));
  const tell = async (message: Partial<FileMessage> & { readonly kind: FileMessage["kind"] }) => {
    const offer = room.sent.all.findLast(({ message: { kind } }) => kind === "offer")!;
    const { transfer } = offer.message;
    await bob.port.send({ transfer, ...message } as FileMessage, toHex(ada.member.session));
    await room.pass(1000);
  };
  await tell({ kind: "want", ranges: [{ first: 0, count: 1 }] });
  ada.replaceSession();
  await room.pass(1000);
  await tell({ kind: "report", state: ReportState.COMPLETE, value: 1 });
  assertEquals([shown(ada), ada.transfers.list()], [["offer", "file-sent"], []]);
});

/** Cuts the connection of a receiver when it has the last unit, and waits until it has the files. */
async function cutsAtEnd(room: FileRoom, bob: FileSide, lastUnit: number): Promise<void> {
  room.carry = (chunk, _from, to) => {
    const isLast = to === bob && chunk.offset === lastUnit * SEALED_UNIT_BYTES;
    if (isLast) queueMicrotask(() => bob.cut());
    return [chunk];
  };
  await bob.accepts();
  await bob.event("received");
}

test("Transfers reports again that it has all, if its session ended before", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  await ada.offers("film", testBytes(3 * LEAF_BYTES), bob);
  await cutsAtEnd(room, bob, 4);
  const chunks = room.chunks.length;
  bob.replaceSession();
  assertEquals((await ada.event("file-sent")).member.name, "bob");
  assertEquals([ada.transfers.list(), bob.transfers.list()], [[], []]);
  await room.pass(1000);
  assertEquals([shown(bob), await bob.names()], [["offer", "received"], ["film"]]);
  assertEquals(room.chunks.length, chunks);
  // One who sends them once more means it.
  await ada.offers("film", testBytes(3 * LEAF_BYTES), bob);
  assertEquals((await bob.event("offer")).accepted, undefined);
});

test("Transfers reports again that it has all to a sender that has restarted", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  const bytes = testBytes(3 * LEAF_BYTES);
  await ada.offers("film", bytes);
  await cutsAtEnd(room, bob, 4);
  await ada.restart();
  bob.connect();
  await room.pass(1000);
  await ada.offers("film", bytes);
  assertEquals((await ada.event("file-sent")).member.name, "bob");
  assertEquals([shown(bob), await bob.names()], [["offer", "received"], ["film"]]);
});

test("Transfers shows an offer of files that it got 10 minutes ago, and of a sender who is another", async () => {
  const [room, ada, bob, carol] = await roomOf("ada", "bob", "carol") as [
    FileRoom,
    FileSide,
    FileSide,
    FileSide,
  ];
  await using _room = room;
  const bytes = testBytes(3 * LEAF_BYTES);
  await ada.offers("film", bytes, bob);
  await cutsAtEnd(room, bob, 4);
  await ada.restart();
  bob.connect();
  await room.pass(1000);
  await carol.offers("film", bytes, bob);
  assertEquals((await bob.event("offer")).from!.name, "carol");
  await room.pass(600_000);
  await ada.offers("film", bytes, bob);
  assertEquals((await bob.event("offer")).from!.name, "ada");
});

test("Transfers takes other contents under the same name as another transfer", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  await ada.offers("film", testBytes(40 * LEAF_BYTES));
  await bob.accepts();
  await room.sends(25);
  await ada.restart();
  const changed = testBytes(40 * LEAF_BYTES, 2);
  await ada.offers("film", changed);
  const offer = await bob.event("offer");
  assertEquals(offer.accepted, undefined);
  bob.transfers.accept(offer.id);
  await bob.event("received");
  assertEquals(await bob.read("film"), changed);
  assertEquals(await bob.names(), ["film", "film.part"]);
});

test("Transfers takes no offer of another identity for its own part", async () => {
  const [room, ada, bob, carol] = await roomOf("ada", "bob", "carol") as [
    FileRoom,
    FileSide,
    FileSide,
    FileSide,
  ];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  await ada.offers("film", bytes, bob);
  await bob.accepts();
  await room.sends(25);
  await carol.offers("film", bytes, bob);
  assertEquals((await bob.event("offer")).accepted, undefined);
  await bob.event("received");
});

// Wishes.

test("Transfers serves each session of an identity until it has ended", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  const other = await room.enter("bob");
  room.chunkMs = 100;
  const bytes = testBytes(20 * LEAF_BYTES);
  await ada.offers("film", bytes);
  await bob.accepts();
  await room.sends(15);
  await other.accepts();
  await bob.event("received");
  await other.event("received");
  assertEquals(await other.read("film"), bytes);
  await ada.event("file-sent");
  await ada.event("file-sent");
  assertEquals(ada.transfers.list(), []);
});

test("Transfers ends when the other session of a receiver that has everything leaves", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  const other = await room.enter("bob");
  room.carry = (chunk, _from, to) => to === other ? [] : [chunk];
  await ada.offers("film", testBytes(1));
  await acceptAll(bob, other);
  await bob.event("received");
  await room.pass(500);
  assertEquals(ada.transfers.list().length, 1);
  other.leave();
  await other.transfers.close();
  assertEquals([shown(ada), ada.transfers.list()], [["offer", "file-sent"], []]);
});

test("Transfers gives files to those who come while the offer to the room is on its way", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  ada.cut();
  ada.transfers.offer({ name: "notes", contents: new TestFiles({ notes: testBytes(10) }) });
  await room.pass(1000);
  const carol = await room.enter("carol");
  ada.connect();
  await bob.accepts();
  await carol.accepts();
  for (const side of [bob, carol]) {
    await side.event("received");
    assertEquals(shown(side), ["offer", "received"]);
  }
});

test("Transfers pauses and continues at the sender's wish", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  const id = await ada.offers("film", bytes);
  await bob.accepts();
  await room.sends(25);
  ada.transfers.pause(id);
  await room.pass(500);
  const [count, wanted] = [room.chunks.length, wants(room, "bob").length];
  assertEquals([ada, bob].map(({ transfers }) => transfers.list()[0]!.state), ["paused", "paused"]);
  const { id: received } = bob.transfers.list()[0]!;
  const refused = await assertFails(() => bob.transfers.resume(received), "no-such-transfer");
  assertEquals(refused.message, 'Cannot resume "film": ada paused it');
  await room.pass(100_000);
  assertEquals([room.chunks.length, wants(room, "bob").length], [count, wanted]);
  ada.transfers.resume(id);
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
});

test("Transfers tells a session that comes during a pause of the sender, and goes on at once", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const id = await ada.offers("film", testBytes(40 * LEAF_BYTES));
  await bob.accepts();
  await room.sends(10);
  ada.transfers.pause(id);
  await room.pass(500);
  bob.replaceSession();
  await room.pass(100_000);
  const wanted = wants(room, "bob").length;
  assertEquals(bob.transfers.list()[0]!.state, "paused");
  ada.transfers.resume(id);
  await room.pass(1000);
  assertEquals(wants(room, "bob").length, wanted + 1);
  await bob.event("received");
});

test("Transfers pauses and continues at the receiver's wish", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  await ada.offers("film", bytes);
  const id = await bob.accepts();
  await room.sends(25);
  bob.transfers.pause(id);
  await room.pass(1000);
  const count = room.chunks.length;
  assertEquals(wants(room, "bob").at(-1), []);
  await room.pass(100_000);
  assertEquals([room.chunks.length, bob.transfers.list()[0]!.state], [count, "paused"]);
  bob.transfers.resume(id);
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
});

test("Transfers.cancel of the sender ends the transfer for all, and removes what came", async () => {
  const [room, ada, bob, carol] = await roomOf("ada", "bob", "carol") as [
    FileRoom,
    FileSide,
    FileSide,
    FileSide,
  ];
  await using _room = room;
  room.chunkMs = 100;
  const id = await ada.offers("film", testBytes(40 * LEAF_BYTES));
  await bob.accepts();
  await carol.event("offer");
  await room.sends(25);
  ada.transfers.cancel(id);
  for (const side of [bob, carol]) {
    const { code, message } = await side.event("file-failed");
    assertEquals([code, message], ["file-canceled", "ada canceled it"]);
  }
  await bob.keeps([]);
  assertEquals(shown(ada), ["offer", "file-failed file-canceled"]);
  assertEquals([ada, bob, carol].map(({ transfers }) => transfers.list()), [[], [], []]);
});

for (const isStream of [false, true]) {
  const what = isStream ? "a stream" : "files";
  test(`Transfers saves ${what} or ends the transfer, and says which, whenever that is canceled`, async () => {
    const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
    await using _room = room;
    const bytes = testBytes(3 * LEAF_BYTES);
    const outcomes = new Set<string>();
    // Later and later while the last unit is checked, and the file is saved.
    for (let turns = 0; turns < 16 || outcomes.size < 2; turns++) {
      const name = `film ${turns}`;
      if (isStream) ada.transfers.offer({ name, stream: streamOf(bytes) });
      else ada.transfers.offer({ name, contents: new TestFiles({ [name]: bytes }) });
      const id = await bob.accepts();
      let canceling: Promise<void> | undefined;
      const cancel = async (): Promise<void> => {
        for (let turn = 0; turn < turns; turn++) await (turns % 2 ? nextTurn() : undefined);
        if (bob.transfers.list().some((view) => view.id === id)) bob.transfers.cancel(id);
      };
      room.carry = (chunk) => {
        if (chunk.bytes.length < SEALED_UNIT_BYTES) canceling = cancel();
        return [chunk];
      };
      const isEnd = (event: FileEvent): boolean =>
        event.event === "received" || event.event === "file-failed";
      const { event } = await room.until(bob.events.find((one): one is FileEvent => isEnd(one)));
      await canceling;
      await room.pass(2000);
      outcomes.add(event);
      assertEquals((await bob.names()).includes(name), event === "received", `after ${turns}`);
    }
  });
}

test("Transfers.close waits until what was canceled is removed", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  await ada.offers("film", testBytes(40 * LEAF_BYTES));
  const id = await bob.accepts();
  await room.sends(25);
  assertEquals(await bob.names(), ["film.part"]);
  bob.transfers.cancel(id);
  await bob.transfers.close();
  assertEquals(await bob.names(), []);
});

test("Transfers.cancel and decline of a receiver tell the sender, and the others go on", async () => {
  const [room, ada, bob, carol, dave] = await roomOf("ada", "bob", "carol", "dave") as [
    FileRoom,
    FileSide,
    FileSide,
    FileSide,
    FileSide,
  ];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  await ada.offers("film", bytes);
  const id = await bob.accepts();
  await dave.accepts();
  carol.transfers.decline((await carol.event("offer")).id);
  const declined = await ada.event("file-failed");
  assertEquals([declined.code, declined.message], ["file-declined", "carol declined it"]);
  await room.sends(25);
  bob.transfers.cancel(id);
  const canceled = await ada.event("file-failed");
  assertEquals([canceled.code, canceled.message], ["file-canceled", "bob canceled it"]);
  await dave.event("received");
  assertEquals((await ada.event("file-sent")).member.name, "dave");
  assertEquals(ada.transfers.list(), []);
  await bob.keeps([]);
  assertEquals([shown(bob), shown(carol)], [
    ["offer", "file-failed file-canceled"],
    ["offer", "file-failed file-declined"],
  ]);
});

test("Transfers refuses wishes for transfers that do not exist, or are not offers to it", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  const id = await ada.offers("film", testBytes(1));
  for (const wish of ["accept", "decline", "cancel", "pause", "resume"] as const) {
    await assertFails(() => bob.transfers[wish](99), "no-such-transfer");
  }
  await assertFails(() => ada.transfers.accept(id), "no-such-transfer");
  await assertFails(() => ada.transfers.decline(id), "no-such-transfer");
});

test("Transfers.offer fails if no one can read the offer, and at the 17th", async () => {
  const [room, ada] = await roomOf("ada") as [FileRoom, FileSide];
  await using _room = room;
  const contents = new TestFiles({ a: testBytes(1) });
  ada.transfers.offer({ name: "a", contents });
  const { code } = await ada.event("file-failed");
  assertEquals([code, contents.closed, ada.transfers.list()], ["nobody-here", true, []]);
  await room.enter("bob");
  for (let i = 0; i < 16; i++) await ada.offers(`${i}`, testBytes(1));
  await assertFails(() => ada.transfers.offer({ name: "a", contents }), "too-many-offers");
});

test("Transfers accepts without a wish what its options allow, and nothing that is too large", async () => {
  await using room = new FileRoom();
  const ada = await room.enter("ada");
  const acceptsFrom = ({ name }: { readonly name: string }): boolean => name === "ada";
  const bob = await room.enter("bob", { acceptsFrom, maxFileBytes: 1000 });
  const carol = await room.enter("carol");
  await ada.offers("small", testBytes(1000), bob);
  assertEquals((await bob.event("offer")).accepted, true);
  await bob.event("received");
  await ada.event("file-sent");
  await ada.offers("large", testBytes(1001), bob);
  assertEquals((await bob.event("offer")).accepted, undefined);
  assertEquals((await bob.event("file-failed")).code, "file-too-large");
  assertEquals((await ada.event("file-failed")).message, "it is too large for bob");
  await carol.offers("other", testBytes(1), bob);
  assertEquals((await bob.event("offer")).accepted, undefined);
});

// Files that change.

test("Transfers names a file that changed while it was sent, and sends nothing of the change", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const files = new TestFiles({ film: testBytes(40 * LEAF_BYTES) });
  await ada.offersAll("film", files);
  await bob.accepts();
  await room.sends(15);
  files.contents[0]!.fill(0, 30 * LEAF_BYTES);
  const failed = await ada.event("file-failed");
  assertEquals([failed.code, failed.message], ["file-changed", "its content has changed"]);
  assertEquals((await bob.event("file-failed")).code, "file-changed");
  await bob.keeps([]);
  // The manifest shifts the content by 18 bytes: leaf 30 has some of the change.
  assert(sentUnits(room).every(([unit]) => unit < 1 + 30));
});

test("Transfers ends when a file cannot be read, and keeps what came", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  const files = new TestFiles({ film: bytes });
  await ada.offersAll("film", files);
  await bob.accepts();
  await room.sends(15);
  files.failure = new StoreError("file-unreadable", 'Cannot send "film": it is gone');
  const failed = await ada.event("file-failed");
  assertEquals([failed.code, failed.message], [
    "file-unreadable",
    'Cannot send "film": it is gone',
  ]);
  assertEquals((await bob.event("file-failed")).code, "file-gone");
  await bob.keeps(["film.part"]);
  await ada.offers("film", bytes);
  assertEquals((await bob.event("offer")).accepted, true);
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
});

test("Transfers does not offer a file that cannot be read", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  const contents = new TestFiles({ film: testBytes(1) });
  contents.failure = new StoreError("file-unreadable", 'Cannot send "film": it is gone');
  ada.transfers.offer({ name: "film", contents });
  assertEquals((await ada.event("file-failed")).code, "file-unreadable");
  await room.pass(1000);
  assertEquals([shown(bob), contents.closed], [[], true]);
});

// A disk that is full.

diskTest(
  "Transfers pauses when the disk is full, keeps what came, and goes on when there is room",
  async () => {
    using disk = new SmallDisk(1024);
    const bytes = testBytes(40 * LEAF_BYTES);
    await using room = new FileRoom();
    const ada = await room.enter("ada");
    const bob = await room.enter("bob", { downloadDirectory: disk.path });
    const carol = await room.enter("carol");
    await ada.offers("film", bytes);
    const id = await bob.accepts();
    await carol.accepts();
    const { code, hint } = await bob.event("warning");
    assertEquals([code, hint], ["disk-full", `/resume ${id} continues it.`]);
    const failed = await ada.event("file-failed");
    assertEquals([failed.code, failed.member?.name], ["disk-full", "bob"]);
    await carol.event("received");
    assertEquals(bob.transfers.list()[0]!.state, "paused");
    assert(bob.transfers.list()[0]!.bytes > 8 * LEAF_BYTES);
    assertEquals(await bob.names(), ["film.part"]);
    disk.grow(8192);
    bob.transfers.resume(id);
    await bob.event("received");
    assertEquals(await bob.read("film"), bytes);
    assertEquals(ada.transfers.list(), []);
  },
);

// Progress.

test("Transfers tells the sender that a receiver has paused, and goes on", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 200;
  await ada.offers("film", testBytes(100 * LEAF_BYTES));
  const id = await bob.accepts();
  await bob.event("progress");
  bob.transfers.pause(id);
  const isPaused = (event: FileEvent): boolean =>
    event.event === "progress" && event.receivers?.[0]?.paused === true;
  await room.until(ada.events.find((event): event is typeof event => isPaused(event)));
  bob.transfers.resume(id);
  await bob.event("received");
  assert(!isPaused(ada.events.all.findLast(({ event }) => event === "progress")!));
});

test("Transfers tells a receiver who has paused", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 200;
  const own = await ada.offers("film", testBytes(100 * LEAF_BYTES));
  const id = await bob.accepts();
  const causes = (): unknown[] => {
    const { event, ...last } = bob.events.all.findLast(({ event }) => event === "progress")!;
    return ["pausedBy" in last ? last.pausedBy : event, bob.transfers.list()[0]!.pausedBy];
  };
  await bob.event("progress");
  assertEquals(causes(), ["progress", undefined]);
  ada.transfers.pause(own);
  await room.when(() => bob.transfers.list()[0]!.state === "paused");
  assertEquals(causes(), ["sender", "sender"]);
  ada.transfers.resume(own);
  await room.when(() => bob.transfers.list()[0]!.state === "active");
  bob.transfers.pause(id);
  assertEquals(causes(), ["you", "you"]);
  ada.leave();
  assertEquals(causes(), ["you", "you"]);
  bob.transfers.resume(id);
  assertEquals(causes(), ["away", "away"]);
  ada.join();
});

test("Transfers shows both sides who accepts, or goes on, in a pause of the sender", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 200;
  const bytes = testBytes(20 * LEAF_BYTES);
  const own = await ada.offers("film", bytes);
  ada.transfers.pause(own);
  await room.pass(1000);
  const id = await bob.accepts();
  await room.pass(10_000);
  const causes = (): unknown[] =>
    bob.events.all.flatMap((event) => event.event === "progress" ? [event.pausedBy] : []);
  const receivers = () => ada.transfers.list()[0]!.receivers!;
  assertEquals(causes(), ["sender"]);
  assertEquals(receivers(), [{ member: bob.member, bytes: 0 }]);
  assertEquals(room.chunks, []);
  ada.transfers.resume(own);
  await room.sends(5);
  bob.transfers.pause(id);
  ada.transfers.pause(own);
  await room.pass(1000);
  assertEquals(receivers()[0]!.paused, true);
  bob.transfers.resume(id);
  await room.pass(1000);
  assertEquals([causes().at(-1), receivers()[0]!.paused], ["sender", undefined]);
  ada.transfers.resume(own);
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
});

test("Transfers of a receiver that goes on in a pause of the sender while it checks what it has is no pause", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 200;
  const bytes = testBytes(200 * LEAF_BYTES);
  const own = await ada.offers("film", bytes);
  await bob.accepts();
  await room.sends(150);
  await bob.restart();
  const { read } = Deno.FsFile.prototype;
  using stack = new DisposableStack();
  stack.defer(() => Deno.FsFile.prototype.read = read);
  const checked = Promise.withResolvers<void>();
  let reads = 0;
  Deno.FsFile.prototype.read = async function (buffer: Bytes): Promise<number | null> {
    if (++reads > 40) await checked.promise;
    return await read.call(this, buffer);
  };
  await room.when(() => reads > 40);
  const { id } = bob.transfers.list()[0]!;
  bob.transfers.pause(id);
  await room.pass(1000);
  ada.transfers.pause(own);
  await room.pass(1000);
  bob.transfers.resume(id);
  await room.pass(1000);
  assertEquals(ada.transfers.list()[0]!.receivers![0]!.paused, undefined);
  checked.resolve();
  ada.transfers.resume(own);
  await bob.event("received");
  assertEquals(await bob.read("film"), bytes);
});

test("Transfers says that a sender is away who has paused before", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 200;
  const own = await ada.offers("film", testBytes(20 * LEAF_BYTES));
  const id = await bob.accepts();
  await room.sends(5);
  ada.transfers.pause(own);
  await room.pass(1000);
  ada.leave();
  assertEquals(bob.transfers.list()[0]!.pausedBy, "away");
  const { hint, message } = await assertFails(() => bob.transfers.resume(id), "no-such-transfer");
  assertEquals(message, 'Cannot resume "film": ada is away');
  assertEquals(hint, "It continues when they are back.");
  ada.join();
});

test("Transfers reports progress at most once a second, with rate and time left", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 200;
  await ada.offers("film", testBytes(100 * LEAF_BYTES));
  await bob.accepts();
  const start = room.clock.elapsed();
  await bob.event("received");
  const seconds = (room.clock.elapsed() - start) / 1000;
  for (const side of [ada, bob]) {
    const progress = side.events.all.filter((event) => event.event === "progress");
    assert(progress.length > seconds / 3 && progress.length <= seconds, `${progress.length}`);
    const { bytes, bytesPerSecond, secondsLeft, size = 0 } = progress.at(-2)!;
    assertEquals(size, 100 * LEAF_BYTES);
    assert(bytes > size / 2 && bytes < size);
    const rate = size / seconds;
    assert(bytesPerSecond > rate / 2 && bytesPerSecond < 2 * rate, `${bytesPerSecond}`);
    assertEquals(secondsLeft, Math.ceil((size - bytes) / bytesPerSecond));
  }
  const have = reported(room, "bob", ReportState.HAVE);
  assert(have.length <= seconds / 2 + 1);
  assertEquals(have.toSorted((a, b) => a - b), have);
});

test("Transfers measures the rate from the moment at which an offer is accepted", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 200;
  await ada.offers("film", testBytes(100 * LEAF_BYTES));
  await room.pass(60_000);
  await bob.accepts();
  for (const side of [ada, bob]) {
    const { bytes, bytesPerSecond } = await side.event("progress");
    assert(bytes > 0, `${side.name}: ${bytes}`);
    const rate = 5 * LEAF_BYTES;
    assert(
      bytesPerSecond > rate / 3 && bytesPerSecond < 2 * rate,
      `${side.name}: ${bytesPerSecond}`,
    );
  }
  await bob.event("received");
});

test("Transfers shows no rate of a receiver who is away, and none of what they had before", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 200;
  await ada.offers("film", testBytes(100 * LEAF_BYTES));
  await bob.accepts();
  await room.sends(50);
  bob.cut();
  const rateOf = (event: FileEvent | undefined): number =>
    event?.event === "progress" ? event.bytesPerSecond : -1;
  assertEquals(rateOf(ada.events.all.at(-1)), 0);
  const before = ada.events.all.length;
  await bob.restart(true);
  await bob.event("received");
  const rates = ada.events.all.slice(before).map(rateOf).filter((rate) => rate > 0);
  assert(rates.length > 2, `${rates}`);
  assert(Math.max(...rates) < 2 * 5 * LEAF_BYTES, `${rates}`);
});

test("Transfers shows no rate of what a receiver had before, however long they check it", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  room.chunkMs = 1000;
  await ada.offers("film", testBytes(200 * LEAF_BYTES));
  await bob.accepts();
  await room.sends(180);
  await bob.restart();
  const reported = room.sent.all.length;
  const before = ada.events.all.length;
  const { read } = Deno.FsFile.prototype;
  const checked = Promise.withResolvers<void>();
  let reads = 0;
  Deno.FsFile.prototype.read = async function (bytes) {
    if (++reads > 40) await checked.promise;
    return await read.call(this, bytes);
  };
  await room.pass(90_000);
  Deno.FsFile.prototype.read = read;
  const isSign = ({ from, message }: SentMessage): boolean =>
    from === "bob" && message.kind === "report" && message.state === ReportState.HAVE;
  assertEquals(room.sent.all.slice(reported).filter(isSign).length, 1);
  checked.resolve();
  await bob.event("received");
  const rates = ada.events.all.slice(before).flatMap((event) =>
    event.event === "progress" && event.bytesPerSecond > 0 ? [event.bytesPerSecond] : []
  );
  assert(rates.length > 2, `${rates}`);
  assert(Math.max(...rates) < 2 * LEAF_BYTES, `${rates}`);
});

// A receiver who comes and goes while the files are read.

for (const isBack of [true, false]) {
  const outcome = isBack ? "offers the files to the new session" : "says who left";
  test(`Transfers ${outcome} of a receiver whose session ended while they were read`, async () => {
    const [room, ada, bob, carol] = await roomOf("ada", "bob", "carol") as [
      FileRoom,
      FileSide,
      FileSide,
      FileSide,
    ];
    await using _room = room;
    const bytes = testBytes(2 * LEAF_BYTES);
    const reading = Promise.withResolvers<void>();
    const memory = memoryFile("film", bytes);
    const readAt: FileContents["readAt"] = async (...at) => {
      await reading.promise;
      await memory.readAt(...at);
    };
    ada.transfers.offer({ name: "film", contents: { ...memory, readAt } }, bob.member);
    if (isBack) bob.replaceSession();
    else bob.leave();
    reading.resolve();
    if (isBack) {
      await bob.accepts();
      await bob.event("received");
      assertEquals(await bob.read("film"), bytes);
    } else {
      const { code, message } = await ada.event("file-failed");
      assertEquals([code, message], ["no-such-member", "bob left"]);
    }
    assertEquals([shown(carol), ada.transfers.list()], [[], []]);
  });
}

// Silence.

const MINUTE_MS = 60_000;

/** Codes of the transfers that have ended for a side. */
function failures(side: FileSide): string[] {
  return side.events.all.filter((event) => event.event === "file-failed").map(({ code }) => code);
}

test("Transfers gives up a sender who accepts a want and then is silent for five minutes", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  ada.isScripted = true;
  const transfer = randomBytes(16);
  const root = randomBytes(32);
  const offer = { transfer, stream: false, size: 9, files: 1, manifestBytes: 20, root, name: "a" };
  const hears = (message: FileMessage): void => bob.transfers.received(message, ada.member, true);
  hears({ kind: "offer", ...offer });
  await bob.accepts();
  hears({ kind: "grant", transfer, secret: randomBytes(32) });
  await room.pass(4 * MINUTE_MS);
  hears({ kind: "report", transfer, state: ReportState.CONTINUED, value: 0 });
  await room.pass(4 * MINUTE_MS);
  assertEquals(failures(bob), []);
  await room.pass(2 * MINUTE_MS);
  assertEquals(failures(bob), ["file-silent"]);
  assertEquals(bob.transfers.list(), []);
});

test("Transfers gives up a receiver who is silent for five minutes, unless they have paused", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  bob.isScripted = true;
  await ada.offers("film", testBytes(10 * LEAF_BYTES));
  const offer = room.sent.all.find(({ message }) => message.kind === "offer")!.message;
  const { transfer } = offer as { transfer: Bytes };
  const hears = (message: FileMessage): void => ada.transfers.received(message, bob.member, true);
  const wants = (...ranges: WantRange[]): void => hears({ kind: "want", transfer, ranges });
  wants({ first: 0, count: 11 });
  await room.pass(4 * MINUTE_MS);
  wants();
  await room.pass(20 * MINUTE_MS);
  wants({ first: 3, count: 4 });
  await room.pass(4 * MINUTE_MS);
  hears({ kind: "report", transfer, state: ReportState.HAVE, value: 1000 });
  await room.pass(4 * MINUTE_MS);
  assertEquals([failures(ada), ada.transfers.list()[0]!.state], [[], "active"]);
  await room.pass(2 * MINUTE_MS);
  assertEquals([failures(ada), ada.transfers.list()[0]!.state], [["file-silent"], "offered"]);
  wants({ first: 3, count: 4 });
  assertEquals(ada.transfers.list()[0]!.state, "active");
  await room.pass(5 * MINUTE_MS);
  const before = ada.events.all.length;
  await room.when(() => ada.transfers.list()[0]!.state === "offered");
  await room.pass(1000);
  // The reason is not shown again, but others are told that nothing is under way.
  assertEquals(ada.events.all.slice(before).map(({ event }) => event), ["progress"]);
});

test("Transfers waits for a stream without input, and for the end of a break", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  const input = new TransformStream<Uint8Array, Uint8Array>();
  ada.transfers.offer({ name: "log", stream: input.readable });
  await ada.event("offer");
  await bob.accepts();
  await room.pass(20 * MINUTE_MS);
  bob.cut();
  await room.pass(20 * MINUTE_MS);
  bob.connect();
  ada.cut();
  await room.pass(20 * MINUTE_MS);
  ada.connect();
  const writer = input.writable.getWriter();
  await writer.write(utf8("late"));
  await writer.close();
  await bob.event("received");
  assertEquals(await bob.read("log"), utf8("late"));
  assertEquals([failures(ada), failures(bob)], [[], []]);
});

// Streams.

function streamOf(...chunks: readonly Bytes[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks);
}

for (
  const length of [0, 1, 1000, LEAF_BYTES - 25, LEAF_BYTES - 24, LEAF_BYTES - 23, 300_000]
) {
  test(`Transfers sends a stream of ${length} bytes, whose size is not known before`, async () => {
    const [room, ada, bob, carol] = await roomOf("ada", "bob", "carol") as [
      FileRoom,
      FileSide,
      FileSide,
      FileSide,
    ];
    await using _room = room;
    const bytes = testBytes(length);
    const stream = streamOf(bytes.slice(0, 7), bytes.slice(7, 7), bytes.slice(7));
    ada.transfers.offer({ name: "backup.tar", stream });
    await acceptAll(bob, carol);
    for (const side of [bob, carol]) {
      const received = await side.event("received");
      assertEquals([received.bytes, await side.names()], [length, ["backup.tar"]]);
      assertEquals(await side.read("backup.tar"), bytes);
    }
    await ada.event("file-sent");
    await ada.event("file-sent");
    assertEquals(ada.transfers.list(), []);
    assertEquals(ada.events.all.some((event) => "size" in event && event.event === "offer"), false);
  });
}

test("Transfers reads a stream no faster than receivers want it, and sends again what they lack", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  let read = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller): void {
      if (read === 200) return controller.close();
      controller.enqueue(testBytes(LEAF_BYTES, ++read));
    },
  }, { highWaterMark: 0 });
  room.chunkMs = 100;
  let lost = 0;
  room.carry = (chunk) => chunk.offset / SEALED_UNIT_BYTES % 13 === 5 && lost++ < 10 ? [] : [chunk];
  ada.transfers.offer({ name: "tape", stream });
  const { id } = await bob.event("offer");
  await room.pass(1000);
  assertEquals(read, 0);
  bob.transfers.accept(id);
  await room.pass(2000);
  assert(read < 40, `${read}`);
  bob.cut();
  const before = read;
  await room.pass(5000);
  assert(read <= before + 9);
  bob.connect();
  await bob.event("received");
  const parts = Array.from({ length: 200 }, (_, i) => testBytes(LEAF_BYTES, i + 1));
  assertEquals(await bob.read("tape"), concat(...parts));
  await ada.event("file-sent");
});

test("Transfers sends a stream that has ended to one who accepts later, in one flow", async () => {
  const [room, ada, bob, carol] = await roomOf("ada", "bob", "carol") as [
    FileRoom,
    FileSide,
    FileSide,
    FileSide,
  ];
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(40 * LEAF_BYTES);
  ada.transfers.offer({ name: "tape", stream: streamOf(bytes) });
  await bob.accepts();
  await bob.event("received");
  const flows = room.flows;
  await carol.accepts();
  await carol.event("received");
  assertEquals([await carol.read("tape"), room.flows - flows], [bytes, 1]);
});

test("Transfers ends a stream for a receiver that lacks what is no longer held", async () => {
  const [room, ada, bob, carol] = await roomOf("ada", "bob", "carol") as [
    FileRoom,
    FileSide,
    FileSide,
    FileSide,
  ];
  await using _room = room;
  let read = 0;
  const leaf = testBytes(LEAF_BYTES);
  const stream = new ReadableStream<Uint8Array>({
    pull(controller): void {
      if (read++ === 1100) return controller.close();
      controller.enqueue(leaf);
    },
  }, { highWaterMark: 0 });
  room.carry = (chunk, _from, to) =>
    to === carol && chunk.offset === 3 * SEALED_UNIT_BYTES ? [] : [chunk];
  ada.transfers.offer({ name: "tape", stream });
  await acceptAll(bob, carol);
  await bob.event("received");
  const failed = await ada.event("file-failed");
  assertEquals([failed.code, failed.message, failed.member?.name], [
    "file-gone",
    "carol fell too far behind",
    "carol",
  ]);
  assertEquals((await carol.event("file-failed")).code, "file-gone");
  assertEquals(ada.transfers.list(), []);
});

test("Transfers offers a stream in the session that replaced the one in which that began", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  const bytes = testBytes(100);
  ada.transfers.offer({ name: "tape", stream: streamOf(bytes) });
  for (let i = 0; i < 3; i++) await Promise.resolve(); // The key is being derived.
  ada.replaceSession();
  await bob.accepts();
  await bob.event("received");
  assertEquals(await bob.read("tape"), bytes);
});

test("Transfers withdraws a stream whose input fails", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  let read = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller): void {
      if (read++ === 3) return controller.error(new Error("broken pipe"));
      controller.enqueue(testBytes(LEAF_BYTES));
    },
  });
  ada.transfers.offer({ name: "tape", stream });
  await bob.accepts();
  const { code, message } = await ada.event("file-failed");
  assertEquals([code, message], ["file-unreadable", "its input failed"]);
  assertEquals((await bob.event("file-failed")).code, "file-gone");
  await bob.keeps([]);
});

test("Transfers stops a stream that grows too large", async () => {
  await using room = new FileRoom();
  const ada = await room.enter("ada");
  const bob = await room.enter("bob", { maxFileBytes: 200_000 });
  const stream = streamOf(testBytes(300_000));
  ada.transfers.offer({ name: "tape", stream });
  await bob.accepts();
  assertEquals((await bob.event("file-failed")).code, "file-too-large");
  assertEquals((await ada.event("file-failed")).code, "file-too-large");
  await bob.keeps([]);
});

test("Transfers.close ends a stream that gives nothing, and a transfer under way", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  const silent = new ReadableStream<Uint8Array>();
  ada.transfers.offer({ name: "tape", stream: silent });
  await bob.accepts();
  await room.pass(1000);
  await ada.transfers.close();
  await bob.transfers.close();
  assertEquals([shown(ada), shown(bob)], [["offer"], ["offer"]]);
  assertEquals(reported(room, "ada", ReportState.WITHDRAWN), []);
});

test("Transfers answers a want of a transfer that it does not know, though not often", async () => {
  const [room, ada, bob] = await roomOf("ada", "bob") as [FileRoom, FileSide, FileSide];
  await using _room = room;
  const want = { kind: "want", transfer: utf8("0123456789abcdef"), ranges: [] } as const;
  for (let i = 0; i < 100; i++) await bob.port.send(want, toHex(ada.member.session));
  await room.until(Promise.resolve());
  const answers = reported(room, "ada", ReportState.WITHDRAWN);
  assert(answers.length >= 16 && answers.length <= 20, `${answers.length}`);
  assertEquals(new Set(answers), new Set([WithdrawReason.NOT_HELD]));
});
