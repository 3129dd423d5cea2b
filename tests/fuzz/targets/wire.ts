import { assert, assertEquals } from "@std/assert";
import { byteLength, type Bytes, concat, utf8 } from "../../../lib/bytes/mod.ts";
import { ChannelError, HandshakeError, WireError } from "../../../lib/errors.ts";
import { sameName } from "../../../lib/room/mod.ts";
import {
  BodyKind,
  bulkHeader,
  decodeAgain,
  decodeAnnounce,
  decodeBatch,
  decodeFileMessage,
  decodeHostRecord,
  decodeInner,
  decodeKick,
  decodeM0,
  decodeM1,
  decodeM2,
  decodeM3,
  decodeMemberRecord,
  decodeMsg,
  decodeNameField,
  decodeNeed,
  decodeSharedPosition,
  decodeSkdm,
  decodeStatus,
  decodeText,
  encodeAgain,
  encodeAnnounceHead,
  encodeBatch,
  encodeFileMessage,
  encodeHostRecord,
  encodeInner,
  encodeKickHead,
  encodeM0,
  encodeM1,
  encodeM2,
  encodeM3,
  encodeMemberRecord,
  encodeMsgHeader,
  encodeNameField,
  encodeNeed,
  encodeSkdmHeader,
  type Frame,
  FrameDecoder,
  FrameDecoderStream,
  frameHeader,
  M0_BYTES,
  M2_BYTES,
  MAX_NAME_BYTES,
  nameProblem,
  NO_TRANSCRIPT,
  type PlainRecord,
  RecordType,
  typedName,
} from "../../../lib/wire/mod.ts";
import { assertCanonical, chunkings, refusal, type Step, type Target } from "../target.ts";

/** A decoder whose encoder gives back what it took. */
function codec<Value>(
  name: string,
  decode: (input: Bytes) => Value,
  encode: (value: Value) => Bytes,
): Target {
  return {
    name,
    runs: 2000,
    run(input): string {
      let value: Value;
      try {
        value = decode(input);
      } catch (error) {
        return refusal(error, WireError, HandshakeError);
      }
      assertCanonical(encode(value), input);
      return `ok: ${shape(value)}`;
    },
  };
}

/** The features that distinguish values of one type: small numbers and choices. */
function shape(value: unknown): string {
  if (Array.isArray(value)) return `${Math.min(value.length, 3)} items`;
  if (typeof value !== "object" || value === null) return typeof value;
  const fields = Object.entries(value).map(([key, field]) => {
    if (typeof field === "boolean" || key === "type") return `${key} ${field}`;
    if (typeof field === "number") return `${key} ${field < 16 ? field : "…"}`;
    return Array.isArray(field) ? `${key} ${Math.min(field.length, 3)}` : "";
  });
  return fields.filter((field) => field !== "").join(", ");
}

/** The type of a record, its payload, and the bytes outside its seal, in one piece. */
export function flat({ bulk = [], payload, type }: PlainRecord): Bytes {
  return concat(new Uint8Array([type]), payload, ...bulk);
}

function plain(input: Bytes): PlainRecord {
  return { type: input[0] ?? 0, payload: input.slice(1) };
}

/** The record of a step: its type is the kind. */
export function recordOf({ data, kind }: Step): PlainRecord {
  return kind === RecordType.BULK ? bulkRecord(data) : { type: kind, payload: data };
}

/** A BULK with a payload, and one byte after its head. */
function bulkRecord(payload: Bytes): PlainRecord {
  return { type: RecordType.BULK, payload, bulk: [new Uint8Array(1)] };
}

/** All frames that a decoder gives, and how it ended. */
function cut(
  sizes: readonly number[],
  takesShared: boolean,
  chunks: readonly Bytes[],
): { frames: Frame[]; end: string } {
  const decoder = new FrameDecoder(sizes, takesShared);
  const frames: Frame[] = [];
  try {
    for (const chunk of chunks) {
      for (const frame of decoder.push(chunk)) frames.push(frame);
    }
  } catch (error) {
    return { frames, end: refusal(error, WireError) };
  }
  return { frames, end: decoder.complete ? "ok" : "inside a frame" };
}

/** Frames, with or without the handshake before them, in chunks of any size. */
const frames: Target = {
  name: "frames",
  runs: 300,
  async run(input): Promise<string> {
    const sizes = input[0]! & 1 ? [M0_BYTES, M2_BYTES] : [];
    const takesShared = (input[0]! & 2) > 0;
    const bytes = input.slice(1);
    const [whole, ...others] = chunkings(bytes).map((chunks) => cut(sizes, takesShared, chunks));
    for (const other of others) assertEquals(other, whole);
    const { end, frames } = whole!;
    const encoded = concat(...frames.map(encodeAny));
    assertCanonical(encoded, bytes.slice(0, encoded.length));
    const streamed: Frame[] = [];
    try {
      const stream = ReadableStream.from(chunkings(bytes)[2]!);
      for await (const frame of stream.pipeThrough(new FrameDecoderStream(sizes, takesShared))) {
        streamed.push(frame);
      }
      assertEquals(end, "ok");
    } catch (error) {
      refusal(error, WireError, ChannelError);
      assert(end !== "ok", "a stream fails where the decoder does not");
    }
    assertEquals(streamed, frames.slice(0, streamed.length));
    if (end === "ok") assertEquals(streamed.length, frames.length);
    return `${end}: ${frames.slice(0, 3).map(({ kind }) => kind)}`;
  },
};

/** The bytes of a frame. */
export function encodeAny({ body, bulk, kind }: Frame): Bytes {
  if (bulk !== undefined) {
    return concat(bulkHeader(body.length, byteLength(bulk)), body, ...bulk);
  }
  return concat(frameHeader(body.length, kind), body);
}

/** Text, and what of it may be a name. */
const names: Target = {
  name: "names",
  runs: 2000,
  run(input): string {
    let name: string;
    try {
      name = decodeText(input);
    } catch (error) {
      return refusal(error, WireError);
    }
    assertCanonical(utf8(name), input);
    const problem = nameProblem(name);
    if (problem !== undefined) return `no name: ${problem.replaceAll(/\d+/g, "#")}`;
    assert(input.length >= 1 && input.length <= MAX_NAME_BYTES);
    const plain = name.replaceAll(/\p{RGI_Emoji}/gv, "x").replaceAll(/\p{Cn}/gu, "");
    assert(!/[\p{C}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}:#\\]|^\s|\s$/u.test(plain));
    assert(!/^@?(?:all|everyone|here)$/i.test(name));
    assert(sameName(name, typedName(name)));
    return "ok";
  },
};

const innerCodec = codec("inner", decodeInner, encodeInner);

/** The body of a MSG of one kind about a transfer. */
function fileBody(name: string, kind: number): Target {
  return codec(
    name,
    (body) => decodeFileMessage(kind, body),
    (message) => encodeFileMessage(message).body,
  );
}

/** The inner part of a MSG, but for the field that a reader ignores and a writer leaves zero. */
const inner: Target = {
  ...innerCodec,
  run: (input) => innerCodec.run(input.map((byte, i) => i >= 16 && i < 24 ? 0 : byte)),
};

/** Everything that turns bytes into values. */
export const wireTargets: readonly Target[] = [
  frames,
  codec("m0", decodeM0, encodeM0),
  codec("m1", decodeM1, encodeM1),
  codec("m2", decodeM2, encodeM2),
  codec("m3", decodeM3, encodeM3),
  codec(
    "host-record",
    (input) => decodeHostRecord(plain(input)),
    (record) => flat(encodeHostRecord(record)),
  ),
  codec(
    "shared-record",
    (input) => decodeHostRecord({ ...plain(input), transcript: NO_TRANSCRIPT }),
    (record) => {
      assert(record.type === "member" || record.type === "batch");
      assert(record.type === "member" || record.envelopes.every(({ direct }) => !direct));
      return flat(encodeHostRecord(record));
    },
  ),
  codec(
    "key",
    decodeSharedPosition,
    (position) => encodeHostRecord({ type: "key", ...position }).payload,
  ),
  codec(
    "member-record",
    (input) => decodeMemberRecord(plain(input)),
    (record) => flat(encodeMemberRecord(record)),
  ),
  codec(
    "roster",
    (payload) => decodeHostRecord({ type: RecordType.ROSTER, payload }),
    (record) => encodeHostRecord(record).payload,
  ),
  codec(
    "host-batch",
    (payload) => decodeHostRecord({ type: RecordType.BATCH, payload }),
    (record) => encodeHostRecord(record).payload,
  ),
  codec(
    "member-batch",
    (payload) => decodeMemberRecord({ type: RecordType.BATCH, payload }),
    (record) => encodeMemberRecord(record).payload,
  ),
  codec(
    "host-bulk",
    (payload) => decodeHostRecord(bulkRecord(payload)),
    (record) => encodeHostRecord(record).payload,
  ),
  codec(
    "member-bulk",
    (payload) => decodeMemberRecord(bulkRecord(payload)),
    (record) => encodeMemberRecord(record).payload,
  ),
  codec("announce", decodeAnnounce, (announce) => {
    assertCanonical(encodeAnnounceHead(announce), announce.head);
    assertCanonical(concat(announce.head, announce.sealedName), announce.tagged);
    assertCanonical(concat(announce.tagged, announce.memberTag), announce.signed);
    return concat(announce.signed, announce.signature);
  }),
  codec("name-field", decodeNameField, encodeNameField),
  codec("skdm", decodeSkdm, (skdm) => {
    const { encapsulated, header, sealed, wrapped } = skdm;
    assertCanonical(encodeSkdmHeader(skdm), header);
    assertCanonical(concat(header, wrapped, encapsulated, sealed), skdm.signed);
    return concat(skdm.signed, skdm.signature);
  }),
  codec("msg", decodeMsg, (msg) => {
    assertCanonical(concat(encodeMsgHeader(msg), msg.sealed), msg.signed);
    return concat(msg.header, msg.sealed, msg.signature);
  }),
  inner,
  codec("need", decodeNeed, encodeNeed),
  codec("kick", decodeKick, (kick) => {
    assertCanonical(encodeKickHead(kick), kick.signed);
    return concat(kick.signed, kick.signature);
  }),
  codec("again", decodeAgain, encodeAgain),
  codec("message-batch", decodeBatch, encodeBatch),
  codec("status", decodeStatus, utf8),
  fileBody("offer", BodyKind.OFFER),
  fileBody("want", BodyKind.WANT),
  fileBody("grant", BodyKind.GRANT),
  fileBody("report", BodyKind.REPORT),
  names,
];
