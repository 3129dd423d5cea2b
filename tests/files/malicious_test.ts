/** Members that lie: senders, who know the key of what they send, and receivers. */
import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat, equal, toHex, u16, u32, u64, utf8 } from "../../lib/bytes/mod.ts";
import { digest, type FileKey, fileKey, hashOffer, randomBytes } from "../../lib/crypto/mod.ts";
import {
  buildTree,
  type HashTree,
  LEAF_BYTES,
  SEALED_UNIT_BYTES,
  TreeBuilder,
  UNKNOWN_SIZE,
} from "../../lib/files/mod.ts";
import {
  encodeFileMessage,
  type FileMessage,
  type Offer,
  ReportState,
  StopReason,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FileRoom, type FileSide, testBytes } from "../support/file_room.ts";
import { test } from "../support/test.ts";

const NOTHING = new Uint8Array(32);

/** A manifest of any files, also impossible ones. */
function manifestOf(...files: readonly (readonly [path: string, size: number])[]): Bytes {
  const entries = files.flatMap(([path, size]) => [
    u16(utf8(path).length),
    utf8(path),
    u64(size),
  ]);
  return concat(u32(files.length), ...entries);
}

/** A member that offers anything, and has the key for it. */
class LyingSender {
  readonly side: FileSide;
  readonly to: FileSide;
  readonly offer: Offer;
  readonly secret: Bytes = randomBytes(32);
  readonly tree: HashTree;
  readonly key: FileKey;
  readonly #content: Bytes;

  private constructor(
    [side, to]: readonly [FileSide, FileSide],
    offer: Offer,
    content: Bytes,
    tree: HashTree,
    secret: Bytes,
    key: FileKey,
  ) {
    this.side = side;
    this.to = to;
    this.offer = offer;
    this.#content = content;
    this.tree = tree;
    this.secret = secret;
    this.key = key;
  }

  /** Prepares an offer. @param lies Fields of it that are not what the content says. */
  static async create(
    sides: readonly [FileSide, FileSide],
    manifest: Bytes,
    contents: Bytes,
    lies: Partial<Offer> = {},
  ): Promise<LyingSender> {
    const content = concat(manifest, contents);
    const { manifestBytes = manifest.length, size = contents.length } = lies;
    const sizes = lies.stream ? { manifestBytes, size: contents.length } : { manifestBytes, size };
    const tree = await buildTree(sizes, (offset, into) => {
      into.set(content.subarray(offset, offset + into.length));
      return Promise.resolve();
    });
    const offer: Offer = {
      transfer: randomBytes(16),
      stream: false,
      size: contents.length,
      files: 1,
      manifestBytes: manifest.length,
      root: tree.root,
      name: "film",
      ...lies,
    };
    const secret = randomBytes(32);
    const { body } = encodeFileMessage({ kind: "offer", ...offer });
    const key = await fileKey(secret, await hashOffer(sides[0].port.self, body));
    return new LyingSender(sides, offer, content, tree, secret, key);
  }

  /** Sends a message to the receiver. */
  async tell(message: FileMessage): Promise<void> {
    await this.side.port.send(message, toHex(this.to.member.session));
  }

  /** Offers, has the receiver accept, and grants. */
  async begin(): Promise<number> {
    await this.tell({ kind: "offer", ...this.offer });
    const id = await this.to.accepts();
    await this.tell({ kind: "grant", transfer: this.offer.transfer, secret: this.secret });
    await this.to.rest(); // It derives the key.
    return id;
  }

  /** The content of a unit. In a stream, only leaves are units. */
  unit(number: number): Bytes {
    const { geometry } = this.tree;
    if (!this.offer.stream && !geometry.isLeaf(number)) return this.tree.node(number);
    const leaf = this.offer.stream ? number : number - geometry.firstLeaf;
    return this.#content.slice(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES);
  }

  /** Sends a unit. @param bytes Its content; that of the unit by default. */
  async send(
    number: number,
    bytes: Bytes = this.unit(number),
    isLast: boolean = this.#isLast(number),
  ): Promise<void> {
    const sealed = await this.key.seal(number, isLast, bytes);
    await this.push(number * SEALED_UNIT_BYTES, sealed);
  }

  /** Sends any bytes. */
  async push(offset: number, bytes: Bytes): Promise<void> {
    const { transfer } = this.offer;
    await this.to.transfers.bulk({ from: this.side.member.session, transfer, offset, bytes });
  }

  /** Sends all units in order. */
  async sendAll(): Promise<void> {
    const { geometry } = this.tree;
    const count = this.offer.stream ? geometry.leaves : geometry.units;
    for (let unit = 0; unit < count; unit++) await this.send(unit);
  }

  #isLast(number: number): boolean {
    const { geometry } = this.tree;
    return number === (this.offer.stream ? geometry.leaves : geometry.units) - 1;
  }
}

/** A room of mallory, who lies to bob, and of ada. */
async function lyingRoom(): Promise<
  { room: FileRoom; mallory: FileSide; bob: FileSide; ada: FileSide }
> {
  const room = new FileRoom();
  const mallory = await room.enter("mallory");
  mallory.isScripted = true;
  const bob = await room.enter("bob");
  return { room, mallory, bob, ada: await room.enter("ada") };
}

/** Reports of a state that a member sent, by their values. */
function reported(room: FileRoom, from: string, state: number): number[] {
  return room.sent.all.flatMap((sent) =>
    sent.from === from && sent.message.kind === "report" && sent.message.state === state
      ? [sent.message.value]
      : []
  );
}

const BYTES = testBytes(3 * LEAF_BYTES);

const WRONG: Readonly<
  Record<string, (sides: readonly [FileSide, FileSide]) => Promise<LyingSender>>
> = {
  "has another number of files": (sides) =>
    LyingSender.create(sides, manifestOf(["film", BYTES.length]), BYTES, { files: 2 }),
  "has files of another size": (sides) =>
    LyingSender.create(sides, manifestOf(["film", BYTES.length - 1]), BYTES),
  "is cut short": (sides) => LyingSender.create(sides, manifestOf(["film", 1]).slice(0, -1), BYTES),
  "is not one": (sides) => LyingSender.create(sides, testBytes(40), BYTES),
  "is that of a stream": (sides) =>
    LyingSender.create(sides, manifestOf(["film", UNKNOWN_SIZE]), BYTES),
  "has an empty path": (sides) => LyingSender.create(sides, manifestOf(["", BYTES.length]), BYTES),
  "is longer than the offer says": (sides) =>
    LyingSender.create(sides, concat(manifestOf(["film", BYTES.length]), utf8("x")), BYTES),
};

for (const [what, create] of Object.entries(WRONG)) {
  test(`Transfers ends a transfer whose manifest ${what}, and keeps nothing of it`, async () => {
    const { bob, mallory, room } = await lyingRoom();
    await using _room = room;
    const sender = await create([mallory, bob]);
    await sender.begin();
    await sender.sendAll();
    assertEquals((await bob.event("file-failed")).code, "file-damaged");
    assertEquals(reported(room, "bob", ReportState.STOPPED), [StopReason.BAD_CONTENTS]);
    await bob.keeps([]);
  });
}

test("Transfers takes no unit that does not match the offered tree, also with the right key", async () => {
  const { bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const sender = await LyingSender.create(
    [mallory, bob],
    manifestOf(["film", BYTES.length]),
    BYTES,
  );
  await sender.begin();
  const other = sender.unit(2).slice();
  other[0]! ^= 1;
  await sender.send(0);
  await sender.send(1);
  await sender.send(2, other); // Another leaf.
  await sender.send(2, sender.unit(3)); // A leaf in another place.
  await sender.send(2, sender.unit(2), true); // A leaf that claims to be the last.
  await sender.send(2, sender.unit(2).slice(1)); // A leaf that is too short.
  await sender.push(2 * SEALED_UNIT_BYTES, await sender.key.seal(3, false, sender.unit(3)));
  await sender.send(4, sender.unit(4), false);
  const [part] = await bob.names();
  assertEquals(part, "film.part");
  const written = await Deno.readFile(`${bob.directory}/film.part/files/film`);
  assertEquals(written.length, LEAF_BYTES - 18);
  await sender.sendAll();
  await bob.event("received");
  assert(equal(await bob.read("film"), BYTES));
});

test("Transfers uses no leaf whose node is wrong", async () => {
  const { bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const sender = await LyingSender.create(
    [mallory, bob],
    manifestOf(["film", BYTES.length]),
    BYTES,
  );
  await sender.begin();
  const node = sender.unit(0).slice();
  node.set(
    await crypto.subtle.digest("SHA-256", testBytes(LEAF_BYTES)).then((hash) =>
      new Uint8Array(hash)
    ),
    32,
  );
  await sender.send(0, node);
  await sender.send(1);
  await sender.send(2, testBytes(LEAF_BYTES));
  assertEquals([await bob.names(), bob.transfers.list()[0]!.bytes], [[], 0]);
  await sender.sendAll();
  await bob.event("received");
});

test("Transfers refuses a root that no unit matches, after 16 units", async () => {
  const { bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const manifest = manifestOf(["film", BYTES.length]);
  const sender = await LyingSender.create([mallory, bob], manifest, BYTES, { root: testBytes(32) });
  await sender.begin();
  for (let i = 0; i < 16; i++) await sender.send(0);
  assertEquals((await bob.event("warning")).code, "file-damaged");
  assertEquals(await bob.names(), []);
});

for (
  const [what, lie] of [
    ["another root", { root: testBytes(32) }],
    ["a size of fewer leaves", { size: LEAF_BYTES }],
  ] as const
) {
  test(`Transfers removes a stream whose end tells ${what}`, async () => {
    const { bob, mallory, room } = await lyingRoom();
    await using _room = room;
    const manifest = manifestOf(["film", UNKNOWN_SIZE]);
    const stream = { stream: true, size: 0, root: NOTHING };
    const sender = await LyingSender.create([mallory, bob], manifest, BYTES, stream);
    await sender.begin();
    await sender.sendAll();
    const end = { size: BYTES.length, root: sender.tree.root, ...lie };
    const { transfer } = sender.offer;
    const [state, value] = [ReportState.END, end.size];
    await sender.tell({ kind: "report", transfer, state, value, root: end.root });
    assertEquals((await bob.event("file-failed")).code, "file-damaged");
    await bob.keeps([]);
  });
}

test("Transfers removes a stream whose last leaf is longer than its size says", async () => {
  const { bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const manifest = manifestOf(["film", UNKNOWN_SIZE]);
  const bytes = testBytes(2 * LEAF_BYTES - manifest.length);
  const stream = { stream: true, size: 0, root: NOTHING };
  const sender = await LyingSender.create([mallory, bob], manifest, bytes, stream);
  await sender.begin();
  await sender.sendAll();
  const builder = new TreeBuilder();
  for (const unit of [0, 1]) builder.setLeaf(unit, await digest(sender.unit(unit)));
  const size = bytes.length - 10;
  const { root } = await builder.finish({ manifestBytes: manifest.length, size });
  const { transfer } = sender.offer;
  await room.when(() => bob.transfers.list()[0]!.bytes === bytes.length);
  await sender.tell({ kind: "report", transfer, state: ReportState.END, value: size, root });
  assertEquals((await bob.event("file-failed")).code, "file-damaged");
  await bob.keeps([]);
});

test("Transfers takes no unit of a stream that is far from those before it", async () => {
  const { bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const manifest = manifestOf(["film", UNKNOWN_SIZE]);
  const stream = { stream: true, size: 0, root: NOTHING };
  const sender = await LyingSender.create([mallory, bob], manifest, BYTES, stream);
  await sender.begin();
  await sender.send(0);
  const memory = Deno.memoryUsage().external;
  for (const unit of [1025, 2 ** 20, 2 ** 36]) {
    await sender.send(unit, testBytes(LEAF_BYTES), false);
  }
  assert(Deno.memoryUsage().external - memory < 1 << 22);
  await sender.sendAll();
  const { transfer } = sender.offer;
  const [state, value] = [ReportState.END, BYTES.length];
  await sender.tell({ kind: "report", transfer, state, value, root: sender.tree.root });
  await bob.event("received");
  assert(equal(await bob.read("film"), BYTES));
});

test("Transfers takes bytes only after it has accepted, from the session that offered, in bounds", async () => {
  const { ada, bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const bytes = testBytes(30 * LEAF_BYTES);
  const sender = await LyingSender.create(
    [mallory, bob],
    manifestOf(["film", bytes.length]),
    bytes,
  );
  await sender.tell({ kind: "offer", ...sender.offer });
  const { id } = await bob.event("offer");
  await sender.sendAll();
  assertEquals(bob.transfers.list()[0]!.bytes, 0);
  bob.transfers.accept(id);
  // Before the grant: 1 MiB is held, of all units.
  await sender.sendAll();
  await sender.tell({ kind: "grant", transfer: sender.offer.transfer, secret: sender.secret });
  const held = 15 * LEAF_BYTES - 18;
  await room.when(() => bob.transfers.list()[0]!.bytes >= held);
  // Another member, or another transfer.
  const sealed = await sender.key.seal(20, false, sender.unit(20));
  const chunk = { offset: 20 * SEALED_UNIT_BYTES, bytes: sealed };
  const { transfer } = sender.offer;
  await bob.transfers.bulk({ ...chunk, from: ada.member.session, transfer });
  await bob.transfers.bulk({ ...chunk, from: mallory.member.session, transfer: randomBytes(16) });
  // Units that do not exist, and positions between units.
  await sender.push(100 * SEALED_UNIT_BYTES, sealed);
  await sender.push(2 ** 52, sealed);
  await sender.push(LEAF_BYTES, testBytes(16));
  assertEquals(bob.transfers.list()[0]!.bytes, held);
  await sender.sendAll();
  await bob.event("received");
});

test("Transfers lets no one but the sender grant, withdraw, pause or end a transfer", async () => {
  const { ada, bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const sender = await LyingSender.create(
    [mallory, bob],
    manifestOf(["film", BYTES.length]),
    BYTES,
  );
  await sender.tell({ kind: "offer", ...sender.offer });
  await bob.accepts();
  const { transfer } = sender.offer;
  const session = toHex(bob.member.session);
  await ada.port.send({ kind: "grant", transfer, secret: randomBytes(32) }, session);
  for (const state of [ReportState.WITHDRAWN, ReportState.PAUSED, 200]) {
    await ada.port.send({ kind: "report", transfer, state, value: 0 }, session);
  }
  await sender.tell({ kind: "grant", transfer, secret: sender.secret });
  await room.pass(500); // Keys that are derived at once can come in any order.
  await sender.tell({ kind: "grant", transfer, secret: randomBytes(32) });
  await sender.tell({ kind: "report", transfer, state: ReportState.END, value: 1, root: NOTHING });
  await room.pass(500);
  assertEquals(bob.transfers.list()[0]!.state, "active");
  await sender.sendAll();
  await bob.event("received");
});

test("Transfers holds few of many short chunks that come before the grant", async () => {
  const { bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const manifest = manifestOf(["film", 5]);
  const sender = await LyingSender.create([mallory, bob], manifest, testBytes(5));
  await sender.tell({ kind: "offer", ...sender.offer });
  await bob.accepts();
  for (let i = 0; i < 1100; i++) await sender.push(9 * i, new Uint8Array(1));
  await sender.sendAll();
  await sender.tell({ kind: "grant", transfer: sender.offer.transfer, secret: sender.secret });
  await room.pass(1000);
  assertEquals(bob.transfers.list()[0]?.bytes, 0, "the unit came too late to be held");
  await sender.sendAll();
  assertEquals((await bob.event("received")).bytes, 5);
});

test("Transfers knows of no offer before it is shown, and shows none that is withdrawn before", async () => {
  const { bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const manifest = manifestOf(["film", BYTES.length]);
  const { offer } = await LyingSender.create([mallory, bob], manifest, BYTES);
  bob.transfers.received({ kind: "offer", ...offer }, mallory.member, true);
  assertEquals(bob.transfers.list(), []);
  await assertFails(() => bob.transfers.accept(1), "no-such-transfer");
  const report = { transfer: offer.transfer, state: ReportState.WITHDRAWN, value: 0 };
  bob.transfers.received({ kind: "report", ...report }, mallory.member, true);
  await room.pass(1000);
  assertEquals(bob.events.all, []);
});

test("Transfers takes no other offer for one with the same id", async () => {
  const { bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const manifest = manifestOf(["film", BYTES.length]);
  const sender = await LyingSender.create([mallory, bob], manifest, BYTES);
  const other = { ...sender.offer, name: "trap", manifestBytes: 99, files: 7 };
  const shown = (): (readonly string[])[] =>
    bob.transfers.list().map(({ name, state }) => [name, state]);
  await sender.begin();
  await sender.tell({ kind: "offer", ...other });
  assertEquals(shown(), [["film", "active"]]);
  bob.transfers.left(mallory.member);
  await sender.tell({ kind: "offer", ...other });
  assertEquals(shown(), [["film", "paused"]]);
  await sender.tell({ kind: "offer", ...sender.offer });
  assertEquals(shown(), [["film", "active"]]);
});

for (const accepts of [false, true]) {
  const max = accepts ? 64 : 48;
  test(`Transfers keeps 16 transfers of one member and ${max} in all, and warns once, if it ${accepts ? "accepts them at once" : "waits for an answer"}`, async () => {
    await using room = new FileRoom();
    const bob = await room.enter("bob", { acceptsFrom: () => accepts });
    const members = await Promise.all(
      Array.from({ length: 6 }, (_, i) => room.enter(`member ${i}`)),
    );
    for (const member of members) member.isScripted = true;
    const session = toHex(bob.member.session);
    const flood = async (side: FileSide, count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const transfer = randomBytes(16);
        const offer = {
          transfer,
          stream: false,
          size: 1,
          files: 1,
          manifestBytes: 9,
          name: `${i}`,
        };
        await side.port.send({ kind: "offer", ...offer, root: randomBytes(32) }, session);
      }
      await room.pass(1000);
    };
    await flood(members[0]!, 100);
    assertEquals(bob.transfers.list().length, 16);
    const warnings = (): string[] =>
      bob.events.all.flatMap((event) => event.event === "warning" ? [event.message] : []);
    assertEquals(warnings(), ["member 0 offers more than lanchat keeps: dropped"]);
    // Once one has ended, the next one is kept, and a warning can follow again.
    bob.transfers.cancel(bob.transfers.list()[0]!.id);
    await flood(members[0]!, 3);
    assertEquals([bob.transfers.list().length, warnings().length], [16, 2]);
    for (const member of members.slice(1)) await flood(member, 17);
    assertEquals(bob.transfers.list().length, max);
  });
}

test("Transfers has places for those whose offers it accepts at once, whatever others offer", async () => {
  await using room = new FileRoom();
  const bob = await room.enter("bob", { acceptsFrom: ({ name }) => name === "ada" });
  const ada = await room.enter("ada");
  for (let i = 0; i < 4; i++) {
    const stranger = await room.enter(`stranger ${i}`);
    for (let i = 0; i < 16; i++) await stranger.offers(`${i}`, testBytes(1), bob);
  }
  await ada.offers("notes", testBytes(10), bob);
  await bob.event("received");
});

test("Transfers shows and looks for few of many offers that are withdrawn at once", async () => {
  const { bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const manifest = manifestOf(["film", BYTES.length]);
  const { offer } = await LyingSender.create([mallory, bob], manifest, BYTES);
  await Deno.mkdir(`${bob.directory}/film.part`);
  let looks = 0;
  const { readDir } = Deno;
  Deno.readDir = (path) => {
    looks++;
    return readDir(path);
  };
  using _readDir = { [Symbol.dispose]: () => void (Deno.readDir = readDir) };
  const [state, value] = [ReportState.WITHDRAWN, 0];
  for (let i = 0; i < 200; i++) {
    const transfer = randomBytes(16);
    for (
      const message of [
        { kind: "offer", ...offer, transfer, root: transfer },
        { kind: "report", transfer, state, value },
      ] as const
    ) bob.transfers.received(message, mallory.member, true);
  }
  await room.pass(1000);
  assertEquals(bob.events.all.map(({ event }) => event), ["warning"]);
  assertEquals([looks, bob.transfers.list()], [16, []]);
});

test("Transfers shows an offer that comes again only once", async () => {
  const { bob, mallory, room } = await lyingRoom();
  await using _room = room;
  const sender = await LyingSender.create(
    [mallory, bob],
    manifestOf(["film", BYTES.length]),
    BYTES,
  );
  for (let i = 0; i < 3; i++) await sender.tell({ kind: "offer", ...sender.offer });
  await room.pass(1000);
  assertEquals(bob.events.all.filter(({ event }) => event === "offer").length, 1);
  const id = await bob.accepts();
  await sender.tell({ kind: "grant", transfer: sender.offer.transfer, secret: sender.secret });
  await sender.tell({ kind: "offer", ...sender.offer });
  await sender.sendAll();
  assertEquals((await bob.event("received")).id, id);
});

// Receivers.

test("Transfers gives nothing to a member that was not offered it", async () => {
  const { ada, bob, mallory, room } = await lyingRoom();
  await using _room = room;
  await ada.offers("notes", testBytes(10), bob);
  const offer = room.sent.all.find(({ message }) => message.kind === "offer")!;
  const { transfer } = offer.message;
  const ranges = [{ first: 0, count: 1 }];
  const session = toHex(ada.member.session);
  await mallory.port.send({ kind: "want", transfer, ranges }, session);
  for (const state of [ReportState.COMPLETE, ReportState.DECLINED, ReportState.STOPPED]) {
    await mallory.port.send({ kind: "report", transfer, state, value: 10 }, session);
  }
  await room.pass(1000);
  assertEquals(room.sent.all.some(({ message }) => message.kind === "grant"), false);
  assertEquals([room.chunks, ada.events.rest()], [[], []]);
  await bob.accepts();
  await bob.event("received");
});

test("Transfers believes no receiver that has everything without having accepted", async () => {
  const { ada, bob, mallory, room } = await lyingRoom();
  await using _room = room;
  await ada.offers("notes", testBytes(10));
  const { transfer } = room.sent.all[0]!.message;
  const session = toHex(ada.member.session);
  const [state, value] = [ReportState.COMPLETE, 10];
  await mallory.port.send({ kind: "report", transfer, state, value }, session);
  await room.pass(500);
  assertEquals(ada.events.rest(), []);
  await bob.accepts();
  await bob.event("received");
  assertEquals((await ada.event("file-sent")).member.name, "bob");
});

test("Transfers shows once for each reason that a receiver has stopped, however often it says so", async () => {
  const { ada, mallory, room } = await lyingRoom();
  await using _room = room;
  await ada.offers("notes", testBytes(10));
  const { transfer } = room.sent.all[0]!.message;
  const session = toHex(ada.member.session);
  const state = ReportState.STOPPED;
  for (let i = 0; i < 10; i++) {
    const value = i % 2 === 0 ? StopReason.DISK_FULL : 1000 + i;
    await mallory.port.send({ kind: "want", transfer, ranges: [{ first: 5, count: 1 }] }, session);
    await mallory.port.send({ kind: "report", transfer, state, value }, session);
    await room.pass(100);
  }
  const failures = ada.events.rest().filter(({ event }) => event === "file-failed");
  assertEquals(failures.length, 2);
});

test("Transfers serves others while a receiver wants impossible things, and the same again and again", async () => {
  const { ada, bob, mallory, room } = await lyingRoom();
  await using _room = room;
  room.chunkMs = 100;
  const bytes = testBytes(20 * LEAF_BYTES);
  await ada.offers("film", bytes);
  const { transfer } = room.sent.all[0]!.message;
  const session = toHex(ada.member.session);
  const ask = (first: number, count: number): Promise<void> =>
    mallory.port.send({ kind: "want", transfer, ranges: [{ first, count }] }, session);
  await ask(2 ** 40, 5);
  await ask(0, Number.MAX_SAFE_INTEGER);
  const id = await bob.accepts();
  const done = bob.event("received");
  let isDone = false;
  done.then(() => isDone = true, () => {});
  while (!isDone) {
    await ask(0, 22);
    await room.pass(100);
  }
  assertEquals((await done).id, id);
  assert(equal(await bob.read("film"), bytes));
});

test("Transfers sends no more of what a receiver wanted and does not want any longer", async () => {
  const { ada, bob, mallory, room } = await lyingRoom();
  await using _room = room;
  await ada.offers("film", testBytes(40 * LEAF_BYTES));
  const { transfer } = room.sent.all[0]!.message;
  const ask = (first: number, count: number): Promise<void> => {
    const ranges = [{ first, count }];
    return mallory.port.send({ kind: "want", transfer, ranges }, toHex(ada.member.session));
  };
  await bob.accepts();
  await bob.event("received");
  room.chunkMs = 100;
  const before = room.chunks.length;
  await ask(0, 42);
  await room.sends(before + 3);
  await ask(40, 2);
  await room.pass(10_000);
  const units = room.chunks.slice(before).map(({ offset }) => offset / SEALED_UNIT_BYTES);
  assert(units.length < 20, `${units}`);
  assertEquals(units.slice(-2), [40, 41]);
});

test("Transfers serves others while a receiver of a stream wants only what was read before", async () => {
  const { ada, bob, mallory, room } = await lyingRoom();
  await using _room = room;
  room.chunkMs = 100;
  let read = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller): void {
      if (read === 60) return controller.close();
      controller.enqueue(testBytes(LEAF_BYTES, ++read));
    },
  }, { highWaterMark: 0 });
  ada.transfers.offer({ name: "tape", stream });
  const id = await bob.accepts();
  await room.sends(30);
  bob.transfers.pause(id);
  await room.pass(1000);
  const { flows } = room;
  const { transfer } = room.sent.all[0]!.message;
  const ranges = [{ first: 0, count: 20 }];
  await mallory.port.send({ kind: "want", transfer, ranges }, toHex(ada.member.session));
  await room.pass(5000);
  assertEquals(room.flows - flows, 1);
  bob.transfers.resume(id);
  assertEquals((await bob.event("received")).bytes, 60 * LEAF_BYTES);
});
