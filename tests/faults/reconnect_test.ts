import { assert, assertEquals } from "@std/assert";
import { type Plan, seededPlan } from "../support/faults.ts";
import { emptyDirectory, HostProgram, type Program } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";

/** Connections of each member that come to a bad end. */
const BAD_CONNECTIONS = 2;

/** Messages of each member that are under way at once. */
const AT_ONCE = 20;

/** Each connection is slowed somewhere and broken somewhere, until the network has had enough. */
function badNetwork(seed: number): Plan {
  const slow = seededPlan(seed, {
    kinds: ["split", "coalesce", "stall", "delay"],
    count: 4,
    from: 0,
    to: 12_000,
    maxMs: 100,
  });
  // After the handshake, because a first join is not retried.
  const breaks = seededPlan(-seed, {
    kinds: ["cut", "reset", "corrupt", "duplicate"],
    count: 1,
    from: 4000,
    to: 12_000,
  });
  return (connection) =>
    connection < BAD_CONNECTIONS ? [...slow(connection), ...breaks(connection)] : [];
}

/** How many faults have broken a connection. */
function broken({ faults }: Proxy): number {
  return faults.cut + faults.reset + faults.corrupt + faults.duplicate;
}

/** Says texts that are as long as a message of some lines. @returns The texts. */
async function say(program: Program, name: string, first: number): Promise<string[]> {
  const texts = Array.from({ length: AT_ONCE }, (_, i) => `${name} ${first + i} `.padEnd(300, "."));
  await program.write(texts.map((text) => `${JSON.stringify({ say: text })}\n`).join(""));
  return texts;
}

/** The texts that a program received from one member. */
function heard({ events }: Program, name: string): string[] {
  return events.flatMap((event) =>
    event.event === "message" && event.from.name === name ? [event.text] : []
  );
}

/** Waits until a program has received a number of texts from one member. */
async function hears({ stdout }: Program, name: string, count: number): Promise<void> {
  const from = `{"event":"message","from":{"name":"${name}"`;
  await stdout.count(count, (line) => line.startsWith(from));
}

/** Asserts that nothing was said to be lost, nor any of these to be gone. */
function assertWhole(program: Program, names: readonly string[]): void {
  const bad = program.events.filter((event) =>
    event.event === "gap" || event.event === "failed" || event.event === "error" ||
    event.event === "left" && names.includes(event.member.name)
  );
  assertEquals(bad, []);
}

for (const seed of [1, 2, 3]) {
  Deno.test(`members on a bad network miss no message and show none twice (${seed})`, async () => {
    await using host = await HostProgram.start(["--name", "hana", "--json"]);
    await using stack = new AsyncDisposableStack();
    const proxies: Proxy[] = [];
    const members: [string, Program][] = [["hana", host]];
    for (const [i, name] of ["ada", "bob"].entries()) {
      const proxy = stack.use(await Proxy.open(host.port, badNetwork(10 * seed + i)));
      const args = ["--name", name, "--json"];
      proxies.push(proxy);
      members.push([name, stack.use(await host.join(args, { address: proxy.address }))]);
    }
    const said = new Map(members.map(([name]) => [name, [] as string[]]));
    while (
      said.get("ada")!.length === 0 || proxies.some((proxy) => broken(proxy) < BAD_CONNECTIONS)
    ) {
      for (const [name, program] of members) {
        const texts = said.get(name)!;
        texts.push(...await say(program, name, texts.length));
      }
      await Promise.all(
        members.flatMap(([name, program]) =>
          members.flatMap(([other]) =>
            other === name ? [] : [hears(program, other, said.get(other)!.length)]
          )
        ),
      );
    }
    for (const [name, program] of members) {
      for (const [other, texts] of said) {
        if (other !== name) assertEquals(heard(program, other), texts, `${other} to ${name}`);
      }
      await program.stdout.count(said.get(name)!.length, /^\{"event":"delivered"/);
      assertWhole(program, [...said.keys()]);
    }
    for (const { faults } of proxies) assert(faults.stall + faults.delay + faults.split > 0);
  });
}

Deno.test("a host that is killed in a burst and started again loses no message of its members", async () => {
  const home = emptyDirectory();
  const options = {
    env: { HOME: home, XDG_CONFIG_HOME: home },
    permissions: ["--allow-net", "--allow-read", "--allow-write", "--allow-env"],
  };
  const args = ["--name", "hana", "--json"];
  await using before = await HostProgram.start(args, options);
  await using left = await Proxy.open(before.port);
  await using right = await Proxy.open(before.port);
  const join = ["--json", "--name"];
  await using ada = await before.join([...join, "ada"], { address: left.address });
  await using bob = await before.join([...join, "bob"], { address: right.address });
  await ada.event("joined");
  const said: Record<"ada" | "bob", string[]> = { ada: [], bob: [] };
  const both = async (): Promise<void> => {
    said.ada.push(...await say(ada, "ada", said.ada.length));
    said.bob.push(...await say(bob, "bob", said.bob.length));
  };
  for (let i = 0; i < 5; i++) await both();
  await hears(bob, "ada", 1);
  for (const proxy of [left, right]) proxy.refuse();
  before.signal("SIGKILL");
  await both();
  await Promise.all([ada, bob].map((member) => member.event("disconnected")));
  await both();

  await using after = await HostProgram.start(args, options);
  for (const proxy of [left, right]) {
    proxy.target = after.port;
    await proxy.admit();
  }
  await Promise.all([ada, bob].map((member) => member.event("reconnected")));
  await both();
  await Promise.all([hears(ada, "bob", said.bob.length), hears(bob, "ada", said.ada.length)]);
  assertEquals(heard(ada, "bob"), said.bob);
  assertEquals(heard(bob, "ada"), said.ada);
  for (const member of [ada, bob]) {
    await member.stdout.count(said.ada.length, /^\{"event":"delivered"/);
    assertWhole(member, Object.keys(said)); // The host's own member is another one now.
  }
});
