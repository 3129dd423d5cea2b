import { assertEquals, assertThrows } from "@std/assert";
import { WireError } from "../../lib/errors.ts";
import { CreditTracker, KNOWN_FLOWS } from "../../lib/relay/credit_tracker.ts";
import { MAX_FLOW_BYTES, MAX_FLOWS, MAX_MEMBER_BULK_BYTES } from "../../lib/wire/mod.ts";
import { test } from "../support/test.ts";

/** A tracker, and how often it has called for a CREDIT. */
function create(): { tracker: CreditTracker; due: { count: number } } {
  const due = { count: 0 };
  return { due, tracker: new CreditTracker(() => due.count++) };
}

test("CreditTracker names what it took, and of each flow what was passed since the last CREDIT", () => {
  const { tracker } = create();
  assertEquals(tracker.isDue, false);
  const one = tracker.take(1, 100_000);
  const two = tracker.take(2, 1000);
  assertEquals(tracker.isDue, true);
  assertEquals(tracker.next(), { type: "credit", taken: 101_000, flows: [] });
  assertEquals(tracker.isDue, false);
  tracker.pass(two, 1000);
  tracker.pass(one, 10);
  assertEquals(tracker.next(), {
    type: "credit",
    taken: 101_000,
    flows: [{ flow: 2, passed: 1000 }, { flow: 1, passed: 10 }],
  });
  tracker.pass(one, 99_990);
  assertEquals(tracker.next(), {
    type: "credit",
    taken: 101_000,
    flows: [{ flow: 1, passed: 100_000 }],
  });
});

test("CreditTracker calls for a CREDIT when 256 KiB of a flow are passed, or all of it", () => {
  const { due, tracker } = create();
  const flow = tracker.take(1, 300_000);
  tracker.next();
  tracker.pass(flow, 262_143);
  assertEquals([tracker.isDue, due.count], [false, 0]);
  tracker.pass(flow, 1);
  assertEquals([tracker.isDue, due.count], [true, 1]);
  tracker.next();
  tracker.pass(flow, 37_855);
  assertEquals([tracker.isDue, due.count], [false, 1]);
  tracker.pass(flow, 1);
  assertEquals([tracker.isDue, due.count], [true, 2]);
});

test("CreditTracker refuses over twice what may wait of a flow, and takes more as soon as some are passed", () => {
  const { tracker } = create();
  const flow = tracker.take(1, 2 * MAX_FLOW_BYTES);
  tracker.pass(flow, 1);
  tracker.take(1, 1);
  assertThrows(() => tracker.take(1, 1), WireError);
});

test("CreditTracker refuses over twice what may wait of a member", () => {
  const { tracker } = create();
  const flow = tracker.take(1, MAX_MEMBER_BULK_BYTES);
  tracker.take(2, MAX_MEMBER_BULK_BYTES);
  tracker.pass(flow, 1);
  tracker.take(3, 1);
  assertThrows(() => tracker.take(4, 1), WireError);
});

test("CreditTracker refuses over twice as many flows as may wait, and takes one more as soon as another is empty", () => {
  const { tracker } = create();
  const first = tracker.take(0, 1);
  for (let id = 1; id < 2 * MAX_FLOWS; id++) tracker.take(id, 1);
  tracker.pass(first, 1);
  tracker.take(2 * MAX_FLOWS, 1);
  assertThrows(() => tracker.take(0, 1), WireError);
});

test("CreditTracker keeps the count of a flow that was empty, until 255 others came after it", () => {
  const { tracker } = create();
  const passAll = (id: number): void => tracker.pass(tracker.take(id, 10), 10);
  const reported = (id: number): number | undefined => {
    const record = tracker.next();
    if (record.type !== "credit") return;
    return record.flows.find(({ flow }) => flow === id)?.passed;
  };
  passAll(1);
  for (let id = 2; id <= KNOWN_FLOWS; id++) passAll(id);
  passAll(1);
  passAll(KNOWN_FLOWS + 1);
  passAll(1);
  assertEquals(reported(1), 30);
  for (let id = 1002; id <= 1001 + KNOWN_FLOWS; id++) passAll(id);
  passAll(1);
  assertEquals(reported(1), 10, "it begins again");
});
