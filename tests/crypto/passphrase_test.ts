import { assertEquals } from "@std/assert";
import { pbkdf2Sync } from "node:crypto";
import { toHex } from "../../lib/bytes/mod.ts";
import { passphraseKey, randomBytes, SALT_BYTES } from "../../lib/crypto/mod.ts";
import { test } from "../support/test.ts";

const SALT = Uint8Array.from({ length: SALT_BYTES }, (_, i) => i);

test("passphraseKey gives the known answer, however the passphrase is composed", async () => {
  const known = "528d7445dd64e57f4e0181e462c26576cfae6b2390fd96e5eb2dff5942092939";
  assertEquals(toHex(await passphraseKey("p\u00e4ssword", SALT)), known);
  assertEquals(toHex(await passphraseKey("pa\u0308ssword", SALT)), known);
});

test("passphraseKey is PBKDF2-HMAC-SHA-512 with 600,000 rounds", async () => {
  const salt = randomBytes(SALT_BYTES);
  const other = pbkdf2Sync("correct horse", salt, 600_000, 32, "sha512");
  assertEquals(await passphraseKey("correct horse", salt), new Uint8Array(other));
});
