import { assertEquals } from "@std/assert";
import { MAX_LINKS, RoomAnnouncer, RoomSearch } from "../../lib/net/mod.ts";
import { FakeClock } from "../support/clock.ts";
import { noLinks } from "../support/links.ts";
import { test } from "../support/test.ts";

// tests/network/discovery_test.ts tests the packets, on a network.

const ROOM = { tag: "pkeke42s", port: 12_345, invite: false };
const NO_NETWORK = { interfaces: () => [], hosts: ["::"] };

/** Waits until all work is done that depends on nothing outside. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

test("RoomSearch and RoomAnnouncer report once that there is no network, and leave nothing behind", async () => {
  const reasons: string[] = [];
  const clock = new FakeClock();
  const options = { ...NO_NETWORK, clock, onUnavailable: (reason: string) => reasons.push(reason) };
  const search = new RoomSearch(options);
  const announcer = new RoomAnnouncer(ROOM, options);
  await search.asked;
  for (let i = 0; i < 10; i++) {
    await settled();
    clock.advance(1000);
  }
  const reason = "this machine is on no network";
  assertEquals([reasons, search.rooms], [[reason, reason], []]);
  search.close();
  await announcer.close();
  assertEquals(clock.timers, 0);
});

test("RoomSearch names the interfaces that it leaves out, once", async () => {
  const leftOut: (readonly string[])[] = [];
  const search = new RoomSearch({
    interfaces: noLinks(MAX_LINKS + 2),
    onUnavailable: () => {},
    onLeftOut: (names) => leftOut.push(names),
  });
  await search.asked;
  search.close();
  assertEquals(leftOut, [[`none${MAX_LINKS}`, `none${MAX_LINKS + 1}`]]);
});

test("RoomSearch misses no change of the network, whenever it looks at the change before", async () => {
  for (let looks = 1; looks <= 5; looks++) {
    const [none, one, many] = [0, 1, MAX_LINKS + 1].map((count) => noLinks(count)());
    let [before, left] = [true, looks];
    const clock = new FakeClock();
    const { promise: noticed, resolve } = Promise.withResolvers<readonly string[]>();
    const search = new RoomSearch({
      clock,
      interfaces: () => before ? none! : left-- > 0 ? one! : many!,
      onUnavailable: () => {},
      onLeftOut: resolve,
    });
    await search.asked;
    before = false;
    for (let seconds = 0; seconds < 10; seconds++) {
      clock.advance(1000);
      await settled();
    }
    search.close();
    assertEquals(await Promise.race([noticed, settled()]), [`none${MAX_LINKS}`], `${looks} looks`);
  }
});

test("RoomSearch goes on when a link goes away while it opens its sockets", async () => {
  for (let turns = 0; turns < 40; turns++) {
    let interfaces = noLinks(1)();
    const clock = new FakeClock();
    const search = new RoomSearch({ clock, interfaces: () => interfaces, onUnavailable: () => {} });
    for (let i = 0; i < turns; i++) await Promise.resolve();
    interfaces = [];
    clock.advance(1000);
    await search.asked;
    search.close();
  }
});

test("RoomAnnouncer reports nothing once it is closed", async () => {
  const reasons: string[] = [];
  const onUnavailable = (reason: string): void => void reasons.push(reason);
  const announcer = new RoomAnnouncer(ROOM, { ...NO_NETWORK, onUnavailable });
  const closed = announcer.close();
  const before = reasons.length;
  await closed;
  await announcer.close();
  await settled();
  assertEquals(reasons.length, before);
});

const PERMISSIONS: readonly (readonly [string, Deno.TestDefinition["permissions"]])[] = [
  ["--allow-net is missing, or limited to some addresses", { sys: false, net: false }],
  ["--allow-net is missing, or limited to some addresses", { sys: true, net: ["127.0.0.1"] }],
];

for (const [expected, permissions] of PERMISSIONS) {
  Deno.test({
    name: `RoomSearch reports that ${expected}, and never asks for it`,
    permissions: permissions!,
    sanitizeOps: true,
    sanitizeResources: true,
    async fn() {
      const { promise, resolve } = Promise.withResolvers<string>();
      const search = new RoomSearch({ onUnavailable: resolve });
      assertEquals(await promise, expected);
      search.close();
    },
  });
}
