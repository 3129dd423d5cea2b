/** The transport over real NATS servers. */
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseBrokerAddress } from "../../lib/broker_address.ts";
import {
  Broker,
  type BrokerAccess,
  type BrokerConnection,
  call,
  receiveCallers,
} from "../../lib/broker/mod.ts";
import { type Bytes, concat, utf8 } from "../../lib/bytes/mod.ts";
import type { Code } from "../../lib/errors.ts";
import { assertFails } from "../support/assert.ts";
import { certificates } from "../support/certificates.ts";
import { NatsServer, NO_NATS } from "../support/nats_server.ts";
import { test } from "../support/test.ts";
import { testUnless } from "../support/tools.ts";

const ROOM = "abcdefghijklmnop";
const timeoutMs = 5000;

function natsTest(name: string, fn: () => Promise<void>): void {
  testUnless(NO_NATS, name, fn, { sanitizeOps: true, sanitizeResources: true });
}

function brokerAt(servers: string, access: BrokerAccess = {}): Broker {
  return new Broker(parseBrokerAddress(servers), access);
}

/** A caller and the host's end of its connection. */
async function pair(host: Broker, caller: Broker = host) {
  const reception = receiveCallers(await host.connect({ timeoutMs }), ROOM);
  const callers = reception.connections.getReader();
  const calling = await call(await caller.connect({ timeoutMs }), ROOM, { timeoutMs });
  const { value } = await callers.read();
  return { reception, caller: calling, host: value! };
}

async function readAll(readable: ReadableStream<Bytes>): Promise<Bytes> {
  const chunks: Bytes[] = [];
  for await (const chunk of readable) chunks.push(chunk);
  return concat(...chunks);
}

async function send(to: BrokerConnection, bytes: Bytes): Promise<void> {
  const writer = to.writable.getWriter();
  await writer.write(bytes);
  await writer.close();
}

/** Sends 3 MB both ways, and closes all. */
async function assertCarries(host: Broker, caller?: Broker): Promise<void> {
  const ends = await pair(host, caller);
  const bytes = Uint8Array.from({ length: 3_000_000 }, (_, i) => i * 31 + (i >> 8));
  const received = Promise.all([readAll(ends.host.readable), readAll(ends.caller.readable)]);
  await Promise.all([send(ends.caller, bytes), send(ends.host, bytes)]);
  assertEquals(await received, [bytes, bytes]);
  await ends.reception.close();
}

natsTest("Broker carries connections over a server, whatever its largest message", async () => {
  await using server = await NatsServer.start("max_payload: 20000");
  await assertCarries(brokerAt(`nats://${server.address}`));
});

natsTest(
  "Broker carries connections between two servers of a cluster, and learns of others",
  async () => {
    const [one, two] = await NatsServer.cluster(2);
    await using first = one!;
    await using second = two!;
    const host = brokerAt(`nats://${first.address}`);
    await assertCarries(host, brokerAt(`nats://${second.address}`));
    await first.kill();
    const bus = await host.connect({ timeoutMs });
    await bus.close();
  },
);

natsTest(
  "Broker names the server of its address where others that it was told of fail, too",
  async () => {
    const [one, two] = await NatsServer.cluster(
      2,
      "authorization { users: [{ user: a, password: b }] }",
    );
    await using first = one!;
    await using second = two!;
    const broker = brokerAt(`nats://${first.address}`, { user: { user: "a", password: "b" } });
    await (await broker.connect({ timeoutMs })).close();
    await first.kill();
    await second.kill();
    await assertFails(broker.connect({ timeoutMs }), "connection-refused", first.address);
  },
);

natsTest("Broker carries connections over a leaf node", async () => {
  await using hub = await NatsServer.start("leafnodes { host: 127.0.0.1, port: -1 }");
  await using leaf = await NatsServer.start(
    `leafnodes { remotes: [{ url: "nats://127.0.0.1:${hub.leafPort}" }] }`,
  );
  await leaf.says(/Leafnode connection created/);
  await assertCarries(brokerAt(`nats://${hub.address}`), brokerAt(`nats://${leaf.address}`));
});

natsTest("Broker says who is not let in", async () => {
  await using server = await NatsServer.start(
    `authorization { users: [{ user: ann, password: "s:p@ce" }] }`,
  );
  const user = { user: "ann", password: "s:p@ce" };
  await assertCarries(brokerAt(`nats://${server.address}`, { user }));
  for (const access of [{}, { user: { user: "ann", password: "wrong" } }]) {
    const refused = await assertFails(
      brokerAt(`nats://${server.address}`, access).connect({ timeoutMs }),
      "permission-denied",
      "does not accept this user",
    );
    assert(!refused.message.includes("wrong"));
  }
});

natsTest("Broker passes on why a server lets no one else in", async () => {
  await using server = await NatsServer.start("max_connections: 1");
  const broker = brokerAt(`nats://${server.address}`);
  const bus = await broker.connect({ timeoutMs });
  const { hint } = await assertFails(
    broker.connect({ timeoutMs }),
    "unreachable",
    "maximum connections exceeded",
  );
  assertMatch(hint!, /operator/);
  await bus.close();
});

natsTest("Broker survives servers that reset connections at any moment", async () => {
  await using server = await NatsServer.start(
    "authorization { users: [{ user: a, password: b }] }",
  );
  const broker = brokerAt(`nats://${server.address}`);
  // The client library lets a few of these go uncaught, which would end the process.
  for (let i = 0; i < 200; i++) {
    await assertFails(broker.connect({ timeoutMs }), "permission-denied");
  }
});

natsTest("Broker ends where the server allows no subject", async () => {
  await using server = await NatsServer.start(
    `authorization { users: [
       { user: host, password: h, permissions: { subscribe: "lanchat.*.up.*", publish: "lanchat.*.down.*" } },
       { user: member, password: m, permissions: { subscribe: "lanchat.*.down.*", publish: "lanchat.*.up.*" } }
     ] }`,
  );
  const host = brokerAt(`nats://${server.address}`, { user: { user: "host", password: "h" } });
  const member = brokerAt(`nats://${server.address}`, { user: { user: "member", password: "m" } });
  await assertCarries(host, member);
  const bus = await host.connect({ timeoutMs });
  await assertFails(
    call(bus, ROOM, { timeoutMs }),
    "permission-denied",
    `does not let this user subscribe to lanchat.${ROOM}.down.*`,
  );
  const reception = receiveCallers(await member.connect({ timeoutMs }), ROOM);
  assertEquals((await reception.lost).code, "permission-denied");
  await reception.close();
});

natsTest("Broker bears headers that no one can read", async () => {
  await using server = await NatsServer.start();
  const ends = await pair(brokerAt(`nats://${server.address}`));
  using mallory = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const headers = "NATS/1.0\r\na b: c\r\n\r\n";
  const sent = `HPUB lanchat.${ROOM}.up.x ${headers.length} ${headers.length}\r\n${headers}\r\n`;
  await mallory.write(utf8(`CONNECT {"verbose":false,"headers":true}\r\n${sent}PING\r\n`));
  const buffer = new Uint8Array(4096);
  while (!new TextDecoder().decode(buffer).includes("PONG")) await mallory.read(buffer);
  const received = readAll(ends.host.readable);
  await send(ends.caller, utf8("still here"));
  assertEquals(await received, utf8("still here"));
  await ends.reception.close();
});

natsTest("Broker checks the server's certificate", async () => {
  const { ca, certificate, key, otherCa } = await certificates();
  await using server = await NatsServer.start(
    `tls { cert_file: "${certificate}", key_file: "${key}" }`,
  );
  const read = (file: string): BrokerAccess => ({ ca: Deno.readTextFileSync(file) });
  await assertCarries(brokerAt(`tls://${server.address}`, read(ca)));
  await assertCarries(brokerAt(`nats://${server.address}`, read(ca)));
  for (const access of [{}, read(otherCa)]) {
    await assertFails(
      brokerAt(`tls://${server.address}`, access).connect({ timeoutMs }),
      "unreachable",
    );
  }
  const refused = await assertFails(
    brokerAt(`nats://${server.address}`, read(otherCa)).connect({ timeoutMs }),
    "unreachable",
  );
  assertMatch(refused.hint!, /NATS_CA/);
  await using plain = await NatsServer.start();
  await assertFails(
    brokerAt(`tls://${plain.address}`).connect({ timeoutMs }),
    "unreachable",
    "it has no TLS",
  );
});

/** Stands between one caller and a server with TLS, and changes what the server says in clear text. */
async function inTheMiddle(
  listener: Deno.TcpListener,
  server: NatsServer,
  change: (info: string) => string,
): Promise<void> {
  const caller = await listener.accept();
  listener.close();
  const behind = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const buffer = new Uint8Array(4096);
  const length = await behind.read(buffer);
  await caller.write(utf8(change(new TextDecoder().decode(buffer.subarray(0, length!)))));
  await Promise.allSettled([
    caller.readable.pipeTo(behind.writable),
    behind.readable.pipeTo(caller.writable),
  ]);
}

natsTest("Broker believes nothing that came in clear text before TLS", async () => {
  const { ca, certificate, key } = await certificates();
  await using server = await NatsServer.start(
    `tls { cert_file: "${certificate}", key_file: "${key}" }`,
  );
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let isOtherCalled = false;
  const accepting = other.accept().then((caller) => {
    isOtherCalled = true;
    caller.close();
  }, () => {});
  const proxying = inTheMiddle(listener, server, (info) => {
    const told = { ...JSON.parse(info.slice(5)), connect_urls: [`127.0.0.1:${other.addr.port}`] };
    const lie = 'INFO {"version":"2.9.10","proto":1,"max_payload":10}\r\n';
    return `INFO ${JSON.stringify(told)}\r\n${lie}`;
  });
  const broker = brokerAt(`tls://127.0.0.1:${listener.addr.port}`, {
    ca: Deno.readTextFileSync(ca),
  });
  const bus = await broker.connect({ timeoutMs });
  await bus.flush();
  await bus.close();
  assertEquals((await bus.closed).code, "connection-lost", "it was closed, and not for the lie");
  await proxying;
  await assertFails(broker.connect({ timeoutMs }), "connection-refused");
  assert(!isOtherCalled, "it would be shown the user");
  other.close();
  await accepting;
});

natsTest("Broker loses the connection with its server", async () => {
  await using server = await NatsServer.start();
  const ends = await pair(brokerAt(`nats://${server.address}`));
  const failed = [ends.host, ends.caller].map((end) =>
    assertFails(readAll(end.readable), "connection-lost")
  );
  await server.kill();
  await Promise.all(failed);
  assertEquals((await ends.reception.lost).code, "connection-lost");
  await ends.reception.close();
  const refused = await assertFails(
    brokerAt(`nats://${server.address}`).connect({ timeoutMs }),
    "connection-refused",
  );
  assertEquals(refused.hint, "Check that a NATS server runs there.");
});

natsTest("Broker loses a server before anyone has used the connection", async () => {
  await using server = await NatsServer.start();
  const broker = brokerAt(`nats://${server.address}`);
  const [host, caller] = [
    await broker.connect({ timeoutMs }),
    await broker.connect({ timeoutMs }),
  ];
  await server.kill();
  await Promise.all([host.closed, caller.closed]);
  const reception = receiveCallers(host, ROOM);
  assertEquals((await reception.lost).code, "connection-lost");
  await reception.close();
  await assertFails(call(caller, ROOM, { timeoutMs }), "connection-lost");
});

/** Accepts connections as a NATS server does, and then says something else. */
async function serveLies(
  listener: Deno.TcpListener,
  lie: string,
  facts: Record<string, unknown> = {},
): Promise<void> {
  const info = { version: "2.9.10", proto: 1, max_payload: 1000, headers: true, ...facts };
  for await (const connection of listener) {
    const write = (text: string): Promise<number> => connection.write(utf8(text));
    let said = "";
    const hears = async (word: string): Promise<void> => {
      const buffer = new Uint8Array(4096);
      while (!said.includes(word)) {
        const length = await connection.read(buffer).catch(() => null);
        if (length === null) return;
        said += new TextDecoder().decode(buffer.subarray(0, length));
      }
    };
    await write(`INFO ${JSON.stringify(info)}\r\n`);
    await hears("PING");
    await write("PONG\r\n");
    await hears("SUB");
    await write(lie);
    await hears("nothing more");
    connection.close();
    return;
  }
}

const LIES = {
  "permission-denied": `-ERR 'Permissions Violation for Publish to "\x1b[2J"'\r\n`,
  "connection-lost": "INFO {\x1b[2J}\r\n",
};

for (const [code, lie] of Object.entries(LIES)) {
  test(`Broker ends with ${code} at a server that lies, and its text acts on no screen`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = serveLies(listener, lie);
    const bus = await brokerAt(`nats://127.0.0.1:${listener.addr.port}`).connect({ timeoutMs });
    const { message } = await assertFails(call(bus, ROOM, { timeoutMs: 500 }), code as Code);
    assert(/^[\x20-\x7e]+$/.test(message), message);
    await bus.closed;
    await serving;
  });
}

for (const max_payload of [undefined, 10, "1000000", 1.5e3 + 0.5]) {
  test(`Broker refuses a server that takes messages of ${max_payload} bytes`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = serveLies(listener, "", { max_payload });
    const refused = await assertFails(
      brokerAt(`nats://127.0.0.1:${listener.addr.port}`).connect({ timeoutMs }),
      "unreachable",
      "it takes no messages",
    );
    assertMatch(refused.hint!, /max_payload/);
    await serving;
  });
}

test("Broker leaves uncaught errors and the log of the rest of the process alone", async () => {
  const script = `
    import { createConnection } from "node:net";
    import { Broker } from "${import.meta.resolve("../../lib/broker/mod.ts")}";
    import { parseBrokerAddress } from "${import.meta.resolve("../../lib/broker_address.ts")}";
    const broker = new Broker(parseBrokerAddress("nats://127.0.0.1:1"));
    await broker.connect({ timeoutMs: 5000 }).catch(() => {});
    console.log("logged", new Error("of its own"));
    createConnection(1, "127.0.0.1");`;
  const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "eval",
        "--no-check",
        `--config=${fileURLToPath(import.meta.resolve("../../deno.json"))}`,
      ],
      script,
    ],
  }).output();
  assertEquals(code, 1);
  assertMatch(new TextDecoder().decode(stdout), /^logged Error: of its own/);
  assertMatch(new TextDecoder().decode(stderr), /ECONNREFUSED/);
});

test("Broker notices that a server is gone while much is under way to it", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const connecting = brokerAt(`nats://127.0.0.1:${listener.addr.port}`).connect({ timeoutMs });
  using server = await accepting;
  await server.write(utf8('INFO {"version":"2.9.10","proto":1,"max_payload":1000000}\r\nPONG\r\n'));
  const bus = await connecting;
  // More than the buffers of both systems take: the last bytes never leave.
  for (let i = 0; i < 50; i++) bus.publish("subject", new Uint8Array(1_000_000));
  assertEquals((await bus.closed).code, "connection-lost");
});

for (
  const [what, text] of [
    ["says something else", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["says no JSON", "INFO {\x1b[2J}\r\n"],
    ["never ends its first line", `INFO {"a":"${"a".repeat(70_000)}`],
  ]
) {
  test(`Broker takes what ${what} for no NATS server`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const answering = (async () => {
      const caller = await listener.accept();
      await new Blob([text!]).stream().pipeTo(caller.writable, { preventClose: true }).catch(
        () => {},
      );
      await caller.readable.pipeTo(new WritableStream()).catch(() => {});
    })();
    const { message } = await assertFails(
      brokerAt(`nats://127.0.0.1:${listener.addr.port}`).connect({ timeoutMs }),
      "unreachable",
      "no NATS server answers there",
    );
    assert(/^[\x20-\x7e]+$/.test(message), message);
    await answering;
  });
}

test("Broker says why it cannot connect", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) connection.close();
  })().catch(() => {});
  await assertFails(
    brokerAt(`nats://127.0.0.1:${listener.addr.port}`).connect({ timeoutMs }),
    "unreachable",
    "no NATS server answers there",
  );
  await assertFails(brokerAt("nats://no-such.invalid").connect({ timeoutMs }), "name-not-found");
  const stop = new AbortController();
  const reason = new Error("stopped");
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = brokerAt(`nats://127.0.0.1:${silent.addr.port}`)
    .connect({ timeoutMs, signal: stop.signal }).catch((error) => error);
  const connection = await silent.accept();
  stop.abort(reason);
  assertEquals(await connecting, reason);
  connection.close();
  const { hint } = await assertFails(
    brokerAt(`nats://127.0.0.1:${silent.addr.port}`).connect({ timeoutMs: 1 }),
    "unreachable",
    "no answer in 2 s",
  );
  assertMatch(hint!, /handshake_first/);
  listener.close();
  await accepting;
});
