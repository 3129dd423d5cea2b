/**
 * Writes known answers into vectors.json, with nothing of lib/: one for each record of PROTOCOL.md §5.3, and the frames
 * of a host to one of its members, some of them shared (§5.5). `vectors_test.ts` compares.
 *
 * To be run where a layout has changed: `deno run --allow-all tests/vectors/make_records.ts`
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { hash, hex, join, label, random, Z } from "./make_e2e.ts";
import { nextSecret, record as seal, tokenOf } from "./make_hop.ts";

/** What of the other known answers records carry. */
export interface Carried {
  readonly hop: {
    readonly member_ik: string;
    readonly nonce: string;
    readonly s2c: string;
    readonly sess: string;
  };
  readonly e2e: {
    readonly again_end: string;
    readonly bob_ik: string;
    readonly bob_nonce: string;
    readonly need: string;
    readonly sess_bob: string;
  };
}

/** The payload of a record, in lower-case hexadecimal digits. */
export interface KnownRecord {
  /** The name, and who sends it where both sides do, with different payloads. */
  readonly name: string;
  /** The first byte of what is sealed. */
  readonly type: number;
  /** All after that. */
  readonly payload: string;
}

/** The place that KEY names. */
const SHARED_SECRET = random("shared secret", 32);
const SHARED_COUNTER = 5;
const SHARED_START = random("shared transcript", 32);

/** The bytes of a file in a bulk frame. */
const BULK = Buffer.from("bytes that are sealed end to end");

/** A frame to a member, in lower-case hexadecimal digits. */
export interface KnownFrame {
  /** The record's name. */
  readonly name: string;
  /** Header and body, in a shared frame with its token. */
  readonly frame: string;
  /** What is sealed. */
  readonly plain: string;
  /** What follows the head of a bulk frame. */
  readonly bulk?: string;
  /** The transcript after it. */
  readonly transcript: string;
}

/** Frames that a host writes to one member, one after the other, from the first on. */
export function makeFrames(known: Carried): KnownFrame[] {
  const payloads = new Map(makeRecords(known).map(({ name, payload, type }) => [
    name,
    integer(type, 1) + payload,
  ]));
  const toAll = integer(0x10, 1) + roomEnvelope(known);
  let [own, shared] = [
    { secret: hex(known.hop.s2c), counter: 0, kind: 0 },
    { secret: SHARED_SECRET, counter: SHARED_COUNTER, kind: 1 },
  ];
  let transcript: Buffer = Z;
  let count = 0;
  const frame = (name: string, plain: string, isShared: boolean, bulk?: Buffer): KnownFrame => {
    const used = isShared ? shared : own;
    const sealed = seal({ ...used, transcript, ...bulk && { bulk } }, hex(plain));
    used.counter++;
    if (name === "KEY") transcript = SHARED_START;
    if (isShared) transcript = hash(label("shared"), transcript, sealed.subarray(4));
    if (name === "REKEY") {
      const next = { ...used, secret: nextSecret(used.secret), counter: 0 };
      if (isShared) shared = next;
      else own = next;
    }
    const token = isShared ? tokenOf(hex(known.hop.s2c), count) : Z.subarray(0, 0);
    count++;
    const whole = join(sealed.subarray(0, 4), token, sealed.subarray(4));
    const [digits, after] = [whole, transcript].map((bytes) => bytes.toString("hex"));
    return {
      name,
      frame: digits!,
      plain,
      ...bulk && { bulk: bulk.toString("hex") },
      transcript: after!,
    };
  };
  return [
    frame("PING", payloads.get("PING")!, false),
    frame("KEY", payloads.get("KEY")!, false),
    frame("BATCH", toAll, true),
    frame("PING", payloads.get("PING")!, false),
    frame("BULK", payloads.get("BULK of the host")!, false, BULK),
    frame("MEMBER", payloads.get("MEMBER")!, true),
    frame("REKEY", payloads.get("REKEY")!, true),
    frame("REKEY", payloads.get("REKEY")!, false),
    frame("BATCH", toAll, true),
    frame("CLOSE", payloads.get("CLOSE")!, false),
  ];
}

/** An envelope of a member for the room, as its host forwards it. */
function roomEnvelope({ e2e, hop }: Carried): string {
  const fields = [integer(1, 1), integer(0, 1), hop.sess, e2e.again_end].join("");
  return integer(fields.length / 2, 4) + fields;
}

function integer(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, "0");
}

/** The known records. */
export function makeRecords({ e2e, hop }: Carried): KnownRecord[] {
  const instance = Buffer.from("instance").toString("hex");
  const token = Buffer.from("a token!").toString("hex");
  const transfer = Buffer.from("a transfer's id.").toString("hex");
  const record = (type: number, name: string, ...fields: readonly string[]): KnownRecord => ({
    name,
    type,
    payload: fields.join(""),
  });
  const envelope = (...rest: readonly string[]): string => {
    const fields = [integer(0, 1), integer(1, 1), ...rest].join("");
    return integer(fields.length / 2, 4) + fields;
  };
  return [
    record(
      0x01,
      "ACCEPT",
      integer(0, 1),
      integer(1, 1),
      instance,
      integer(17, 8),
      integer(1024, 2),
      integer(1_700_000_000_000, 8),
      integer(600, 2),
    ),
    record(0x02, "REKEY"),
    record(0x03, "CLOSE", integer(6, 1)),
    record(0x04, "PING", token),
    record(0x05, "PONG", token),
    record(
      0x06,
      "KEY",
      SHARED_SECRET.toString("hex"),
      integer(SHARED_COUNTER, 8),
      SHARED_START.toString("hex"),
    ),
    record(
      0x10,
      "BATCH of a member",
      envelope(e2e.sess_bob, integer(18, 8), e2e.need),
      envelope(e2e.sess_bob, integer(19, 8), e2e.again_end),
    ),
    record(0x10, "BATCH of the host", envelope(hop.sess, e2e.need)),
    record(
      0x11,
      "ROSTER",
      integer(2, 2),
      hop.member_ik,
      hop.nonce,
      integer(0, 1),
      e2e.bob_ik,
      e2e.bob_nonce,
      integer(1, 1),
    ),
    record(
      0x12,
      "MEMBER",
      integer(3, 1),
      integer(9, 1),
      e2e.bob_ik,
      e2e.bob_nonce,
      integer(1, 1),
      integer(0, 1),
      hop.member_ik,
      hop.nonce,
    ),
    record(0x13, "RESUME of a member", instance, integer(40, 8), SHARED_START.toString("hex")),
    record(0x13, "RESUME of the host", integer(41, 8), integer(2, 4)),
    record(0x14, "ACK of a member", integer(42, 8), SHARED_START.toString("hex")),
    record(0x14, "ACK of the host", integer(19, 8), integer(17, 8), integer(41, 8), integer(18, 8)),
    record(0x15, "BEHIND of a member"),
    record(0x15, "BEHIND of the host", integer(1, 2), e2e.sess_bob),
    record(
      0x16,
      "BULK of a member",
      integer(3, 4),
      transfer,
      integer(65_552, 8),
      integer(1, 1),
      e2e.sess_bob,
    ),
    record(0x16, "BULK of the host", e2e.sess_bob, transfer, integer(65_552, 8)),
    record(0x17, "CREDIT of a member", integer(98_304, 8)),
    record(
      0x17,
      "CREDIT of the host",
      integer(98_304, 8),
      integer(1, 1),
      integer(3, 4),
      integer(65_536, 8),
    ),
  ];
}

if (import.meta.main) {
  const file = new URL("vectors.json", import.meta.url);
  const vectors = JSON.parse(await Deno.readTextFile(file));
  vectors.records = makeRecords(vectors);
  vectors.frames = makeFrames(vectors);
  await Deno.writeTextFile(file, `${JSON.stringify(vectors, undefined, 1)}\n`);
}
