import { assert, assertEquals } from "@std/assert";
import type { Code } from "../../lib/errors.ts";
import {
  type Connection,
  dial,
  dialSocket,
  encryptSocket,
  listen,
  MAX_UNANSWERED,
} from "../../lib/net/mod.ts";
import { assertFails } from "../support/assert.ts";
import { nextTurn } from "../support/clock.ts";
import { test } from "../support/test.ts";

test("dial connects by IPv4 address, by name and by IPv6 address", async () => {
  const listener = listen({ port: 0 });
  const hosts = ["127.0.0.1", "localhost", "::1"];
  const dialed = await Promise.all(hosts.map((host) => dial(host, listener.port)));
  let count = 0;
  for await (const connection of listener.connections) {
    connection.close();
    if (++count === hosts.length) break;
  }
  for (const connection of dialed) connection.close();
});

test("dial reports a refused connection", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assertFails(dial("127.0.0.1", port), "connection-refused", `127.0.0.1:${port}`);
});

test("dial reports an unknown name", async () => {
  await assertFails(dial("nobody.invalid", 12_345), "name-not-found", "nobody.invalid:12345");
});

test("dial reports an address out of reach", async () => {
  // There is no such interface, so the system sends nothing.
  await assertFails(dial("fe80::1%none", 12_345), "unreachable", "[fe80::1%none]:12345");
});

test("encryptSocket gives up at its signal, and begins no more while many have no answer", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const peers: Deno.TcpConn[] = [];
  const action = "Cannot connect";
  /** Begins a handshake, and gives it up. @returns Why it failed. */
  const attempt = async (): Promise<unknown> => {
    const stopping = new AbortController();
    const { signal } = stopping;
    const accepting = listener.accept();
    const conn = await dialSocket("127.0.0.1", listener.addr.port, { action });
    peers.push(await accepting);
    const failed = encryptSocket(conn, "127.0.0.1", { action, authorities: [], signal })
      .catch((error) => error);
    stopping.abort("stopped");
    return await failed;
  };
  for (let i = 0; i < MAX_UNANSWERED; i++) assertEquals(await attempt(), "stopped");
  const { message } = await attempt() as Error;
  assertEquals(message, "Cannot connect: too many TLS handshakes have no answer");
  for (const peer of peers.splice(0)) peer.close();
  while (await attempt() !== "stopped") await nextTurn();
  for (const peer of peers) peer.close();
});

test("dial gives up after its timeout", async () => {
  // Once the queue of one is full, the system answers no further caller.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const queued: Connection[] = [];
  const fillQueue = async (): Promise<never> => {
    for (;;) queued.push(await dial("127.0.0.1", port, { timeoutMs: 50 }));
  };
  await assertFails(fillQueue(), "unreachable", `127.0.0.1:${port}: no answer in 0.05 s`);
  for (const connection of queued) connection.close();
});

test("dial gives up at once when its signal aborts, with the signal's reason", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const controller = new AbortController();
  const dialed = dial("127.0.0.1", port, { signal: controller.signal });
  const reason = new Error("enough");
  controller.abort(reason);
  assertEquals(await dialed.catch((error) => error), reason);
  const late = dial("127.0.0.1", port, { signal: controller.signal });
  assertEquals(await late.catch((error) => error), reason);
});

test("dial ignores its signal once it has connected", async () => {
  const listener = listen({ host: "127.0.0.1", port: 0 });
  const controller = new AbortController();
  const dialed = await dial("127.0.0.1", listener.port, { signal: controller.signal });
  controller.abort();
  await dialed.writable.getWriter().write(new Uint8Array([1]));
  for await (const connection of listener.connections) {
    const { value } = await connection.readable.getReader().read();
    assertEquals(value, new Uint8Array([1]));
    connection.close();
    break;
  }
  dialed.close();
});

test("dial reports the system's errors in plain words, by address and by name", async () => {
  const cases: [string, Error, Code][] = [
    ["EHOSTUNREACH", new Error("No route to host (os error 113)"), "unreachable"],
    [
      "ENETUNREACH",
      new Deno.errors.NetworkUnreachable("Network is unreachable (os error 101)"),
      "unreachable",
    ],
    ["EINVAL", new TypeError("Invalid argument (os error 22)"), "unreachable"],
    ["ENOBUFS", new Error("No buffer space available (os error 105)"), "unreachable"],
  ];
  for (const [code, cause, expected] of cases) {
    const connect = () => Promise.reject(Object.assign(cause, { code }));
    for (const host of ["192.0.2.9", "ada.local"]) {
      const error = await assertFails(dial(host, 12_345, { connect }), expected, `${host}:12345`);
      assert(!error.message.includes("os error"), error.message);
      assertEquals(error.cause, cause);
    }
  }
});

Deno.test({
  name: "dial reports a missing permission and never asks for it",
  permissions: { net: false },
  async fn() {
    await assertFails(
      dial("127.0.0.1", 12_345),
      "permission-denied",
      "127.0.0.1:12345: --allow-net is missing",
    );
    await assertFails(
      dial("fe80::1%lo", 12_345),
      "permission-denied",
      "[fe80::1]:12345: --allow-net is missing",
    );
    await assertFails(
      dial("localhost", 12_345),
      "permission-denied",
      "localhost:12345: --allow-net is missing",
    );
  },
});
