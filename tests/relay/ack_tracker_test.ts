import { assertEquals } from "@std/assert";
import { AckTracker } from "../../lib/relay/ack_tracker.ts";
import { test } from "../support/test.ts";

/** The counts of the next ACK. */
function counts(acks: AckTracker, nextSeq: number): readonly [delivered: number, reached: number] {
  const ack = acks.take(nextSeq);
  if (ack.type !== "ack") throw new TypeError(`not an ACK: ${ack.type}`);
  return [ack.delivered, ack.reached];
}

test("AckTracker counts nothing that follows from an absence which the member has not been sent", () => {
  const acks = new AckTracker(() => {});
  acks.accept(1, 0);
  acks.reach(1);
  acks.settle(1);
  acks.accept(2, 0);
  acks.noteAbsence(1);
  acks.reach(2);
  acks.noteAbsence(2);
  acks.settle(2);
  assertEquals(counts(acks, 1), [1, 1]);
  assertEquals(counts(acks, 2), [1, 2]);
  assertEquals(counts(acks, 3), [2, 2]);
});

test("AckTracker counts on while one absence after the other is not sent", () => {
  const acks = new AckTracker(() => {});
  acks.noteAbsence(1);
  for (let cmid = 1; cmid <= 100; cmid++) {
    acks.accept(cmid, cmid);
    acks.reach(cmid);
    acks.settle(cmid);
    acks.noteAbsence(cmid + 1); // The one before goes out.
    assertEquals(counts(acks, cmid + 1), [cmid, cmid]);
    acks.forget(cmid);
  }
});
