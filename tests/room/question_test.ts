import { assertEquals } from "@std/assert";
import { type Held, Question } from "../../lib/room/question.ts";
import { test } from "../support/test.ts";

const MIB = 1 << 20;

/** What each object counts for beside its bytes. */
const PIECE_BYTES = 64;

test("Question.hold takes 1 MiB of one member, each object with what it takes beside its bytes", () => {
  const question = new Question({ bytes: 0 });
  assertEquals(question.hold(new Uint8Array(MIB - PIECE_BYTES + 1)), false);
  const object = new Uint8Array(1);
  let count = 0;
  while (question.hold(object)) count++;
  assertEquals(count, Math.floor(MIB / (1 + PIECE_BYTES)));
  assertEquals(question.release().length, count);
  assertEquals(question.hold(new Uint8Array(MIB - PIECE_BYTES)), true);
});

test("Question.hold takes 64 MiB of all members together, and release gives it back", () => {
  const held: Held = { bytes: 0 };
  const object = new Uint8Array(MIB - PIECE_BYTES); // The same for all, as it only counts.
  const questions = Array.from({ length: 64 }, () => new Question(held));
  assertEquals(questions.map((question) => question.hold(object)), Array(64).fill(true));
  const late = new Question(held);
  assertEquals(late.hold(new Uint8Array(1)), false);
  assertEquals(questions[0]!.release(), [object]);
  assertEquals(late.hold(object), true);
  assertEquals(late.hold(new Uint8Array(1)), false);
  for (const question of [...questions, late]) question.release();
  assertEquals(held.bytes, 0);
});
