import { assertEquals, assertMatch } from "@std/assert";
import { fromHex } from "../../lib/bytes/mod.ts";
import { parseCommandLine } from "../../lib/cli/args.ts";
import type { JoinCommand } from "../../lib/cli/commands/join.ts";
import { findInvite, inviteTo } from "../../lib/cli/invite.ts";
import { fingerprint, keyTag } from "../../lib/crypto/mod.ts";
import { encodeCredential, formatInvite } from "../../lib/net/mod.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const LINK = vectors.identity.invite;
const INVITE = {
  host: "192.0.2.7",
  port: 7777,
  hostKey: fromHex(vectors.hop.host_ik),
  root: fromHex(vectors.hop.root),
};

function command(...args: readonly string[]): JoinCommand {
  return parseCommandLine(["join", ...args]) as JoinCommand;
}

test("findInvite reports whether others can see the secret of a link", async () => {
  assertEquals(await findInvite(command(LINK)), { ...INVITE, visible: true });
  const { hostKey } = INVITE;
  const open = formatInvite("192.0.2.7", 7777, await encodeCredential({ hostKey }));
  assertEquals(await findInvite(command(open)), { ...INVITE, root: undefined, visible: false });
});

test("inviteTo accepts only the link to the announced room", async () => {
  const tag = await keyTag(INVITE.hostKey);
  assertEquals(await inviteTo(tag, LINK), { ...INVITE, visible: false });
  await assertFails(inviteTo("aaaaaaaa", LINK), "bad-invite", `tag ${tag}`);
  await assertFails(inviteTo(tag, ""), "bad-invite");
});

test("findInvite reads the environment only if the command has no operand", async () => {
  Deno.env.set("LANCHAT_INVITE", LINK);
  try {
    assertEquals(await findInvite(command()), { ...INVITE, visible: false });
    assertEquals(await findInvite(command("192.0.2.1")), undefined);
  } finally {
    Deno.env.delete("LANCHAT_INVITE");
  }
  assertEquals(await findInvite(command()), undefined);
});

Deno.test({
  name: "findInvite returns undefined without permission to read the environment",
  permissions: { env: false },
  async fn() {
    assertEquals(await findInvite(command()), undefined);
  },
});

test("findInvite refuses a malformed link and a link to a host other than --host-key", async () => {
  const { hint } = await assertFails(
    findInvite(command(LINK.slice(0, -1))),
    "bad-invite",
    "cut off",
  );
  assertMatch(hint, /both lines/);
  const { hostKey } = INVITE;
  const digits = await fingerprint(hostKey);
  const right = await findInvite(command(LINK, "--host-key", digits));
  assertEquals(right?.hostKey, hostKey);
  const wrong = command(LINK, "--host-key", "0".repeat(30));
  await assertFails(findInvite(wrong), "bad-fingerprint", "another host");
});
