import { assert, assertEquals, assertMatch } from "@std/assert";
import { toBase64Url } from "../../lib/bytes/mod.ts";
import { type ExpectedHost, meetHost, trustsHost } from "../../lib/cli/known_host.ts";
import { fingerprint, keyTag } from "../../lib/crypto/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
import { identityOf } from "../support/keys.ts";
import { Notes } from "../support/notes.ts";
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

test("trustsHost asks nothing of a host that is new, or that has the key of before", async () => {
  assert(await trustsHost(EVE, HERE, await KnownPeers.open(undefined)));
  const known = await knowing();
  assert(await trustsHost(ADA, HERE, known));
  assert(await trustsHost(EVE, { ...HERE, port: 12_346 }, known));
});

test("trustsHost stops where another key is known, and tells both", async () => {
  const known = await knowing();
  const error = await assertFails(trustsHost(EVE, HERE, known), "host-key-changed");
  assertEquals(error.exitStatus, 3);
  assertEquals(
    error.message,
    `Cannot join ${ADDRESS} as its host has another key than before: its fingerprint is ` +
      `${spaced(EVE_DIGITS)} now, and was ${spaced(ADA_DIGITS)} since 2026-03-01 (not verified)`,
  );
  assert(error.hint.includes(`--accept-host "${spaced(EVE_DIGITS)}"`), error.hint);
  await known.setVerified(ADA, true);
  await assertFails(trustsHost(EVE, HERE, known), "host-key-changed", "2026-03-01 (verified)");
});

test("trustsHost goes on with --accept-host and the right digits alone", async () => {
  const known = await knowing();
  const accept = (acceptHost: string): ExpectedHost => ({ ...HERE, acceptHost });
  assert(await trustsHost(EVE, accept(EVE_DIGITS), known));
  await assertFails(trustsHost(EVE, accept(ADA_DIGITS), known), "host-key-changed");
  // Also where there is nothing to accept.
  assert(!await trustsHost(ADA, accept(EVE_DIGITS), known));
  assert(await trustsHost(ADA, accept(ADA_DIGITS), known));
});

test("trustsHost takes --host-key for no reason to forget another key", async () => {
  const known = await knowing();
  assert(await trustsHost(ADA, { ...HERE, hostKey: ADA_DIGITS }, known));
  assert(!await trustsHost(ADA, { ...HERE, hostKey: EVE_DIGITS }, known));
  const expected = { ...HERE, hostKey: EVE_DIGITS };
  await assertFails(trustsHost(EVE, expected, known), "host-key-changed");
  assert(await trustsHost(EVE, { ...expected, acceptHost: EVE_DIGITS }, known));
  assert(!await trustsHost(EVE, { ...HERE, hostKey: ADA_DIGITS, acceptHost: EVE_DIGITS }, known));
});

test("meetHost pins a host, and knows it the next time", async () => {
  const notes = new Notes();
  const known = await KnownPeers.open(undefined, { now: () => THEN });
  const first = await meetHost(ADA, HERE, known, notes);
  const view = { tag: await keyTag(ADA), key: toBase64Url(ADA) };
  assertEquals(first.view, { ...view, known: false, verified: false });
  assertEquals(known.hostAt(ADDRESS)?.key, ADA);

  const second = await meetHost(ADA, HERE, known, notes);
  assertEquals(second.view, { ...view, known: true, verified: false });
  assertMatch(second.warning!.message, / mean: it has the key that it had on 2026-03-01$/);

  await known.setVerified(ADA, true);
  assertEquals(await meetHost(ADA, HERE, known, notes), {
    view: { ...view, known: true, verified: true },
  });
  assertEquals(notes.events, []);
});

test("meetHost says that a host has moved, and knows both places then", async () => {
  const notes = new Notes();
  const known = await knowing();
  await known.seen(EVE, { name: "eve" });
  const elsewhere = { ...HERE, host: "10.0.0.2" };
  for (let i = 0; i < 2; i++) await meetHost(ADA, elsewhere, known, notes);
  await meetHost(ADA, HERE, known, notes);
  await meetHost(EVE, { ...HERE, host: "10.0.0.3" }, known, notes); // It was no host before.
  assertEquals(notes.events, [{
    event: "warning",
    code: "host-moved",
    message: "The host at 10.0.0.2:12345 has the key of the one that was at 10.0.0.1:12345",
    hint: "",
  }]);
  assertEquals(known.find(ADA)?.addresses, [ADDRESS, "10.0.0.2:12345"]);
});

test("meetHost goes on where nothing can be kept, and says so", async () => {
  const notes = new Notes();
  const known = await KnownPeers.open("/nowhere/me.peers.jsonl");
  const { warning } = await meetHost(ADA, HERE, known, notes);
  assertMatch(warning!.message, / mean: it was never met before$/);
  const codes = notes.events.map((event) => event.event === "warning" && event.code);
  assertEquals(codes, ["peers-unwritable"]);
});
