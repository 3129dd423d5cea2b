import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import {
  FrameDecoder,
  FrameKind,
  M0_BYTES,
  M1_BYTES,
  M2_BYTES,
  M3_BYTES,
  type PlainRecord,
  RecordType,
} from "../../lib/wire/mod.ts";
import { hallTest, heard, sayAll, WholePipeline } from "../support/whole_pipeline.ts";
import { TextSearch } from "../support/memory.ts";

/** Bytes that a frame's body has besides its payload: a type and a tag; in a shared one, a token too. */
const [SEALED_OVERHEAD_BYTES, SHARED_OVERHEAD_BYTES] = [17, 25];

/**
 * The sizes of the bodies of frames, of which the bytes must consist to the last. A shared REKEY belongs to the record
 * before it.
 */
function bodySizes(
  chunks: readonly Bytes[],
  handshake: readonly number[],
  takesShared: boolean,
): number[] {
  const decoder = new FrameDecoder(handshake, takesShared);
  const sizes = chunks.flatMap((chunk) => [...decoder.push(chunk)])
    .filter(({ body, kind }) => kind === FrameKind.OWN || body.length > SHARED_OVERHEAD_BYTES)
    .map(({ body }) => body.length);
  assert(decoder.complete, "the bytes end inside a frame");
  return sizes;
}

function sealedSizes(records: readonly PlainRecord[]): number[] {
  return records.map(({ payload, transcript }) =>
    payload.length + (transcript === undefined ? SEALED_OVERHEAD_BYTES : SHARED_OVERHEAD_BYTES)
  );
}

for (const inMemory of [true, false]) {
  const where = inMemory ? "in memory" : "over sockets";
  hallTest(
    `a connection ${where} carries only the frames of the relay's records`,
    async () => {
      const pipeline = await WholePipeline.open({ inMemory });
      const ada = await pipeline.join("ada");
      const bob = await pipeline.join("bob");
      const carol = await pipeline.join("carol");
      const lines = Array.from({ length: 300 }, (_, i) => `the walrus is number ${i}`);
      await Promise.all([sayAll(ada, lines), sayAll(bob, lines)]);
      await ada.room.say("a walrus for carol", { to: "carol" });
      await carol.texts.count(2 * lines.length + 1);
      await Promise.all([ada, bob].map(({ texts }) => texts.count(lines.length)));
      assertEquals(heard(carol), { ada: [...lines, "a walrus for carol"], bob: lines });
      await bob.room.leave();
      await bob.ran;
      await pipeline.close();

      const members = [ada, bob, carol];
      assertEquals(pipeline.calls.all.length, members.length);
      pipeline.calls.all.forEach(({ toHost, toMember }, i) => {
        const records = pipeline.relay.with(members[i]!);
        assertEquals(bodySizes(toHost, [M1_BYTES, M3_BYTES], false), [
          M1_BYTES,
          M3_BYTES,
          ...sealedSizes(records.toHost),
        ]);
        assertEquals(bodySizes(toMember, [M0_BYTES, M2_BYTES], true), [
          M0_BYTES,
          M2_BYTES,
          ...sealedSizes(records.toMember),
        ]);
        assert(records.toMember.some(({ type }) => type === RecordType.BATCH));
        const search = new TextSearch(["walrus"]);
        for (const chunk of [...toHost, ...toMember]) search.push(chunk);
        assertEquals(search.found, [0]);
      });
    },
  );
}
