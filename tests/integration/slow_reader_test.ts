import { assert, assertEquals } from "@std/assert";
import { equal } from "../../lib/bytes/mod.ts";
import { FAREWELL_MS } from "../../lib/channel/mod.ts";
import type { LanchatError } from "../../lib/errors.ts";
import { SHARE_BYTES, STALL_MS } from "../../lib/relay/mod.ts";
import { WINDOW_BYTES } from "../../lib/room/envelope_queue.ts";
import {
  CloseReason,
  decodeHostRecord,
  decodeMemberRecord,
  ENVELOPE_OVERHEAD_BYTES,
  EnvelopeClass,
  type PlainRecord,
} from "../../lib/wire/mod.ts";
import {
  Gate,
  hallTest,
  heard,
  type PipelineMember,
  sayAll,
  WholePipeline,
} from "../support/whole_pipeline.ts";
import { WatchedClock } from "../support/room_alone.ts";

/** A text that fills half a MSG, so that two share one. */
const TEXT_BYTES = 8000;

/** The longest envelope of an honest member. */
const MAX_ENVELOPE_BYTES = 16_833 + ENVELOPE_OVERHEAD_BYTES;

/** Maximum bytes under way from two senders to the relay. */
const UNDER_WAY_BYTES = 2 * WINDOW_BYTES;

/** The part of them that may wait for one receiver. */
const SHARES_BYTES = 2 * SHARE_BYTES;

/** Messages of each sender: together several times what the relay may keep for anybody. */
const LINES = 400;

function lines({ name }: PipelineMember): string[] {
  return Array.from({ length: LINES }, (_, i) => `${name} ${i} `.padEnd(TEXT_BYTES, "."));
}

/** Asserts the texts that a member received; a failure prints little. */
function assertHeard(member: PipelineMember, expected: Record<string, string[]>): void {
  const brief = (texts: Record<string, string[]>): unknown =>
    Object.entries(texts).sort().map(([name, texts]) =>
      texts.map((text) => `${name}: ${text.length} of ${text.replaceAll(".", "")}`)
    );
  assertEquals(brief(heard(member)), brief(expected));
}

/** Waits until a member receives a text, while others may be delayed. */
async function hears({ texts }: PipelineMember, expected: string): Promise<void> {
  await texts.find((text): text is string => text === expected);
}

/** Counts what the relay has read from senders and a receiver has not acknowledged. */
class Ledger {
  /** The bytes at most. */
  most = 0;
  #bytes = 0;
  /** Entries that the receiver has been sent. */
  #entries = 0;
  readonly #sent: { readonly seq: number; readonly bytes: number }[] = [];
  readonly #waiting: { readonly bytes: number; readonly reached: () => void }[] = [];

  constructor(
    { relay }: WholePipeline,
    senders: readonly PipelineMember[],
    receiver: PipelineMember,
  ) {
    for (const record of relay.with(receiver).toMember) this.#take(record);
    this.#sent.length = 0;
    relay.onRecord = (record, direction, session) => {
      if (direction === "toHost" && senders.some((sender) => equal(sender.session, session))) {
        const decoded = decodeMemberRecord(record);
        if (decoded.type !== "batch") return;
        for (const envelope of decoded.envelopes) {
          if (envelope.class === EnvelopeClass.CHAT) this.#count(size(envelope));
        }
      } else if (direction === "toMember" && equal(receiver.session, session)) {
        this.#take(record);
      } else if (equal(receiver.session, session)) {
        const decoded = decodeMemberRecord(record);
        if (decoded.type !== "ack") return;
        while (this.#sent.length > 0 && this.#sent[0]!.seq <= decoded.seq) {
          this.#count(-this.#sent.shift()!.bytes);
        }
      }
    };
  }

  /** Waits until there are so many bytes. */
  async reached(bytes: number): Promise<void> {
    const { promise, resolve: reached } = Promise.withResolvers<void>();
    this.#waiting.push({ bytes, reached });
    await promise;
  }

  /** Takes a record for the receiver. */
  #take(record: PlainRecord): void {
    const decoded = decodeHostRecord(record);
    if (decoded.type === "member") this.#entries += decoded.changes.length;
    if (decoded.type !== "batch") return;
    for (const envelope of decoded.envelopes) {
      this.#entries++;
      if (envelope.class !== EnvelopeClass.CHAT) continue;
      this.#sent.push({ seq: this.#entries, bytes: size(envelope) });
    }
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.most = Math.max(this.most, this.#bytes);
    for (const { bytes, reached } of this.#waiting) if (this.#bytes >= bytes) reached();
  }
}

function size({ object }: { readonly object: Uint8Array }): number {
  return ENVELOPE_OVERHEAD_BYTES + object.length;
}

/** A room with two who talk, one whose reading a gate can stop, and two who read. */
async function gather() {
  const clock = new WatchedClock();
  const pipeline = await WholePipeline.open({ clock });
  const gate = new Gate();
  const host = await pipeline.sit();
  const ada = await pipeline.join("ada");
  const bob = await pipeline.join("bob");
  const slow = await pipeline.join("carol", { through: gate.through });
  const dave = await pipeline.join("dave");
  const ledger = new Ledger(pipeline, [ada, bob], slow);
  return { clock, pipeline, gate, host, ada, bob, slow, dave, ledger };
}

hallTest(
  "a receiver that stops reading for a while loses no message, and the relay's queue stays small",
  async () => {
    const { ada, bob, dave, gate, pipeline, host, ledger, slow } = await gather();
    gate.shut();
    const said = Promise.all([ada, bob].map((sender) => sayAll(sender, lines(sender))));
    await ledger.reached(SHARES_BYTES + UNDER_WAY_BYTES);
    await dave.room.say("are you still there?", { to: "hana" });
    await hears(host, "are you still there?");
    assert(host.texts.all.length < 2 * LINES, "nobody is held up");
    gate.open();
    await said;
    const all = 2 * LINES;
    await Promise.all([slow.texts.count(all), dave.texts.count(all), host.texts.count(all + 1)]);
    const expected = { ada: lines(ada), bob: lines(bob) };
    assertHeard(slow, expected);
    assertHeard(dave, expected);
    assertHeard(host, { ...expected, dave: ["are you still there?"] });
    const bound = SHARES_BYTES + UNDER_WAY_BYTES + 4 * MAX_ENVELOPE_BYTES;
    assert(ledger.most <= bound, `${ledger.most} bytes waited, over ${bound}`);
    assert(2 * LINES * TEXT_BYTES > 3 * bound, "the burst proves nothing");
    await pipeline.close();
    for (const { events } of [ada, bob, slow, dave, host]) {
      assertEquals(events.all.filter(({ event }) => event === "left" || event === "warning"), []);
    }
  },
);

hallTest(
  "a receiver that never reads is closed as too slow, and the others get everything",
  async () => {
    const { ada, bob, clock, dave, gate, pipeline, host, ledger, slow } = await gather();
    gate.shut();
    // Private messages keep the others' queues below their shares: only one member is judged, however late the
    // others' acknowledgements are.
    const said = Promise.all([ada, bob].map(async (sender) => {
      const all = lines(sender).slice(0, 200);
      const { room } = sender;
      const before = room.say(all[0]!);
      const between = all.slice(1, 175).map((text) => room.say(text, { to: "carol" }));
      await Promise.all([before, Promise.allSettled(between), sayAll(sender, all.slice(175))]);
    }));
    await ledger.reached(SHARES_BYTES + UNDER_WAY_BYTES);
    clock.advance(STALL_MS - 1);
    await dave.room.say("who is slow?", { to: "hana" });
    await hears(host, "who is slow?");
    assertEquals(host.events.all.filter(({ event }) => event === "lost"), []);
    clock.advance(1);
    for (const member of [ada, bob, dave, host]) {
      assertEquals((await member.event("lost")).member.name, "carol");
    }
    await clock.timer(FAREWELL_MS);
    await said;
    await Promise.all([dave.texts.count(52), host.texts.count(53)]);
    const forAll = (sender: PipelineMember): string[] => {
      const all = lines(sender);
      return [all[0]!, ...all.slice(175, 200)];
    };
    const expected = { ada: forAll(ada), bob: forAll(bob) };
    assertHeard(dave, expected);
    assertHeard(host, { ...expected, dave: ["who is slow?"] });
    clock.advance(FAREWELL_MS);
    gate.open();
    const end = await slow.ran;
    // An end or a reset may have cut off the farewell and the records before it.
    assert(
      end === CloseReason.TOO_SLOW || (end as LanchatError).code === "connection-lost",
      `carol ended with ${end}`,
    );
    await pipeline.close();
    assertEquals(clock.timers, 0);
  },
);
