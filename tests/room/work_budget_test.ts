import { assertEquals } from "@std/assert";
import { SerialQueues } from "../../lib/room/serial_queue.ts";
import { RateLimiter } from "../../lib/rate_limiter.ts";
import { ALL_SKIPS, textCost, WorkBudget } from "../../lib/room/work_budget.ts";
import { assertFails, throwError } from "../support/assert.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { test } from "../support/test.ts";

/** Members that have this one derive keys, and the numbers of keys derived, in order. */
class Scene {
  readonly clock = new FakeClock();
  readonly queues = new SerialQueues(throwError);
  readonly derived: [name: string, keys: number][] = [];
  readonly #skips = new RateLimiter(ALL_SKIPS, this.clock);

  /** Another session. */
  member(name: string): {
    budget: WorkBudget;
    skip: (keys: number) => Promise<void>;
    work: (work: () => Promise<void>) => Promise<void>;
  } {
    const queue = this.queues.queue();
    const budget = new WorkBudget(queue, this.#skips, this.clock);
    const work = (work: () => Promise<void>): Promise<void> => {
      const done = Promise.withResolvers<void>();
      queue.push(1, () => work().then(done.resolve, done.reject));
      return done.promise;
    };
    const skip = (keys: number): Promise<void> =>
      work(() =>
        budget.skip(keys, (few) => {
          this.derived.push([name, few]);
          return Promise.resolve();
        })
      );
    return { budget, skip, work };
  }

  /** How many keys were derived for those whose name begins so. */
  count(name: string): number {
    const keys = this.derived.filter(([whose]) => whose.startsWith(name)).map(([, few]) => few);
    return keys.reduce((sum, few) => sum + few, 0);
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await nextTurn();
  }
}

test("WorkBudget.skip derives at most 2,000 keys for one session at once, then 250 a second", async () => {
  const scene = new Scene();
  const { skip } = scene.member("mal");
  for (let i = 0; i < 10; i++) void skip(1999);
  await scene.queues.settled();
  await nextTurn();
  assertEquals(2000 - scene.count("mal") < 64, true);
  await scene.pass(1000);
  await scene.pass(1000);
  assertEquals(2500 - scene.count("mal") < 64, true);
  const other = scene.member("bob");
  await other.skip(1000);
  assertEquals(scene.count("bob"), 1000);
});

test("WorkBudget.skip serves sessions in turn, so that many that skip starve none", async () => {
  const scene = new Scene();
  for (let i = 0; i < 20; i++) {
    const { skip } = scene.member(`mal ${i}`);
    for (let j = 0; j < 60; j++) void skip(1999);
  }
  await nextTurn();
  assertEquals(4000 - scene.count("mal") < 64, true);
  const skipped = scene.member("bob").skip(100);
  await nextTurn();
  assertEquals(scene.count("bob"), 0);
  // Two turns, each after one turn of every member.
  const before = scene.count("mal");
  while (scene.count("bob") < 100) await scene.pass(128);
  await skipped;
  assertEquals(scene.count("mal") - before <= 2 * 20 * 64, true);
});

test("WorkBudget.skip parks the queue unless it derives only a few keys", async () => {
  const scene = new Scene();
  const { budget, work } = scene.member("mal");
  const derive = Promise.withResolvers<void>();
  const skipped = work(() => budget.skip(65, () => derive.promise));
  await scene.queues.settled();
  derive.resolve();
  await skipped;
  const few = work(() => budget.skip(64, async () => await derive.promise));
  await few;
  assertEquals(scene.clock.timers, 0);
});

test("WorkBudget.leave cancels waiting work, but not waiting text", async () => {
  const scene = new Scene();
  const { budget, skip, work } = scene.member("mal");
  for (let i = 0; i < 8; i++) await work(() => budget.spend());
  const [late, skipped] = [work(() => budget.spend()), skip(1)];
  await nextTurn();
  budget.leave();
  await assertFails(late, "protocol-error", "has left");
  await assertFails(skipped, "protocol-error", "has left");
  const shown = [textCost(20_000, 0), 200, 20_000].map((cost) => work(() => budget.show(cost)));
  await shown[0];
  await nextTurn();
  assertEquals(scene.clock.timers, 1);
  await scene.pass(10);
  await shown[1];
  budget.end();
  await shown[2];
  assertEquals(scene.clock.timers, 0);
});

test("textCost counts each text and each KiB", () => {
  assertEquals([textCost(1, 1), textCost(1, 16_384), textCost(256, 1025)], [2, 17, 258]);
});
