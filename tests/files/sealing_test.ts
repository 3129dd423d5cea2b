import { assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { fileKey, randomBytes } from "../../lib/crypto/mod.ts";
import { contentReader, memoryFile } from "../../lib/files/content.ts";
import { LEAF_BYTES } from "../../lib/files/geometry.ts";
import { Manifest } from "../../lib/files/manifest.ts";
import { FileSealer } from "../../lib/files/sealing.ts";
import { buildTree } from "../../lib/files/tree.ts";
import { assertFails } from "../support/assert.ts";
import { testBytes } from "../support/file_room.ts";
import { test } from "../support/test.ts";

/** A sealer of a file with 20 leaves, what it reads, and a check of what it seals. */
async function sealing() {
  const contents = memoryFile("film", testBytes(20 * LEAF_BYTES - 100));
  const manifest = Manifest.of(contents.files);
  const read = contentReader(manifest, contents);
  const sizes = { manifestBytes: manifest.bytes.length, size: manifest.size };
  const tree = await buildTree(sizes, read);
  const key = await fileKey(randomBytes(32), randomBytes(32));
  const reads: number[] = [];
  const damaged = new Set<number>();
  const reading = async (offset: number, into: Bytes): Promise<void> => {
    reads.push(Math.ceil(into.length / LEAF_BYTES));
    await read(offset, into);
    for (const at of damaged) into[at * LEAF_BYTES - offset]! ^= 1;
  };
  const sealer = new FileSealer(manifest.bytes.length, reading, tree, key);
  const { geometry } = tree;
  /** Begins a flow. @returns Asserts that leaves are sealed as they are in the file. */
  const begin = () => {
    const seal = sealer.begin();
    return async (...leaves: readonly number[]): Promise<void> => {
      await Promise.all(leaves.map(async (leaf) => {
        const unit = geometry.firstLeaf + leaf;
        const plain = new Uint8Array(geometry.plainBytes(unit));
        await read(leaf * LEAF_BYTES, plain);
        const isLast = geometry.isLast(unit);
        assertEquals(await key.open(unit, isLast, (await seal(unit))!), plain);
      }));
    };
  };
  return { begin, reads, damaged };
}

test("FileSealer reads eight leaves at a time that are sealed in order, and the others one by one", async () => {
  const { begin, reads } = await sealing();
  const seal = begin();
  await seal(...Array(20).keys());
  assertEquals(reads, [1, 8, 8, 3]);
  await seal(7);
  await seal(3, 11);
  await seal(13);
  assertEquals(reads.splice(4), [1, 1, 1, 1]);
  await seal(14, 15);
  await seal(16);
  assertEquals(reads.splice(4), [6]);
});

test("FileSealer reads ahead for each flow by itself", async () => {
  const { begin, reads } = await sealing();
  const [one, other] = [begin(), begin()];
  for (let leaf = 0; leaf < 10; leaf++) {
    await one(leaf);
    await other(10 + leaf);
  }
  assertEquals(reads, [1, 1, 8, 8, 8, 1]);
});

test("FileSealer seals the leaves beside one that has changed", async () => {
  const { begin, damaged } = await sealing();
  const seal = begin();
  damaged.add(5);
  await seal(0, 1, 2, 3, 4);
  await assertFails(seal(5), "file-changed", "changed");
  await seal(6, 7, 8);
});
