import { assert, assertEquals, assertMatch } from "@std/assert";
import { toBase64Url } from "../../lib/bytes/mod.ts";
import { type ExpectedHost, recallHost, trustsHost } from "../../lib/session/known_host.ts";
import { fingerprint, keyTag } from "../../lib/crypto/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
import { identityOf } from "../support/keys.ts";
import { test } from "../support/test.ts";

const ADA = (await identityOf("ada")).publicKey;
const EVE = (await identityOf("eve")).publicKey;
const [ADA_DIGITS, EVE_DIGITS] = [await fingerprint(ADA), await fingerprint(EVE)];
const HERE: ExpectedHost = { host: "10.0.0.1", port: 12_345 };
const ADDRESS = "10.0.0.1:12345";

/** Noon of a day, wherever this runs. */
const THEN = new Date(2026, 2, 1, 12).getTime();

/** Knows Ada, who hosts here. */
async function knowing(): Promise<KnownPeers> {
  const known = await KnownPeers.open(undefined, { now: () => THEN });
  await known.seen(ADA, { address: ADDRESS });
  return known;
}

function spaced(digits: string): string {
  return digits.match(/.{5}/g)!.join(" ");
}

test("trustsHost accepts a new host, and one with the known key", async () => {
  assert(await trustsHost(EVE, HERE, await KnownPeers.open(undefined)));
  const known = await knowing();
  assert(await trustsHost(ADA, HERE, known));
  assert(await trustsHost(EVE, { ...HERE, port: 12_346 }, known));
});

test("trustsHost throws where another key is known, and names both", async () => {
  const known = await knowing();
  const error = await assertFails(trustsHost(EVE, HERE, known), "host-key-changed");
  assertEquals(error.exitStatus, 3);
  assertEquals(
    error.message,
    `The key of the host at ${ADDRESS} has changed: fingerprint ${spaced(EVE_DIGITS)} now, ` +
      `${spaced(ADA_DIGITS)} since 2026-03-01 (not verified)`,
  );
  assert(error.hint.includes(`--accept-host "${spaced(EVE_DIGITS)}"`), error.hint);
  await known.setVerified(ADA, true);
  await assertFails(trustsHost(EVE, HERE, known), "host-key-changed", "2026-03-01 (verified)");
});

test("trustsHost accepts a changed key only by --accept-host with its digits", async () => {
  const known = await knowing();
  const accept = (acceptHost: string): ExpectedHost => ({ ...HERE, acceptHost });
  assert(await trustsHost(EVE, accept(EVE_DIGITS), known));
  await assertFails(trustsHost(EVE, accept(ADA_DIGITS), known), "host-key-changed");
  // Also where there is nothing to accept.
  assert(!await trustsHost(ADA, accept(EVE_DIGITS), known));
  assert(await trustsHost(ADA, accept(ADA_DIGITS), known));
});

test("trustsHost throws at a changed key in spite of --host-key", async () => {
  const known = await knowing();
  assert(await trustsHost(ADA, { ...HERE, hostKey: ADA_DIGITS }, known));
  assert(!await trustsHost(ADA, { ...HERE, hostKey: EVE_DIGITS }, known));
  const expected = { ...HERE, hostKey: EVE_DIGITS };
  await assertFails(trustsHost(EVE, expected, known), "host-key-changed");
  assert(await trustsHost(EVE, { ...expected, acceptHost: EVE_DIGITS }, known));
  assert(!await trustsHost(EVE, { ...HERE, hostKey: ADA_DIGITS, acceptHost: EVE_DIGITS }, known));
});

test("recallHost returns the known peer of a host without a warning, and writes nothing", async () => {
  const known = await KnownPeers.open(undefined, { now: () => THEN });
  const view = { tag: await keyTag(ADA), key: toBase64Url(ADA) };
  const first = await recallHost(ADA, HERE, known);
  assertEquals(first.view, { ...view, known: false, verified: false });
  assertEquals(known.all(), []);

  await known.seen(ADA, { address: ADDRESS });
  const second = await recallHost(ADA, HERE, known);
  assertEquals(second.view, { ...view, known: true, verified: false });
  assertEquals(second.warnings, []);

  await known.setVerified(ADA, true);
  assertEquals(await recallHost(ADA, HERE, known), {
    view: { ...view, known: true, verified: true },
    warnings: [],
  });
});

test("recallHost marks a host that --host-key or a link names as verified", async () => {
  const known = await KnownPeers.open(undefined);
  for (const named of [{ hostKey: ADA_DIGITS }, { key: ADA }]) {
    const { view, warnings } = await recallHost(ADA, { ...HERE, ...named }, known);
    assertEquals([view.known, view.verified, warnings], [false, true, []]);
  }
  const accepted = await recallHost(ADA, { ...HERE, acceptHost: ADA_DIGITS }, known);
  assertEquals([accepted.view.verified, accepted.warnings], [false, []]);
});

test("recallHost warns that a host has moved, until its new address is known", async () => {
  const known = await knowing();
  await known.setVerified(ADA, true);
  await known.seen(EVE, { name: "eve" });
  const elsewhere = { ...HERE, host: "10.0.0.2" };
  assertEquals((await recallHost(ADA, elsewhere, known)).warnings, [{
    event: "warning",
    code: "host-moved",
    message: "The host at 10.0.0.1:12345 is now at 10.0.0.2:12345",
  }]);
  await known.seen(ADA, { address: "10.0.0.2:12345" });
  for (const here of [elsewhere, HERE]) {
    assertEquals((await recallHost(ADA, here, known)).warnings, []);
  }
  // It was no host before.
  const { warnings } = await recallHost(EVE, { ...HERE, host: "10.0.0.3" }, known);
  assertEquals(warnings.map(({ code }) => code), ["host-unverified"]);
  assertMatch(warnings[0]!.message, /^Host not verified: last seen as a member on \S+$/);
});

test("recallHost warns of a new host that it was never met, if there is a file of known peers", async () => {
  const known = await KnownPeers.open("/nowhere/me.peers.jsonl");
  const [warning] = (await recallHost(ADA, HERE, known)).warnings;
  assertMatch(warning!.message, /^Host not verified: first contact$/);
});
