import { assertEquals } from "@std/assert";
import { FakeClock } from "../support/clock.ts";
import { RoomOverSockets } from "../support/over_sockets.ts";
import { BINARY, Program } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";

/** How long the host keeps seats, in milliseconds. */
const KEPT_MS = 180_000;

/** How far the clock goes at once, in milliseconds: not so far that anybody is asked for a sign of life. */
const STEP_MS = 10_000;

Deno.test("a member that was away for nearly three minutes gets all messages but those of newcomers", async () => {
  const clock = new FakeClock();
  const sockets = await RoomOverSockets.open({ clock, keepSeatMs: KEPT_MS });
  await using proxy = await Proxy.open(sockets.port);
  await using ada = new Program(["join", proxy.address, "--name", "ada", "--json"]);
  await ada.ready();
  const vera = await sockets.join("vera");
  await ada.event("joined");
  const first = await vera.room.say("before");
  assertEquals(await first.delivered, { away: [], left: [] });
  proxy.refuse();
  proxy.cut();
  await ada.event("disconnected");
  for (const member of [sockets.host, vera]) await member.event("lost");
  const nora = await sockets.join("nora");
  await nora.room.say("you have no key of mine");
  for (let passed = STEP_MS; passed < KEPT_MS; passed += STEP_MS) {
    clock.advance(STEP_MS);
    // The host counts a member that is silent for so long as lost, too.
    const { delivered } = await vera.room.say("still here", { to: "nora" });
    assertEquals(await delivered, { away: [], left: [] });
  }
  const { delivered } = await vera.room.say("meanwhile");
  assertEquals((await delivered)?.away.map(({ name }) => name), ["ada"]);
  await proxy.admit();
  assertEquals(await ada.hears("vera", 2), ["before", "meanwhile"]);
  const { unread } = await ada.event("reconnected");
  assertEquals(unread, ["nora"]);
  for (const member of [sockets.host, vera]) await member.event("back");
  assertEquals((await nora.event("joined")).member.name, "ada");
  await nora.room.say("welcome back");
  assertEquals(await ada.hears("nora", 1), ["welcome back"]);
  const codes = ada.events.flatMap((event) => event.event === "warning" ? [event.code] : []);
  // Only a binary may keep its identity.
  assertEquals(codes, ["host-unverified", ...BINARY === undefined ? ["temporary-identity"] : []]);
  await ada.endInput();
  await ada.ends(0);
  await sockets.close();
});
