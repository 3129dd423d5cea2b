import { isAddress } from "../../lib/address.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { type Bytes, concat, fromBase64Url, fromHex, toBase64Url } from "../../lib/bytes/mod.ts";
import { sha256 } from "../../lib/crypto/mod.ts";
import {
  encodeCredential,
  formatInvite,
  isCutInvite,
  isInvite,
  parseInvite,
  roomAtBroker,
} from "../../lib/net/mod.ts";
import { assertFails } from "../support/assert.ts";
import { SMALL_ORDER_KEYS } from "../support/keys.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const LINK = vectors.identity.invite;
const HOST_KEY = fromHex(vectors.hop.host_ik);
const ROOT = fromHex(vectors.hop.root);
const INVITE = { host: "192.0.2.7", port: 7777, hostKey: HOST_KEY, root: ROOT };
const [BEFORE, CREDENTIAL] = LINK.split("#") as [string, string];

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** A credential of any body, with the right checksum. */
async function signed(body: Bytes): Promise<string> {
  return toBase64Url(concat(body, (await sha256(body)).slice(0, 3)));
}

test("formatInvite and parseInvite agree with the link of another implementation", async () => {
  const credential = await encodeCredential({ hostKey: HOST_KEY, root: ROOT });
  assertEquals(formatInvite("192.0.2.7", 7777, credential), LINK);
  assertEquals(await parseInvite(LINK), INVITE);
});

test("parseInvite reads what formatInvite writes, for every host and port", async () => {
  const credential = await encodeCredential({ hostKey: HOST_KEY });
  const hosts = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter(isAddress),
    fc.constantFrom("fe80::1%eth0", "fe80::a%en0.1", "ada.local", "ada"),
  );
  const property = fc.asyncProperty(
    hosts,
    fc.integer({ min: 1, max: 65_535 }),
    async (host, port) => {
      const invite = await parseInvite(formatInvite(host, port, credential));
      assertEquals(invite, { host, port, hostKey: HOST_KEY, root: undefined });
    },
  );
  await fc.assert(property);
});

test("parseInvite ignores the characters that people put around a link", async () => {
  const forms = [
    `  ${LINK}\r\n`,
    `<${LINK}>`,
    `"${LINK}"`,
    `('${LINK}')`,
    `\`${LINK}\``,
    LINK.replace("lanchat", "LANCHAT"),
    LINK.replace("/#", "#"),
    `${LINK.slice(0, 40)}\n   ${LINK.slice(40)}`,
  ];
  for (const form of forms) {
    assert(isInvite(form));
    assertEquals(await parseInvite(form), INVITE);
  }
  const port = { ...INVITE, port: 12_345 };
  assertEquals(await parseInvite(LINK.replace(":7777", "")), port);
  for (const text of ["192.0.2.7", "ada.local:1", "lanchat", "-", ""]) assert(!isInvite(text));
});

test("parseInvite notices every change of a single character", async () => {
  for (let i = 0; i < CREDENTIAL.length; i++) {
    for (const character of ALPHABET) {
      if (character === CREDENTIAL[i]) continue;
      const wrong = CREDENTIAL.slice(0, i) + character + CREDENTIAL.slice(i + 1);
      await assertFails(
        parseInvite(`${BEFORE}#${wrong}`),
        "bad-invite",
        "it is mistyped",
      );
    }
  }
});

test("parseInvite says that a link is cut off, wherever the cut is", async () => {
  for (let length = 1; length < CREDENTIAL.length; length++) {
    const part = "cut off";
    await assertFails(parseInvite(`${BEFORE}#${CREDENTIAL.slice(0, length)}`), "bad-invite", part);
  }
  for (const text of [BEFORE, `${BEFORE}#`]) {
    await assertFails(parseInvite(text), "bad-invite", "nothing follows");
  }
  await assertFails(parseInvite(`${LINK}A`), "bad-invite", "more than 70 characters");
});

test("parseInvite names every other fault of a link", async () => {
  const credential = (body: Bytes): Promise<string> =>
    signed(body).then((text) => `${BEFORE}#${text}`);
  const body = fromBase64Url(CREDENTIAL).slice(0, -3);
  const cases: [string, string][] = [
    ["lanchat://", "it names no host"],
    [LINK.replace("192.0.2.7:7777", ""), "it names no host"],
    [LINK.replace("192.0.2.7", "ADDRESS"), "it says ADDRESS instead of a host"],
    [LINK.replace("lanchat:", "http:"), "does not look like"],
    ["", "does not look like"],
    [LINK.replace("#A", "#*"), "it has an invalid character"],
    [await credential(concat(new Uint8Array([2]), body.slice(1))), "it has version 2"],
    [
      await credential(concat(body.slice(0, 1), SMALL_ORDER_KEYS[0]!, body.slice(33))),
      "host key is invalid",
    ],
  ];
  for (const [text, part] of cases) {
    const { exitStatus, hint } = await assertFails(parseInvite(text), "bad-invite", part);
    assertEquals(exitStatus, 2);
    assertMatch(hint, /link|version|address/);
  }
  await assertFails(parseInvite(LINK.replace("7777", "77777")), "bad-port");
  await assertFails(parseInvite(LINK.replace("192.0.2.7", "192.0.2.256")), "bad-address");
});

test("parseInvite reads the link to a room at a broker, and takes no user of it", async () => {
  const host = "nats://192.0.2.7:4222,[fd00::2]:5/abcdefghijklmnop";
  const link = formatInvite(host, 0, CREDENTIAL);
  assertEquals(link, `${host}#${CREDENTIAL}`);
  assertEquals(await parseInvite(`<${link}>`), { host, port: 0, hostKey: HOST_KEY, root: ROOT });
  assert(isInvite(link) && !isInvite(host) && isInvite(`tls://a/b#`));
  assert(isCutInvite(link.slice(0, -1)) && isCutInvite(host) && !isCutInvite(link));
  await assertFails(parseInvite(host), "bad-invite", "nothing follows");
  await assertFails(
    parseInvite(link.replace("//", "//ann:secret@")),
    "bad-address",
    "it has a user",
  );
  await assertFails(() => roomAtBroker("nats://192.0.2.7"), "bad-address", "it names no room");
});
