import { assertEquals } from "@std/assert";
import { type Bytes, concat } from "../../lib/bytes/mod.ts";
import { fileKey, hashOffer, randomBytes } from "../../lib/crypto/mod.ts";
import { buildTree, Manifest, SEALED_UNIT_BYTES } from "../../lib/files/mod.ts";
import { encodeFileMessage, type Offer } from "../../lib/wire/mod.ts";
import { FileRoom, type FileSide, type SideOptions, testBytes } from "../support/file_room.ts";
import { test } from "../support/test.ts";

/** A sender that says and sends what a test wants. */
class Mallory {
  readonly secret = randomBytes(32);
  readonly offer: Offer;
  readonly #from: FileSide;
  readonly #to: FileSide;

  constructor(from: FileSide, to: FileSide, offer: Partial<Offer>) {
    this.#from = from;
    this.#to = to;
    this.offer = {
      transfer: randomBytes(16),
      stream: false,
      size: 1,
      files: 1,
      manifestBytes: 15,
      root: randomBytes(32),
      name: "gift",
      ...offer,
    };
  }

  /** Sends an offer, by default its own. */
  offers(offer: Offer = this.offer): void {
    this.#to.transfers.received({ kind: "offer", ...offer }, this.#from.member, true);
  }

  grants(): void {
    const { offer: { transfer }, secret } = this;
    this.#to.transfers.received({ kind: "grant", transfer, secret }, this.#from.member, true);
  }

  /** Sends bytes of the image. */
  async sends(offset: number, bytes: Bytes): Promise<void> {
    const { transfer } = this.offer;
    await this.#to.transfers.bulk({ from: this.#from.member.session, transfer, offset, bytes });
  }

  async sendsUnit(unit: number, isLast: boolean, plaintext: Bytes): Promise<void> {
    const { body } = encodeFileMessage({ kind: "offer", ...this.offer });
    const key = await fileKey(this.secret, await hashOffer(this.#from.port.self, body));
    await this.sends(unit * SEALED_UNIT_BYTES, await key.seal(unit, isLast, plaintext));
  }
}

/** Mallory's session and bob, in a room. */
async function enter(options?: SideOptions): Promise<[FileRoom, FileSide, FileSide]> {
  const room = new FileRoom();
  const mallory = await room.enter("mallory");
  mallory.isScripted = true;
  return [room, mallory, await room.enter("bob", options)];
}

test("Transfers holds few of many short chunks that come before the grant", async () => {
  const [room, from, bob] = await enter();
  await using _room = room;
  const manifest = Manifest.of([{ path: "gift", size: 5 }]);
  const content = concat(manifest.bytes, testBytes(5));
  const sizes = { manifestBytes: manifest.bytes.length, size: 5 };
  const { root } = await buildTree(sizes, (offset, into) => {
    into.set(content.subarray(offset, offset + into.length));
    return Promise.resolve();
  });
  const mallory = new Mallory(from, bob, { ...sizes, root });
  mallory.offers();
  await bob.accepts();
  for (let i = 0; i < 1100; i++) await mallory.sends(9 * i, new Uint8Array(1));
  await mallory.sendsUnit(0, true, content);
  mallory.grants();
  await room.pass(1000);
  assertEquals(bob.transfers.list()[0]!.bytes, 0, "the unit came too late to be held");
  await mallory.sendsUnit(0, true, content);
  assertEquals((await bob.event("received")).bytes, 5);
});

test("Transfers takes no other offer for one with the same id", async () => {
  const [room, from, bob] = await enter();
  await using _room = room;
  const mallory = new Mallory(from, bob, {});
  const other = { ...mallory.offer, name: "trap", manifestBytes: 99, files: 7 };
  mallory.offers();
  await bob.accepts();
  for (const isGone of [false, true]) {
    if (isGone) bob.transfers.left(from.member);
    mallory.offers(other);
    assertEquals(bob.transfers.list().map(({ name, state }) => [name, state]), [
      ["gift", isGone ? "paused" : "active"],
    ]);
  }
  mallory.offers();
  assertEquals(bob.transfers.list().map(({ state }) => state), ["active"]);
});

test("Transfers keeps 16 transfers of an identity and 64 in all, also if it accepts them at once", async () => {
  const [room, from, bob] = await enter({ acceptsFrom: () => true });
  await using _room = room;
  for (let i = 0; i < 18; i++) new Mallory(from, bob, {}).offers();
  assertEquals((await bob.event("warning")).code, "too-many-offers");
  assertEquals(bob.transfers.list().length, 16);
  for (const name of ["eve", "trudy", "oscar", "mel"]) {
    const side = await room.enter(name);
    side.isScripted = true;
    for (let i = 0; i < 16; i++) new Mallory(side, bob, {}).offers();
  }
  assertEquals(bob.transfers.list().length, 64);
});
