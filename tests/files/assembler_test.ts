import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Bytes, concat } from "../../lib/bytes/mod.ts";
import { SEALED_UNIT_BYTES } from "../../lib/files/mod.ts";
import { type SealedUnit, UnitAssembler } from "../../lib/files/assembler.ts";
import { testBytes } from "../support/file_room.ts";
import { test } from "../support/test.ts";

/** Bytes of the sealed units of a small transfer: the top node is short, and so is the last leaf. */
const SIZES = [80, SEALED_UNIT_BYTES, SEALED_UNIT_BYTES, 1000];

/** The image, with gaps after short units. */
const IMAGE = concat(
  testBytes(80, 1),
  new Uint8Array(SEALED_UNIT_BYTES - 80),
  testBytes(2 * SEALED_UNIT_BYTES + 1000, 2),
);

function unit(number: number): Bytes {
  const start = number * SEALED_UNIT_BYTES;
  return IMAGE.slice(start, start + SIZES[number]!);
}

test("UnitAssembler.push gives each unit whole, wherever its bytes were cut", () => {
  const cuts = fc.array(fc.nat(3 * SEALED_UNIT_BYTES + 1000), { maxLength: 12 });
  fc.assert(
    fc.property(cuts, (cuts) => {
      const assembler = new UnitAssembler((number) => SIZES[number]);
      const bounds = [...cuts, ...SIZES.map((size, i) => i * SEALED_UNIT_BYTES + size)];
      const places = [...bounds, SEALED_UNIT_BYTES, 0].sort((a, b) => a - b);
      const units: SealedUnit[] = [];
      places.forEach((start, i) => {
        const end = places[i + 1] ?? start;
        // The gap after the top node belongs to no unit.
        if (start >= 80 && start < SEALED_UNIT_BYTES) return;
        units.push(...assembler.push(start, IMAGE.subarray(start, end)));
      });
      assertEquals(units.map(({ unit }) => unit), [0, 1, 2, 3]);
      for (const { sealed, unit: number } of units) assertEquals(sealed, unit(number));
    }),
    { numRuns: 50 },
  );
});

test("UnitAssembler.push drops what does not continue a unit, and takes the unit when it comes again", () => {
  const assembler = new UnitAssembler((number) => SIZES[number]);
  const start = SEALED_UNIT_BYTES;
  assertEquals(assembler.push(start, unit(1).subarray(0, 100)), []);
  assertEquals(assembler.push(start + 200, unit(1).subarray(200)), []);
  assertEquals(assembler.push(start + 100, unit(1).subarray(100)), []);
  // Two flows bring it in other pieces.
  assertEquals(assembler.push(start, unit(1).subarray(0, 500)), []);
  assertEquals(assembler.push(start, unit(1).subarray(0, 50)), []);
  assertEquals(assembler.push(start + 40, unit(1).subarray(40, 700)), []);
  assertEquals(assembler.push(start + 600, unit(1).subarray(600)), [{ unit: 1, sealed: unit(1) }]);
});

test("UnitAssembler.push takes no byte past a unit's end, and none of units that are not wanted", () => {
  const assembler = new UnitAssembler((number) => SIZES[number]);
  assertEquals(assembler.push(0, IMAGE.subarray(0, 81)), []);
  assertEquals(assembler.push(4 * SEALED_UNIT_BYTES, testBytes(SEALED_UNIT_BYTES)), []);
  assertEquals(assembler.push(80, IMAGE.subarray(80, 100)), []);
});

test("UnitAssembler keeps parts of eight units, the last used ones", () => {
  const assembler = new UnitAssembler(() => SEALED_UNIT_BYTES);
  const sealed = testBytes(SEALED_UNIT_BYTES);
  for (let number = 0; number < 9; number++) {
    assembler.push(number * SEALED_UNIT_BYTES, sealed.subarray(0, 10));
  }
  const rest = (number: number): number =>
    assembler.push(number * SEALED_UNIT_BYTES + 10, sealed.subarray(10)).length;
  assertEquals([rest(0), rest(1), rest(8)], [0, 1, 1]);
  assembler.clear();
  assertEquals(rest(2), 0);
});

test("UnitAssembler.take gives a unit whose size became known later", () => {
  let size: number = SEALED_UNIT_BYTES;
  const assembler = new UnitAssembler(() => size);
  const bytes = testBytes(300);
  assertEquals(assembler.push(0, bytes), []);
  assertEquals(assembler.take(0), undefined);
  size = 300;
  assertEquals([assembler.take(0), assembler.take(0), assembler.take(1)], [
    bytes,
    undefined,
    undefined,
  ]);
});
