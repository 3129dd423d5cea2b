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
