/**
 * Measures rooms of several sizes, beside raw TCP, and draws docs/performance.svg: under the same number of
 * deliveries a second, and with as many as the relay takes.
 *
 * @module
 */
import { cpus } from "node:os";
import { drawPanels, type Line, type Spread } from "./chart.ts";
import { quantile } from "./report.ts";
import { type Figures, prepare } from "./room_load.ts";

const PICTURE = new URL("../docs/performance.svg", import.meta.url);

const MEMBERS = [10, 30, 100, 300, 1000];

const DELIVERIES_PER_SECOND = 4000;
const SECONDS = 10;
const BURST_SECONDS = 3;
const ROUNDS = 3;

const NAMES = { lanchat: "lanchat", raw: "raw TCP" } as const;

type Relay = keyof typeof NAMES;

/** The figures of each round, by members. */
type Rounds = ReadonlyMap<number, Figures[]>;

/**
 * Measures all sizes in each round, and at each size both relays one after the other.
 *
 * @param perSecond Deliveries asked for; 0 for as many as the relay takes.
 */
async function measureRooms(perSecond: number, seconds: number): Promise<Record<Relay, Rounds>> {
  const noRounds = (): Rounds => new Map(MEMBERS.map((members) => [members, []]));
  const measured = { lanchat: noRounds(), raw: noRounds() };
  for (let round = 0; round < ROUNDS; round++) {
    for (const members of MEMBERS) {
      const rate = perSecond / (members - 1);
      const relays = await prepare({ members, rate, seconds, speakers: 1, isReal: false });
      for (const relay of ["lanchat", "raw"] as const) {
        measured[relay].get(members)!.push(await relays[relay]());
      }
    }
  }
  return measured;
}

type Key = "reachedPerSecond" | "relayMicros" | "p50" | "p99";

/** A figure of each size: lowest, median and highest of the rounds. */
function spreads(rounds: Rounds, key: Key): Map<number, Spread> {
  return new Map([...rounds].map(([members, figures]) => {
    const [low, middle, high] = [0, 0.5, 1].map((at) => quantile(figures.map((of) => of[key]), at));
    return [members, { low: low!, middle: middle!, high: high! }];
  }));
}

const single = await measureRooms(DELIVERIES_PER_SECOND, SECONDS);
const burst = await measureRooms(0, BURST_SECONDS);

function line(relay: Relay, key: Key, name: string = NAMES[relay]): Line {
  const measured = key === "reachedPerSecond" ? burst : single;
  return {
    name,
    color: relay === "lanchat" ? "a" : "b",
    isDashed: key === "p99",
    points: spreads(measured[relay], key),
  };
}

const load = Deno.loadavg()[0]!;
const deliveries = DELIVERIES_PER_SECOND.toLocaleString("en");
const panels = [
  {
    title: "deliveries a second, as many as the relay takes",
    lines: [line("lanchat", "reachedPerSecond"), line("raw", "reachedPerSecond")],
  },
  {
    title: "processor time of the relay for a delivery, µs",
    lines: [line("lanchat", "relayMicros"), line("raw", "relayMicros")],
  },
  {
    title: "latency, ms",
    lines: [
      line("lanchat", "p50", "lanchat, median"),
      line("lanchat", "p99", "99th percentile"),
      line("raw", "p50", "raw TCP, median"),
      line("raw", "p99", "99th percentile"),
    ],
  },
];
const notes = [
  `On the left, one member sends for ${BURST_SECONDS} s as fast as it can; then single messages, ${deliveries} deliveries a second for ${SECONDS} s. ` +
  `Medians of ${ROUNDS} runs, bars from lowest to highest.`,
  `${new Date().toISOString().slice(0, 10)}, Deno ${Deno.version.deno}, ${cpus().length} × ${
    cpus()[0]!.model
  }, load average at the end ${load.toFixed(1)}.`,
];
const label =
  "Deliveries a second, what one costs the relay, and how long it takes, over the members of a room";
await Deno.writeTextFile(PICTURE, drawPanels(panels, { label, axis: "members", notes }));

const digits = (value: number): string => value.toPrecision(3);
for (const { lines, title } of panels) {
  console.log(`${title}\n\n| members | ${lines.map(({ name }) => name).join(" | ")} |`);
  console.log(`|---|${lines.map(() => "---|").join("")}`);
  for (const members of MEMBERS) {
    const cells = lines.map(({ points }) => {
      const { high, low, middle } = points.get(members)!;
      return `${digits(middle)} (${digits(low)} to ${digits(high)})`;
    });
    console.log(`| ${members} | ${cells.join(" | ")} |`);
  }
  console.log();
}
console.log(notes.join("\n"));
Deno.exit();
