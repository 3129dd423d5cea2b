import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Bytes, concat, toHex, u16, u32, u64, utf8 } from "../../lib/bytes/mod.ts";
import { WireError } from "../../lib/errors.ts";
import {
  Manifest,
  type ManifestFile,
  MAX_CONTENT_BYTES,
  MAX_FOLDERS,
  MAX_PATH_BYTES,
  MAX_PATH_DEPTH,
  UNKNOWN_SIZE,
} from "../../lib/files/mod.ts";
import { MAX_FILES, MAX_MANIFEST_BYTES } from "../../lib/wire/mod.ts";
import { test } from "../support/test.ts";

const FILES = [{ path: "photos/ü.jpg", size: 70_000 }, { path: "empty", size: 0 }];

function encoded(...files: readonly (readonly [path: Uint8Array, size: Bytes])[]): Bytes {
  const entries = files.flatMap(([path, size]) => [u16(path.length), path, size]);
  return concat(u32(files.length), ...entries);
}

test("Manifest has the layout of PROTOCOL.md", () => {
  const { bytes, size } = Manifest.of(FILES);
  const photo = `000d${toHex(utf8("photos/ü.jpg"))}${toHex(u64(70_000))}`;
  assertEquals(toHex(bytes), `00000002${photo}0005${toHex(utf8("empty"))}${toHex(u64(0))}`);
  assertEquals(size, 70_000);
});

test("Manifest.decode undoes Manifest.of", () => {
  const path = fc.string({ minLength: 1, maxLength: 30, unit: "grapheme" });
  const files = fc.array(fc.record({ path, size: fc.nat() }), { minLength: 1, maxLength: 50 });
  fc.assert(fc.property(files, (entries) => {
    fc.pre(entries.every(({ path }) => path.split("/").length <= MAX_PATH_DEPTH));
    const manifest = Manifest.of(entries);
    assertEquals(Manifest.decode(manifest.bytes).files, entries);
  }));
});

const A = utf8("a");
const LIMITS = [
  { what: "no file", why: "has 0 files", bytes: encoded() },
  {
    what: "an empty path",
    why: "a path has 0 bytes",
    bytes: encoded([utf8(""), u64(1)], [utf8("aa"), u64(1)]),
  },
  {
    what: "a path that is too long",
    why: "a path has 1025 bytes",
    bytes: encoded([new Uint8Array(MAX_PATH_BYTES + 1).fill(97), u64(1)]),
  },
  {
    what: "a path in too many folders",
    why: "over 32 components",
    bytes: encoded([utf8("a/".repeat(MAX_PATH_DEPTH) + "a"), u64(1)]),
  },
  {
    what: "a path that is not UTF-8",
    why: "not UTF-8",
    bytes: encoded([new Uint8Array([0xc3, 0x28]), u64(1)]),
  },
  {
    what: "a path with a surrogate",
    why: "not UTF-8",
    bytes: encoded([new Uint8Array([0xed, 0xa0, 0x80]), u64(1)]),
  },
  {
    what: "a size over 2^53 - 1",
    why: "over 2^53",
    bytes: encoded([A, new Uint8Array(8).fill(0xff)]),
  },
  {
    what: "too many bytes in all",
    why: "its files have over",
    bytes: encoded([A, u64(MAX_CONTENT_BYTES - 15)], [A, u64(1)]),
  },
  {
    what: "two files of unknown size",
    why: "its files have over",
    bytes: encoded([A, u64(UNKNOWN_SIZE)], [A, u64(UNKNOWN_SIZE)]),
  },
  {
    what: "a file of unknown size beside another",
    why: "its files have over",
    bytes: encoded([A, u64(0)], [A, u64(UNKNOWN_SIZE)]),
  },
  { what: "surplus bytes", why: "surplus", bytes: concat(encoded([A, u64(1)]), A) },
  {
    what: "more files than it has bytes for",
    why: "cut off",
    bytes: concat(u32(30_000_000), encoded([A, u64(1)])),
  },
];

for (const { bytes, what, why } of LIMITS) {
  test(`Manifest.decode refuses ${what}`, () => {
    assertThrows(() => Manifest.decode(bytes), WireError, why);
  });
}

test("Manifest.read lets other work have its turn, and decodes the same", async () => {
  const files = Array.from({ length: MAX_FILES }, (_, i) => ({ path: `a/${i}`, size: i }));
  const { bytes } = Manifest.of(files);
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  assertEquals((await Manifest.read(bytes)).files, files);
  clearInterval(timer);
  assert(turns >= 2, `${turns} turns`);
  await assertRejects(() => Manifest.read(bytes.slice(0, -1)), WireError);
});

test("Manifest.decode refuses every truncation, and accepts the limits themselves", () => {
  const { bytes } = Manifest.of(FILES);
  for (let end = 0; end < bytes.length; end++) {
    assertThrows(() => Manifest.decode(bytes.slice(0, end)), WireError);
  }
  Manifest.decode(encoded([new Uint8Array(MAX_PATH_BYTES).fill(97), u64(1)]));
  Manifest.decode(encoded([utf8("a/".repeat(MAX_PATH_DEPTH - 1) + "a"), u64(1)]));
  Manifest.decode(encoded([A, u64(MAX_CONTENT_BYTES - 15)]));
});

test("Manifest takes 100,000 files and 8 MiB, and no more", () => {
  const files = Array.from({ length: MAX_FILES }, (_, i) => ({ path: `${i}`, size: 1 }));
  const { bytes } = Manifest.of(files);
  assertEquals(Manifest.decode(bytes).files.length, MAX_FILES);
  const one = { path: "x", size: 1 };
  assertThrows(() => Manifest.of([...files, one]), WireError, "100001 files");
  const more = concat(u32(MAX_FILES + 1), bytes.slice(4), u16(1), A, u64(1));
  assertThrows(() => Manifest.decode(more), WireError, "100001 files");
  const long = files.slice(0, 8_200).map(({ path }) => ({ path: path.padEnd(1_013), size: 1 }));
  assertEquals(Manifest.of(long).bytes.length, 4 + 8_200 * 1_023);
  const over = Manifest.of.bind(Manifest, [...long, { path: "y".repeat(5_000 / 5), size: 1 }]);
  assert(4 + 8_200 * 1_023 + 1_010 > MAX_MANIFEST_BYTES);
  assertThrows(over, WireError, "bytes, at most");
  assertThrows(() => Manifest.decode(new Uint8Array(MAX_MANIFEST_BYTES + 1)), WireError, "at most");
});

test("Manifest of a stream has one file whose size is unknown", () => {
  const stream = Manifest.of([{ path: "-", size: UNKNOWN_SIZE }]);
  assertEquals([stream.isStream, Manifest.of(FILES).isStream], [true, false]);
  assertEquals(stream.size, UNKNOWN_SIZE);
  assertEquals(stream.spans(14, 70_000), [
    { file: undefined, offset: 14, start: 0, length: 1 },
    { file: 0, offset: 0, start: 1, length: 69_999 },
  ]);
});

test("Manifest.checkOffer refuses an offer that lies about size, count, length or kind", () => {
  const manifest = Manifest.of(FILES);
  const offer = { manifestBytes: manifest.bytes.length, files: 2, size: 70_000, stream: false };
  manifest.checkOffer(offer);
  const lies = [
    { ...offer, manifestBytes: offer.manifestBytes + 1 },
    { ...offer, files: 1 },
    { ...offer, size: 69_999 },
    { ...offer, size: 0, stream: true },
  ];
  for (const lie of lies) assertThrows(() => manifest.checkOffer(lie), WireError);
  const stream = Manifest.of([{ path: "-", size: UNKNOWN_SIZE }]);
  stream.checkOffer({ manifestBytes: stream.bytes.length, files: 1, size: 0, stream: true });
});

test("Manifest refuses files in more folders than a receiver should make", () => {
  const inFolders = (count: number): ManifestFile[] =>
    Array.from({ length: count / 25 }, (_, i) => ({ path: `${i}${"/a".repeat(25)}`, size: 0 }));
  Manifest.of([...inFolders(MAX_FOLDERS), { path: "a", size: 0 }, { path: "0/a/b", size: 0 }]);
  const many = [...inFolders(MAX_FOLDERS), { path: "b/a", size: 0 }];
  assertThrows(() => Manifest.of(many), WireError, "over 100000 folders");
  const bytes = encoded(...many.map(({ path }) => [utf8(path), u64(0)] as const));
  assertThrows(() => Manifest.decode(bytes), WireError, "over 100000 folders");
});

test("Manifest.spans divides every part of the content, in order and without a gap", () => {
  const list = [0, 3, 0, 0, 2, 1, 9, 0];
  const manifest = Manifest.of(list.map((size, i) => ({ path: `${i}`, size })));
  // The place of each byte of the content.
  const places = [
    ...Array.from(manifest.bytes, (_, offset) => ({ file: undefined, offset })),
    ...list.flatMap((size, file) =>
      Array.from({ length: size }, (_, offset) => ({ file, offset }))
    ),
  ];
  for (let start = 0; start <= places.length; start++) {
    for (let end = start; end <= places.length; end++) {
      const spans = manifest.spans(start, end - start);
      const divided = spans.flatMap(({ file, length, offset }) =>
        Array.from({ length }, (_, i) => ({ file, offset: offset + i }))
      );
      assertEquals(divided, places.slice(start, end));
      const starts = spans.map((_, i) => sum(spans.slice(0, i).map(({ length }) => length)));
      assertEquals(spans.map(({ start }) => start), starts);
      assert(spans.every(({ length }) => length > 0));
    }
  }
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

test("Manifest.spans refuses a part that is not in the content", () => {
  const { bytes, ...manifest } = { bytes: Manifest.of(FILES).bytes, spans: spansOf(FILES) };
  const total = bytes.length + 70_000;
  assertEquals(manifest.spans(total, 0), []);
  assertThrows(() => manifest.spans(total, 1), RangeError);
  assertThrows(() => manifest.spans(-1, 1), RangeError);
  assertThrows(() => manifest.spans(5, -1), RangeError);
});

function spansOf(files: readonly ManifestFile[]): Manifest["spans"] {
  const manifest = Manifest.of(files);
  return (offset, length) => manifest.spans(offset, length);
}
