import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat, utf8 } from "../../../lib/bytes/mod.ts";
import { ChannelError, HandshakeError, WireError } from "../../../lib/errors.ts";
import { sameName } from "../../../lib/room/mod.ts";
import {
  decodeAgain,
  decodeAnnounce,
  decodeBatch,
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
  decodeSkdm,
  decodeStatus,
  decodeText,
  encodeAgain,
  encodeAnnounceHead,
  encodeBatch,
  encodeFrame,
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
  FrameDecoder,
  FrameDecoderStream,
  M0_BYTES,
  M2_BYTES,
  MAX_NAME_BYTES,
  nameProblem,
  type PlainRecord,
  RecordType,
  typedName,
} from "../../../lib/wire/mod.ts";
import { assertCanonical, chunkings, refusal, type Target } from "../target.ts";

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

/** The type of a record and its payload, in one piece. */
export function flat({ payload, type }: PlainRecord): Bytes {
  return concat(new Uint8Array([type]), payload);
}

function plain(input: Bytes): PlainRecord {
  return { type: input[0] ?? 0, payload: input.slice(1) };
}

/** All bodies that a decoder gives, and how it ended. */
function cut(sizes: readonly number[], chunks: readonly Bytes[]): { bodies: Bytes[]; end: string } {
  const decoder = new FrameDecoder(sizes);
  const bodies: Bytes[] = [];
  try {
    for (const chunk of chunks) {
      for (const body of decoder.push(chunk)) bodies.push(body);
    }
  } catch (error) {
    return { bodies, end: refusal(error, WireError) };
  }
  return { bodies, end: decoder.complete ? "ok" : "inside a frame" };
}

/** Frames, with or without the handshake before them, in chunks of any size. */
const frames: Target = {
  name: "frames",
  runs: 300,
  async run(input): Promise<string> {
    const sizes = input[0]! & 1 ? [M0_BYTES, M2_BYTES] : [];
    const bytes = input.slice(1);
    const [whole, ...others] = chunkings(bytes).map((chunks) => cut(sizes, chunks));
    for (const other of others) assertEquals(other, whole);
    const { bodies, end } = whole!;
    assertCanonical(concat(...bodies.map(encodeFrame)), bytes.slice(0, framed(bodies)));
    const streamed: Bytes[] = [];
    try {
      const stream = ReadableStream.from(chunkings(bytes)[2]!);
      for await (const body of stream.pipeThrough(new FrameDecoderStream(sizes))) {
        streamed.push(body);
      }
      assertEquals(end, "ok");
    } catch (error) {
      refusal(error, WireError, ChannelError);
      assert(end !== "ok", "a stream fails where the decoder does not");
    }
    assertEquals(streamed, bodies.slice(0, streamed.length));
    if (end === "ok") assertEquals(streamed.length, bodies.length);
    return `${end}: ${Math.min(bodies.length, 3)} bodies`;
  },
};

function framed(bodies: readonly Bytes[]): number {
  return bodies.reduce((sum, body) => sum + 4 + body.length, 0);
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
  names,
];
