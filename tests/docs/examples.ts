/**
 * The worked examples at the end of docs/PROTOCOL.md: each message, record and object with its fields in
 * hexadecimal, from the known answers. `examples_test.ts` compares; `deno task examples` writes them.
 *
 * @module
 */
import vectors from "../vectors/vectors.json" with { type: "json" };

/** Digits of a field in one line. */
const LINE_DIGITS = 64;

const HEADING = "## 12 Worked examples\n";

const DOCUMENT = new URL("../../docs/PROTOCOL.md", import.meta.url);

/** A field's name and its size in bytes; the rest of what there is without a size. */
type Field = readonly [name: string, bytes?: number];

/** Something that is sent, and how it is laid out. */
interface Example {
  readonly name: string;
  readonly section: string;
  readonly digits: string;
  readonly fields: readonly Field[];
}

const { e2e, frames, hop, records } = vectors;

/** The fields of each record, by its name. */
const RECORD_FIELDS: Readonly<Record<string, readonly Field[]>> = {
  ACCEPT: [
    ["status", 1],
    ["resumed", 1],
    ["instance", 8],
    ["last_cmid", 8],
    ["max_members", 2],
    ["time", 8],
    ["keep", 2],
  ],
  REKEY: [],
  CLOSE: [["reason", 1]],
  PING: [["token", 8]],
  PONG: [["token", 8]],
  KEY: [["secret", 32], ["counter", 8], ["transcript", 32]],
  "BATCH of a member": [...envelope("to", ["cmid", 8]), ...envelope("to", ["cmid", 8])],
  "BATCH of the host": envelope("from"),
  ROSTER: [["count", 2], ...session(), ["away", 1], ...session(), ["away", 1]],
  MEMBER: [["change", 1], ["reason", 1], ...session(), ["change", 1], ["reason", 1], ...session()],
  "RESUME of a member": [["instance", 8], ["last_seq", 8], ["transcript", 32]],
  "RESUME of the host": [["next_seq", 8], ["queued", 4]],
  "ACK of a member": [["seq", 8], ["transcript", 32]],
  "ACK of the host": [["accepted", 8], ["delivered", 8], ["seq", 8], ["reached", 8]],
  "BEHIND of a member": [],
  "BEHIND of the host": [["count", 2], ["sess", 16]],
  "BULK of a member": [["flow", 4], ["transfer", 16], ["offset", 8], ["count", 1], ["to", 16]],
  "BULK of the host": [["from", 16], ["transfer", 16], ["offset", 8]],
  "CREDIT of a member": [["taken", 8]],
  "CREDIT of the host": [["taken", 8], ["count", 1], ["flow", 4], ["passed", 8]],
};

function envelope(peer: string, ...number: readonly Field[]): Field[] {
  const head = [["length", 4], ["class", 1], ["destination", 1], [peer, 16]] as const;
  return [...head, ...number, ["object", 5]];
}

function session(): Field[] {
  return [["ik", 32], ["nonce", 16]];
}

const ANNOUNCE: readonly Field[] = [
  ["type", 1],
  ["room_id", 32],
  ["ik", 32],
  ["nonce", 16],
  ["generation", 4],
  ["n", 256],
  ["ek", 1184],
  ["seen", 16],
  ["name_nonce", 12],
  ["sealed_name", 66],
  ["mtag", 32],
  ["sig", 64],
];

const SKDM: readonly Field[] = [
  ["type", 1],
  ["room_id", 32],
  ["from_ik", 32],
  ["from_sess", 16],
  ["to_ik", 32],
  ["to_sess", 16],
  ["to_gen", 4],
  ["audience", 1],
  ["epoch", 4],
  ["start", 4],
  ["VK", 32],
  ["ct_rsa", 256],
  ["ct_kem", 1088],
  ["sealed", 48],
  ["sig", 64],
];

const MSG: readonly Field[] = [
  ["type", 1],
  ["room_id", 32],
  ["from_sess", 16],
  ["cid", 16],
  ["idx", 4],
  ["nonce", 12],
  ["kc", 32],
  ["ct", -64],
  ["sig", 64],
];

const INNER: readonly Field[] = [
  ["roster", 16],
  ["zeros", 4],
  ["before", 4],
  ["at", 8],
  ["kind", 1],
  ["length", 4],
  ["body and padding"],
];

const EXAMPLES: readonly Example[] = [
  {
    name: "M0",
    section: "4.2",
    digits: hop.M0,
    fields: [["LANCHAT", 7], ["version", 1], ["suite", 1], ["flags", 1], ["challenge", 32]],
  },
  {
    name: "M1",
    section: "4.2",
    digits: hop.M1,
    fields: [
      ["LANCHAT", 7],
      ["version", 1],
      ["suite", 1],
      ["commitment", 32],
      ["n_I", 256],
      ["ek_I", 1184],
      ["gate", 32],
    ],
  },
  {
    name: "M2",
    section: "4.2",
    digits: hop.M2,
    fields: [["n_R", 256], ["ct_R", 256], ["ctk_R", 1088], ["enc_R", 145]],
  },
  {
    name: "M3",
    section: "4.2",
    digits: hop.M3,
    fields: [["ct_I", 256], ["conf", 32], ["enc_I", 160]],
  },
  ...records.map(({ name, payload, type }) => ({
    name: `${name}, type 0x${type.toString(16).padStart(2, "0")}`,
    section: "5.3",
    digits: payload,
    fields: RECORD_FIELDS[name]!,
  })),
  {
    name: "a shared BATCH in its frame",
    section: "5.5",
    digits: frames.find(({ name }) => name === "BATCH")!.frame,
    fields: [["kind", 1], ["length", 3], ["token", 8], ["sealed"]],
  },
  {
    name: "a bulk frame",
    section: "5.6",
    digits: frames.find(({ name }) => name === "BULK")!.frame,
    fields: [["kind", 1], ["length", 3], ["head length", 2], ["head", 57], ["bytes"]],
  },
  { name: "ANNOUNCE", section: "6.2", digits: e2e.announce_bob, fields: ANNOUNCE },
  { name: "SKDM", section: "6.3", digits: e2e.skdm.wire, fields: SKDM },
  { name: "MSG", section: "6.5", digits: e2e.msgs[0]!.wire, fields: MSG },
  { name: "inner part of that MSG", section: "6.5", digits: e2e.msgs[0]!.plain, fields: INNER },
  { name: "NEED", section: "6.7", digits: e2e.need, fields: [["type", 1], ["round", 4]] },
  {
    name: "AGAIN without an object",
    section: "6.7",
    digits: e2e.again_end,
    fields: [["type", 1], ["round", 4]],
  },
  {
    name: "KICK",
    section: "6.9",
    digits: e2e.kick,
    fields: [
      ["type", 1],
      ["room_id", 32],
      ["target", 32],
      ["op", 1],
      ["number", 8],
      ["sig", 64],
    ],
  },
];

/** The fields of an example, one below the other: offset in bytes, name, digits. */
function table({ digits, fields, name }: Example): string {
  const lines: string[] = [];
  const width = Math.max(...fields.map(([field]) => field.length));
  let at = 0;
  for (const [field, size] of fields) {
    // A size below zero leaves that many bytes for the fields after it.
    const end = size === undefined
      ? digits.length
      : size < 0
      ? digits.length + 2 * size
      : at + 2 * size;
    const value = digits.slice(at, end);
    for (let i = 0; i < value.length; i += LINE_DIGITS) {
      const head = i === 0
        ? `${at / 2}`.padEnd(4) + `  ${field.padEnd(width)}`
        : " ".repeat(6 + width);
      lines.push(`${head}  ${value.slice(i, i + LINE_DIGITS)}`);
    }
    at = end;
  }
  if (at !== digits.length) throw new Error(`The fields of ${name} end at ${at / 2}`);
  return lines.join("\n");
}

/** All examples, as the document has them. */
export function workedExamples(): string {
  const examples = EXAMPLES.map((example) => {
    const size = example.digits.length / 2;
    const bytes = `${size} byte${size === 1 ? "" : "s"}`;
    const title = `**${example.name}** (§${example.section}), ${bytes}`;
    if (example.digits === "") return `${title}.`;
    return `${title}:\n\n\`\`\`text\n${table(example)}\n\`\`\``;
  });
  return [
    HEADING,
    `Each example has its fields: offset in bytes, name, value in hexadecimal. All examples are known
answers; §7 says where their keys and secrets are. A frame seals a record's type and payload (§5.1);
the payloads are below, and one whole frame.`,
    ...examples.map((example) => `\n${example}`),
    "",
  ].join("\n");
}

/** The document, without its examples and with those that it should have. */
export async function documentWithExamples(): Promise<{ actual: string; expected: string }> {
  const actual = await Deno.readTextFile(DOCUMENT);
  const end = actual.indexOf(HEADING);
  const body = end < 0 ? `${actual.trimEnd()}\n\n` : actual.slice(0, end);
  return { actual, expected: body + workedExamples() };
}

if (import.meta.main) {
  await Deno.writeTextFile(DOCUMENT, (await documentWithExamples()).expected);
}
