import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { toHex } from "../../lib/bytes/mod.ts";
import { FakeClock } from "../support/clock.ts";
import { RoomOverSockets } from "../support/over_sockets.ts";
import { type Event, Program } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";

/** How long the host keeps seats, in milliseconds. */
const KEPT_MS = 60_000;

/** How far the clock goes at once, in milliseconds: not so far that anybody is asked for a sign of life. */
const STEP_MS = 10_000;

Deno.test("a member whose seat is lost says so, and sends its waiting messages in a new session", async () => {
  const clock = new FakeClock();
  const sockets = await RoomOverSockets.open({ clock, keepSeatMs: KEPT_MS });
  await using proxy = await Proxy.open(sockets.port);
  await using ada = new Program(["join", proxy.address, "--name", "ada", "--json"]);
  await ada.ready();
  const vera = await sockets.join("vera");
  await ada.event("joined");
  await ada.say("before");
  await ada.event("delivered");
  // In the middle of the sealed messages: no member can know whether they arrived.
  proxy.inject({ kind: "cut", direction: "toHost", at: proxy.bytes("toHost") + 500 });
  proxy.refuse();
  await ada.say("x".repeat(1000));
  await ada.event("disconnected");
  await Promise.all([sockets.host, vera].map((member) => member.event("lost")));
  await ada.say("meanwhile 1", "meanwhile 2");
  await ada.tell({ do: "who" });
  await ada.event("members");

  // The others send now and then, or the host would count them as lost, too.
  for (let passed = 0; passed < KEPT_MS; passed += STEP_MS) {
    clock.advance(STEP_MS);
    const { delivered } = await vera.room.say("still here", { to: "hana" });
    assert(await delivered);
  }
  for (const member of [sockets.host, vera]) {
    assertEquals((await member.event("left")).reason, "connection-lost");
  }
  await vera.room.say("ada will never read this");
  await proxy.admit();
  const first = await ada.event("ready");
  const { session } = await ada.event("ready", ({ session }) => session !== first.session);
  assertNotEquals(session, first.session);
  for (const member of [sockets.host, vera]) {
    const { member: { session: seen } } = await member.event("joined");
    assertEquals(toHex(seen).slice(0, 8), session);
  }
  await ada.say("after");
  await ada.event("delivered", ({ id }) => id === "5");
  const said = ["before", "meanwhile 1", "meanwhile 2", "after"];
  await vera.texts.count(said.length);
  assertEquals(vera.texts.all, said);

  await sockets.host.room.say("welcome back");
  assertEquals(await ada.hears("hana", 1), ["welcome back"]);
  assertEquals(ada.heard("vera"), []);
  const kinds = ada.events.map((event) => "code" in event ? event.code : event.event);
  const later = kinds.slice(kinds.indexOf("disconnected"))
    .filter((kind) =>
      !["host-unverified", "members", "message", "sent", "delivered"].includes(kind)
    );
  assertEquals(later, ["disconnected", "seat-lost", "not-delivered", "ready"]);
  const of = (kind: Event["event"]): string[] =>
    ada.events.flatMap((event) => event.event === kind && "id" in event ? [String(event.id)] : []);
  assertEquals([of("sent"), of("failed")], [["1", "3", "4", "5"], ["2"]]);
  await ada.endInput();
  await ada.ends(1);
  await sockets.close();
});
