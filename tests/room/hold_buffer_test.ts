import { assertEquals } from "@std/assert";
import { HoldBuffer, type HoldTotal } from "../../lib/room/hold_buffer.ts";
import { test } from "../support/test.ts";

const MIB = 1 << 20;

/** Bytes counted for an object beside its own. */
const PIECE_BYTES = 64;

test("HoldBuffer.hold holds 8 MiB of one member, the overhead of each object included", () => {
  const question = new HoldBuffer({ bytes: 0 });
  assertEquals(question.hold(new Uint8Array(8 * MIB - PIECE_BYTES + 1)), false);
  const object = new Uint8Array(1);
  let count = 0;
  while (question.hold(object)) count++;
  assertEquals(count, Math.floor(8 * MIB / (1 + PIECE_BYTES)));
  assertEquals(question.release().length, count);
  assertEquals(question.hold(new Uint8Array(8 * MIB - PIECE_BYTES)), true);
});

test("HoldBuffer.hold holds 64 MiB of all members, and past half of it only 1 MiB of each", () => {
  const held: HoldTotal = { bytes: 0 };
  const [small, large] = [MIB, 8 * MIB].map((bytes) => new Uint8Array(bytes - PIECE_BYTES));
  const questions = Array.from({ length: 4 }, () => new HoldBuffer(held));
  assertEquals(questions.map((question) => question.hold(large!)), Array(4).fill(true));
  const others = Array.from({ length: 32 }, () => new HoldBuffer(held));
  for (const question of others) {
    assertEquals([question.hold(large!), question.hold(small!)], [false, true]);
  }
  const late = new HoldBuffer(held);
  assertEquals(late.hold(new Uint8Array(1)), false);
  assertEquals(questions[0]!.release(), [large!]);
  assertEquals(late.hold(small!), true);
  assertEquals(late.hold(new Uint8Array(1)), false);
  for (const question of [...questions, ...others, late]) question.release();
  assertEquals(held.bytes, 0);
});
