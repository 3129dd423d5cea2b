import { assertEquals } from "@std/assert";
import type { Code } from "../../lib/errors.ts";
import type { MemberView, TransferView } from "../../lib/session_events.ts";
import { FileOutcomes } from "../../lib/session/file_outcomes.ts";
import { test } from "../support/test.ts";

const BOB: MemberView = { name: "bob", tag: "", key: "bob", session: "1" };
const CAROL: MemberView = { name: "carol", tag: "", key: "carol", session: "2" };

const OFFER = { id: 1, name: "a.txt", size: 4, count: 1, private: false } as const;

/** Outcomes of an own offer that these members have accepted. */
function outcomesOf(...members: MemberView[]): { outcomes: FileOutcomes; list: TransferView[] } {
  const receivers = members.map((member) => ({ member, bytes: 0 }));
  const list: TransferView[] = [{
    ...OFFER,
    state: members.length > 0 ? "active" : "offered",
    bytes: 0,
    ...members.length > 0 && { receivers },
  }];
  const outcomes = new FileOutcomes(() => list);
  outcomes.hear({ event: "offer", ...OFFER });
  return { outcomes, list };
}

function failed(code: Code, member?: MemberView) {
  return {
    event: "file-failed",
    id: 1,
    name: "",
    code,
    message: "",
    ...member && { member },
  } as const;
}

const sent = (member: MemberView) => ({ event: "file-sent", id: 1, name: "", member }) as const;

test("FileOutcomes tells an offer without an answer from a transfer under way", () => {
  const { outcomes, list } = outcomesOf();
  assertEquals([outcomes.isOffered(1), outcomes.isOffered(2)], [true, false]);
  assertEquals([outcomes.isOpen(1), outcomes.isRunning(1)], [true, false]);
  assertEquals(outcomes.isAnswered(1, BOB.key), false);
  outcomes.hear(failed("file-declined", CAROL));
  assertEquals(outcomes.isAnswered(1, CAROL.key), true);
  const accepted = outcomesOf(BOB).outcomes;
  assertEquals([accepted.isOpen(1), accepted.isRunning(1)], [true, true]);
  assertEquals([BOB, CAROL].map(({ key }) => accepted.isAnswered(1, key)), [true, false]);
  list.length = 0;
  assertEquals([outcomes.isOpen(1), outcomes.isRunning()], [false, false]);
});

test("FileOutcomes.isRunning is over for each receiver that has everything, or has failed", () => {
  const { list, outcomes } = outcomesOf(BOB, CAROL);
  const [both] = list as [TransferView];
  outcomes.hear(sent(BOB));
  assertEquals(outcomes.isRunning(1), true);
  outcomes.hear(failed("disk-full", CAROL));
  list[0] = { ...both, receivers: both.receivers!.slice(0, 1) };
  assertEquals(outcomes.isRunning(1), false);
  list[0] = both; // They want more again.
  assertEquals(outcomes.isRunning(1), true);
  outcomes.hear(sent(CAROL));
  outcomes.hear(failed("disk-full", CAROL)); // Another session of theirs.
  assertEquals([outcomes.isRunning(1), outcomes.isComplete(1)], [false, true]);
});

test("FileOutcomes.isRunning counts what is received, and nothing that is paused", () => {
  const view = { ...OFFER, from: BOB, bytes: 0 };
  const list: TransferView[] = [{ ...view, state: "active" }];
  const outcomes = new FileOutcomes(() => list);
  assertEquals([outcomes.isRunning(), outcomes.isOpen()], [true, false]);
  list[0] = { ...view, state: "paused" };
  assertEquals(outcomes.isRunning(), false);
});

test("FileOutcomes.metSilence is so after a silence of any other side", () => {
  const { outcomes } = outcomesOf(BOB);
  outcomes.hear({ ...failed("file-canceled"), id: 9 });
  assertEquals(outcomes.metSilence, false);
  outcomes.hear({ ...failed("file-silent"), id: 9 });
  assertEquals(outcomes.metSilence, true);
});

test("FileOutcomes.metSilence is over when a receiver that was silent has everything", () => {
  const { outcomes } = outcomesOf(BOB, CAROL);
  outcomes.hear(failed("file-silent", BOB));
  outcomes.hear(sent(CAROL));
  outcomes.hear(failed("file-unfinished", BOB)); // They left.
  assertEquals(outcomes.metSilence, true);
  outcomes.hear(sent(BOB));
  assertEquals(outcomes.metSilence, false);
});

test("FileOutcomes.isComplete needs one receiver with everything, and no other that failed", () => {
  const after = (...events: Parameters<FileOutcomes["hear"]>[0][]): boolean => {
    const { outcomes } = outcomesOf(BOB, CAROL);
    for (const event of events) outcomes.hear(event);
    return outcomes.isComplete(1);
  };
  assertEquals(after(), false);
  assertEquals(after(sent(BOB)), true);
  assertEquals(after(sent(BOB), failed("file-declined", CAROL)), true);
  assertEquals(after(failed("file-declined", CAROL)), false);
  assertEquals(after(sent(BOB), failed("disk-full", CAROL)), false);
  assertEquals(after(sent(BOB), failed("disk-full", CAROL), sent(CAROL)), true);
  assertEquals(after(sent(BOB), failed("file-changed")), false);
});

test("FileOutcomes.until resolves at the event that meets its condition", async () => {
  const { outcomes } = outcomesOf(BOB);
  let resolved = false;
  const done = outcomes.until(() => !outcomes.isRunning(1)).then(() => resolved = true);
  outcomes.hear({ event: "rekeyed" });
  await Promise.resolve();
  assertEquals(resolved, false);
  outcomes.hear(sent(BOB));
  await done;
  await outcomes.until(() => true);
});
