/**
 * A room under load: a host in a process of its own, and as many members as wanted in this one.
 *
 * `deno task bench:room --members 100 --rate 80` joins 100 members, of which one sends 80 messages a second, and
 * prints what that costs, beside the same load on relays that know nothing of lanchat.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { compare, type Figures, type Plan, SAMPLE } from "./room_load.ts";

const USAGE = `Usage: deno task bench:room --members N --rate R [options]

  --members N   members, from 2 to 1337
  --rate R      messages a second of all speakers together; 0 for as many as the relay takes
  --seconds S   time in which they speak (default 10, at most 600)
  --speakers K  members that speak (default 1)
  --light       members that do the hop only (default)
  --real        members with a room: end-to-end encryption, too
  --via         lanchat through a NATS server, too (Debian has it: nats-server)
  --json        print JSON`;

function parsePlan(): Plan & { isJson: boolean } {
  const { values } = parseArgs({
    options: {
      members: { type: "string" },
      rate: { type: "string" },
      seconds: { type: "string", default: "10" },
      speakers: { type: "string", default: "1" },
      light: { type: "boolean", default: false },
      real: { type: "boolean", default: false },
      via: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const [members, rate, seconds, speakers] = [
    values.members,
    values.rate,
    values.seconds,
    values.speakers,
  ].map(Number) as [number, number, number, number];
  const isValid = members >= 2 && members <= 1337 && rate >= 0 && seconds > 0 && seconds <= 600 &&
    speakers >= 1 && speakers < members && !(values.light && values.real);
  if (!isValid) {
    console.error(USAGE);
    Deno.exit(2);
  }
  const { json: isJson, real: isReal, via: isVia } = values;
  return { members, rate, seconds, speakers, isReal, isVia, isJson };
}

/** The figures of one relay, and its processor time as a ratio to raw TCP. */
interface Column extends Figures {
  readonly relayRatio: number;
}

/** The rows of the table: name, digits after the point, and figure. */
const ROWS: readonly [name: string, digits: number, keyof Column][] = [
  ["deliveries a second, asked for", 0, "askedPerSecond"],
  ["deliveries a second, reached", 0, "reachedPerSecond"],
  ["messages sent", 0, "sent"],
  ["deliveries", 0, "delivered"],
  ["latency, median, ms", 2, "p50"],
  ["latency, 90th percentile, ms", 2, "p90"],
  ["latency, 99th percentile, ms", 2, "p99"],
  ["latency, highest, ms", 2, "max"],
  ["latency, 99th percentile of the last fifth, ms", 2, "lateP99"],
  ["messages taken of a speaker when time is up, fewest", 0, "fewest"],
  ["messages taken of a speaker when time is up, most", 0, "most"],
  ["processor time of the relay for a delivery, µs", 1, "relayMicros"],
  ["the same, times raw TCP with one write each", 2, "relayRatio"],
  ["processor time of this generator for a delivery, µs", 1, "generatorMicros"],
  ["bytes from the relay for a delivery", 0, "bytes"],
  ["records from the relay for a delivery", 3, "records"],
  ["ACKs to the relay for a delivery", 3, "acks"],
  ["time to fill the room, s", 2, "fillSeconds"],
  ["processor time of the relay for a join, ms", 2, "joinMs"],
  ["resident memory of the relay when filled, MiB", 1, "filledMib"],
  ["resident memory of the relay at the end, MiB", 1, "endMib"],
  ["memory of the relay for a member, KiB", 1, "memberKib"],
];

/** A table in Markdown, with a column for each relay. */
function tableOf(columns: Readonly<Record<string, Column>>): string {
  const names = Object.keys(columns);
  return [
    `| what | ${names.join(" | ")} |`,
    `|---|${names.map(() => "---|").join("")}`,
    ...ROWS.map(([name, digits, key]) => {
      const cells = names.map((column) => columns[column]![key]).map((figure) =>
        figure !== undefined && Number.isFinite(figure) ? figure.toFixed(digits) : ""
      );
      return `| ${name} | ${cells.join(" | ")} |`;
    }),
  ].join("\n");
}

const { isJson, ...plan } = parsePlan();
const say = (line: string): void => isJson ? undefined : console.log(line);
const pace = plan.rate === 0
  ? "as many messages as the relay takes"
  : `${plan.rate} messages a second`;
say(
  `Joins ${plan.members} ${
    plan.isReal ? "real" : "light"
  } members to a host in a process of its own that is no`,
);
say(
  `member of its room (--relay-only). ${plan.speakers} of them send ${pace} for ${plan.seconds} s.`,
);
say(
  plan.isReal
    ? "The members are in this process. Each opens every message."
    : `The members are in this process, and announce themselves once, to the host. One in ${SAMPLE}, and\n` +
      "each speaker, opens every record; the others count bytes.",
);
say(
  "All keys are made before the clock starts. Two relays of raw TCP then get the same load, and ngircd.",
);
say(`Load average: ${Deno.loadavg()[0]!.toFixed(2)}.`);
say("");

const { broker, coalesced, lanchat, ngircd, raw } = await compare(plan);
const relays = {
  lanchat,
  ...broker && { "lanchat through NATS": broker },
  "raw TCP, one write each": raw,
  "raw TCP, coalesced": coalesced,
};
const columns = Object.fromEntries(
  Object.entries({ ...relays, ...ngircd && { ngircd } })
    .map(([name, figures]) =>
      [name, { ...figures, relayRatio: figures.relayMicros / raw.relayMicros }] as const
    ),
);
console.log(
  isJson ? JSON.stringify({ ...plan, load: Deno.loadavg(), relays: columns }) : tableOf(columns),
);
if (ngircd === undefined) say("ngircd is not installed.");
Deno.exit();
