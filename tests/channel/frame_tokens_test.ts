import { assertEquals } from "@std/assert";
import { hkdfSync } from "node:crypto";
import { type Bytes, concat, u64, utf8 } from "../../lib/bytes/mod.ts";
import { FrameTokens } from "../../lib/channel/mod.ts";
import { CryptoWork } from "../support/crypto_work.ts";
import { seededRandom } from "../support/keys.ts";
import { test } from "../support/test.ts";

const secret = seededRandom(51)(32);

/** The token of a frame, without lib/. */
function tokenOf(frame: number): Bytes {
  const zero = new Uint8Array(32);
  const tokens = hkdfSync("sha256", secret, zero, "lanchat/1 rec token", 32);
  const info = concat(utf8("lanchat/1 token page\0"), u64(Math.floor(frame / 128)));
  const page = hkdfSync("sha256", new Uint8Array(tokens), zero, info, 1024);
  return new Uint8Array(page).slice(frame % 128 * 8, frame % 128 * 8 + 8);
}

/** The token of the next frame. */
async function nextOf(tokens: FrameTokens): Promise<Bytes> {
  await tokens.derive(1);
  return tokens.next();
}

/** Tokens of which the first frames show none. */
async function skipping(frames: number): Promise<FrameTokens> {
  const tokens = await FrameTokens.from(secret.slice());
  for (let i = 0; i < frames; i++) tokens.skip();
  return tokens;
}

test("FrameTokens.next gives 8 bytes of its own to each frame, from page to page", async () => {
  const tokens = await skipping(0);
  const shown: Bytes[] = [];
  for (let frame = 0; frame < 300; frame++) {
    const token = await nextOf(tokens);
    assertEquals(token, tokenOf(frame), `frame ${frame}`);
    shown.push(token.slice());
  }
  assertEquals(new Set(shown.map(String)).size, 300);
});

test("FrameTokens.skip counts the frames that show none, over the borders of pages too", async () => {
  for (const frames of [1, 126, 127, 128, 129, 255, 256, 1000]) {
    const tokens = await skipping(frames);
    assertEquals(await nextOf(tokens), tokenOf(frames));
    tokens.skip();
    assertEquals(await nextOf(tokens), tokenOf(frames + 2));
  }
});

test("FrameTokens.from keeps nothing of the secret that it was given", async () => {
  const given = secret.slice();
  const tokens = await FrameTokens.from(given);
  given.fill(0);
  assertEquals(await nextOf(tokens), tokenOf(0));
});

test("FrameTokens.derive derives no page twice, and none whose frames show no token", async () => {
  const tokens = await skipping(300);
  await using work = new CryptoWork();
  for (let frame = 300; frame < 384; frame++) {
    assertEquals(tokens.has(1), frame > 300);
    await tokens.derive(1);
    assertEquals(tokens.next(), tokenOf(frame));
  }
  assertEquals(tokens.has(1), false);
  assertEquals(await work.take(), ["deriveBits"]);
});

test("FrameTokens.derive gives the tokens of several frames, over the border of a page too", async () => {
  for (const start of [126, 127, 128, 255]) {
    const tokens = await skipping(start);
    await tokens.derive(1);
    assertEquals([tokens.has(1), tokens.has(2)], [true, start % 128 < 127]);
    await tokens.derive(3);
    assertEquals(tokens.has(3), true);
    for (let frame = start; frame < start + 3; frame++) {
      assertEquals(tokens.next(), tokenOf(frame));
    }
    assertEquals(tokens.has(1), true);
    for (let i = 0; i < 128; i++) tokens.skip();
    assertEquals(tokens.has(1), false);
    await tokens.derive(1);
    assertEquals(tokens.next(), tokenOf(start + 131));
  }
});
