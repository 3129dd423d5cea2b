import { assertEquals, assertRejects } from "@std/assert";
import { inOrder } from "../../lib/files/in_order.ts";
import { Slots } from "../../lib/files/slots.ts";
import { nextTurn } from "../support/clock.ts";
import { test } from "../support/test.ts";

test("inOrder yields results in the order of the values, with no more calls under way than allowed", async () => {
  const calls: PromiseWithResolvers<number>[] = [];
  const results = inOrder(3, [0, 1, 2, 3, 4], () => {
    calls.push(Promise.withResolvers());
    return calls.at(-1)!.promise;
  });
  const first = results.next();
  await nextTurn();
  assertEquals(calls.length, 3);
  calls[2]!.resolve(2);
  calls[0]!.resolve(0);
  assertEquals((await first).value, 0);
  const second = results.next();
  await nextTurn();
  assertEquals(calls.length, 4);
  calls[1]!.resolve(1);
  assertEquals((await second).value, 1);
  assertEquals((await results.next()).value, 2);
  calls[3]!.resolve(3);
  calls[4]!.resolve(4);
  assertEquals(await Array.fromAsync(results), [3, 4]);
});

test("inOrder throws an error when its result is due, and drops those that no one waits for", async () => {
  const fails = (value: number): Promise<number> =>
    value > 0 ? Promise.reject(new Error(`${value}`)) : Promise.resolve(value);
  const results = inOrder(3, [0, 1, 2], fails);
  assertEquals((await results.next()).value, 0);
  await assertRejects(() => results.next(), Error, "1");
  const left = inOrder(2, [0, 1], fails);
  await left.next();
  await left.return(undefined);
  await nextTurn();
});

test("Slots.take waits in turn for a place, until a signal aborts", async () => {
  const slots = new Slots(1);
  const { signal } = new AbortController();
  const first = await slots.take(signal);
  const impatient = new AbortController();
  const second = slots.take(impatient.signal);
  let third = false;
  const last = slots.take(signal).then((giveBack) => {
    third = true;
    return giveBack;
  });
  impatient.abort();
  assertEquals(await second, undefined);
  assertEquals([await slots.take(impatient.signal), third], [undefined, false]);
  first!();
  (await last)!();
  assertEquals(typeof await slots.take(signal), "function");
});

test("Slots.take gives a place that was granted in the moment of an abort", async () => {
  const slots = new Slots(1);
  const first = await slots.take(new AbortController().signal);
  const late = new AbortController();
  const second = slots.take(late.signal);
  first!();
  late.abort();
  (await second)!();
  assertEquals(typeof await slots.take(new AbortController().signal), "function");
});
