/** The known answers of file transfers. */
import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { concat, fromHex, toHex } from "../../lib/bytes/mod.ts";
import { digest, fileKey, hashOffer } from "../../lib/crypto/mod.ts";
import {
  buildTree,
  contentReader,
  Geometry,
  LEAF_BYTES,
  Manifest,
  TreeBuilder,
  TreeVerifier,
  UNKNOWN_SIZE,
} from "../../lib/files/mod.ts";
import { test } from "../support/test.ts";
import { makeFiles } from "../vectors/make_files.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const { files: known, hop } = vectors;

test("the known files are those of a second implementation", () => {
  assertEquals(makeFiles(hop), known);
});

for (const transfer of known.transfers) {
  const isStream = transfer.shake256_label.endsWith("stream");
  const size = transfer.files.reduce((sum, { size }) => sum + size, 0);
  const manifest = Manifest.of(
    transfer.files.map(({ path, size }) => ({ path, size: isStream ? UNKNOWN_SIZE : size })),
  );
  const sizes = { manifestBytes: manifest.bytes.length, size };
  const shake = createHash("shake256", { outputLength: size }).update(transfer.shake256_label);
  const files = new Uint8Array(shake.digest());
  const starts = transfer.files.map((_, i) =>
    transfer.files.slice(0, i).reduce((sum, { size }) => sum + size, 0)
  );
  const read = contentReader(manifest, {
    readAt(file, offset, into) {
      const start = starts[file]! + offset;
      into.set(files.subarray(start, start + into.length));
      return Promise.resolve();
    },
  });

  test(`the known manifest of ${transfer.shake256_label} is decoded and encoded`, () => {
    assertEquals(toHex(manifest.bytes), transfer.manifest);
    assertEquals(Manifest.decode(fromHex(transfer.manifest)).files, manifest.files);
  });

  test(`the known units of ${transfer.shake256_label} are sealed, opened and checked`, async () => {
    const tree = await buildTree(sizes, read);
    assertEquals(toHex(tree.root), transfer.root);
    const { key, room_id, session } = {
      key: hop.member_ik,
      room_id: hop.room_id,
      session: hop.sess,
    };
    const origin = { roomId: fromHex(room_id), key: fromHex(key), session: fromHex(session) };
    const offerHash = await hashOffer(origin, fromHex(transfer.offer));
    assertEquals(toHex(offerHash), transfer.offer_hash);
    const cipher = await fileKey(fromHex(transfer.secret), offerHash);
    const verifier = new TreeVerifier(sizes, tree.root);
    for (const { first16, hash, last, len, sha256, tag, unit } of transfer.units) {
      // A stream has only leaves, numbered from 0.
      const inTree = isStream ? unit + tree.geometry.firstLeaf : unit;
      const plain = await unitOf(inTree);
      assertEquals(toHex(tree.hashOf(inTree)), hash);
      const sealed = await cipher.seal(unit, last, plain);
      assertEquals([sealed.length, toHex(sealed.slice(0, 16)), toHex(sealed.slice(-16))], [
        len,
        first16,
        tag,
      ]);
      assertEquals(toHex(await digest(sealed)), sha256);
      assertEquals(await cipher.open(unit, last, sealed), plain);
      assertEquals(await cipher.open(unit, !last, sealed), undefined);
      if (!isStream) assertEquals(await verifier.verify(unit, plain), true);
    }
    assertEquals(tree.geometry.isLast(tree.geometry.units - 1), true);

    async function unitOf(unit: number) {
      if (!tree.geometry.isLeaf(unit)) return tree.node(unit);
      const leaf = new Uint8Array(tree.geometry.plainBytes(unit));
      await read(tree.geometry.contentOffset(unit), leaf);
      return leaf;
    }
  });
}

for (const { manifest, root, size } of known.trees) {
  test(`the known root over ${manifest + size} zeros comes from its leaves`, async () => {
    const { contentBytes, leaves } = new Geometry(manifest + size);
    const whole = await digest(new Uint8Array(LEAF_BYTES));
    const last = await digest(new Uint8Array(contentBytes - (leaves - 1) * LEAF_BYTES));
    const builder = new TreeBuilder();
    for (let leaf = 0; leaf < leaves; leaf++) {
      builder.setLeaf(leaf, leaf === leaves - 1 ? last : whole);
    }
    assertEquals(toHex((await builder.finish({ manifestBytes: manifest, size })).root), root);
  });
}

test("the known album begins with its manifest", () => {
  const { manifest, units } = known.transfers[0]!;
  const first = concat(fromHex(manifest)).length;
  assertEquals(units.map(({ len }) => len), [
    64 + 16,
    LEAF_BYTES + 16,
    first + 70_100 - LEAF_BYTES + 16,
  ]);
});
