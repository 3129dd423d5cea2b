import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { type Bytes, concat, fromHex, toBase32, toBase64Url, utf8 } from "../../lib/bytes/mod.ts";
import {
  fingerprint,
  joinCode,
  keyTag,
  readFingerprint,
  roomCode,
  safetyNumber,
  sha256,
  TAG_LENGTH,
} from "../../lib/crypto/mod.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const { hop, e2e, identity } = vectors;

function digits(text: string): string {
  return text.replaceAll(" ", "");
}

test("fingerprint gives the known answers", async () => {
  assertEquals(await fingerprint(fromHex(hop.member_ik)), digits(identity.fp_member));
  assertEquals(await fingerprint(fromHex(e2e.bob_ik)), digits(identity.fp_bob));
});

test("safetyNumber gives the known answer to both", async () => {
  const [member, bob] = [hop.member_ik, e2e.bob_ik].map(fromHex) as [Bytes, Bytes];
  assertEquals(await safetyNumber(member, bob), digits(identity.safety_number));
  assertEquals(await safetyNumber(bob, member), digits(identity.safety_number));
});

test("roomCode gives the known answer, in whatever order and however often the keys come", async () => {
  const [host, member, bob] = [hop.host_ik, hop.member_ik, e2e.bob_ik].map(fromHex) as Bytes[];
  const room = fromHex(hop.room_id);
  for (const keys of [[host!, member!, bob!], [bob!, host!, bob!, member!, member!]]) {
    assertEquals(await roomCode(room, keys), digits(identity.room_code));
  }
  assertNotEquals(await roomCode(room, [host!, member!]), digits(identity.room_code));
  assertNotEquals(
    await roomCode(room.toReversed(), [host!, member!, bob!]),
    digits(identity.room_code),
  );
});

test("joinCode gives the known answer", async () => {
  assertEquals(await joinCode(fromHex(hop.h2), fromHex(hop.rI)), hop.sas);
});

test("joinCode keeps leading zeros", async () => {
  let shortest = "9".repeat(10);
  for (let i = 0; i < 64; i++) {
    const code = await joinCode(new Uint8Array(32), new Uint8Array([i]));
    assertMatch(code, /^\d{10}$/);
    if (code < shortest) shortest = code;
  }
  assertMatch(shortest, /^0/);
});

test("keyTag is the start of a labeled hash", async () => {
  const key = fromHex(hop.member_ik);
  const hash = new Uint8Array(
    await crypto.subtle.digest("SHA-256", concat(utf8("lanchat/1 tag\0"), key)),
  );
  assertEquals(await keyTag(key), toBase32(hash.slice(0, 5)));
  assertEquals((await keyTag(key)).length, TAG_LENGTH);
});

test("the known invite is base64url of version, host key, root and a checksum", async () => {
  const payload = concat(new Uint8Array([1]), fromHex(hop.host_ik), fromHex(hop.root));
  const checksum = (await sha256(payload)).slice(0, 3);
  const invite = `lanchat://192.0.2.7:7777/#${toBase64Url(concat(payload, checksum))}`;
  assertEquals(invite, identity.invite);
  assertEquals(invite.length, vectors.sizes.invite_chars);
});

test("readFingerprint takes only 30 digits, in groups or not", () => {
  const digits = "012345678901234567890123456789";
  for (
    const text of [
      digits,
      digits.match(/.{5}/g)!.join(" "),
      ` ${digits.slice(0, 7)}-${digits.slice(7)}`,
    ]
  ) {
    assertEquals(readFingerprint(text), digits);
  }
  for (const text of ["", digits.slice(1), `${digits}0`, `${digits.slice(1)}x`]) {
    assertEquals(readFingerprint(text), undefined);
  }
});
