/**
 * What is in shared frames, read without WebCrypto: a test may count its operations.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createDecipheriv, hkdfSync } from "node:crypto";
import { type Bytes, concat, u64 } from "../../lib/bytes/mod.ts";
import { TAG_BYTES } from "../../lib/crypto/mod.ts";
import type { SharedFrame } from "../../lib/channel/mod.ts";
import { FRAME_HEADER_BYTES, type PlainRecord } from "../../lib/wire/mod.ts";

/** The record of a shared frame as its members get it. The REKEY after it is left out. */
export function openShared({ before, frames, transcript }: SharedFrame): PlainRecord {
  const [frame] = frames as [Bytes];
  const header = frame.subarray(0, FRAME_HEADER_BYTES);
  const sealed = frame.subarray(FRAME_HEADER_BYTES);
  const count = concat(new Uint8Array(4), u64(before.counter));
  const nonce = derive(before.secret, "lanchat/1 rec iv", 12).map((byte, i) => byte ^ count[i]!);
  const key = derive(before.secret, "lanchat/1 rec key", 32);
  const cipher = createDecipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(Buffer.from(concat(header, before.transcript)));
  cipher.setAuthTag(Buffer.from(sealed.subarray(-TAG_BYTES)));
  const plain = concat(cipher.update(sealed.subarray(0, -TAG_BYTES)), cipher.final());
  return { type: plain[0]!, payload: plain.slice(1), transcript };
}

function derive(secret: Bytes, info: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(32), info, length));
}
