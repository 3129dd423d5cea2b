import { assertEquals } from "@std/assert";
import { BINARY, type Event, HostProgram, type Program } from "../support/program.ts";

/** How long a program sleeps, in milliseconds: longer than a dead link takes to be noticed. */
const SLEEP_MS = 120_000;

/** Stops a program for that long, as a laptop does that is closed. */
async function sleep(program: Program): Promise<void> {
  program.signal("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, SLEEP_MS));
  program.signal("SIGCONT");
}

/** The texts that a member received. */
function texts({ events }: Program): string[] {
  return events.filter((event): event is Event<"message"> => event.event === "message")
    .map(({ text }) => text);
}

/** Asserts that no message was reported as lost. */
function assertWhole(program: Program): void {
  const bad = ["gap", "failed", "error", "left"];
  assertEquals(program.events.filter(({ event }) => bad.includes(event)), []);
}

/** A host and two members, which all print JSON. */
async function room(stack: AsyncDisposableStack): Promise<[HostProgram, Program, Program]> {
  const host = stack.use(await HostProgram.start(["--name", "hana", "--json"]));
  const ada = stack.use(await host.join(["--name", "ada", "--json", "--give-up-after", "300"]));
  const bob = stack.use(await host.join(["--name", "bob", "--json", "--give-up-after", "300"]));
  await ada.event("joined");
  return [host, ada, bob];
}

async function sleepingMember(stack: AsyncDisposableStack): Promise<void> {
  const [host, ada, bob] = await room(stack);
  const slept = sleep(bob);
  for (let i = 0; i < 10; i++) await ada.tell({ say: `early ${i}` });
  await host.event("lost", ({ member }) => member.name === "bob");
  for (let i = 0; i < 10; i++) await ada.tell({ say: `late ${i}` });
  await slept;
  await bob.event("reconnected");
  await ada.tell({ say: "welcome back" });
  for (const program of [host, bob]) {
    await program.event("message", ({ text }) => text === "welcome back");
  }
  const ten = Array.from({ length: 10 }, (_, i) => i);
  const said = [...ten.map((i) => `early ${i}`), ...ten.map((i) => `late ${i}`), "welcome back"];
  assertEquals([texts(bob), texts(host)], [said, said]);
  await ada.stdout.count(said.length, /^\{"event":"delivered"/);
  for (const program of [host, ada, bob]) assertWhole(program);
}

async function sleepingHost(stack: AsyncDisposableStack): Promise<void> {
  const [host, ada, bob] = await room(stack);
  const slept = sleep(host);
  await ada.tell({ say: "asleep?" });
  await Promise.all([ada, bob].map((member) => member.event("disconnected")));
  await ada.tell({ say: "still asleep?" });
  await bob.tell({ say: "so it seems" });
  await slept;
  await Promise.all([ada, bob].map((member) => member.event("reconnected")));
  await bob.event("message", ({ text }) => text === "still asleep?");
  for (const program of [host, ada]) {
    await program.event("message", ({ text }) => text === "so it seems");
  }
  await host.event("message", ({ text }) => text === "still asleep?");
  assertEquals(texts(bob), ["asleep?", "still asleep?"]);
  assertEquals(texts(host).toSorted(), ["asleep?", "so it seems", "still asleep?"]);
  for (const program of [host, ada, bob]) assertWhole(program);
}

Deno.test({
  name: "a member and a host that sleep for two minutes return with all messages",
  // Windows has no such signals; a binary sleeps no other way than the source.
  ignore: Deno.build.os === "windows" || BINARY !== undefined,
  async fn() {
    await using stack = new AsyncDisposableStack();
    await Promise.all([sleepingMember(stack), sleepingHost(stack)]);
  },
});
