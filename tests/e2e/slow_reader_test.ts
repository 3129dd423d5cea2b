import { assertEquals } from "@std/assert";
import { type Event, HostProgram } from "../support/program.ts";

/** Messages that together are more than may wait for a member that is connected, and less than for one that is not. */
const MESSAGES = 300;
const LENGTH = 8000;

Deno.test("a member that stops reading delays the others briefly, and has every message on its return", async () => {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  await using ada = await host.join(["--name", "ada", "--json"]);
  await using carl = await host.join(["--name", "carl", "--json"]);
  await using bob = await host.join(["--name", "bob", "--listen", "--json"]);
  await ada.event("joined", ({ member }) => member.name === "bob");
  bob.stdout.pause();
  const texts = Array.from({ length: MESSAGES }, (_, i) => `${i} `.padEnd(LENGTH, "."));
  await ada.say(...texts);
  const counted = (heard: string[]): string[] => heard.map((text) => text.replaceAll(".", ""));
  for (const member of [host, carl]) {
    assertEquals(counted(await member.hears("ada", MESSAGES)), counted(texts));
    await member.event("lost", ({ member }) => member.name === "bob");
  }
  const { away } = await ada.event("delivered", ({ id }) => id === `${MESSAGES}`);
  assertEquals(away, ["bob"]);

  bob.stdout.resume();
  assertEquals((await bob.event("disconnected")).reason, "too-slow");
  await bob.event("reconnected");
  assertEquals(counted(await bob.hears("ada", MESSAGES)), counted(texts));
  for (const member of [host, carl, ada]) {
    await member.event("back", ({ member }) => member.name === "bob");
    const kinds: Event["event"][] = ["left", "gap", "failed", "warning", "error"];
    const bad = member.events.filter((event) =>
      kinds.includes(event.event) && !("code" in event && /identity|unverified/.test(event.code))
    );
    assertEquals(bad, []);
  }
});
