import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  FAN_OUT,
  Geometry,
  imagePosition,
  LEAF_BYTES,
  MAX_CONTENT_BYTES,
  SEALED_UNIT_BYTES,
} from "../../lib/files/mod.ts";
import { test } from "../support/test.ts";

const SIZES = [
  { content: 1, nodes: 0, leaves: 1, last: 1 },
  { content: LEAF_BYTES, nodes: 0, leaves: 1, last: LEAF_BYTES },
  { content: LEAF_BYTES + 1, nodes: 1, leaves: 2, last: 1 },
  { content: FAN_OUT * LEAF_BYTES, nodes: 1, leaves: FAN_OUT, last: LEAF_BYTES },
  { content: FAN_OUT * LEAF_BYTES + 1, nodes: 3, leaves: FAN_OUT + 1, last: 1 },
  { content: 5 * 2 ** 30, nodes: 41, leaves: 81_920, last: LEAF_BYTES },
  { content: FAN_OUT ** 2 * LEAF_BYTES + 5, nodes: 2052, leaves: FAN_OUT ** 2 + 1, last: 5 },
  { content: MAX_CONTENT_BYTES, nodes: 8197, leaves: 2 ** 24, last: LEAF_BYTES },
];

for (const { content, last, leaves, nodes } of SIZES) {
  test(`Geometry divides ${content} bytes`, () => {
    const geometry = new Geometry(content);
    assertEquals([geometry.firstLeaf, geometry.leaves], [nodes, leaves]);
    assertEquals(geometry.units, nodes + leaves);
    const end = geometry.units - 1;
    assertEquals(geometry.plainBytes(end), last);
    assertEquals(geometry.sealedBytes(end), last + 16);
    assertEquals([geometry.isLast(end), geometry.isLast(end - 1)], [true, false]);
    assertEquals(geometry.contentOffset(end), content - last);
    assertEquals([geometry.isLeaf(nodes), geometry.isLeaf(nodes - 1)], [true, false]);
  });
}

test("Geometry refuses an empty content, one over its limit, and numbers that are none", () => {
  for (const bytes of [0, -1, 1.5, NaN, Infinity, MAX_CONTENT_BYTES + 1, 2 ** 53]) {
    assertThrows(() => new Geometry(bytes), RangeError, `${bytes}`);
  }
});

test("Geometry refuses units that are not there", () => {
  const geometry = new Geometry(3 * LEAF_BYTES);
  for (const unit of [-1, 0.5, 4, NaN]) {
    assertThrows(() => geometry.plainBytes(unit), RangeError);
    assertThrows(() => geometry.parentOf(unit), RangeError);
    assertThrows(() => geometry.childrenOf(unit), RangeError);
  }
  assertThrows(() => geometry.childrenOf(1), RangeError, "is a leaf");
  assertThrows(() => geometry.contentOffset(0), RangeError, "is not a leaf");
  assertThrows(() => geometry.contentOffset(4), RangeError, "is not a leaf");
});

test("Geometry gives each unit but the first one place in one node, and each node room for its children", () => {
  for (const content of [1, LEAF_BYTES + 1, 300 * 2 ** 20, 129 * 2 ** 30 + 1]) {
    const geometry = new Geometry(content);
    assertEquals(geometry.parentOf(0), undefined);
    let next = 1;
    for (let node = 0; node < geometry.firstLeaf; node++) {
      const { count, first } = geometry.childrenOf(node);
      assertEquals([first, geometry.plainBytes(node)], [next, count * 32]);
      assert(count <= FAN_OUT);
      for (const index of [0, count - 1]) {
        assertEquals(geometry.parentOf(first + index), { unit: node, index });
      }
      next += count;
    }
    assertEquals(next, geometry.units);
  }
});

test("Geometry finds the leaves of any part of the content", () => {
  const parts = fc.integer({ min: 1, max: 10 * LEAF_BYTES }).chain((content) =>
    fc.tuple(fc.constant(content), fc.nat(content), fc.nat(content))
  );
  fc.assert(fc.property(parts, ([content, one, other]) => {
    const geometry = new Geometry(content);
    const [start, end] = [Math.min(one, other), Math.max(one, other)];
    const { count, first } = geometry.leavesOf(start, end - start);
    if (start === end) return assertEquals(count, 0);
    const last = first + count - 1;
    assert(geometry.contentOffset(first) <= start);
    assert(start < geometry.contentOffset(first) + geometry.plainBytes(first));
    assert(geometry.contentOffset(last) < end);
    assert(end <= geometry.contentOffset(last) + geometry.plainBytes(last));
  }));
  assertThrows(() => new Geometry(5).leavesOf(3, 3), RangeError);
  assertThrows(() => new Geometry(5).leavesOf(-1, 3), RangeError);
});

test("imagePosition finds the unit at a position", () => {
  assertEquals(imagePosition(0), { unit: 0, offset: 0 });
  assertEquals(imagePosition(SEALED_UNIT_BYTES - 1), { unit: 0, offset: SEALED_UNIT_BYTES - 1 });
  assertEquals(imagePosition(3 * SEALED_UNIT_BYTES + 7), { unit: 3, offset: 7 });
});
