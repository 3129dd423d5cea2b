import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { HostProgram, type Program } from "../support/program.ts";
import { type Machine, Network, networkTest, type Weather } from "./netns.ts";

/** How long the cable is pulled, in milliseconds: longer than it takes to notice it. */
const PULLED_MS = 60_000;

/** Messages of each member. */
const COUNT = 300;

/** A member's texts: longer texts give more packets to lose. */
function lines(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name} ${i} `.padEnd(1000, "."));
}

/** Texts as a failure can show them. */
function brief(heard: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(heard).map(([name, texts]) => [
      name,
      texts.map((text) => text.replace(/\.*$/, ` and ${text.length} in all`)),
    ]),
  );
}

/** A host and two members, each on a machine of its own. */
class Room implements AsyncDisposable {
  readonly network: Network;
  /** By name: hana, who hosts, ada and bob. */
  readonly members: ReadonlyMap<string, Program>;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    network: Network,
    members: ReadonlyMap<string, Program>,
    stack: AsyncDisposableStack,
  ) {
    this.network = network;
    this.members = members;
    this.#stack = stack;
  }

  static async open(weather: Weather = {}): Promise<Room> {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(await Network.open(3, weather));
    const [server, ...others] = network.machines as [Machine, Machine, Machine];
    const { wrapper } = server;
    const args = ["--name", "hana", "--json"];
    const host = stack.use(
      await HostProgram.start(["--host", server.address, ...args], { wrapper }),
    );
    const address = `${server.address}:${host.port}`;
    const members = new Map<string, Program>([["hana", host]]);
    for (const [i, name] of ["ada", "bob"].entries()) {
      const { wrapper } = others[i]!;
      members.set(
        name,
        stack.use(await host.join(["--name", name, "--json"], { address, wrapper })),
      );
    }
    await host.event("joined", ({ member }) => member.name === "bob");
    await members.get("ada")!.event("joined");
    return new Room(network, members, stack.move());
  }

  /** Sends all texts and waits until every member has them. @returns Duration, in milliseconds. */
  async talk(count: number): Promise<number> {
    const begun = performance.now();
    await Promise.all([this.say(0, count), this.heard(count)]);
    return performance.now() - begun;
  }

  /** Sends a part of each member's texts. */
  async say(from: number, to: number): Promise<void> {
    await Promise.all([...this.members].map(async ([name, program]) => {
      const wishes = lines(name, to).slice(from).map((say) => `${JSON.stringify({ say })}\n`);
      await program.write(wishes.join(""));
    }));
  }

  /** Waits until every member has a number of messages of each other member. */
  async heard(count: number): Promise<void> {
    await Promise.all([...this.members.values()].map(({ stdout }) =>
      stdout.count(
        count * (this.members.size - 1),
        (line) => line.startsWith('{"event":"message"'),
      )
    ));
  }

  /** Asserts that every member has each message of the others once and in order. */
  assertHeard(count: number): void {
    for (const [name, { events }] of this.members) {
      const heard: Record<string, string[]> = {};
      for (const event of events) {
        if (event.event === "message") (heard[event.from.name] ??= []).push(event.text);
      }
      const expected: Record<string, string[]> = {};
      for (const other of this.members.keys()) {
        if (other === name) continue;
        expected[other] = lines(other, count);
      }
      assertEquals(brief(heard), brief(expected), `of what ${name} heard`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Shows a measured figure as a row of a table. */
function report(...cells: readonly string[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}

/** How long after a moment something happens. */
async function seconds(begun: number, event: Promise<unknown>): Promise<string> {
  await event;
  return `${((performance.now() - begun) / 1000).toFixed(1)} s`;
}

const WEATHERS: Readonly<Record<string, Weather>> = {
  "a calm network": {},
  "5 % of all packets lost": { loss: 0.05 },
  "a delay of 100 ms ± 30 ms": { delayMs: 100, jitterMs: 30 },
  "25 % of all packets reordered": { delayMs: 10, reorder: 0.25 },
};

for (const [name, weather] of Object.entries(WEATHERS)) {
  networkTest(`${name}: each message arrives once and in order`, async () => {
    await using room = await Room.open(weather);
    const ms = await room.talk(COUNT);
    room.assertHeard(COUNT);
    const { lost, passed, reordered } = room.network.frames;
    assertEquals(lost > 0, weather.loss !== undefined, `${lost} of ${passed} were lost`);
    assertEquals(reordered > 0, weather.reorder !== undefined, `${reordered} were reordered`);
    assert(passed > COUNT / 10);
    const sent = COUNT * room.members.size;
    report(
      name,
      `${sent} messages`,
      `${(ms / 1000).toFixed(2)} s`,
      `${Math.round(sent / ms * 1000)}/s`,
    );
  });
}

networkTest(
  "a cable unplugged for a minute: each message arrives once and in order",
  async () => {
    await using room = await Room.open();
    const [ada, host] = [room.members.get("ada")!, room.members.get("hana")!];
    await room.talk(10);
    const cable = room.network.machines[1]!;
    const pulled = performance.now();
    cable.pull();
    await room.say(10, 30);
    const [noticed, noticedByHost] = await Promise.all([
      seconds(pulled, ada.stdout.line(/^\{"event":"disconnected"/)),
      seconds(pulled, host.stdout.line(/^\{"event":"lost"/)),
      delay(PULLED_MS),
    ]);
    const plugged = performance.now();
    cable.plug();
    const [back, complete] = await Promise.all([
      seconds(plugged, ada.stdout.line(/^\{"event":"reconnected"/)),
      seconds(plugged, room.heard(30)),
    ]);
    report("a cable pulled for 60 s", "noticed by the member after", noticed);
    report("", "noticed by the host after", noticedByHost);
    report("", "connected again, once plugged in, after", back);
    report("", "all messages there, once plugged in, after", complete);
    room.assertHeard(30);
  },
);
