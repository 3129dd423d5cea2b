import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { type FileKey, fileKey, randomBytes } from "../../lib/crypto/mod.ts";
import { Arrival } from "../../lib/files/arrival.ts";
import { contentReader, memoryFile } from "../../lib/files/content.ts";
import { LEAF_BYTES, SEALED_UNIT_BYTES } from "../../lib/files/geometry.ts";
import { Manifest } from "../../lib/files/manifest.ts";
import { FileOpener, type OpenedUnit } from "../../lib/files/opening.ts";
import { FileSealer } from "../../lib/files/sealing.ts";
import { buildTree } from "../../lib/files/tree.ts";
import type { Offer } from "../../lib/wire/mod.ts";
import { testBytes } from "../support/file_room.ts";
import { test } from "../support/test.ts";

/** Counts the writes of files until the end of its scope. */
class Writes implements Disposable {
  readonly #write = Deno.FsFile.prototype.write;
  count = 0;

  /** @param until What each write waits for. */
  constructor(until: Promise<void>) {
    // deno-lint-ignore no-this-alias
    const writes = this;
    Deno.FsFile.prototype.write = async function (bytes): Promise<number> {
      await until;
      writes.count++;
      return await writes.#write.call(this, bytes);
    };
  }

  [Symbol.dispose](): void {
    Deno.FsFile.prototype.write = this.#write;
  }
}

/** An opener that says when it has opened some units. */
class CountingOpener extends FileOpener {
  readonly #opened = Promise.withResolvers<void>();
  readonly opened: Promise<void> = this.#opened.promise;
  #left: number;

  constructor(offer: Offer, units: number) {
    super(offer);
    this.#left = units;
  }

  override async open(key: FileKey, unit: number, sealed: Bytes): Promise<OpenedUnit> {
    const opened = await super.open(key, unit, sealed);
    if (--this.#left === 0) this.#opened.resolve();
    return opened;
  }
}

test("Arrival writes leaves together that were opened while others were written, and all that is right", async () => {
  const bytes = testBytes(60 * LEAF_BYTES - 100);
  const contents = memoryFile("film", bytes);
  const manifest = Manifest.of(contents.files);
  const read = contentReader(manifest, contents);
  const manifestBytes = manifest.bytes.length;
  const tree = await buildTree({ manifestBytes, size: manifest.size }, read);
  const key = await fileKey(randomBytes(32), randomBytes(32));
  const sealer = new FileSealer(manifestBytes, read, tree, key);
  const offer = {
    transfer: randomBytes(16),
    stream: false,
    size: manifest.size,
    files: 1,
    manifestBytes,
    root: tree.root,
    name: "film",
  };
  const directory = await Deno.makeTempDir({ prefix: "lanchat-arrival-" });
  const fates: [number, string][] = [];
  const { firstLeaf, units } = tree.geometry;
  const opener = new CountingOpener(offer, units);
  const arrival = new Arrival(opener, {
    offer,
    part: { root: "00", from: "00", size: manifest.size },
    directory,
    isActive: () => true,
    onUnit: (unit, fate) => fates.push([unit, fate]),
    onError: (error) => fates.push([-1, `${error}`]),
  });
  arrival.useKey(key);
  const from = randomBytes(16);
  const chunkOf = async (unit: number) => {
    const sealed = await sealer.seal(unit);
    return { from, transfer: offer.transfer, offset: unit * SEALED_UNIT_BYTES, bytes: sealed };
  };
  const chunks = await Promise.all(Array.from({ length: units }, (_, unit) => chunkOf(unit)));
  const spoiled = firstLeaf + 30;
  const good = chunks[spoiled]!;
  chunks[spoiled] = { ...good, bytes: good.bytes.toReversed() };
  using writes = new Writes(opener.opened);
  const take = (some: typeof chunks) => Promise.all(some.map((chunk) => arrival.take(chunk)));
  await take(chunks.slice(0, firstLeaf)); // Leaves are checked against what is above them.
  await take(chunks.slice(firstLeaf));
  assert(writes.count < 12, `${writes.count} writes`);
  assertEquals(
    fates,
    [...Array(units).keys()].map((unit) => [
      unit,
      unit === spoiled ? "damaged" : "kept",
    ]),
  );
  await arrival.take(good);
  assertEquals([arrival.isWhole, arrival.bytes], [true, bytes.length]);
  const [path] = await arrival.name();
  assertEquals(await Deno.readFile(path!), bytes);
  await arrival.close();
  await Deno.remove(directory, { recursive: true });
});
