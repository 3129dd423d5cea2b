import { assertEquals, assertMatch } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { fingerprint, keyTag } from "../../lib/crypto/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import { identityOf } from "../support/keys.ts";
import { BINARY, emptyDirectory, HostProgram, run } from "../support/program.ts";

const permissions = ["--allow-net", "--allow-env", "--allow-read", "--allow-write"];

const keyOf = async (name: string): Promise<Bytes> => (await identityOf(name)).publicKey;
const [ADA, BOB, EVE] = [await keyOf("ada"), await keyOf("bob"), await keyOf("eve")];
const [ADA_TAG, BOB_TAG, EVE_TAG] = [await keyTag(ADA), await keyTag(BOB), await keyTag(EVE)];

/** Noon of a day, wherever this runs. */
const THEN = new Date(2026, 2, 1, 12).getTime();

/** An identity file that knows a host, and two people of one name. */
async function acquainted(): Promise<string> {
  const home = emptyDirectory();
  let now = THEN;
  const known = await KnownPeers.open(`${home}/me.peers.jsonl`, { now: () => now++ });
  await known.seen(ADA, { address: "10.0.0.1:12345" });
  await known.seen(EVE, { name: "bob" });
  await known.seen(BOB, { name: "robert" });
  await known.setVerified(BOB, true, "bob");
  return `${home}/me.json`;
}

async function peers(
  file: string,
  ...args: string[]
): Promise<{ status: number; stdout: string; stderr: string }> {
  return await run(["peers", ...args, "--identity", file], { permissions });
}

Deno.test("lanchat peers lists the known members, in text and as JSON Lines", async () => {
  const file = await acquainted();
  assertEquals(await peers(file), {
    status: 0,
    stderr: "",
    stdout: `bob✓: tag ${BOB_TAG}, verified, met 2026-03-01, last 2026-03-01, was called robert\n` +
      `bob: tag ${EVE_TAG}, not verified, met 2026-03-01, last 2026-03-01\n` +
      `(no name): tag ${ADA_TAG}, not verified, met 2026-03-01, last 2026-03-01, ` +
      `hosted at 10.0.0.1:12345\n`,
  });
  const { status, stdout } = await peers(file, "--json");
  assertEquals(status, 0);
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ event, tag }) => tag ?? event), [BOB_TAG, EVE_TAG, ADA_TAG, "closed"]);
  assertEquals([events[0].names, events[0].lastSeen], [["bob", "robert"], THEN + 2]);
});

Deno.test("lanchat peers hosts prints the addresses of hosts as lanchat join takes them, last met first", async () => {
  const file = await acquainted();
  const known = await KnownPeers.open(file.replace(".json", ".peers.jsonl"));
  await known.seen(ADA, { address: "[fd00::2]:4000" });
  assertEquals(await peers(file, "hosts"), {
    status: 0,
    stderr: "",
    stdout: "[fd00::2]:4000\n10.0.0.1\n",
  });
  const { stdout } = await peers(file, "hosts", "--json");
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ event, tag }) => tag ?? event), [ADA_TAG, "closed"]);
  assertEquals((await peers(file, "hosts", "bob")).status, 2);
});

Deno.test("lanchat peers forget forgets one peer, and none if the name is ambiguous", async () => {
  const file = await acquainted();
  const several = await peers(file, "forget", "bob");
  assertEquals([several.status, several.stdout], [1, ""]);
  assertMatch(
    several.stderr,
    new RegExp(`it matches 2 people\n.*hint: Name one of them: bob#${EVE_TAG}, bob#${BOB_TAG}\\.`),
  );
  const nobody = await peers(file, "forget", "carol");
  assertEquals(nobody.status, 1);
  assertMatch(nobody.stderr, /Cannot forget "carol": no known peer matches/);
  assertEquals((await KnownPeers.open(file.replace(".json", ".peers.jsonl"))).all().length, 3);

  const named: [string, string, Bytes][] = [
    [`bob#${EVE_TAG}`, `bob#${EVE_TAG}`, EVE],
    ["bob", `bob#${BOB_TAG}`, BOB],
    [await fingerprint(ADA), `#${ADA_TAG}`, ADA],
  ];
  for (const [who, title, key] of named) {
    const { status, stdout } = await peers(file, "forget", who);
    assertEquals([status, stdout], [0, `Forgot ${title}.\n`]);
    const known = await KnownPeers.open(file.replace(".json", ".peers.jsonl"));
    assertEquals(known.find(key), undefined);
  }
  assertEquals((await peers(file)).stdout, "You have met no one yet.\n");
});

Deno.test("lanchat peers export and import carry peers to another identity", async () => {
  const file = await acquainted();
  const exported = await peers(file, "export");
  assertEquals(exported.stdout, Deno.readTextFileSync(file.replace(".json", ".peers.jsonl")));
  const copy = `${emptyDirectory()}/peers.jsonl`;
  assertMatch(
    (await peers(file, "export", copy)).stdout,
    /peers\.jsonl has 3 people\.\n$/,
  );
  assertEquals((await peers(file, "export", copy)).status, 1);

  Deno.writeTextFileSync(copy, "no peer\n", { append: true });
  const other = `${emptyDirectory()}/other.json`;
  const known = await KnownPeers.open(other.replace(".json", ".peers.jsonl"));
  await known.setVerified(EVE, true);
  const { status, stderr, stdout } = await peers(other, "import", copy);
  assertEquals([status, stdout], [0, "2 people added; 1 already known.\n"]);
  assertMatch(
    stderr,
    /^lanchat: warning: Cannot read line 4 of known peers in ".*"\nlanchat: hint: The other lines were imported/,
  );
  assertMatch((await peers(other)).stdout, new RegExp(`bob✓: tag ${EVE_TAG}, verified`));
});

Deno.test({
  name:
    "known peers that others could have changed are not believed, and those they could read are",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using host = await HostProgram.start(["--name", "hana", "--json"]);
    const file = await acquainted();
    const known = file.replace(".json", ".peers.jsonl");
    const forged = Deno.readTextFileSync(known).replaceAll('"verified":false', '"verified":true');
    Deno.writeTextFileSync(known, forged);
    Deno.chmodSync(known, 0o666);
    const join = ["join", host.address, "--identity", file];
    for (
      const args of [join, ["peers", "--identity", file], [
        "peers",
        "forget",
        "bob",
        "--identity",
        file,
      ]]
    ) {
      const { status, stderr } = await run(args, { permissions });
      assertEquals(status, 1);
      const [error, hint] = stderr.split("\n");
      assertMatch(error!, /others may have changed your known peers \(mode 0666\)$/);
      assertMatch(hint!, /^lanchat: hint: Make it private: chmod 600 ".*"\. Then check/);
    }
    assertEquals(Deno.readTextFileSync(known), forged);
    Deno.chmodSync(known, 0o644);
    const { status, stderr } = await run(join, { permissions });
    assertEquals(status, 0);
    assertMatch(stderr, /warning: Others may have read your known peers in ".*"\n/);
    assertEquals(Deno.statSync(known).mode! & 0o777, 0o600);
  },
});

Deno.test("a run warns of damaged known peers and of those it cannot keep, and continues", async () => {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  const file = await acquainted();
  const known = file.replace(".json", ".peers.jsonl");
  Deno.writeTextFileSync(known, "no peer\nneither\n", { append: true });
  const args = ["join", host.address, "--json", "--identity", file];
  const codes = ({ stdout }: { stdout: string }): string[] =>
    stdout.trimEnd().split("\n").map((line) => JSON.parse(line))
      .flatMap(({ code }) => code === undefined ? [] : [code]);
  const first = await run(args, { permissions });
  assertEquals([first.status, codes(first)], [0, ["peers-damaged", "host-unverified"]]);
  assertMatch(first.stdout, /Cannot read lines 4 and 5 of known peers/);
  assertMatch(Deno.readTextFileSync(known), /\nno peer\nneither\n$/);

  const blocked = `${emptyDirectory()}/me.json`;
  Deno.mkdirSync(blocked.replace(".json", ".peers.jsonl"));
  const third = await run(["join", host.address, "--json", "--identity", blocked], { permissions });
  assertEquals([third.status, codes(third)], [1, ["peers-unreadable"]]);

  if (BINARY !== undefined) return;
  const alone = ["--allow-net", `--allow-read=${file}`, `--allow-write=${file}`];
  const second = await run(args, { permissions: alone });
  assertEquals([second.status, codes(second)], [0, ["peers-unwritable", "host-unverified"]]);
});
