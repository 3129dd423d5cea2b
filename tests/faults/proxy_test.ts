import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { concat } from "../../lib/bytes/mod.ts";
import { type Direction, type Fault, type Plan, seededPlan } from "../support/faults.ts";
import { Proxy } from "../support/proxy.ts";
import { test } from "../support/test.ts";

/** A connection through a proxy, with both of its ends. */
class Wire implements AsyncDisposable {
  readonly proxy: Proxy;
  member: Deno.TcpConn;
  host: Deno.TcpConn;
  readonly #listener: Deno.TcpListener;

  private constructor(proxy: Proxy, listener: Deno.TcpListener, ends: readonly Deno.TcpConn[]) {
    this.proxy = proxy;
    this.#listener = listener;
    [this.member, this.host] = ends as [Deno.TcpConn, Deno.TcpConn];
  }

  static async open(...faults: readonly Fault[]): Promise<Wire> {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const proxy = await Proxy.open(listener.addr.port, () => faults);
    return new Wire(proxy, listener, await connected(proxy, listener));
  }

  /** Connects once more; the ends before are closed. */
  async again(): Promise<void> {
    this.#hangUp();
    [this.member, this.host] = await connected(this.proxy, this.#listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#hangUp();
    await this.proxy[Symbol.asyncDispose]();
  }

  #hangUp(): void {
    this.member.close();
    this.host.close();
  }
}

async function connected(
  proxy: Proxy,
  listener: Deno.TcpListener,
): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  const [member, host] = await Promise.all([dial(proxy), listener.accept()]);
  member.setNoDelay();
  return [member, host];
}

async function dial({ address }: Proxy): Promise<Deno.TcpConn> {
  const [hostname, port] = address.split(":");
  return await Deno.connect({ hostname: hostname!, port: Number(port) });
}

/** Bytes of which no two neighbors are equal. */
function bytes(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, i) => i % 251);
}

async function writeAll(conn: Deno.TcpConn, data: Uint8Array): Promise<void> {
  for (let sent = 0; sent < data.length;) sent += await conn.write(data.subarray(sent));
}

/** The next chunk; none at the end. */
async function chunk(conn: Deno.TcpConn): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(65_536);
  return buffer.slice(0, await conn.read(buffer) ?? 0);
}

/** So many bytes, or all up to the end. */
async function read(conn: Deno.TcpConn, length = Infinity): Promise<Uint8Array> {
  let all = new Uint8Array();
  while (all.length < length) {
    const next = await chunk(conn);
    if (next.length === 0) break;
    all = concat(all, next);
  }
  return all;
}

test("Proxy forwards all bytes both ways, and the end of each direction separately", async () => {
  await using wire = await Wire.open();
  const { host, member, proxy } = wire;
  await writeAll(member, bytes(200_000));
  member.closeWrite();
  assertEquals(await read(host), bytes(200_000));
  await writeAll(host, bytes(1000));
  host.closeWrite();
  assertEquals(await read(member), bytes(1000));
  assertEquals([proxy.bytes("toHost"), proxy.bytes("toMember")], [200_000, 1000]);
  assertEquals(Object.values(proxy.faults).filter((count) => count > 0), []);
});

for (const at of [0, 1, 999, 1000]) {
  test(`Proxy cuts after ${at} bytes, and both ends see it`, async () => {
    await using wire = await Wire.open({ kind: "cut", direction: "toHost", at });
    await writeAll(wire.member, bytes(2000));
    assertEquals(await read(wire.host), bytes(at));
    await ends(wire.member);
    assertEquals(wire.proxy.faults.cut, 1);
  });
}

/** The other side has gone, with or without the reset of what it did not read. */
async function ends(conn: Deno.TcpConn): Promise<void> {
  try {
    assertEquals(await read(conn), new Uint8Array());
  } catch (error) {
    assert(error instanceof Deno.errors.ConnectionReset, `${error}`);
  }
}

test("Proxy resets at its place", async () => {
  await using wire = await Wire.open({ kind: "reset", direction: "toMember", at: 100 });
  await writeAll(wire.host, bytes(200));
  await assertRejects(() => read(wire.host), Deno.errors.ConnectionReset);
  await assertRejects(() => read(wire.member), Deno.errors.ConnectionReset);
  assertEquals(wire.proxy.faults.reset, 1);
});

test("Proxy cuts and resets an idle connection on demand", async () => {
  await using wire = await Wire.open();
  wire.proxy.cut();
  assertEquals(await read(wire.member), new Uint8Array());
  await wire.again();
  wire.proxy.reset(1);
  await assertRejects(() => read(wire.member), Deno.errors.ConnectionReset);
  await assertRejects(() => read(wire.host), Deno.errors.ConnectionReset);
  assertEquals([wire.proxy.faults.cut, wire.proxy.faults.reset], [1, 1]);
});

test("Proxy corrupts one byte of its direction", async () => {
  await using wire = await Wire.open({ kind: "corrupt", direction: "toHost", at: 700 });
  await Promise.all([wire.member, wire.host].map((conn) => writeAll(conn, bytes(1000))));
  const altered = bytes(1000);
  altered[700]! ^= 1;
  assertEquals(await read(wire.host, 1000), altered);
  assertEquals(await read(wire.member, 1000), bytes(1000));
  assertEquals(concat(...wire.proxy.recorded.toHost), bytes(1000));
});

test("Proxy duplicates the bytes before its place", async () => {
  await using wire = await Wire.open(
    { kind: "duplicate", direction: "toHost", at: 500, length: 20 },
  );
  // The place is in the middle of a chunk, and what is repeated began in another.
  await writeAll(wire.member, bytes(490));
  const first = await read(wire.host, 490);
  await writeAll(wire.member, bytes(1000).subarray(490));
  wire.member.closeWrite();
  const all = bytes(1000);
  assertEquals(
    concat(first, await read(wire.host)),
    concat(all.slice(0, 500), all.slice(480, 500), all.slice(500)),
  );
});

test("Proxy stalls at its place, then continues", async () => {
  await using wire = await Wire.open({ kind: "stall", direction: "toHost", at: 10, ms: 100 });
  const before = performance.now();
  await writeAll(wire.member, bytes(1000));
  assertEquals(await chunk(wire.host), bytes(10));
  assertEquals(await read(wire.host, 990), bytes(1000).slice(10));
  assert(performance.now() - before >= 99);
});

test("Proxy delays all bytes after its place, each chunk separately", async () => {
  await using wire = await Wire.open({ kind: "delay", direction: "toMember", at: 5, ms: 100 });
  const before = performance.now();
  await writeAll(wire.host, bytes(5));
  assertEquals(await read(wire.member, 5), bytes(5));
  const begun = performance.now();
  for (let i = 0; i < 5; i++) {
    await writeAll(wire.host, bytes(10));
    await writeAll(wire.member, bytes(1));
    await read(wire.host, 1); // The other direction is not delayed.
  }
  const sent = performance.now();
  assertEquals(await read(wire.member, 50), concat(...Array(5).fill(bytes(10))));
  const took = performance.now() - begun;
  assert(took >= 99, `${took} ms`);
  assert(took < (sent - begun) + 5 * 99, `one after the other: ${took} ms`);
  assert(begun - before < 99 || wire.proxy.faults.delay === 1);
});

test("Proxy splits the planned number of bytes", async () => {
  const split: Fault = { kind: "split", direction: "toHost", at: 100, length: 50, size: 7 };
  await using wire = await Wire.open(split);
  const sizes: number[] = [];
  const reading = (async () => {
    for (let size = 0, all = 0; all < 150; all += size) {
      size = (await chunk(wire.host)).length;
      sizes.push(size);
    }
  })();
  await writeAll(wire.member, bytes(150));
  await reading;
  assert(sizes.length >= 3, `${sizes}`); // A busy machine may read several pieces at once.
  await writeAll(wire.member, bytes(1000));
  assertEquals((await chunk(wire.host)).length, 1000);
});

test("Proxy splits only the planned part of a chunk", async () => {
  const split: Fault = { kind: "split", direction: "toHost", at: 0, length: 50, size: 1 };
  await using wire = await Wire.open(split);
  await writeAll(wire.member, bytes(3000));
  let chunks = 0;
  for (let read = 0; read < 3000; chunks++) read += (await chunk(wire.host)).length;
  assert(chunks < 100, `${chunks} chunks`);
});

test("Proxy delays the pieces of a chunk together", async () => {
  const ms = 100;
  await using wire = await Wire.open(
    { kind: "delay", direction: "toHost", at: 0, ms },
    { kind: "split", direction: "toHost", at: 0, length: 50, size: 1 },
  );
  const before = performance.now();
  await writeAll(wire.member, bytes(50));
  assertEquals(await read(wire.host, 50), bytes(50));
  const took = performance.now() - before;
  assert(took >= ms - 1, `${took} ms`);
  assert(took < 25 * ms, `one after the other: ${took} ms`);
});

test("Proxy coalesces chunks that come close to each other", async () => {
  const coalesce: Fault = { kind: "coalesce", direction: "toHost", at: 0, length: 20, ms: 1000 };
  await using wire = await Wire.open(coalesce);
  for (let i = 0; i < 30; i++) {
    await writeAll(wire.member, bytes(1));
    await writeAll(wire.host, bytes(1));
    await read(wire.member, 1);
  }
  assert((await chunk(wire.host)).length >= 20);
  assertEquals(wire.proxy.faults.coalesce, 1);
});

test("Proxy forwards coalesced bytes without a following chunk", async () => {
  const coalesce: Fault = { kind: "coalesce", direction: "toHost", at: 0, length: 20, ms: 10 };
  await using wire = await Wire.open(coalesce);
  await writeAll(wire.member, bytes(3));
  assertEquals(await read(wire.host, 3), bytes(3));
});

test("Proxy holds a direction back, and applies a fault at the next byte", async () => {
  await using wire = await Wire.open();
  wire.proxy.hold("toHost");
  await writeAll(wire.member, bytes(10));
  await writeAll(wire.host, bytes(10));
  assertEquals(await read(wire.member, 10), bytes(10));
  wire.proxy.inject({ kind: "corrupt", direction: "toMember", at: 0 });
  await writeAll(wire.host, bytes(2));
  assertEquals(await read(wire.member, 2), new Uint8Array([1, 1]));
  wire.proxy.release("toHost");
  assertEquals(await read(wire.host, 10), bytes(10));
});

test("Proxy refuses connections for a while, then forwards them to another host", async () => {
  await using wire = await Wire.open();
  const { address } = wire.proxy;
  wire.proxy.refuse();
  await assertRejects(() => dial(wire.proxy), Deno.errors.ConnectionRefused);
  await writeAll(wire.member, bytes(1));
  assertEquals(await read(wire.host, 1), bytes(1));

  using restarted = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  wire.proxy.target = restarted.addr.port;
  await wire.proxy.admit();
  assertEquals(wire.proxy.address, address);
  const [member, host] = await connected(wire.proxy, restarted);
  await writeAll(host, bytes(5));
  assertEquals(await read(member, 5), bytes(5));
  for (const conn of [member, host]) conn.close();
  assertEquals(wire.proxy.connections, 2);
});

test("Proxy hangs up where no host listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using proxy = await Proxy.open(port);
  using member = await dial(proxy);
  await ends(member);
});

test("Proxy closes while it holds, delays, coalesces and stalls bytes", async () => {
  const rest = { direction: "toHost", at: 0, ms: 60_000 } as const;
  const plans: Fault[][] = [
    [{ kind: "stall", ...rest }],
    [{ kind: "delay", ...rest }],
    [{ kind: "coalesce", ...rest, length: 100 }],
  ];
  for (const faults of [[], ...plans]) {
    await using wire = await Wire.open(...faults);
    wire.proxy.hold("toHost");
    await writeAll(wire.member, bytes(10));
    await writeAll(wire.host, bytes(1));
    await read(wire.member, 1);
  }
});

/** All faults of a plan. */
function unfolded(plan: Plan): (readonly Fault[])[] {
  return Array.from({ length: 20 }, (_, connection) => plan(connection));
}

test("seededPlan returns one plan for one seed, in any order, and another for another seed", () => {
  const options = {
    kinds: ["cut", "reset", "corrupt", "duplicate", "stall", "delay", "split", "coalesce"],
    count: 5,
    from: 1000,
    to: 9000,
    maxMs: 50,
  } as const;
  const plan = unfolded(seededPlan(7, options));
  assertEquals(unfolded(seededPlan(7, options)), plan);
  assertEquals(seededPlan(7, options)(13), plan[13]);
  assertNotEquals(unfolded(seededPlan(8, options)), plan);
  assertNotEquals(plan[0], plan[1]);
  const faults = plan.flat();
  assertEquals(new Set(faults.map(({ kind }) => kind)), new Set(options.kinds));
  assertEquals(
    new Set(faults.map(({ direction }) => direction)),
    new Set<Direction>(["toHost", "toMember"]),
  );
  assert(faults.every(({ at }) => at >= 1000 && at < 9000));
  assert(faults.every((fault) => !("ms" in fault) || (fault.ms >= 1 && fault.ms <= 50)));
});

test("Proxy applies the faults of a seed to a stream, the same each time", async () => {
  const plan = seededPlan(3, {
    kinds: ["corrupt", "duplicate", "split", "stall"],
    count: 8,
    from: 0,
    to: 20_000,
    maxMs: 5,
  });
  const received: Uint8Array[] = [];
  for (let run = 0; run < 2; run++) {
    await using wire = await Wire.open(...plan(0));
    await writeAll(wire.member, bytes(20_000));
    wire.member.closeWrite();
    received.push(await read(wire.host));
  }
  assertEquals(received[0], received[1]);
  assertNotEquals(received[0], bytes(20_000));
});
