/** Rooms through real NATS servers on loopback, with the program as processes. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { concat, utf8 } from "../../lib/bytes/mod.ts";
import { encodeCredential } from "../../lib/net/mod.ts";
import { NatsServer, NO_NATS } from "../support/nats_server.ts";
import { certificates } from "../support/certificates.ts";
import { credentialedServer } from "../support/nats_credentials.ts";
import { emptyDirectory, type Event, Program, run } from "../support/program.ts";
import { testUnless } from "../support/tools.ts";

const READ = [
  ...["--allow-net", "--allow-read"],
  "--allow-env=NATS_CA,NATS_CREDS,NATS_PASSWORD,NATS_URL,NATS_USER",
];

const LOCAL = ["--json", "--port", "0", "--host", "127.0.0.1", "--no-announce"];

/** Starts a host that others reach through a broker too. @returns It, and the links into its room. */
async function hosting(
  via: string,
  ...options: readonly string[]
): Promise<{ host: Program; link: string; local: string; room: string }> {
  const host = new Program(["serve", "--name", "ada", ...LOCAL, "--via", via, ...options]);
  const invite = await host.event("invite");
  const link = invite.via!;
  return { host, link, local: invite.link, room: link.slice(0, link.indexOf("#")) };
}

function joining(name: string, where: string, ...options: readonly string[]): Program {
  return new Program(["join", where, "--name", name, "--json", ...options]);
}

testUnless(
  NO_NATS,
  "serve --via: people join by link, by room and over TCP, and are in one room",
  async () => {
    await using server = await NatsServer.start();
    const { host, link, local, room } = await hosting(`nats://${server.address}`);
    await using _ = host;
    assertEquals(room.slice(0, -16), `nats://${server.address}/`);
    await using bob = await joining("bob", link).ready();
    await using cyd = await joining("cyd", room).ready();
    await using dan = await joining("dan", local).ready();
    assertEquals((await bob.event("ready")).host.verified, true, "the link names the host's key");
    assertEquals((await cyd.event("ready")).host.verified, false);
    await host.event("joined", ({ member }) => member.name === "dan");
    await bob.event("joined", ({ member }) => member.name === "dan");
    await bob.say("hello all");
    for (const each of [host, cyd, dan]) assertEquals(await each.hears("bob", 1), ["hello all"]);
    await host.tell({ do: "quit" });
    for (const each of [bob, cyd, dan]) {
      assertEquals((await each.event("closed")).reason, "host-closed");
      await each.ends(0);
    }
    await host.ends(0);
  },
);

testUnless(
  NO_NATS,
  "serve --via --invite: only the link leads in, and no other host can take its place",
  async () => {
    await using server = await NatsServer.start();
    const one = await hosting(`nats://${server.address}`, "--invite");
    await using _one = one.host;
    const other = await hosting(`nats://${server.address}`, "--invite");
    await using _other = other.host;
    await using bob = await joining("bob", one.link).ready();
    assertEquals((await bob.event("ready")).members.map(({ name }) => name), ["ada"]);
    await using without = joining("eve", one.room);
    assertEquals((await without.event("error")).code, "needs-invite");
    await without.ends(1);
    const mixed = one.room + other.link.slice(other.link.indexOf("#"));
    await using wrong = joining("eve", mixed);
    assertEquals((await wrong.event("error")).code, "wrong-invite");
    await wrong.ends(1);
  },
);

testUnless(NO_NATS, "join: no host at the broker, and no broker", async () => {
  const server = await NatsServer.start();
  await using nobody = joining("bob", `nats://${server.address}/abcdefghijklmnop`);
  const { code, message } = await nobody.event("error");
  assertEquals([code, message], [
    "connection-refused",
    "Cannot join room abcdefghijklmnop: no host is there",
  ]);
  await nobody.ends(1);
  await server.kill();
  await using lost = joining("bob", `nats://${server.address}/abcdefghijklmnop`);
  assertEquals(
    (await lost.event("error")).message,
    `Cannot connect to the broker at ${server.address}: nothing listens there`,
  );
  await lost.ends(1);
  await using host = new Program(["serve", ...LOCAL, "--via", `nats://${server.address}`]);
  assertEquals((await host.event("error")).code, "connection-refused");
  await host.ends(1);
});

testUnless(
  NO_NATS,
  "serve --via: a user and a password, in the address or from the environment",
  async () => {
    await using server = await NatsServer.start(
      `authorization { users: [{ user: ann, password: "p@ss" }] }`,
    );
    const { host, link } = await hosting(`nats://ann:p%40ss@${server.address}`);
    await using _ = host;
    assert(!link.includes("p%40ss") && !link.includes("ann"));
    const isWarning = ({ code }: Event<"warning">): boolean => code === "password-visible";
    assertStringIncludes((await host.event("warning", isWarning)).hint!, "NATS_PASSWORD");
    await using bob = new Program(["join", link, "--name", "bob", "--json"], {
      permissions: READ,
      env: { NATS_USER: "ann", NATS_PASSWORD: "p@ss", NATS_URL: server.address },
    });
    await bob.ready();
    await using eve = new Program(["join", link, "--name", "eve", "--json"], {
      permissions: READ,
      env: { NATS_USER: "ann", NATS_PASSWORD: "wrong", NATS_URL: server.address },
    });
    const { code, hint, message } = await eve.event("error");
    assertEquals(code, "permission-denied");
    assertStringIncludes(message, "does not accept this user");
    assertStringIncludes(hint!, "NATS_PASSWORD");
    await eve.ends(1);
  },
);

testUnless(
  NO_NATS,
  "a member whom the broker refuses while it reconnects tries on, comes back when it may, and gives up in time",
  async () => {
    const settings = (member: string): string =>
      `authorization { users: [{ user: host, password: h }, { user: member, ${member} }] }`;
    const [usual, changed, restricted] = [
      settings("password: m"),
      settings("password: other"),
      settings('password: m, permissions: { subscribe: "elsewhere" }'),
    ];
    await using server = await NatsServer.start(usual);
    const { host, link } = await hosting(`nats://host:h@${server.address}`);
    await using _ = host;
    const joiningAsMember = (name: string, ...options: readonly string[]): Program =>
      new Program(["join", link, "--name", name, "--json", ...options], {
        permissions: READ,
        env: { NATS_USER: "member", NATS_PASSWORD: "m", NATS_URL: server.address },
      });
    await using bob = await joiningAsMember("bob", "--give-up-after", "600").ready();
    for (const [i, refusal] of [changed, restricted].entries()) {
      await server.reload(refusal);
      await bob.stdout.count(i + 1, (line) => line.startsWith('{"event":"disconnected"'));
      const { message } = await bob.event(
        "warning",
        ({ code, message }) => code === "permission-denied" && message.includes(REFUSALS[i]!),
      );
      assertStringIncludes(message, server.address);
      await server.reload(usual);
      await bob.stdout.count(i + 1, (line) => line.startsWith('{"event":"reconnected"'));
      await bob.say(`back ${i}`);
      await host.hears("bob", i + 1);
    }
    const refusals = bob.stdout.lines.filter((line) => line.includes('"code":"permission-denied"'));
    assertEquals(refusals.length, 2, refusals.join("\n"));
    await using cyd = await joiningAsMember("cyd", "--give-up-after", "5").ready();
    await server.reload(changed);
    const { code, hint, message } = await cyd.event("error");
    assertEquals(code, "connection-lost");
    assertStringIncludes(hint!, "NATS_PASSWORD");
    assertMatch(message, /^Gave up after 5 s: .*does not accept this user$/);
    await cyd.ends(1);
  },
);

/** What a member says that gets into the broker no longer, or may not use it. */
const REFUSALS = ["does not accept this user", "does not let this user subscribe"];

testUnless(
  NO_NATS,
  "a cluster: its servers are killed in turn amid 5,000 lines of two senders, and each line comes once, in order",
  async () => {
    const cluster = await NatsServer.cluster(3);
    await using stack = new AsyncDisposableStack();
    for (const server of cluster) stack.use(server);
    const { host, link } = await hosting(
      `nats://${cluster.map(({ address }) => address).join()}`,
    );
    stack.use(host);
    const bob = stack.use(await joining("bob", link).ready());
    const cyd = stack.use(await joining("cyd", link).ready());
    await host.event("joined", ({ member }) => member.name === "cyd");
    await bob.event("joined", ({ member }) => member.name === "cyd");
    const lines = (name: string): string[] =>
      Array.from({ length: 5000 }, (_, i) => `${name} ${i}`);
    const said = Promise.all([bob.say(...lines("bob")), cyd.say(...lines("cyd"))]);
    for (const [i, server] of cluster.entries()) {
      await host.hears("bob", 1 + i * 1200);
      await server.kill();
      await server.restart();
    }
    await said;
    for (const each of [host, cyd]) assertEquals(await each.hears("bob", 5000), lines("bob"));
    for (const each of [host, bob]) assertEquals(await each.hears("cyd", 5000), lines("cyd"));
    await host.event(
      "warning",
      ({ message }) => /^Connection to the broker at .* lost$/.test(message),
    );
    for (const each of [bob, cyd]) await each.event("reconnected");
  },
);

testUnless(NO_NATS, "a member that stops reading comes back, and has missed nothing", async () => {
  await using server = await NatsServer.start();
  const { host, link } = await hosting(`nats://${server.address}`);
  await using _ = host;
  await using bob = await joining("bob", link).ready();
  await using cyd = await joining("cyd", link).ready();
  await host.event("joined", ({ member }) => member.name === "cyd");
  bob.signal("SIGSTOP");
  const lines = Array.from({ length: 2000 }, (_, i) => `${i} ${"x".repeat(1000)}`);
  await host.say(...lines);
  assertEquals(await cyd.hears("ada", 2000), lines);
  await host.event("lost", ({ member }) => member.name === "bob");
  bob.signal("SIGCONT");
  assertEquals(await bob.hears("ada", 2000), lines);
});

/** What a client shows of its user to a server that lets no one in, and how `join` ends there. */
async function shownTo(
  place: "link" | "address",
  env: Readonly<Record<string, string>>,
): Promise<{ shown: string; hint: string }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${listener.addr.port}`;
  const answering = (async () => {
    using client = await listener.accept();
    await client.write(
      utf8('INFO {"version":"2.9.10","proto":1,"nonce":"abcd","max_payload":1000}\r\n'),
    );
    const buffer = new Uint8Array(4096);
    let said = "";
    while (!said.includes("PING")) {
      said += new TextDecoder().decode(buffer.subarray(0, (await client.read(buffer))!));
    }
    await client.write(utf8("-ERR 'Authorization Violation'\r\n"));
    return /^CONNECT (.*)/.exec(said)![1]!;
  })();
  const credential = await encodeCredential({ hostKey: new Uint8Array(32).fill(1) });
  const room = `nats://${address}/abcdefghijklmnop`;
  await using bob = new Program(
    ["join", place === "link" ? `${room}#${credential}` : room, "--json"],
    {
      permissions: READ,
      env: Object.fromEntries(
        Object.entries(env).map(([name, value]) => [name, value.replace("SERVER", address)]),
      ),
    },
  );
  const { code, hint } = await bob.event("error");
  assertEquals(code, "permission-denied");
  await bob.ends(1);
  return { shown: await answering, hint: hint!.replace(address, "SERVER") };
}

testUnless(
  NO_NATS,
  "join shows a user only to a broker that the person has named: in the address, or for a link in NATS_URL",
  async () => {
    const { creds } = credentialedServer();
    const file = `${emptyDirectory()}/user.creds`;
    await Deno.writeTextFile(file, creds, { mode: 0o600 });
    const [password, credentials] = [
      { NATS_USER: "ann", NATS_PASSWORD: "geheim" },
      { NATS_CREDS: file },
    ];
    const unnamed = ["nats://127.0.0.1:1", "tls://SERVER", "nats://SERVER@192.0.2.7"]
      .map((NATS_URL) => ({ NATS_URL }));
    for (const named of [{}, ...unnamed]) {
      const { hint, shown } = await shownTo("link", { ...password, ...credentials, ...named });
      assert(!/ann|geheim|jwt|sig/.test(shown), shown);
      assertStringIncludes(hint, "NATS_URL=nats://SERVER");
    }
    for (const NATS_URL of ["SERVER", "nats://192.0.2.7, nats://x:y@SERVER"]) {
      assertMatch((await shownTo("link", { ...password, NATS_URL })).shown, /"pass":"geheim"/);
    }
    const NATS_URL = "nats://SERVER";
    assertMatch((await shownTo("link", { ...credentials, NATS_URL })).shown, /"jwt":"\w/);
    const { hint, shown } = await shownTo("address", password);
    assertMatch(shown, /"user":"ann"/);
    assertStringIncludes(hint, "Check");
  },
);

/**
 * Passes on what a client and a server say, and loses the messages with data to the client, once it is told to, until
 * that connection ends.
 */
async function losing(server: Deno.TcpConn, client: Deno.TcpConn, faults: Faults): Promise<void> {
  const asking = client.readable.pipeTo(server.writable).catch(() => {});
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const answering = readable.pipeTo(client.writable).catch(() => {});
  const writer = writable.getWriter();
  let held = new Uint8Array();
  let hasLost = false;
  try {
    for await (const chunk of server.readable) {
      held = concat(held, chunk);
      while (true) {
        const end = held.indexOf(0x0a) + 1;
        const command = new TextDecoder().decode(held.subarray(0, end)).trimEnd();
        const length = command.startsWith("MSG ") ? Number(command.split(" ").at(-1)) + 2 : 0;
        if (end === 0 || held.length < end + length) break;
        const isLost = faults.loses && length > 0 && held[end + 16] === 1;
        hasLost ||= isLost;
        if (!isLost) await writer.write(held.slice(0, end + length));
        held = held.slice(end + length);
      }
    }
  } catch {
    // One of them has gone.
  }
  if (hasLost) faults.loses = false;
  await writer.close().catch(() => {});
  await Promise.all([asking, answering]);
}

/** What {@linkcode losing} does. */
interface Faults {
  loses: boolean;
}

testUnless(
  NO_NATS,
  "a member whom the last lines of a burst do not reach notices that, comes back and has them",
  async () => {
    await using server = await NatsServer.start();
    const { host, room } = await hosting(`nats://${server.address}`);
    await using _ = host;
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const faults = { loses: false };
    const proxying = (async () => {
      for (let i = 0; i < 2; i++) {
        const client = await listener.accept();
        const { port } = server;
        await losing(await Deno.connect({ hostname: "127.0.0.1", port }), client, faults);
      }
    })();
    {
      const through = room.replace(server.address, `127.0.0.1:${listener.addr.port}`);
      await using bob = await joining("bob", through).ready();
      await host.event("joined");
      await host.say("first");
      await bob.hears("ada", 1);
      faults.loses = true;
      await host.say("second", "third");
      await bob.event("disconnected");
      assertEquals(bob.heard("ada"), ["first"]);
      await bob.event("reconnected");
      assertEquals(await bob.hears("ada", 3), ["first", "second", "third"]);
    }
    await proxying;
  },
);

testUnless(NO_NATS, "doctor checks the servers of a broker, and the room's host", async () => {
  await using server = await NatsServer.start();
  const { host, room } = await hosting(`nats://${server.address}`);
  await using _ = host;
  const check = async (address: string): Promise<unknown[]> => {
    const { stdout } = await run(["doctor", address, "--json", "--timeout", "60"]);
    const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    return events.filter(({ check }) => ["broker", "connection", "host"].includes(check))
      .map(({ check, ok }) => [check, ok]);
  };
  assertEquals(await check(room), [["broker", true], ["connection", true], ["host", true]]);
  assertEquals(await check(`nats://${server.address}`), [["broker", true]]);
  const nobody = `${room.slice(0, -16)}abcdefghijklmnop`;
  assertEquals(await check(nobody), [["broker", true], ["connection", false]]);
  await server.kill();
  assertEquals(await check(room), [["broker", false]]);
});

testUnless(
  NO_NATS,
  "serve --via-creds, and join with NATS_CREDS: only with credentials",
  async () => {
    const { creds, settings } = credentialedServer();
    await using server = await NatsServer.start(settings);
    const file = `${emptyDirectory()}/user.creds`;
    await Deno.writeTextFile(file, creds, { mode: 0o600 });
    const via = ["--via", `nats://${server.address}`, "--via-creds", file];
    await using host = new Program(["serve", "--name", "ada", ...LOCAL, ...via], {
      permissions: READ,
    });
    const link = (await host.event("invite")).via!;
    await using bob = new Program(["join", link, "--name", "bob", "--json"], {
      permissions: READ,
      env: { NATS_CREDS: file, NATS_URL: `nats://${server.address}` },
    });
    await bob.ready();
    await using eve = joining("eve", link);
    assertEquals((await eve.event("error")).code, "permission-denied");
    await eve.ends(1);

    const broken = {
      "with nothing in it": "",
      "that is something else": "hello\n",
      "without a key": creds.slice(0, creds.indexOf("-----BEGIN USER NKEY")),
      "with a damaged key": creds.replace(/(?<=\nSU.{20})./, (c) => c === "A" ? "B" : "A"),
      "with Windows line ends": undefined,
    };
    for (const [what, text = creds.replaceAll("\n", "\r\n")] of Object.entries(broken)) {
      await Deno.writeTextFile(file, text);
      const env = { NATS_URL: server.address };
      await using cyd = new Program(
        ["join", link, "--name", "cyd", "--json", "--via-creds", file],
        { permissions: READ, env },
      );
      if (what === "with Windows line ends") {
        await cyd.ready();
        continue;
      }
      const { code, hint, message } = await cyd.event("error");
      assertEquals(
        [code, message],
        ["permission-denied", `Cannot use "${file}": it is not a valid NATS credentials file`],
        what,
      );
      assertStringIncludes(hint!, "operator");
      await cyd.ends(1);
    }

    await Deno.chmod(file, 0o644);
    await using exposed = new Program(["join", link, "--json"], {
      permissions: READ,
      env: { NATS_CREDS: file, NATS_URL: `nats://${server.address}` },
    });
    const { hint, message } = await exposed.event("error");
    assertStringIncludes(message, "others may have read the credentials in it");
    assertStringIncludes(hint!, "chmod 600");
    await exposed.ends(1);
  },
);

testUnless(NO_NATS, "serve --via tls: only with the authority of NATS_CA", async () => {
  const { ca, certificate, key } = await certificates();
  await using server = await NatsServer.start(
    `tls { cert_file: "${certificate}", key_file: "${key}" }`,
  );
  const options = { permissions: READ, env: { NATS_CA: ca } };
  const via = ["--via", `tls://${server.address}`];
  await using host = new Program(["serve", "--name", "ada", ...LOCAL, ...via], options);
  const link = (await host.event("invite")).via!;
  assertStringIncludes(link, `tls://${server.address}/`);
  await using bob = new Program(["join", link, "--name", "bob", "--json"], options);
  await bob.ready();
  await using eve = joining("eve", link);
  const { code, hint } = await eve.event("error");
  assertEquals(code, "unreachable");
  assertStringIncludes(hint!, "NATS_CA");
  await eve.ends(1);
});
