import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { UnitSet } from "../../lib/files/unit_set.ts";
import { test } from "../support/test.ts";

/** The units below a small number that are in a set. */
function unitsOf(set: UnitSet): number[] {
  return Array.from({ length: 60 }, (_, unit) => unit).filter((unit) => set.has(unit));
}

/** The consecutive units of a list, as ranges. */
function rangesOf(units: readonly number[]): { first: number; count: number }[] {
  const ranges: { first: number; count: number }[] = [];
  for (const unit of units) {
    const last = ranges.at(-1);
    if (last !== undefined && last.first + last.count === unit) last.count++;
    else ranges.push({ first: unit, count: 1 });
  }
  return ranges;
}

test("UnitSet holds what a set of numbers would hold", () => {
  const change = fc.record({
    adds: fc.boolean(),
    first: fc.nat(40),
    count: fc.nat(15),
  });
  fc.assert(fc.property(fc.array(change, { maxLength: 30 }), fc.nat(50), (changes, from) => {
    const set = new UnitSet();
    const model = new Set<number>();
    for (const { adds, count, first } of changes) {
      if (adds) set.add(first, count);
      else set.delete(first, count);
      for (let unit = first; unit < first + count; unit++) {
        if (adds) model.add(unit);
        else model.delete(unit);
      }
      const units = [...model].sort((a, b) => a - b);
      assertEquals(unitsOf(set), units);
      assertEquals(set.ranges(), rangesOf(units));
      assertEquals([set.size, set.first, set.last], [units.length, units[0], units.at(-1)]);
      assertEquals(set.next(from), units.find((unit) => unit >= from));
      assertEquals(set.gap, Array.from({ length: 60 }, (_, i) => i).find((i) => !model.has(i)));
      const missing = Array.from({ length: 60 }, (_, i) => i).filter((i) =>
        i >= 5 && i < from && !model.has(i)
      );
      assertEquals(set.missing(5, from).ranges(), rangesOf(missing));
    }
  }));
});

test("UnitSet holds ranges of any length, and gives as many as are wanted", () => {
  const last = Number.MAX_SAFE_INTEGER;
  const set = new UnitSet([{ first: 0, count: last }]);
  set.delete(5);
  set.deleteFrom(2 ** 40);
  assertEquals(set.ranges(), [{ first: 0, count: 5 }, { first: 6, count: 2 ** 40 - 6 }]);
  assertEquals(set.ranges(1), [{ first: 0, count: 5 }]);
  assertEquals([set.size, set.last], [2 ** 40 - 1, 2 ** 40 - 1]);
  set.clear();
  assertEquals([set.size, set.first, set.last, set.ranges()], [0, undefined, undefined, []]);
});
