import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Bytes, toHex } from "../../lib/bytes/mod.ts";
import { fileKey, randomBytes, TAG_BYTES } from "../../lib/crypto/mod.ts";
import {
  buildTree,
  contentReader,
  Manifest,
  MAX_PATH_BYTES,
  MAX_PATH_DEPTH,
  readArrived,
  safePaths,
  TreeVerifier,
  writeArrived,
} from "../../lib/files/mod.ts";
import { Download, findUpload } from "../../lib/store/mod.ts";
import { MAX_FILES } from "../../lib/wire/mod.ts";
import { test } from "../support/test.ts";

const LIMITS = { maxFiles: MAX_FILES, maxPathBytes: MAX_PATH_BYTES, maxPathDepth: MAX_PATH_DEPTH };

/** Sizes around the borders of leaves, with many files in one leaf and many leaves in one file. */
const SIZES = [0, 1, 65_536, 300_000, 0, 10_240, 10_240, 65_535, 7, ...Array(50).fill(100)];

/** A folder to send and one to save in. */
class Folders implements Disposable {
  readonly path: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "lanchat-content-" }));
  readonly contents: readonly Bytes[] = SIZES.map((size) =>
    new Uint8Array(size).map((_, i) => i * 31 ^ i >> 8 ^ size)
  );

  constructor() {
    Deno.mkdirSync(`${this.path}/album/more`, { recursive: true });
    for (const [i, content] of this.contents.entries()) {
      Deno.writeFileSync(`${this.path}/${this.name(i)}`, content);
    }
  }

  name(file: number): string {
    return `album/${file % 2 ? "more/" : ""}${`${file}`.padStart(2, "0")}`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Counts the units that were wanted from a sender. */
interface Received {
  readonly leaves: number;
  readonly paths: readonly string[];
}

/** Sends the folder through sealed units, as far as `until`, and resumes what is there. */
async function transfer(folders: Folders, until = Infinity): Promise<Received> {
  const upload = await findUpload([`${folders.path}/album`], LIMITS);
  const manifest = Manifest.of(upload.files);
  const read = contentReader(manifest, upload);
  const sizes = { manifestBytes: manifest.bytes.length, size: manifest.size };
  const tree = await buildTree(sizes, read);
  const { geometry } = tree;
  const key = await fileKey(randomBytes(32), randomBytes(32));
  const seal = async (unit: number): Promise<Bytes> => {
    if (!geometry.isLeaf(unit)) return await key.seal(unit, false, tree.node(unit));
    const leaf = new Uint8Array(geometry.plainBytes(unit));
    await read(geometry.contentOffset(unit), leaf);
    return await key.seal(unit, geometry.isLast(unit), leaf);
  };

  const verifier = new TreeVerifier(sizes, tree.root);
  const open = async (unit: number): Promise<Bytes> => {
    const sealed = await seal(unit);
    assertEquals(sealed.length, geometry.plainBytes(unit) + TAG_BYTES);
    const plain = (await key.open(unit, geometry.isLast(unit), sealed))!;
    assert(await verifier.verify(unit, plain));
    return plain;
  };
  for (let unit = 0; unit < geometry.firstLeaf; unit++) await open(unit);

  const offer = { root: toHex(tree.root), from: "aa", size: manifest.size };
  const directory = `${folders.path}/saved`;
  const download = await Download.find(directory, offer) ??
    await Download.create(directory, "album", offer);
  const paths = safePaths(manifest.files.map(({ path }) => path));
  await download.lay(manifest.files.map(({ size }, i) => ({ path: paths[i]!, size })));
  let leaves = 0;
  for (let unit = geometry.firstLeaf; unit < geometry.units && leaves < until; unit++) {
    const offset = geometry.contentOffset(unit);
    const there = new Uint8Array(geometry.plainBytes(unit));
    if (
      await readArrived(manifest, download, offset, there) && await verifier.verify(unit, there)
    ) {
      continue;
    }
    await writeArrived(manifest, download, offset, await open(unit));
    leaves++;
  }
  await upload.close();
  if (leaves < until) return { leaves, paths: await download.finish() };
  await download.close();
  return { leaves, paths: [] };
}

test("A folder arrives whole, through sealed units that are checked against the tree", async () => {
  using folders = new Folders();
  const { leaves, paths } = await transfer(folders);
  assertEquals([leaves, paths], [7, [`${folders.path}/saved/album`]]);
  for (const [i, content] of folders.contents.entries()) {
    assertEquals(Deno.readFileSync(`${folders.path}/saved/${folders.name(i)}`), content);
  }
  assertEquals([...Deno.readDirSync(`${folders.path}/saved`)].length, 1);
});

test("A transfer that was cut continues with the leaves that are missing or wrong on disk", async () => {
  using folders = new Folders();
  assertEquals((await transfer(folders, 4)).leaves, 4);
  const part = `${folders.path}/saved/album.part/files`;
  // The fourth file is in the second to sixth leaf: its first bytes are in the third.
  const largest = Deno.readFileSync(`${part}/${folders.name(3)}`);
  Deno.writeFileSync(`${part}/${folders.name(3)}`, largest.with(70_000, 1 ^ largest[70_000]!));
  assertEquals((await transfer(folders)).leaves, 7 - 4 + 1);
  for (const [i, content] of folders.contents.entries()) {
    assertEquals(Deno.readFileSync(`${folders.path}/saved/${folders.name(i)}`), content);
  }
});

test("contentReader passes on the error of a file", async () => {
  const manifest = Manifest.of([{ path: "a", size: 5 }]);
  const read = contentReader(manifest, { readAt: () => Promise.reject(new Error("gone")) });
  await read(0, new Uint8Array(manifest.bytes.length));
  await assertRejects(() => read(1, new Uint8Array(manifest.bytes.length)), Error, "gone");
});

test("readArrived says whether all was there", async () => {
  const manifest = Manifest.of([{ path: "a", size: 5 }, { path: "b", size: 5 }]);
  for (const missing of [undefined, 0, 1]) {
    const files = {
      readAt: (file: number, _: number, into: Bytes) =>
        Promise.resolve(file === missing ? into.length - 1 : into.length),
      writeAt: () => Promise.resolve(),
    };
    const into = new Uint8Array(10);
    const isThere = await readArrived(manifest, files, manifest.bytes.length, into);
    assertEquals(isThere, missing === undefined);
  }
});

test("writeArrived opens few files at once, however many a leaf has", async () => {
  const manifest = Manifest.of(
    Array.from({ length: 5_000 }, (_, i) => ({ path: `${i}`, size: 1 })),
  );
  let [under, most, count] = [0, 0, 0];
  const files = {
    readAt: () => Promise.resolve(0),
    async writeAt() {
      most = Math.max(most, ++under);
      await Promise.resolve();
      count++;
      under--;
    },
  };
  await writeArrived(manifest, files, 0, new Uint8Array(manifest.bytes.length + 5_000));
  assertEquals([most, count], [1, 5_000]);
});
