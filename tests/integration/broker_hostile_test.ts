/**
 * What a client of the same broker can do to a room, and what the permissions of docs/BEYOND.md keep from it.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { Broker, call, MAX_UNREAD_CALLERS } from "../../lib/broker/mod.ts";
import { parseBrokerAddress } from "../../lib/broker_address.ts";
import { type Bytes, concat, fromBase64Url, u64, u8 } from "../../lib/bytes/mod.ts";
import { blocksOf } from "../docs/documents.ts";
import { NatsServer, NO_NATS } from "../support/nats_server.ts";
import { emptyDirectory, Program } from "../support/program.ts";
import { testUnless } from "../support/tools.ts";

/** The users of the configuration in docs/BEYOND.md. */
const [PERMISSIONS] = blocksOf("docs/BEYOND.md").flatMap(({ text }) =>
  /^authorization[^]*/m.exec(text) ?? []
);

const ALLOW = ["--allow-net", "--allow-env=NATS_USER,NATS_PASSWORD,NATS_CREDS,NATS_CA,NATS_URL"];

/** A user of the configuration, as the variables of a program. */
const HOST = { NATS_USER: "host", NATS_PASSWORD: "a long one" };
const MEMBER = { NATS_USER: "member", NATS_PASSWORD: "another one" };

/** A message that a client wrote to a subject. */
interface Heard {
  readonly subject: string;
  readonly data: Bytes;
}

/** A room of a host and a member at a broker, and a hostile client of it. */
class Scene implements AsyncDisposable {
  readonly server: NatsServer;
  readonly host: Program;
  readonly bob: Program;
  readonly link: string;
  readonly mallory: NatsConnection;
  /** All that the hostile client heard. */
  readonly heard: readonly Heard[];

  private constructor(
    server: NatsServer,
    programs: readonly [host: Program, bob: Program],
    link: string,
    hostile: { readonly mallory: NatsConnection; readonly heard: readonly Heard[] },
  ) {
    this.server = server;
    [this.host, this.bob] = programs;
    this.link = link;
    this.mallory = hostile.mallory;
    this.heard = hostile.heard;
  }

  /** Opens a room. @param listensTo The subjects that the hostile client hears from the start. */
  static async open(settings = "", listensTo: readonly string[] = [">"]): Promise<Scene> {
    const server = await NatsServer.start(settings);
    const [asHost, asMember] = settings === "" ? [{}, {}] : [HOST, MEMBER];
    const { NATS_USER: user, NATS_PASSWORD: pass } = { ...MEMBER, ...asMember };
    const mallory = await connect({
      servers: server.address,
      ...settings !== "" && { user, pass },
    });
    const heard: Heard[] = [];
    for (const subject of listensTo) {
      mallory.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) return; // The server does not allow it.
          heard.push({ subject: message.subject, data: new Uint8Array(message.data) });
        },
      });
    }
    await mallory.flush();
    const start = (...args: readonly string[]): Program =>
      new Program([...args, "--json"], {
        permissions: ALLOW,
        env: { ...args[0] === "serve" ? asHost : asMember, NATS_URL: server.address },
      });
    const host = start(
      ...["serve", "--name", "ada", "--port", "0", "--host", "127.0.0.1", "--no-announce"],
      ...["--via", `nats://${server.address}`],
    );
    const { via } = await host.event("invite");
    const bob = await start("join", via!, "--name", "bob").ready();
    await host.event("joined");
    return new Scene(server, [host, bob], via!, { mallory, heard });
  }

  /** The room's subjects, without the random parts. */
  get subjects(): string {
    return `lanchat.${this.link.slice(0, this.link.indexOf("#")).slice(-16)}`;
  }

  /** The subject of the first message that the hostile client heard in a direction. */
  subject(direction: "up" | "down"): string {
    return this.heard.find(({ subject }) => subject.split(".")[2] === direction)!.subject;
  }

  /** Asserts that bob is connected again, that nothing was lost, and that the host's room goes on. */
  async assertHealed(): Promise<void> {
    await this.bob.event("reconnected");
    await this.assertWorks();
  }

  /** Asserts that both hear each other. */
  async assertWorks(): Promise<void> {
    const text = crypto.randomUUID();
    await this.bob.say(text);
    await this.host.event("message", (message) => message.text === text);
    await this.host.say(text);
    await this.bob.event("message", (message) => message.text === text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mallory.close();
    await this.bob[Symbol.asyncDispose]();
    await this.host[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

function message(number: number, kind: number, content: Uint8Array = new Uint8Array()): Bytes {
  return concat(u64(number), u64(1 << 20), u8(kind), content);
}

testUnless(
  NO_NATS,
  "a client that reads all sees no word, name or key, and what it repeats or injects only ends a connection",
  async () => {
    await using scene = await Scene.open();
    const { bob, heard, host, mallory } = scene;
    const up = scene.subject("up");
    const text = "the eagle lands at noon";
    await bob.say(text);
    await host.event("message", (message) => message.text === text);
    const { key } = await host.event("ready");
    const all = new TextDecoder("latin1").decode(concat(...heard.map(({ data }) => data)));
    for (
      const secret of [text, "ada", "bob", atob(key.replaceAll("-", "+").replaceAll("_", "/"))]
    ) {
      assert(!all.includes(secret), secret);
    }

    mallory.publish(up, heard.find(({ subject }) => subject === up)!.data);
    await scene.assertHealed();
    const next = heard.findLast(({ subject }) => subject.includes(".down."))!;
    mallory.publish(next.subject, message(1 << 20, 1, new Uint8Array(100)));
    await bob.stdout.count(2, (line) => line.startsWith('{"event":"reconnected"'));
    await scene.assertWorks();
    assertEquals(host.events.filter(({ event }) => event === "left"), [], "bob kept the seat");
  },
);

testUnless(NO_NATS, "calls that lead nowhere, and guesses, keep no one out", async () => {
  await using scene = await Scene.open();
  const { host, link, mallory, subjects } = scene;
  for (let i = 0; i < 3 * MAX_UNREAD_CALLERS; i++) {
    const answerTo = crypto.getRandomValues(new Uint8Array(16));
    mallory.publish(`${subjects}.up.${i}`, message(0, 0, concat(u8(1), answerTo)));
    mallory.publish(`${subjects}.up.guess${i}`, message(1, 1, new Uint8Array(1000)));
    mallory.publish(`${subjects}.down.guess${i}`, new Uint8Array(1000));
  }
  await mallory.flush();
  await scene.assertWorks();
  await using cyd = await new Program(["join", link, "--name", "cyd", "--json"]).ready();
  await host.event("joined", ({ member }) => member.name === "cyd");
  await using dan = new Program(
    ["join", (await host.event("invite")).link, "--name", "dan", "--json"],
  );
  await dan.ready();
  assertEquals(cyd.events.filter(({ event }) => event === "disconnected"), []);
});

testUnless(NO_NATS, "a client that answers as the host is not taken for it", async () => {
  await using scene = await Scene.open();
  const { bob, host, link, mallory, server, subjects } = scene;
  const room = link.slice(0, link.indexOf("#"));
  const kept = { permissions: [...ALLOW, "--allow-read", "--allow-write"] };
  const asDan = ["join", room, "--name", "dan", "--json", "--identity", `${emptyDirectory()}/id`];
  {
    await using dan = await new Program(asDan, kept).ready();
    await dan.tell({ do: "quit" });
    await dan.ends(0);
  }
  await host[Symbol.asyncDispose]();
  // It has a room of its own, and leads the callers of this one there.
  await using other = new Program([
    ...["serve", "--name", "mallory", "--json", "--port", "0", "--host", "127.0.0.1"],
    ...["--no-announce", "--via", `nats://${server.address}`],
  ]);
  const { via } = await other.event("invite");
  const own = via!.slice(0, via!.indexOf("#")).slice(-16);
  mallory.subscribe(`${subjects}.up.*`, {
    callback: (_error, { data, subject }) => {
      const content = new Uint8Array(data);
      mallory.publish(subject.replace(subjects, `lanchat.${own}`), content);
    },
  });
  mallory.subscribe(`lanchat.${own}.down.*`, {
    callback: (_error, { data, subject }) =>
      mallory.publish(subject.replace(`lanchat.${own}`, subjects), new Uint8Array(data)),
  });
  await mallory.flush();
  await using cyd = new Program(["join", link, "--name", "cyd", "--json"]);
  assertEquals((await cyd.event("error")).code, "host-key-mismatch");
  await cyd.ends(3);
  await using dan = new Program(asDan, kept);
  assertEquals((await dan.event("error")).code, "host-key-changed");
  await dan.ends(3);
  assertEquals((await bob.event("error")).code, "another-room");
  await bob.ends(3);
  assertEquals(other.events.filter(({ event }) => event === "joined"), []);
});

testUnless(
  NO_NATS,
  "the permissions of docs/BEYOND.md let host and members in, and keep others' connections from a member",
  async () => {
    await using scene = await Scene.open(PERMISSIONS, ["lanchat.*.down.*", "lanchat.*.up.*"]);
    const { bob, heard, mallory, subjects } = scene;
    const down = scene.subject("down");
    await scene.assertWorks();
    assertEquals(heard.filter(({ subject }) => subject.includes(".up.")), []);
    // The random part of the direction to the host is another one.
    const errors: string[] = [];
    const watching = (async () => {
      for await (const status of mallory.status()) {
        if (status.type === "error") errors.push(status.error.message);
      }
    })();
    mallory.publish(down, message(1 << 20, 1, new Uint8Array(100)));
    mallory.publish(down.replace(".down.", ".up."), message(1 << 20, 1, new Uint8Array(100)));
    // The host itself must not send into it, either.
    const answerTo = fromBase64Url(down.slice(down.lastIndexOf(".") + 1));
    mallory.publish(`${subjects}.up.mallory`, message(0, 0, concat(u8(1), answerTo)));
    await mallory.flush();
    await scene.assertWorks();
    assertEquals(bob.events.filter(({ event }) => event === "disconnected"), []);
    assert(errors.some((text) => text.includes(`Publish to "${down}"`)), errors.join());
    const url = `nats://${scene.server.address}`;
    const member = new Broker(parseBrokerAddress(url), {
      user: { user: MEMBER.NATS_USER, password: MEMBER.NATS_PASSWORD },
    });
    const connection = await call(
      await member.connect({ timeoutMs: 5000 }),
      subjects.slice(8),
      { timeoutMs: 5000 },
    );
    connection.close();
    await using refused = new Program(
      ["serve", "--json", "--port", "0", "--host", "127.0.0.1", "--no-announce", "--via", url],
      { permissions: ALLOW, env: MEMBER },
    );
    const { code, message: reason } = await refused.event("error");
    assertEquals(code, "permission-denied");
    assertMatch(reason, /does not let this user subscribe to lanchat\./);
    await refused.ends(1);
    await mallory.close();
    await watching;
  },
);
