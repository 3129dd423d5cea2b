import { delay as stdDelay } from "@std/async/delay";
import { assertEquals } from "@std/assert";
import { type Event, HostProgram, type Program } from "../support/program.ts";

const delay: (ms: number) => Promise<void> = stdDelay;

/** How long a lid is closed: longer than a connection may be silent, shorter than a place is kept after that. */
const ROUNDS = 12;
const ROUND_MS = 10_000;

/** Suspends a program; meanwhile others talk. @returns What was said by each of them. */
async function suspend(program: Program, ...others: readonly Program[]): Promise<string[]> {
  program.signal("SIGSTOP");
  const texts: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    texts.push(`round ${round}`);
    await Promise.all(others.map((other) => other.say(`round ${round}`)));
    await delay(ROUND_MS);
  }
  program.signal("SIGCONT");
  return texts;
}

/** The events of some kinds, in their order. */
function kinds({ events }: Program, ...kinds: Event["event"][]): Event["event"][] {
  return events.map(({ event }) => event).filter((kind) => kinds.includes(kind));
}

/** Asserts that what a program said was taken once, and delivered. */
async function assertDelivered(program: Program, count: number): Promise<void> {
  await program.event("delivered", ({ id }) => id === `${count}`);
  const ids = Array.from({ length: count }, (_, i) => `${i + 1}`);
  for (const kind of ["sent", "delivered"]) {
    const found = program.events.flatMap((event) =>
      event.event === kind && "id" in event ? [event.id] : []
    );
    assertEquals(found, ids);
  }
  assertEquals(kinds(program, "failed", "gap", "error", "left"), []);
}

async function suspendMember(): Promise<void> {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  await using ada = await host.join(["--name", "ada", "--json"]);
  await using bob = await host.join(["--name", "bob", "--json"]);
  await ada.event("joined");
  const texts = await suspend(ada, host, bob);
  await ada.event("reconnected");
  for (const name of ["hana", "bob"]) assertEquals(await ada.hears(name, ROUNDS), texts);
  await ada.say("I am back");
  for (const member of [host, bob]) {
    await member.event("lost");
    await member.event("back");
    assertEquals(await member.hears("ada", 1), ["I am back"]);
    await assertDelivered(member, ROUNDS);
  }
  await assertDelivered(ada, 1);
  assertEquals(kinds(ada, "ready", "disconnected", "reconnected"), [
    "ready",
    "disconnected",
    "reconnected",
  ]);
}

async function suspendHost(): Promise<void> {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  const args = ["--give-up-after", "300", "--json"];
  await using ada = await host.join(["--name", "ada", ...args]);
  await using bob = await host.join(["--name", "bob", ...args]);
  await ada.event("joined");
  const texts = await suspend(host, ada, bob);
  for (const member of [ada, bob]) {
    assertEquals((await member.event("disconnected")).reason, "connection-lost");
    assertEquals((await member.event("reconnected")).joinCode, undefined);
  }
  await host.say("I am back");
  for (const [member, other] of [[ada, "bob"], [bob, "ada"]] as const) {
    assertEquals(await member.hears(other, ROUNDS), texts);
    assertEquals(await host.hears(other, ROUNDS), texts);
    assertEquals(await member.hears("hana", 1), ["I am back"]);
    await assertDelivered(member, ROUNDS);
    assertEquals(kinds(member, "ready"), ["ready"]);
  }
  await assertDelivered(host, 1);
}

Deno.test({
  name: "a machine that sleeps for two minutes is back in its room with everything, member or host",
  ignore: Deno.build.os === "windows", // It has no SIGSTOP.
  async fn() {
    await Promise.all([suspendMember(), suspendHost()]);
  },
});
