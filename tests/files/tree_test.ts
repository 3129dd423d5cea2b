import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { type Bytes, concat, toHex, u64, utf8 } from "../../lib/bytes/mod.ts";
import {
  buildTree,
  type ContentSize,
  type HashTree,
  LEAF_BYTES,
  MAX_CONTENT_BYTES,
  type ReadContent,
  TreeBuilder,
  TreeVerifier,
} from "../../lib/files/mod.ts";
import { flip } from "../support/assert.ts";
import { test } from "../support/test.ts";

const KIB = 1024;
const GIB = 2 ** 30;

/** Content that differs from leaf to leaf. */
function contentOf(length: number): Bytes {
  return new Uint8Array(length).map((_, i) => (i * 7) ^ (i >> 8) ^ (i >> 16));
}

function readerOf(content: Bytes): ReadContent {
  return (offset, into) => {
    into.set(content.subarray(offset, offset + into.length));
    return Promise.resolve();
  };
}

function sizes(length: number): ContentSize {
  return { manifestBytes: 10, size: length - 10 };
}

function sha256(...parts: readonly Uint8Array[]): Bytes {
  return new Uint8Array(createHash("sha256").update(concat(...parts)).digest());
}

/** The root as PROTOCOL.md §6.10 defines it, level by level. */
function rootOf({ manifestBytes, size }: ContentSize, content: Bytes): Bytes {
  const units = (bytes: Bytes): Bytes[] =>
    Array.from(
      { length: Math.ceil(bytes.length / LEAF_BYTES) },
      (_, i) => bytes.slice(i * LEAF_BYTES, (i + 1) * LEAF_BYTES),
    );
  let level = content;
  while (level.length > LEAF_BYTES) level = concat(...units(level).map((unit) => sha256(unit)));
  return sha256(utf8("lanchat/1 file root\0"), u64(manifestBytes), u64(size), sha256(level));
}

/** A tree over leaves whose hashes are made up. */
async function treeOver(leaves: number): Promise<HashTree> {
  const builder = new TreeBuilder();
  const hash = new Uint8Array(32);
  for (let leaf = 0; leaf < leaves; leaf++) {
    new DataView(hash.buffer).setUint32(0, leaf + 1);
    builder.setLeaf(leaf, hash);
  }
  return await builder.finish({ manifestBytes: 10, size: leaves * LEAF_BYTES - 10 });
}

for (const length of [11, LEAF_BYTES, LEAF_BYTES + 1, 3 * LEAF_BYTES, 2_500 * KIB + 5]) {
  test(`buildTree hashes ${length} bytes as PROTOCOL.md says`, async () => {
    const content = contentOf(length);
    const tree = await buildTree(sizes(length), readerOf(content));
    assertEquals(toHex(tree.root), toHex(rootOf(sizes(length), content)));
    assertEquals(tree.geometry.contentBytes, length);
    for (let unit = tree.geometry.firstLeaf; unit < tree.geometry.units; unit++) {
      const start = tree.geometry.contentOffset(unit);
      const leaf = content.slice(start, start + tree.geometry.plainBytes(unit));
      assertEquals(tree.hashOf(unit), sha256(leaf));
    }
  });
}

test("TreeBuilder makes three levels above more leaves than a node has room for", async () => {
  const tree = await treeOver(2_050);
  const [left, right] = [tree.node(1), tree.node(2)];
  assertEquals([left.length, right.length, tree.geometry.firstLeaf], [65_536, 64, 3]);
  assertEquals(tree.node(0), concat(sha256(left), sha256(right)));
  assertEquals(tree.hashOf(0), sha256(tree.node(0)));
  assertEquals(tree.hashOf(2), sha256(right));
  assertEquals(tree.hashOf(3 + 2_049), right.slice(32));
  assertThrows(() => tree.node(3), RangeError);
  assertThrows(() => tree.hashOf(3 + 2_050), RangeError);
});

test("TreeBuilder takes 2.6 MiB for 5 GiB", async () => {
  const before = Deno.memoryUsage().external;
  const tree = await treeOver(5 * GIB / LEAF_BYTES);
  const used = Deno.memoryUsage().external - before;
  assert(used < 2 * 2 ** 20 + 5 * 512 * KIB, `${used} bytes`);
  assertEquals(tree.geometry.firstLeaf, 41);
});

test("TreeBuilder refuses a content of another length, leaves that are missing, and too many", async () => {
  const builder = new TreeBuilder();
  assertThrows(
    () => builder.setLeaf(MAX_CONTENT_BYTES / LEAF_BYTES, new Uint8Array(32)),
    RangeError,
  );
  builder.setLeaf(1, new Uint8Array(32));
  for (const size of [1, LEAF_BYTES - 1, 2 * LEAF_BYTES, MAX_CONTENT_BYTES]) {
    await assertRejects(() => builder.finish({ manifestBytes: 1, size }), RangeError);
  }
  await builder.finish({ manifestBytes: 1, size: LEAF_BYTES });
  builder.setLeaf(5_000, new Uint8Array(32));
  const content = { manifestBytes: 1, size: 5_001 * LEAF_BYTES - 1 };
  await assertRejects(() => builder.finish(content), RangeError, "missing");
});

test("TreeBuilder takes leaves in any order", async () => {
  const builder = new TreeBuilder();
  const content = contentOf(3 * LEAF_BYTES - 1);
  for (const leaf of [2, 0, 1]) {
    builder.setLeaf(leaf, sha256(content.slice(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES)));
  }
  const { root } = await builder.finish(sizes(content.length));
  assertEquals(root, rootOf(sizes(content.length), content));
});

test("The root depends on both sizes and on each byte", async () => {
  const content = contentOf(200_000);
  const { root } = await buildTree(sizes(200_000), readerOf(content));
  const other = { manifestBytes: 11, size: 200_000 - 11 };
  assertNotEquals((await buildTree(other, readerOf(content))).root, root);
  const bits = fc.nat(200_000 * 8 - 1);
  await fc.assert(
    fc.asyncProperty(bits, async (bit) => {
      const changed = await buildTree(sizes(200_000), readerOf(flip(content, bit)));
      assertNotEquals(changed.root, root);
    }),
    { numRuns: 10 },
  );
});

test("buildTree has several reads under way, and reports progress up to the end", async () => {
  const length = 10 * 2 ** 20;
  let [under, most] = [0, 0];
  const read: ReadContent = async (_, into) => {
    most = Math.max(most, ++under);
    await Promise.resolve();
    into.fill(1);
    under--;
  };
  const progress: number[] = [];
  await buildTree(sizes(length), read, { onProgress: (bytes) => void progress.push(bytes) });
  assertEquals(most, 3);
  assertEquals([progress.length, progress.at(-1)], [10, length]);
  assertEquals(progress, progress.toSorted((a, b) => a - b));
});

test("buildTree ends with the error of a read, and when its signal aborts, and then reads no more", async () => {
  let [reads, under] = [0, 0];
  const read = (fails: boolean): ReadContent => async () => {
    const number = ++reads;
    under++;
    await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    under--;
    if (fails && number === 5) throw new Error("cut off");
  };
  await assertRejects(() => buildTree(sizes(GIB), read(true)), Error, "cut off");
  assert(reads < 9, `${reads} reads`);
  assertEquals(under, 0);
  // One read fails at once, and two others go on.
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  let isOver = false;
  const failing = buildTree(sizes(GIB), async (offset) => {
    if (offset === 0) throw new Error("cut off");
    await held;
  }).catch((error) => {
    isOver = true;
    return error;
  });
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assertEquals(isOver, false);
  release();
  assertEquals((await failing).message, "cut off");
  const abort = new AbortController();
  const building = buildTree(sizes(GIB), read(false), {
    signal: abort.signal,
    onProgress: () => abort.abort(new Error("canceled")),
  });
  await assertRejects(() => building, Error, "canceled");
  assertEquals(under, 0);
});

test("buildTree refuses an empty content and one that is too large", async () => {
  for (const size of [0, MAX_CONTENT_BYTES + 1]) {
    await assertRejects(
      () => buildTree({ manifestBytes: 0, size }, () => Promise.resolve()),
      RangeError,
    );
  }
});

test("TreeVerifier accepts the units of a tree from the top down, and no others", async () => {
  const content = contentOf(3 * LEAF_BYTES + 9);
  const { geometry, node, root } = await treeAndNode(content);
  const verifier = new TreeVerifier(sizes(content.length), root);
  const leaf = (unit: number): Bytes => {
    const start = geometry.contentOffset(unit);
    return content.slice(start, start + geometry.plainBytes(unit));
  };
  assertEquals(await verifier.verify(1, leaf(1)), undefined);
  assertEquals(await verifier.verify(0, flip(node, 300)), false);
  assertEquals([verifier.has(0), await verifier.verify(0, node), verifier.has(0)], [
    false,
    true,
    true,
  ]);
  for (const unit of [1, 2, 3, 4]) {
    assertEquals(await verifier.verify(unit, leaf(unit)), true);
    assertEquals(await verifier.verify(unit, flip(leaf(unit), 7)), false);
    assertEquals(await verifier.verify(unit, leaf(unit).slice(1)), false);
    assertEquals(await verifier.verify(unit, concat(leaf(unit), new Uint8Array(1))), false);
  }
  assertEquals(await verifier.verify(1, leaf(2)), false);
  assertEquals(verifier.has(1), false);
  await assertRejects(() => verifier.verify(5, leaf(1)), RangeError);
});

test("TreeVerifier refuses the right units for another root or other sizes", async () => {
  const content = contentOf(3 * LEAF_BYTES + 9);
  const { node, root } = await treeAndNode(content);
  const other = { manifestBytes: 11, size: content.length - 11 };
  assertEquals(await new TreeVerifier(other, root).verify(0, node), false);
  assertEquals(await new TreeVerifier(sizes(content.length), flip(root, 0)).verify(0, node), false);
});

test("TreeVerifier checks a single leaf against the root", async () => {
  const content = contentOf(500);
  const { root } = await buildTree(sizes(500), readerOf(content));
  const verifier = new TreeVerifier(sizes(500), root);
  assertEquals(await verifier.verify(0, flip(content, 0)), false);
  assertEquals(await verifier.verify(0, content), true);
});

test("TreeVerifier accepts no leaf in the place of a node, and a node only in its own place", async () => {
  const tree = await treeOver(5_000);
  const verifier = new TreeVerifier(
    { manifestBytes: 10, size: 5_000 * LEAF_BYTES - 10 },
    tree.root,
  );
  assertEquals(await verifier.verify(0, tree.node(0)), true);
  assertEquals(await verifier.verify(2, tree.node(1)), false);
  assertEquals(await verifier.verify(1, contentOf(LEAF_BYTES)), false);
  for (const unit of [1, 2, 3]) assertEquals(await verifier.verify(unit, tree.node(unit)), true);
});

async function treeAndNode(content: Bytes) {
  const tree = await buildTree(sizes(content.length), readerOf(content));
  return { geometry: tree.geometry, node: tree.node(0), root: tree.root };
}
