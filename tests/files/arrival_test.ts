import { assert, assertEquals } from "@std/assert";
import { fileKey, randomBytes } from "../../lib/crypto/mod.ts";
import { Arrival } from "../../lib/files/arrival.ts";
import { contentReader, memoryFile } from "../../lib/files/content.ts";
import { LEAF_BYTES, SEALED_UNIT_BYTES } from "../../lib/files/geometry.ts";
import { Manifest, UNKNOWN_SIZE } from "../../lib/files/manifest.ts";
import {
  FileOpener,
  type OpenedUnit,
  StreamOpener,
  type UnitOpener,
} from "../../lib/files/opening.ts";
import type { IncomingChunk } from "../../lib/files/port.ts";
import { FileSealer, StreamSealer } from "../../lib/files/sealing.ts";
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

/** Resolves when an opener has opened so many units. */
function opened(opener: UnitOpener, units: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const open = opener.open.bind(opener);
  opener.open = async (key, unit, sealed): Promise<OpenedUnit> => {
    const opened = await open(key, unit, sealed);
    if (--units === 0) resolve();
    return opened;
  };
  return promise;
}

test("Arrival writes leaves together that were opened while others were written, and all that is right", async () => {
  const bytes = testBytes(60 * LEAF_BYTES - 100);
  const contents = memoryFile("film", bytes);
  const manifest = Manifest.of(contents.files);
  const read = contentReader(manifest, contents);
  const manifestBytes = manifest.bytes.length;
  const tree = await buildTree({ manifestBytes, size: manifest.size }, read);
  const key = await fileKey(randomBytes(32), randomBytes(32));
  const seal = new FileSealer(manifestBytes, read, tree, key).begin();
  const offer: Offer = {
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
  const opener = new FileOpener(offer);
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
    const bytes = (await seal(unit))!;
    return { from, transfer: offer.transfer, offset: unit * SEALED_UNIT_BYTES, bytes };
  };
  const chunks = await Promise.all(Array.from({ length: units }, (_, unit) => chunkOf(unit)));
  const spoiled = firstLeaf + 30;
  const good = chunks[spoiled]!;
  chunks[spoiled] = { ...good, bytes: good.bytes.toReversed() };
  using writes = new Writes(opened(opener, units));
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

test("Arrival drops a damaged unit of a stream, and keeps those beside it", async () => {
  const manifest = Manifest.of([{ path: "log", size: UNKNOWN_SIZE }]);
  const key = await fileKey(randomBytes(32), randomBytes(32));
  const input = new Blob([testBytes(20 * LEAF_BYTES)]).stream();
  const sealer = new StreamSealer(manifest.bytes, input, key, () => {});
  const offer: Offer = {
    transfer: randomBytes(16),
    stream: true,
    size: 0,
    files: 1,
    manifestBytes: manifest.bytes.length,
    root: new Uint8Array(32),
    name: "log",
  };
  const from = randomBytes(16);
  const seal = sealer.begin();
  const chunks: IncomingChunk[] = [];
  for (let unit = 0; unit < 16; unit++) {
    const bytes = (await seal(unit))!;
    chunks.push({ from, transfer: offer.transfer, offset: unit * SEALED_UNIT_BYTES, bytes });
  }
  for (const spoiled of [1, 3, 15]) {
    const directory = await Deno.makeTempDir({ prefix: "lanchat-arrival-" });
    const fates: [number, string][] = [];
    const opener = new StreamOpener(offer);
    const arrival = new Arrival(opener, {
      offer,
      part: { root: "", from: "00", size: 0 },
      directory,
      isActive: () => true,
      onUnit: (unit, fate) => fates.push([unit, fate]),
      onError: (error) => fates.push([-1, `${error}`]),
    });
    arrival.useKey(key);
    using _ = new Writes(opened(opener, 16));
    await Promise.all(
      chunks.map((chunk, unit) =>
        arrival.take(unit === spoiled ? { ...chunk, bytes: chunk.bytes.toReversed() } : chunk)
      ),
    );
    assertEquals(fates, chunks.map((_, unit) => [unit, unit === spoiled ? "damaged" : "kept"]));
    await arrival.take(chunks[spoiled]!);
    assertEquals([arrival.gap, fates.at(-1)], [16, [spoiled, "kept"]]);
    await arrival.close();
    await Deno.remove(directory, { recursive: true });
  }
  await sealer.close();
});
