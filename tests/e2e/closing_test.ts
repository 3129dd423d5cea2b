import { assert, assertEquals } from "@std/assert";
import { FAREWELL_MS } from "../../lib/channel/mod.ts";
import { DRAIN_MS } from "../../lib/relay/mod.ts";
import { HostProgram, Program } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";

/** Number of messages of each sender, and their length. */
const MESSAGES = 3000;
const LENGTH = 200;

/** Extra time for a busy machine, in milliseconds. */
const SLACK_MS = 5000;

/** Says much at once. @returns The texts. */
async function burst(program: Program, name: string): Promise<string[]> {
  const texts = Array.from({ length: MESSAGES }, (_, i) => `${name} ${i} `.padEnd(LENGTH, "."));
  await program.say(...texts);
  return texts;
}

/** Asserts that a listener has all messages of a sender that the host accepted, and a prefix of those sent. */
function assertTaken(listener: Program, name: string, speaker: Program, texts: string[]): void {
  const heard = listener.heard(name);
  const sent = speaker.events.filter(({ event }) => event === "sent").length;
  assert(heard.length >= sent, `${heard.length} of ${sent} that were taken from ${name}`);
  assertEquals(heard, texts.slice(0, heard.length));
}

for (const stuck of [false, true]) {
  const name = stuck ? "even if one of them does not read" : "as soon as they have it";
  Deno.test(`a host that ends in a burst delivers all that it accepted, ${name}`, async () => {
    await using host = await HostProgram.start(["--name", "hana", "--json"]);
    await using ada = await host.join(["--name", "ada", "--json"]);
    await using bob = await host.join(["--name", "bob", "--json"]);
    await using carl = await host.join(["--name", "carl", "--json"]);
    for (const member of [ada, bob]) {
      await member.event("joined", ({ member: { name } }) => name === "carl");
    }
    if (stuck) carl.signal("SIGSTOP");
    const [texts, hosts] = await Promise.all([burst(ada, "ada"), burst(host, "hana")]);
    await Promise.all([bob.hears("ada", 100), bob.hears("hana", 100)]);
    const start = performance.now();
    host.signal("SIGTERM");
    const [status] = await Promise.all([ada.status(), host.status(), bob.ends(0)]);
    const ms = performance.now() - start;
    if (stuck) assert(ms < DRAIN_MS + FAREWELL_MS + SLACK_MS, `It took ${ms} ms`);
    else await carl.ends(0);
    for (const member of stuck ? [ada, bob] : [ada, bob, carl]) {
      assertEquals(member.events.at(-1), { event: "closed", reason: "host-closed" });
      assertTaken(member, "hana", host, hosts);
      if (member !== ada) assertTaken(member, "ada", ada, texts);
    }
    assertEquals(host.events.at(-1), { event: "closed", reason: "signal" });
    const fates = ada.events.filter(({ event }) => event === "sent" || event === "failed");
    const failed = fates.filter(({ event }) => event === "failed").length;
    assertEquals(status, failed > 0 ? 1 : 0);
    assertEquals(bob.events.filter(({ event }) => event === "disconnected"), []);
  });
}

Deno.test("a member that joins or returns while the host is ending learns that it ends", async () => {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  await using proxy = await Proxy.open(host.port);
  const { address } = proxy;
  await using bob = await host.join(["--name", "bob", "--json"], { address });
  await using carl = await host.join(["--name", "carl", "--json"]);
  await bob.event("joined", ({ member: { name } }) => name === "carl");
  carl.signal("SIGSTOP");
  host.signal("SIGTERM");
  await bob.event("left", ({ member: { name } }) => name === "hana");
  proxy.cut();
  await using dora = new Program(["join", host.address, "--name", "dora", "--json"]);
  await Promise.all([bob.ends(0), dora.ends(1)]);
  for (const member of [bob, dora]) {
    assertEquals(member.events.at(-1), { event: "closed", reason: "host-closed" });
    assertEquals(member.events.filter(({ event }) => event === "error"), []);
  }
  assertEquals(bob.events.at(-2)?.event, "disconnected");
  await host.ends(0);
});
