/**
 * Writes one known answer for each record of PROTOCOL.md §5.3 into vectors.json, with nothing of lib/.
 * `vectors_test.ts` compares.
 *
 * To be run where a layout has changed: `deno run --allow-all tests/vectors/make_records.ts`
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** What of the other known answers records carry. */
export interface Carried {
  readonly hop: { readonly member_ik: string; readonly nonce: string; readonly sess: string };
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

function integer(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, "0");
}

/** The known records. */
export function makeRecords({ e2e, hop }: Carried): KnownRecord[] {
  const instance = Buffer.from("instance").toString("hex");
  const token = Buffer.from("a token!").toString("hex");
  const record = (type: number, name: string, ...fields: readonly string[]): KnownRecord => ({
    name,
    type,
    payload: fields.join(""),
  });
  const envelope = (peer: string, number: number, object: string): string => {
    const fields = [integer(0, 1), integer(1, 1), peer, integer(number, 8), object].join("");
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
      0x10,
      "BATCH of a member",
      envelope(e2e.sess_bob, 18, e2e.need),
      envelope(e2e.sess_bob, 19, e2e.again_end),
    ),
    record(0x10, "BATCH of the host", envelope(hop.sess, 41, e2e.need)),
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
    record(0x12, "MEMBER", integer(3, 1), integer(9, 1), e2e.bob_ik, e2e.bob_nonce),
    record(0x13, "RESUME of a member", instance, integer(40, 8)),
    record(0x13, "RESUME of the host", integer(41, 8), integer(2, 4)),
    record(0x14, "ACK of a member", integer(42, 8)),
    record(0x14, "ACK of the host", integer(19, 8), integer(17, 8), integer(41, 8), integer(18, 8)),
    record(0x15, "BEHIND of a member"),
    record(0x15, "BEHIND of the host", integer(1, 2), e2e.sess_bob),
  ];
}

if (import.meta.main) {
  const file = new URL("vectors.json", import.meta.url);
  const vectors = JSON.parse(await Deno.readTextFile(file));
  vectors.records = makeRecords(vectors);
  await Deno.writeTextFile(file, `${JSON.stringify(vectors, undefined, 1)}\n`);
}
