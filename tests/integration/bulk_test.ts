import { assert, assertEquals } from "@std/assert";
import { type Bytes, equal } from "../../lib/bytes/mod.ts";
import type { ReceivedBulk } from "../../lib/room/mod.ts";
import { RoomOverSockets } from "../support/over_sockets.ts";
import type { TestMember } from "../support/rooms_in_memory.ts";
import { test } from "../support/test.ts";

const MIB = 1 << 20;

/** Bytes of a chunk that is written to a flow. */
const CHUNK_BYTES = 65_552;

/** Bytes that repeat after 251. */
const PATTERN: Bytes = Uint8Array.from({ length: 251 + 4 * CHUNK_BYTES }, (_, i) => i % 251);

/** The bytes of every transfer from a position on. */
function bytesAt(position: number, length: number): Bytes {
  return PATTERN.subarray(position % 251, position % 251 + length);
}

/** What a member gets of one transfer: where each stretch without a gap begins and ends. */
class Received {
  readonly stretches: [from: number, to: number][] = [];
  readonly #end = Promise.withResolvers<void>();
  readonly #total: number;
  readonly #from: () => TestMember;

  constructor(total: number, from: () => TestMember) {
    this.#total = total;
    this.#from = from;
  }

  /** Resolves when the last byte has come. */
  get end(): Promise<void> {
    return this.#end.promise;
  }

  readonly take = ({ bytes, from, offset }: ReceivedBulk): Promise<void> => {
    assert(equal(from, this.#from().session));
    assert(equal(bytes, bytesAt(offset, bytes.length)), "other bytes");
    const last = this.stretches.at(-1);
    if (last?.[1] === offset) last[1] += bytes.length;
    else this.stretches.push([offset, offset + bytes.length]);
    if (this.stretches.at(-1)![1] === this.#total) this.#end.resolve();
    return Promise.resolve();
  };
}

/** Sends a transfer. @param onChunk Called before each chunk. */
async function send(
  { room }: TestMember,
  total: number,
  to: readonly TestMember[],
  onChunk: (offset: number) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const writer = room.openFlow().getWriter();
  const sessions = to.map(({ session }) => session);
  for (let offset = 0; offset < total; offset += CHUNK_BYTES) {
    await onChunk(offset);
    const bytes = bytesAt(offset, Math.min(CHUNK_BYTES, total - offset));
    await writer.write({ transfer: new Uint8Array(16), offset, to: sessions, bytes });
  }
  await writer.close();
}

test("bulk of a member reaches others over sockets, and messages meanwhile", async () => {
  // What waits for one of them is never so much that the relay drops some, however they take turns.
  const total = 7 * MIB + 1;
  const sockets = await RoomOverSockets.open();
  const received = [1, 2].map((): Received => new Received(total, () => ada));
  const bob = await sockets.join("bob", { onBulk: received[0]!.take });
  const carol = await sockets.join("carol", { onBulk: received[1]!.take });
  const ada = await sockets.join("ada");
  await send(ada, total, [bob, carol], async (offset) => {
    if (offset === 50 * CHUNK_BYTES) await ada.room.say("half of it");
  });
  await bob.texts.find((text): text is string => text === "half of it");
  await Promise.all(received.map(({ end }) => end));
  for (const { stretches } of received) assertEquals(stretches, [[0, total]]);
  await sockets.close();
});

test("bulk goes from the host's own member and to it", async () => {
  const total = 8 * MIB;
  const sockets = await RoomOverSockets.open();
  const toAda = new Received(total, () => sockets.host);
  const ada = await sockets.join("ada", { onBulk: toAda.take });
  await send(sockets.host, total, [ada]);
  await toAda.end;
  assertEquals(toAda.stretches, [[0, total]]);
  await sockets.close();
});

test("bulk goes on after a cut; only what was under way is lost", async () => {
  const total = 24 * MIB;
  const sockets = await RoomOverSockets.open();
  const received = new Received(total, () => ada);
  const ada = await sockets.join("ada");
  const bob = await sockets.join("bob", { onBulk: received.take });
  await send(ada, total, [bob], async (offset) => {
    if (offset !== 100 * CHUNK_BYTES && offset !== 200 * CHUNK_BYTES) return;
    ada.connection.close();
    await ada.ended;
    await sockets.rejoin(ada);
  });
  await received.end;
  const { stretches } = received;
  const bytes = stretches.reduce((sum, [from, to]) => sum + to - from, 0);
  assert(stretches.length <= 3, `${stretches}`);
  assert(bytes >= total - 2 * 8 * MIB, `${bytes} bytes`);
  for (const [i, [from]] of stretches.entries()) assert(i === 0 || from > stretches[i - 1]![1]);
  await sockets.close();
});
