import { assertEquals } from "@std/assert";
import { dial, listen, type Listener } from "../../lib/net/mod.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";

/** Dials a listener, takes the connection, and returns the address of its peer. */
async function call(listener: Listener, host: string): Promise<string> {
  const dialed = await dial(host, listener.port);
  const reader = listener.connections.getReader();
  const { value: accepted } = await reader.read();
  reader.releaseLock();
  dialed.close();
  accepted!.close();
  return accepted!.remoteAddress;
}

async function count(listener: Listener): Promise<number> {
  let connections = 0;
  for await (const connection of listener.connections) {
    connection.close();
    connections++;
  }
  return connections;
}

/** A socket that exists only in a test. */
function fakeSocket(hostname: string, port: number, fake: Partial<Deno.TcpListener> = {}) {
  const closed = Promise.withResolvers<Deno.TcpConn>();
  closed.promise.catch(() => {});
  return {
    addr: { transport: "tcp", hostname, port },
    accept: () => closed.promise,
    close: () => closed.reject(new Deno.errors.BadResource("closed")),
    ...fake,
  } as Deno.TcpListener;
}

test("listen accepts IPv4 and IPv6 on one free port", async () => {
  const listener = listen({ port: 0 });
  assertEquals(await call(listener, "127.0.0.1"), "127.0.0.1");
  assertEquals(await call(listener, "::1"), "::1");
  listener.close();
});

test("listen binds only the given address", async () => {
  const listener = listen({ host: "127.0.0.1", port: 0 });
  assertEquals(listener.hosts, ["127.0.0.1"]);
  assertEquals(await call(listener, "127.0.0.1"), "127.0.0.1");
  const refused = await dial("::1", listener.port).catch((error) => error.code);
  assertEquals(refused, "connection-refused");
  listener.close();
});

test("listen opens IPv4 beside an IPv6 socket that does not include it", async () => {
  const ports: number[] = [];
  const listener = listen({
    port: 0,
    bind({ hostname, port }) {
      ports.push(port);
      return fakeSocket(hostname, 7);
    },
  });
  assertEquals(ports, [0, 7]);
  assertEquals(listener.port, 7);
  assertEquals(listener.hosts, ["::", "0.0.0.0"]);
  listener.close();
  assertEquals(await count(listener), 0);
});

test("listen works on a machine without IPv6", async () => {
  const listener = listen({
    port: 0,
    bind({ hostname, port }) {
      if (hostname === "::") throw new Error("Address family not supported (os error 97)");
      return Deno.listen({ hostname, port });
    },
  });
  assertEquals(listener.hosts, ["0.0.0.0"]);
  assertEquals(await call(listener, "127.0.0.1"), "127.0.0.1");
  listener.close();
});

test("listen reports a port in use", async () => {
  const listener = listen({ port: 0 });
  await assertFails(() => listen({ port: listener.port }), "port-in-use");
  await assertFails(() => listen({ port: listener.port, host: "127.0.0.1" }), "port-in-use");
  listener.close();
  await count(listener);
});

test("listen fails if its port is in use for IPv6, and does not fall back to IPv4", async () => {
  const bind = ({ hostname, port }: { hostname: string; port: number }) => {
    if (hostname === "::") throw new Deno.errors.AddrInUse("Address already in use (os error 98)");
    return fakeSocket(hostname, port);
  };
  await assertFails(() => listen({ port: 7, bind }), "port-in-use", "[::]:7");
});

test("listen reports an address that is not this machine's", async () => {
  await assertFails(() => listen({ host: "192.0.2.77", port: 0 }), "address-unavailable");
  await assertFails(() => listen({ host: "fe80::1%none", port: 0 }), "address-unavailable");
});

test("listen reports a port that the system keeps for itself", async () => {
  const bind = () => {
    throw new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  };
  const error = await assertFails(() => listen({ port: 80, bind }), "permission-denied");
  assertEquals(error.hint, "The system reserves this port: choose a --port of 1024 or more.");
});

Deno.test({
  name: "listen reports a missing permission and never asks for it",
  permissions: { net: false },
  async fn() {
    await assertFails(() => listen({ port: 0 }), "permission-denied");
    await assertFails(() => listen({ port: 0, host: "fe80::1%lo" }), "permission-denied");
  },
});

test("Listener.close ends a waiting loop, may be repeated and frees the port", async () => {
  const listener = listen({ port: 0 });
  const counted = count(listener);
  listener.close();
  listener.close();
  assertEquals(await counted, 0);
  const again = listen({ port: listener.port });
  again.close();
  assertEquals(await count(again), 0);
});

/** A listener with one connection taken, and another accepted and waiting. */
async function listenerWithWaiting() {
  const real = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = real.addr;
  const waiting = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  let accepts = 0;
  const listener = listen({
    host: "127.0.0.1",
    port,
    bind: ({ hostname }) =>
      fakeSocket(hostname, port, {
        async accept() {
          const conn = await real.accept();
          if (++accepts === 2) waiting.resolve();
          return conn;
        },
        close() {
          real.close();
          closed.resolve();
        },
      }),
  });
  const peers = [await dial("127.0.0.1", port), await dial("127.0.0.1", port)] as const;
  const reader = listener.connections.getReader();
  const { value: taken } = await reader.read();
  reader.releaseLock();
  await waiting.promise;
  return { listener, taken: taken!, peers, closed: closed.promise };
}

test("Listener.close closes a connection that its reader has not taken, and no other", async () => {
  const { listener, taken, peers } = await listenerWithWaiting();
  listener.close();
  assertEquals(await count(listener), 0);
  assertEquals((await peers[1].readable.getReader().read()).done, true);
  await taken.writable.getWriter().write(new Uint8Array([1]));
  assertEquals((await peers[0].readable.getReader().read()).value, new Uint8Array([1]));
  for (const connection of [taken, ...peers]) connection.close();
});

test("Listener closes when its reader leaves the loop over its connections", async () => {
  const { listener, taken, peers, closed } = await listenerWithWaiting();
  await listener.connections.cancel();
  await closed;
  assertEquals((await peers[1].readable.getReader().read()).done, true);
  for (const connection of [taken, ...peers]) connection.close();
});

test("Listener goes on after a failed accept and a pause", async () => {
  const realSetTimeout = globalThis.setTimeout;
  const pauses: (number | undefined)[] = [];
  globalThis.setTimeout = ((done: () => void, ms?: number) => {
    pauses.push(ms);
    return realSetTimeout(done);
  }) as typeof setTimeout;
  try {
    using real = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    let accepts = 0;
    const listener = listen({
      host: "127.0.0.1",
      port: 0,
      bind: ({ hostname }) =>
        fakeSocket(hostname, real.addr.port, {
          accept: () =>
            ++accepts <= 2
              ? Promise.reject(new Error("Too many open files (os error 24)"))
              : real.accept(),
        }),
    });
    const peer = await Deno.connect({ hostname: "127.0.0.1", port: real.addr.port });
    const reader = listener.connections.getReader();
    const { value } = await reader.read();
    value!.close();
    peer.close();
    assertEquals(accepts, 3);
    assertEquals(pauses, [100, 100]);
    real.close();
    listener.close();
    assertEquals((await reader.read()).done, true);
  } finally {
    globalThis.setTimeout = realSetTimeout;
  }
});

test("Listener.close ends the pause after a failed accept", async () => {
  const realSetTimeout = globalThis.setTimeout;
  const rests = Promise.withResolvers<void>();
  globalThis.setTimeout = (() => rests.resolve()) as unknown as typeof setTimeout;
  try {
    const listener = listen({
      host: "127.0.0.1",
      port: 0,
      bind: ({ hostname }) =>
        fakeSocket(hostname, 7, {
          accept: () => Promise.reject(new Error("Too many open files (os error 24)")),
        }),
    });
    await rests.promise;
    listener.close();
    assertEquals(await count(listener), 0);
  } finally {
    globalThis.setTimeout = realSetTimeout;
  }
});

test("Listener goes on at once after a caller hangs up before the accept", async () => {
  const real = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let accepts = 0;
  const realSetTimeout = globalThis.setTimeout;
  globalThis.setTimeout = (() => {
    throw new Error("It rests");
  }) as unknown as typeof setTimeout;
  try {
    const listener = listen({
      host: "127.0.0.1",
      port: 0,
      bind: ({ hostname }) =>
        fakeSocket(hostname, real.addr.port, {
          accept: () =>
            ++accepts <= 2
              ? Promise.reject(new Deno.errors.ConnectionAborted("aborted (os error 53)"))
              : real.accept(),
        }),
    });
    using _peer = await Deno.connect({ hostname: "127.0.0.1", port: real.addr.port });
    const reader = listener.connections.getReader();
    (await reader.read()).value!.close();
    real.close();
    listener.close();
    assertEquals((await reader.read()).done, true);
  } finally {
    globalThis.setTimeout = realSetTimeout;
  }
});
