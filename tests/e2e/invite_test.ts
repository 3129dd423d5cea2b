import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { fingerprint } from "../../lib/crypto/mod.ts";
import { encodeCredential, formatInvite } from "../../lib/net/mod.ts";
import { KnownPeers, openIdentity } from "../../lib/store/mod.ts";
import { identityOf } from "../support/keys.ts";
import {
  BINARY,
  emptyDirectory,
  type Event,
  HostProgram,
  Program,
  type ProgramOptions,
} from "../support/program.ts";
import { terminalTest } from "../support/tools.ts";

/** The permissions to keep an identity and a room. */
const KEEPING = ["--allow-net", "--allow-env", "--allow-read", "--allow-write"];

const INVITING = ["--invite", "--name", "hana", "--json"];

/** A home with an identity, a room and known peers. */
function home(): {
  readonly options: ProgramOptions;
  readonly room: string;
  readonly peers: string;
} {
  const directory = emptyDirectory();
  return {
    options: { env: { HOME: directory, XDG_CONFIG_HOME: directory }, permissions: KEEPING },
    room: `${directory}/lanchat/identity.invite-room.json`,
    peers: `${directory}/lanchat/identity.peers.jsonl`,
  };
}

/** The link that a host shows, for the port of another start. */
async function linkOf(host: Program, port?: number): Promise<string> {
  const { link } = await host.event("invite");
  return port === undefined ? link : link.replace(/:\d+\//, `:${port}/`);
}

/** Joins by a link that no argument shows, as a script does. */
async function accept(link: string, name = "bob"): Promise<Program> {
  const member = new Program(["join", "-", "--name", name, "--json"]);
  await member.write(`${link}\n`);
  return member;
}

async function stop(host: HostProgram): Promise<void> {
  host.signal("SIGTERM");
  await host.ends(0);
}

/** How a run that fails ends: its exit status and the code of its only error. */
async function failure(member: Program): Promise<[number, string | undefined]> {
  const status = await member.status();
  const errors = member.events.filter((event): event is Event<"error"> => event.event === "error");
  assertEquals(errors.length, 1, member.stdout.text);
  return [status, errors[0]!.code];
}

Deno.test("an invite admits people across restarts of the host, until a new room", async () => {
  const kept = home();
  let link: string;
  {
    await using host = await HostProgram.start(INVITING, kept.options);
    link = await linkOf(host);
    assertEquals((await host.event("listening")).inviteOnly, true);
    assertEquals(await host.event("invite"), {
      event: "invite",
      link: `lanchat://${host.address}/#${link.split("#")[1]}`,
      links: [link],
      secret: true,
    });
    await using bob = await accept(link);
    const { host: found, joinCode, members } = await bob.event("ready");
    const { key } = await host.event("ready");
    assertEquals([found.key, found.verified], [key, true]);
    // The link names the host, but no person has compared the key.
    assertEquals(members.map((member) => [member.key, member.verified]), [[key, false]]);
    assertEquals((await host.event("joined")).joinCode, joinCode);
    // The lines after the link are messages.
    await bob.say("hello");
    assertEquals(await host.hears("bob", 1), ["hello"]);
    assert(
      !bob.events.some((event) => event.event === "warning" && event.code === "invite-visible"),
    );
    await using stranger = new Program(["join", host.address, "--json"]);
    assertEquals(await failure(stranger), [1, "needs-invite"]);
    await stop(host);
    await bob.ends(0);
  }
  assertEquals(Deno.statSync(kept.room).mode! & 0o777, 0o600);
  {
    await using host = await HostProgram.start(INVITING, kept.options);
    assertEquals(await linkOf(host), link.replace(/:\d+\//, `:${host.port}/`));
    await stop(host);
  }
  await using host = await HostProgram.start([...INVITING, "--new-room"], kept.options);
  assertNotEquals((await linkOf(host)).split("#")[1], link.split("#")[1]);
  await using late = await accept(link.replace(/:\d+\//, `:${host.port}/`));
  assertEquals(await failure(late), [1, "wrong-invite"]);
  const { message, hint } = await late.event("error");
  assertMatch(`${message} ${hint}`, /does not accept this invite.*Ask the host/);
});

Deno.test("an invite link works only for its host, and only if the room is as open as the link states", async () => {
  await using open = await HostProgram.start(["--name", "hana", "--json"]);
  await using inviting = await HostProgram.start(INVITING);
  const [link, secretLink] = [await linkOf(open), await linkOf(inviting)];
  assertEquals((await open.event("invite")).secret, false);
  const { publicKey: hostKey } = await identityOf("another host");
  const credential = await encodeCredential({ hostKey });
  const [bob, astray, held, lured] = await Promise.all([
    accept(link),
    accept(link.replace(open.address, inviting.address)),
    accept(secretLink.replace(inviting.address, open.address)),
    accept(formatInvite("127.0.0.1", open.port, credential)),
  ]);
  await using _bob = bob;
  await using _astray = astray;
  await using _held = held;
  await using _lured = lured;
  assertEquals((await bob.event("ready")).host.verified, true);
  assertEquals(await failure(astray), [1, "needs-invite"]);
  // A host that claims an open room must not get the secret of an invite.
  assertEquals(await failure(held), [1, "handshake-failed"]);
  assertMatch((await held.event("error")).message, /claims an open room/);
  assertEquals(await failure(lured), [3, "host-key-mismatch"]);
});

Deno.test("join reads an invite from the environment, warns of one in an argument, and refuses a bad one", async () => {
  await using host = await HostProgram.start(INVITING);
  const link = await linkOf(host);
  await using seen = new Program(["join", link, "--name", "seen"]);
  await seen.says(/warning: .*you typed\nlanchat: hint: .*lanchat join -/);
  await seen.ready();
  await using unseen = new Program(["join", "--name", "unseen"], {
    permissions: ["--allow-net", "--allow-env=LANCHAT_INVITE"],
    env: { LANCHAT_INVITE: link },
  });
  await unseen.ready();
  await using bad = await accept("");
  assertEquals(await failure(bad), [2, "bad-invite"]);
});

terminalTest("join asks for an invite at a terminal, which does not show it", async () => {
  await using host = await HostProgram.start(INVITING);
  const link = await linkOf(host);
  await using bob = new Program(["join", "-", "--name", "bob"], { terminal: true });
  await bob.says(/Invite link/);
  await bob.write(`${link}\r`);
  await host.event("joined");
  await bob.says(/You are bob/);
  assert(!bob.stdout.text.includes("lanchat://"), bob.stdout.text);
  await using carol = new Program(["join", "-", "--name", "carol"], { terminal: true });
  await carol.says(/Invite link/);
  await carol.write(`${link.slice(0, 60)}\r${link.slice(60)}\r`); // As a window of 60 columns breaks it.
  await host.event("joined");
  await carol.says(/You are carol/);
  assert(!carol.stdout.text.includes(link.slice(60)), carol.stdout.text);
  await using typist = new Program(["join", "-"], { terminal: true });
  await typist.says(/Invite link/);
  await typist.write(new Uint8Array([0xff, 0x0d]));
  await typist.says(/error: Cannot use the invite: /);
  assertEquals(await typist.status(), 2);
});

Deno.test("a host that only relays shows its invite once, and admits its holders across runs", async () => {
  const kept = home();
  const args = ["--relay-only", "--invite", "--json"];
  let link: string;
  {
    await using host = await HostProgram.start(args, kept.options);
    link = await linkOf(host);
    await stop(host);
  }
  await using host = await HostProgram.start(args, kept.options);
  const { code, hint } = await host.event("warning");
  assertEquals(code, "no-room-secret");
  assertMatch(hint!, /--new-room/);
  link = link.replace(/:\d+\//, `:${host.port}/`);
  await using bob = await accept(link);
  await using ada = await accept(link, "ada");
  await ada.ready();
  await bob.event("ready");
  await ada.say("hello");
  assertEquals(await bob.hears("ada", 1), ["hello"]);
  assert(!host.events.some(({ event }) => event === "invite"));
});

Deno.test("a host removes members, for now and for good, and a ban holds after a restart", async () => {
  const kept = home();
  const bobs = home();
  const HANA = ["--name", "hana", "--json"];
  const bob = (host: HostProgram): Program =>
    new Program(["join", host.address, "--name", "bob", "--json"], bobs.options);
  {
    await using host = await HostProgram.start(HANA, kept.options);
    await using ada = await host.join(["--name", "ada", "--json"]);
    await ada.tell({ do: "kick", name: "hana" });
    assertEquals((await ada.event("error")).code, "not-host");
    await using first = await bob(host).ready();
    await host.event("joined", ({ member }) => member.name === "bob");
    await host.tell({ do: "kick", name: "bob" });
    assertEquals(await failure(first), [1, "kicked"]);
    for (const member of [host, ada]) {
      assertEquals((await member.event("left")).reason, "kicked");
      await member.event("rekeyed");
    }
    await using second = await bob(host).ready();
    await host.stdout.count(2, /^\{"event":"joined","member":\{"name":"bob"/);
    await host.tell({ do: "ban", name: "bob" });
    assertEquals(await failure(second), [1, "banned"]);
    assertEquals(second.events.at(-1), { event: "closed", reason: "kicked" });
    assertEquals((await host.event("banned")).name, "bob");
    await ada.event("left", ({ reason }) => reason === "banned");
    // A member that left quickly is banned all the same.
    await ada.tell({ do: "quit" });
    await ada.ends(0);
    await host.event("left", ({ member }) => member.name === "ada");
    await host.tell({ do: "ban", name: "ada" });
    await host.event("banned", ({ name }) => name === "ada");
    await host.tell({ do: "lock" });
    assertEquals(await host.event("locked"), { event: "locked", locked: true, host: true });
    const lates = home();
    await using late = new Program(["join", host.address, "--json"], lates.options);
    assertEquals(await failure(late), [1, "locked"]);
    // It has not admitted anybody: it is not the host of its address yet.
    assertEquals((await KnownPeers.open(lates.peers)).all(), []);
    await stop(host);
  }
  // The clock was set back since then: members would refuse numbers taken from it.
  const file = kept.room.replace("invite-room", "room");
  const lastNumber = 2 ** 50;
  const room = { ...JSON.parse(Deno.readTextFileSync(file)), lastNumber };
  Deno.writeTextFileSync(file, JSON.stringify(room));
  await using host = await HostProgram.start(HANA, kept.options);
  await using still = bob(host);
  assertEquals(await failure(still), [1, "banned"]);
  await host.tell({ do: "bans" });
  const { bans } = await host.event("bans");
  assertEquals(bans.map(({ name }) => name), ["bob", "ada"]);
  await host.tell({ do: "unban", name: bans[0]!.tag });
  assertEquals((await host.event("banned")).banned, false);
  assertEquals(JSON.parse(Deno.readTextFileSync(file)).lastNumber, lastNumber + 1);
});

Deno.test({
  name: "a host admits only the identities on its list",
  ignore: BINARY !== undefined,
  async fn() {
    const directory = emptyDirectory();
    const [list, file] = [`${directory}/allowed`, `${directory}/bob.json`];
    const { identity } = await openIdentity({ file });
    const digits = await fingerprint(identity.publicKey);
    Deno.writeTextFileSync(list, `${digits.replaceAll(/.{5}/g, "$& ")} # bob\n`);
    await using host = await HostProgram.start(["--relay-only", "--allow", list, "--json"], {
      permissions: ["--allow-net", `--allow-read=${list}`],
    });
    await using stranger = new Program(["join", host.address, "--json"]);
    assertEquals(await failure(stranger), [1, "not-allowed"]);
    await using bob = await host.join(["--identity", file, "--json"], { permissions: KEEPING });
    assertEquals((await bob.event("ready")).fingerprint, digits);
  },
});
