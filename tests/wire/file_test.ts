import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Bytes, concat, u32, u64, u8, utf8 } from "../../lib/bytes/mod.ts";
import {
  BodyKind,
  decodeFileMessage,
  encodeFileMessage,
  type FileMessage,
  isFileKind,
  MAX_TEXT_BYTES,
  MAX_WANT_RANGES,
  ReportState,
  StopReason,
  type WantRange,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";

const TRANSFER = new Uint8Array(16).fill(1);
const ROOT = new Uint8Array(32).fill(2);
const LAST = Number.MAX_SAFE_INTEGER;

const OFFER = {
  kind: "offer",
  transfer: TRANSFER,
  stream: false,
  size: 5,
  files: 1,
  manifestBytes: 19,
  root: ROOT,
  name: "notes.txt",
} as const;

/** The body of an offer, with one field replaced. */
function offerBody(fields: Partial<Record<keyof typeof OFFER | "flags", Bytes>> = {}): Bytes {
  return concat(
    TRANSFER,
    fields.flags ?? u8(0),
    fields.size ?? u64(5),
    fields.files ?? u32(1),
    fields.manifestBytes ?? u32(19),
    fields.root ?? ROOT,
    fields.name ?? concat(u8(9), utf8("notes.txt")),
  );
}

function wantBody(...ranges: readonly (readonly [first: number, count: number])[]): Bytes {
  return concat(TRANSFER, ...ranges.flatMap(([first, count]) => [u64(first), u64(count)]));
}

const LAYOUTS: readonly (readonly [FileMessage, number, Bytes])[] = [
  [OFFER, BodyKind.OFFER, offerBody()],
  [
    { ...OFFER, stream: true, size: 0, root: new Uint8Array(32) },
    BodyKind.OFFER,
    offerBody({ flags: u8(1), size: u64(0), root: new Uint8Array(32) }),
  ],
  [{ kind: "want", transfer: TRANSFER, ranges: [] }, BodyKind.WANT, TRANSFER],
  [
    {
      kind: "want",
      transfer: TRANSFER,
      ranges: [{ first: 0, count: 2 }, { first: 2, count: 1 }, { first: 9, count: LAST - 9 }],
    },
    BodyKind.WANT,
    wantBody([0, 2], [2, 1], [9, LAST - 9]),
  ],
  [
    { kind: "grant", transfer: TRANSFER, secret: ROOT },
    BodyKind.GRANT,
    concat(TRANSFER, ROOT),
  ],
  [
    {
      kind: "report",
      transfer: TRANSFER,
      state: ReportState.STOPPED,
      value: StopReason.DISK_FULL,
    },
    BodyKind.REPORT,
    concat(TRANSFER, u8(4), u64(1)),
  ],
  [
    { kind: "report", transfer: TRANSFER, state: ReportState.END, value: 7, root: ROOT },
    BodyKind.REPORT,
    concat(TRANSFER, u8(8), u64(7), ROOT),
  ],
  [
    { kind: "report", transfer: TRANSFER, state: 200, value: LAST },
    BodyKind.REPORT,
    concat(TRANSFER, u8(200), u64(LAST)),
  ],
];

test("encodeFileMessage lays out each kind, and decodeFileMessage reads it back", () => {
  for (const [message, kind, body] of LAYOUTS) {
    assertEquals(encodeFileMessage(message), { kind, body });
    assertEquals(decodeFileMessage(kind, body), message);
    assertEquals(isFileKind(kind), true);
  }
  for (const kind of [BodyKind.TEXT, BodyKind.BATCH, BodyKind.REPORT + 1]) {
    assertEquals(isFileKind(kind), false);
  }
});

test("decodeFileMessage refuses every body that is cut short or too long", async () => {
  for (const [message, kind, body] of LAYOUTS) {
    for (let size = 0; size < body.length; size++) {
      const isShorterWant = message.kind === "want" && size >= 16 && size % 16 === 0;
      if (!isShorterWant) {
        await assertFails(() => decodeFileMessage(kind, body.slice(0, size)), "protocol-error");
      }
    }
    await assertFails(() => decodeFileMessage(kind, concat(body, u8(0))), "protocol-error");
  }
});

test("decodeFileMessage refuses an offer with a field out of its bounds", async () => {
  const decode = (fields: Parameters<typeof offerBody>[0]): FileMessage =>
    decodeFileMessage(BodyKind.OFFER, offerBody(fields));
  const stream = { flags: u8(1), size: u64(0), root: new Uint8Array(32) };
  for (
    const fields of [
      { size: u64(2 ** 52) },
      { files: u32(100_000) },
      { manifestBytes: u32(2 ** 23) },
      { name: concat(u8(255), utf8("x".repeat(255))) },
      stream,
    ]
  ) decode(fields);
  for (
    const fields of [
      { flags: u8(2) },
      { size: u64(2 ** 52 + 1) },
      { files: u32(0) },
      { files: u32(100_000 + 1) },
      { manifestBytes: u32(0) },
      { manifestBytes: u32(2 ** 23 + 1) },
      { name: u8(0) },
      { name: concat(u8(1), u8(0xff)) },
      { ...stream, size: u64(1) },
      { ...stream, root: ROOT },
      { ...stream, files: u32(2) },
    ]
  ) await assertFails(() => decode(fields), "protocol-error");
});

test("decodeFileMessage refuses a want whose ranges are empty, overlap, or are too many", async () => {
  const decode = (...ranges: readonly (readonly [first: number, count: number])[]): FileMessage =>
    decodeFileMessage(BodyKind.WANT, wantBody(...ranges));
  for (const ranges of [[[0, 0]], [[1, 2], [2, 1]], [[5, 1], [0, 1]], [[LAST, 1]]] as const) {
    await assertFails(() => decode(...ranges), "protocol-error");
  }
  const many = Array.from({ length: MAX_WANT_RANGES + 1 }, (_, i) => [2 * i, 1] as const);
  await assertFails(() => decode(...many), "protocol-error");
  decode(...many.slice(1));
  assertEquals(wantBody(...many.slice(1)).length <= MAX_TEXT_BYTES, true);
});

test("decodeFileMessage undoes encodeFileMessage for any want", () => {
  const gap = fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 2 ** 40 }));
  fc.assert(fc.property(fc.array(gap, { maxLength: 50 }), (gaps) => {
    const ranges: WantRange[] = [];
    let end = 0;
    for (const [skipped, count] of gaps) {
      ranges.push({ first: end + skipped, count });
      end += skipped + count;
    }
    const want = { kind: "want", transfer: TRANSFER, ranges } as const;
    const { body, kind } = encodeFileMessage(want);
    assertEquals(decodeFileMessage(kind, body), want);
  }));
});
