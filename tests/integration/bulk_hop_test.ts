import { assert, assertEquals } from "@std/assert";
import { type Bytes, equal } from "../../lib/bytes/mod.ts";
import { FrameKind } from "../../lib/wire/mod.ts";
import { CryptoWork, type Operation } from "../support/crypto_work.ts";
import { seededRandom } from "../support/keys.ts";
import {
  hallTest,
  type Line,
  type PipelineMember,
  WholePipeline,
} from "../support/whole_pipeline.ts";

const random = seededRandom(16);
const transfer = random(16);
const UNIT_BYTES = 65_552;

/** What a member receives of a transfer. */
class Received {
  readonly bytes: Bytes;
  readonly from: Bytes[] = [];
  readonly whole: Promise<void>;
  readonly #finish: () => void;
  #missing: number;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#missing = size;
    ({ promise: this.whole, resolve: this.#finish } = Promise.withResolvers<void>());
  }

  readonly handle = (
    { bytes, from, offset }: { bytes: Bytes; from: Bytes; offset: number },
  ): Promise<void> => {
    this.bytes.set(bytes, offset);
    this.from.push(from);
    this.#missing -= bytes.length;
    if (this.#missing === 0) this.#finish();
    return Promise.resolve();
  };
}

/** Sends an image in units. */
async function send(
  { room }: PipelineMember,
  image: Bytes,
  to: readonly PipelineMember[],
): Promise<void> {
  const writer = room.openFlow().getWriter();
  const sessions = to.map(({ session }) => session);
  for (let offset = 0; offset < image.length; offset += UNIT_BYTES) {
    const bytes = image.slice(offset, offset + UNIT_BYTES);
    await writer.write({ transfer, offset, to: sessions, bytes });
  }
  await writer.close();
}

for (const inMemory of [true, false]) {
  const where = inMemory ? "in memory" : "over sockets";
  hallTest(
    `bulk goes ${where} to those that it is for, and each hop seals and opens a frame once`,
    async () => {
      await using work = new CryptoWork();
      const pipeline = await WholePipeline.open({ inMemory });
      const image = random(3_000_000);
      const [atBob, atCarol] = [0, 1].map(() => new Received(image.length));
      const ada = await pipeline.join("ada");
      const bob = await pipeline.join("bob", { onBulk: atBob!.handle });
      const carol = await pipeline.join("carol", { onBulk: atCarol!.handle });
      await ada.room.say("hello");
      await Promise.all([bob, carol].map(({ texts }) => texts.count(1)));
      await work.take();
      const before = count(pipeline, [ada, bob, carol]);
      await send(ada, image, [bob, carol]);
      await Promise.all([atBob!.whole, atCarol!.whole]);
      const operations = await work.take();
      // The last CREDIT may be sealed, and still on its way.
      while (timesOf("decrypt", operations) < timesOf("encrypt", operations)) {
        operations.push(...await work.take());
      }
      for (const received of [atBob!, atCarol!]) {
        assert(equal(received.bytes, image));
        assert(received.from.every((from) => equal(from, ada.session)));
      }
      const records = count(pipeline, [ada, bob, carol]) - before;
      const sealed = timesOf("encrypt", operations);
      const opened = timesOf("decrypt", operations);
      assertEquals([sealed, opened], [records, records]);
      assertEquals(operations.length, sealed + opened);
      await pipeline.close();
    },
  );
}

function timesOf(operation: Operation, operations: readonly Operation[]): number {
  return operations.filter((name) => name === operation).length;
}

/** Records between a relay and members. */
function count({ relay }: WholePipeline, members: readonly PipelineMember[]): number {
  return members.reduce((sum, member) => {
    const { toHost, toMember } = relay.with(member);
    return sum + toHost.length + toMember.length;
  }, 0);
}

/** A line that alters a byte of each bulk frame to the host. */
function altering(at: () => number): (line: Line) => Line {
  return ({ close, readable, writable }) => {
    const altered = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller): void {
        const copy = chunk.slice();
        if (copy[0] === FrameKind.BULK) copy[copy.length - 1 - at()]! ^= 1;
        controller.enqueue(copy);
      },
    });
    void altered.readable.pipeTo(writable).catch(() => {});
    return { close, readable, writable: altered.writable };
  };
}

hallTest(
  "bulk that is altered on its way arrives, and an altered head ends the connection",
  async () => {
    const pipeline = await WholePipeline.open({ inMemory: true });
    const image = random(100);
    const atBob = new Received(image.length);
    let at = 0;
    const ada = await pipeline.join("ada", { through: altering(() => at) });
    const bob = await pipeline.join("bob", { onBulk: atBob.handle });
    await ada.event("joined");
    await send(ada, image, [bob]);
    await atBob.whole;
    const expected = image.slice();
    expected[99]! ^= 1;
    assertEquals(atBob.bytes, expected);
    await ada.room.say("still here");
    await bob.texts.count(1);
    at = 100;
    await send(ada, image, [bob]);
    assert(await ada.ran instanceof Error);
    assertEquals(atBob.from.length, 1);
    await pipeline.close();
  },
);
