import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Connection, openConnection } from "../../lib/net/mod.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";

/** More bytes than two sockets hold, so that a write of them waits for a reader. */
const MORE_THAN_FITS = 32 * 1024 * 1024;

/** A connection, and the bare socket at its other end. */
async function pair(): Promise<{ connection: Connection; peer: Deno.TcpConn }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const connection = openConnection(
    await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
  );
  return { connection, peer: await accepted };
}

async function readAll(readable: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(readable).arrayBuffer());
}

test("openConnection carries bytes both ways", async () => {
  const { connection, peer } = await pair();
  assertEquals(connection.remoteAddress, "127.0.0.1");
  const writer = connection.writable.getWriter();
  await writer.write(new Uint8Array([1, 2, 3]));
  const received = new Uint8Array(3);
  assertEquals(await peer.read(received), 3);
  assertEquals(received, new Uint8Array([1, 2, 3]));

  await peer.write(new Uint8Array([4, 5]));
  const reader = connection.readable.getReader();
  const first = await reader.read();
  await peer.write(new Uint8Array([6, 7]));
  const second = await reader.read();
  // The second read must not overwrite the bytes of the first.
  assertEquals(first.value, new Uint8Array([4, 5]));
  assertEquals(second.value, new Uint8Array([6, 7]));
  connection.close();
  peer.close();
});

test("openConnection.writable loops over partial writes and keeps the order", async () => {
  const { connection, peer } = await pair();
  const sent = new Uint8Array(MORE_THAN_FITS);
  new Uint32Array(sent.buffer).forEach((_, index, words) => words[index] = index);
  const writer = connection.writable.getWriter();
  const written = writer.write(sent).then(() => writer.close());
  const received = await readAll(peer.readable);
  await written;
  assertEquals(received.length, sent.length);
  assert(new Uint32Array(received.buffer).every((word, index) => word === index));
  connection.close();
});

test("openConnection.writable works on after the peer has ended its half", async () => {
  const { connection, peer } = await pair();
  await peer.closeWrite();
  assertEquals(await readAll(connection.readable), new Uint8Array());
  const writer = connection.writable.getWriter();
  await writer.write(new Uint8Array([1]));
  assertEquals(await peer.read(new Uint8Array(2)), 1);
  await writer.close();
  assertEquals(await peer.read(new Uint8Array(2)), null);
  connection.close();
  peer.close();
});

test("openConnection.readable works on after writable was closed", async () => {
  const { connection, peer } = await pair();
  await connection.writable.close();
  assertEquals(await peer.read(new Uint8Array(1)), null);
  await peer.write(new Uint8Array([1]));
  peer.close();
  assertEquals(await readAll(connection.readable), new Uint8Array([1]));
  connection.close();
});

test("openConnection.close ends a pending read, may be repeated and reaches the peer", async () => {
  const { connection, peer } = await pair();
  const reader = connection.readable.getReader();
  const pending = reader.read();
  connection.close();
  connection.close();
  assertEquals<unknown>(await pending, { done: true, value: undefined });
  assertEquals(await peer.read(new Uint8Array(1)), null);
  await assertFails(connection.writable.getWriter().write(new Uint8Array(1)), "connection-lost");
  peer.close();
});

test("openConnection.close ends a later read, and writable can still be closed", async () => {
  const { connection, peer } = await pair();
  connection.close();
  assertEquals(await readAll(connection.readable), new Uint8Array());
  await connection.writable.close();
  peer.close();
});

test("openConnection.close fails a write that waits for the peer", async () => {
  const { connection, peer } = await pair();
  const writer = connection.writable.getWriter();
  const pending = writer.write(new Uint8Array(MORE_THAN_FITS));
  const closed = writer.closed;
  connection.close();
  await assertFails(pending, "connection-lost");
  await assertFails(closed, "connection-lost");
  peer.close();
});

test("openConnection.writable.abort does not wait for a write under way", async () => {
  const { connection, peer } = await pair();
  const writer = connection.writable.getWriter();
  const pending = writer.write(new Uint8Array(MORE_THAN_FITS));
  const closed = writer.closed;
  const reason = new Error("enough");
  await Promise.all([
    writer.abort(reason),
    assertFails(pending, "connection-lost"),
    assertRejects(() => closed, Error, "enough"),
  ]);
  assertEquals(await readAll(connection.readable), new Uint8Array());
  peer.close();
});

test("openConnection.readable.cancel closes the socket", async () => {
  const { connection, peer } = await pair();
  await connection.readable.cancel();
  assertEquals(await peer.read(new Uint8Array(1)), null);
  await assertFails(connection.writable.getWriter().write(new Uint8Array(1)), "connection-lost");
  peer.close();
});

test("openConnection.readable.cancel ends a pending read", async () => {
  const { connection, peer } = await pair();
  const reader = connection.readable.getReader();
  const pending = reader.read();
  await reader.cancel();
  assertEquals((await pending).done, true);
  peer.close();
});

test("openConnection.writable fails when the peer is gone", async () => {
  const { connection, peer } = await pair();
  const pending = connection.writable.getWriter().write(new Uint8Array(MORE_THAN_FITS));
  peer.close();
  await assertFails(pending, "connection-lost");
  // The failure has closed the socket: otherwise the resource sanitizer would find it open.
});

/** A socket that exists only in a test. */
function fakeSocket(fake: Partial<Deno.TcpConn>): Deno.TcpConn {
  const remoteAddr = { transport: "tcp", hostname: "192.168.1.5", port: 1 };
  return { remoteAddr, setNoDelay() {}, close() {}, ...fake } as Deno.TcpConn;
}

test("openConnection reads nothing from the socket before its reader does", async () => {
  let reads = 0;
  const { readable } = openConnection(fakeSocket({
    read(buffer) {
      buffer.fill(++reads, 0, 2);
      return Promise.resolve(2);
    },
  }));
  // A stream that reads ahead would read by the next turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(reads, 0);
  const reader = readable.getReader();
  for (const count of [1, 2]) {
    assertEquals((await reader.read()).value, new Uint8Array([count, count]));
    assertEquals(reads, count);
  }
});

/** A connection whose socket gives as many bytes as asked for, as far as they fit, and the buffers it got. */
function reading(): { read: (length: number) => Promise<Uint8Array>; offered: number[] } {
  const offered: number[] = [];
  let wanted = 0;
  const { readable } = openConnection(fakeSocket({
    read(buffer) {
      buffer.fill(offered.push(buffer.length));
      return Promise.resolve(Math.min(wanted, buffer.length));
    },
  }));
  const reader = readable.getReader();
  const read = async (length: number): Promise<Uint8Array> => {
    wanted = length;
    return (await reader.read()).value!;
  };
  return { read, offered };
}

test("openConnection reads into a larger buffer after each full read, up to 64 KiB", async () => {
  const { offered, read } = reading();
  const chunks: Uint8Array[] = [];
  for (let left = 1 << 20; left > 0; left -= chunks.at(-1)!.length) chunks.push(await read(left));
  assertEquals(offered.slice(0, 6), [4096, 8192, 16_384, 32_768, 65_536, 65_536]);
  assertEquals(chunks.length, 20);
  // A buffer that was handed over is not read into again.
  chunks.forEach((chunk, index) => assert(chunk.every((byte) => byte === index + 1)));
});

test("openConnection reads into a smaller buffer after each small read, down to 4 KiB", async () => {
  const { offered, read } = reading();
  for (let i = 0; i < 5; i++) await read(65_536);
  for (const length of [65_535, 32_768, 32_767, 100, 100, 100, 100, 2048]) await read(length);
  assertEquals(
    offered.slice(5),
    [65_536, 65_536, 65_536, 32_768, 16_384, 8192, 4096, 4096],
  );
});

test("openConnection.close fails a write that its socket does not end", async () => {
  const started = Promise.withResolvers<void>();
  const { writable, close } = openConnection(fakeSocket({
    write() {
      started.resolve();
      return new Promise(() => {});
    },
  }));
  const pending = writable.getWriter().write(new Uint8Array(1));
  await started.promise;
  close();
  await assertFails(pending, "connection-lost", "Connection closed");
});

test("openConnection fails both streams and closes when the peer resets", async () => {
  let closed = 0;
  const { readable, writable } = openConnection(fakeSocket({
    read: () => Promise.reject(new Deno.errors.ConnectionReset("Connection reset by peer")),
    write: () => Promise.reject(new Deno.errors.BrokenPipe("Broken pipe")),
    close: () => void closed++,
  }));
  await assertFails(readable.getReader().read(), "connection-lost", "Connection lost");
  assertEquals(closed, 1);
  await assertFails(writable.getWriter().write(new Uint8Array(1)), "connection-lost");
});

test("openConnection turns off Nagle's delay, and tolerates a socket that is gone already", async () => {
  let calls = 0;
  const { readable } = openConnection(fakeSocket({
    setNoDelay() {
      calls++;
      throw new TypeError("Invalid argument (os error 22)");
    },
    read: () => Promise.resolve(null),
  }));
  assertEquals(calls, 1);
  assertEquals(await readAll(readable), new Uint8Array());
});

test("openConnection shows an IPv4 peer of an IPv6 socket as IPv4", async () => {
  using listener = Deno.listen({ hostname: "::", port: 0 });
  const [peer, conn] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  const connection = openConnection(conn);
  assertEquals(conn.remoteAddr.hostname, "::ffff:127.0.0.1");
  assertEquals(connection.remoteAddress, "127.0.0.1");
  connection.close();
  peer.close();
});
