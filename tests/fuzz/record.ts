/**
 * Rewrites the recorded inputs of the corpus, from the known answers and from a real room. Inputs that
 * fuzzing found stay. Run it after a change of a layout: `deno run --allow-all tests/fuzz/record.ts`
 *
 * @module
 */
import { type Bytes, concat, fromHex, u8, utf8 } from "../../lib/bytes/mod.ts";
import { encodeMessage } from "../../lib/broker/message.ts";
import { generateIdentity } from "../../lib/crypto/mod.ts";
import { Manifest } from "../../lib/files/mod.ts";
import { encodeCredential, formatInvite } from "../../lib/net/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import {
  BodyKind,
  CloseReason,
  decodeHostRecord,
  encodeAgain,
  encodeBatch,
  encodeFileMessage,
  encodeFrame,
  encodeHostRecord,
  encodeKickHead,
  encodeMemberRecord,
  encodeNameField,
  encodeNeed,
  type FileMessage,
  KickOp,
  ObjectType,
  type PlainRecord,
  RecordType,
  ReportState,
} from "../../lib/wire/mod.ts";
import { roomRecords, SERVICE } from "../../lib/net/dns_sd.ts";
import { encodeDns } from "../../lib/net/dns_packet.ts";
import { EMOJI } from "../support/emoji.ts";
import { WholePipeline } from "../support/whole_pipeline.ts";
import { Puppet } from "../support/puppet.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };
import { FOUND, type Inputs, readCorpus, writeCorpus } from "./corpus.ts";
import { encodeSteps } from "./target.ts";
import { TARGETS } from "./targets.ts";
import { sealedStream } from "./targets/channel.ts";
import { MESSAGES, recordedStream } from "./targets/handshake.ts";
import { flat } from "./targets/wire.ts";

const { e2e, files } = vectors;

/** The records between two members and a relay. */
async function recordRoom(): Promise<{ toHost: PlainRecord[]; toMember: PlainRecord[] }> {
  const pipeline = await WholePipeline.open({ inMemory: true });
  const ada = await pipeline.join("ada");
  const bob = await pipeline.join("bob");
  await ada.event("joined");
  await Promise.all(["one", "two", "three"].map((text) => ada.room.say(text)));
  await bob.room.say("hello");
  await bob.room.say("psst", { to: "ada" });
  await ada.texts.count(2);
  await bob.room.leave();
  await ada.event("left");
  const traffic = pipeline.relay.with(ada);
  await pipeline.close();
  return { toHost: [...traffic.toHost], toMember: [...traffic.toMember] };
}

/** One of each kind of records, by its type. */
function byType(records: readonly PlainRecord[]): Inputs {
  return Object.fromEntries(records.map((record) => [`type ${record.type}`, flat(record)]));
}

function steps(records: readonly PlainRecord[]): Bytes {
  return encodeSteps(records.map(({ payload, type }) => ({ kind: type, data: payload })));
}

/** Steps that change nothing of what is honest and so long. */
function masks(...counts: (readonly [kind: number, bytes: number])[]): Bytes {
  return encodeSteps(counts.map(([kind, bytes]) => ({ kind, data: new Uint8Array(bytes) })));
}

/** The same steps, each in an input of its own, so that it can be mutated separately. */
function one(...counts: (readonly [kind: number, bytes: number])[]): Inputs {
  return Object.fromEntries(counts.map((count) => [`step ${count[0]}`, masks(count)]));
}

const { toHost, toMember } = await recordRoom();
const envelopes = toMember.filter(({ type }) => type === RecordType.BATCH)
  .map((record) => decodeHostRecord(record))
  .flatMap((record) => record.type === "batch" ? record.envelopes : []);

/** The objects of a type that the room received, and the known ones. */
function objects(type: number, ...known: string[]): Inputs {
  const heard = envelopes.map(({ object }) => object).filter((object) => object[0] === type);
  return Object.fromEntries([
    ...known.map((hex, i) => [`known ${i}`, fromHex(hex)] as const),
    ...heard.slice(0, 2).map((object, i) => [`heard ${i}`, object] as const),
  ]);
}

function text(...texts: string[]): Inputs {
  return Object.fromEntries(texts.map((one, i) => [`text ${i}`, utf8(one)]));
}

function payloads(records: readonly PlainRecord[], type: number): Inputs {
  return Object.fromEntries(
    records.filter((record) => record.type === type)
      .map(({ payload }, i) => [`heard ${i}`, payload]),
  );
}

/** A message about a transfer, as its body. */
function file(message: FileMessage): Bytes {
  return encodeFileMessage(message).body;
}

const transfer = new Uint8Array(16).fill(1);
const offer: FileMessage = {
  kind: "offer",
  transfer,
  stream: false,
  size: 5,
  files: 1,
  manifestBytes: 19,
  root: new Uint8Array(32).fill(2),
  name: "notes.txt",
};
const want: FileMessage = {
  kind: "want",
  transfer,
  ranges: [{ first: 0, count: 1 }, { first: 4, count: 2 }],
};
const grant: FileMessage = { kind: "grant", transfer, secret: new Uint8Array(32).fill(3) };
const report: FileMessage = { kind: "report", transfer, state: ReportState.HAVE, value: 5 };
const roster = encodeHostRecord({
  type: "roster",
  entries: [1, 2].map((i) => ({
    key: new Uint8Array(32).fill(i),
    nonce: new Uint8Array(16).fill(i),
    away: i === 2,
  })),
});
const asked = encodeMemberRecord({ type: "behind" });
const behind = encodeHostRecord({ type: "behind", sessions: [new Uint8Array(16).fill(1)] });
const part = { transfer, offset: 9, bytes: [new Uint8Array(1)] };
const session = new Uint8Array(16).fill(1);
const memberBulk = encodeMemberRecord({ type: "bulk", flow: 1, to: [session], ...part });
const hostBulk = encodeHostRecord({ type: "bulk", from: session, ...part });
const memberCredit = encodeMemberRecord({ type: "credit", taken: 5 });
const hostCredit = encodeHostRecord({
  type: "credit",
  taken: 5,
  flows: [{ flow: 1, passed: 4 }],
});
const key = encodeHostRecord({
  type: "key",
  secret: new Uint8Array(32).fill(4),
  counter: 5,
  transcript: new Uint8Array(32).fill(6),
});
const roomBatch = encodeHostRecord({
  type: "batch",
  envelopes: envelopes.filter(({ direct }) => !direct).slice(0, 2),
});
const farewell = encodeHostRecord({ type: "close", reason: CloseReason.LEAVING });
const roomId = new Uint8Array(32).fill(3);
const openCredential = await encodeCredential({ hostKey: fromHex(vectors.hop.host_ik) });
const greetings = [MESSAGES.m0, MESSAGES.m2].map(encodeFrame);
const items = ["one", "two"].map((one) => ({ kind: BodyKind.TEXT, text: utf8(one) }));
const mallory = await Puppet.create("mallory");
const announced = (await mallory.announce(mallory.session)).length;
const taken = await mallory.announce(mallory.session, { nameTaken: true });
const chain = await mallory.chain();
const skdm = (await chain.skdm(mallory.target)).length;
const msg = (await chain.msg("hello")).length;
const { identity: { publicKey }, pkcs8 } = await generateIdentity();
const identity = {
  type: "lanchat identity",
  version: 1,
  pkcs8: btoa(String.fromCharCode(...pkcs8)),
};
const peers = await KnownPeers.open(undefined);
await peers.seen(publicKey, { name: "ada", address: "192.0.2.2:12345" });
await peers.seen((await generateIdentity()).identity.publicKey, { address: "[fd00::2]:80" });
const peerLines = new TextDecoder().decode(peers.export());

const RECORDED: Readonly<Record<string, Inputs>> = {
  frames: {
    handshake: concat(u8(1), ...greetings),
    records: concat(u8(2), await sealedStream()),
  },
  m0: { known: MESSAGES.m0 },
  m1: { known: MESSAGES.m1 },
  m2: { known: MESSAGES.m2 },
  m3: { known: MESSAGES.m3 },
  "host-record": byType([...toMember, roster, behind, key, hostCredit]),
  "shared-record": byType([
    ...toMember.filter(({ type }) => type === RecordType.MEMBER),
    roomBatch,
  ]),
  key: { known: key.payload },
  "member-record": byType([...toHost, asked, memberCredit]),
  roster: { two: roster.payload, ...payloads(toMember, RecordType.ROSTER) },
  "host-batch": payloads(toMember, RecordType.BATCH),
  "member-batch": payloads(toHost, RecordType.BATCH),
  "host-bulk": { one: hostBulk.payload },
  "member-bulk": { one: memberBulk.payload },
  announce: { taken, ...objects(ObjectType.ANNOUNCE, e2e.announce_bob) },
  "name-field": {
    name: encodeNameField({ name: "bøb", nameTaken: false }),
    taken: encodeNameField({ name: "bøb", nameTaken: true }),
  },
  skdm: objects(ObjectType.SKDM, e2e.skdm.wire),
  msg: objects(ObjectType.MSG, ...e2e.msgs.map(({ wire }) => wire)),
  inner: Object.fromEntries(e2e.msgs.map(({ plain }, i) => [`known ${i}`, fromHex(plain)])),
  need: { first: encodeNeed(1) },
  again: {
    end: encodeAgain({ round: 1, object: undefined }),
    msg: encodeAgain({ round: 1, object: fromHex(e2e.msgs[0]!.wire) }),
  },
  kick: {
    ban: concat(
      encodeKickHead({ roomId, target: new Uint8Array(32).fill(1), op: KickOp.BAN, number: 7 }),
      new Uint8Array(64).fill(2),
    ),
  },
  "message-batch": { two: encodeBatch(items) },
  status: text("", "at lunch", "à table 🍜"),
  offer: {
    files: file(offer),
    stream: file({ ...offer, stream: true, size: 0, root: new Uint8Array(32) }),
  },
  want: { pause: file({ ...want, ranges: [] }), two: file(want) },
  grant: { known: file(grant) },
  report: {
    end: file({ ...report, state: ReportState.END, root: new Uint8Array(32).fill(2) }),
    have: file(report),
  },
  names: text("ada", "bøb", "Zoë van Dijk", "李小龙", "नमस्ते", ...Object.values(EMOJI)),
  manifest: {
    ...Object.fromEntries(
      ["album", "file", "stream"].map((name, i) => [name, fromHex(files.transfers[i]!.manifest)]),
    ),
    tricky: Manifest.of(
      ["../A/x", "a/con.txt", "a/CON.TXT"].map((path) => ({ path, size: 5 })),
    ).bytes,
  },
  initiator: {
    known: encodeSteps([{ kind: 0, data: MESSAGES.m0 }, { kind: 1, data: MESSAGES.m2 }]),
  },
  responder: {
    known: encodeSteps([{ kind: 0, data: MESSAGES.m1 }, { kind: 1, data: MESSAGES.m3 }]),
  },
  "lying-host": one([0, 256], [1, 32], [3, 32], [4, 64], [5, 145]),
  "lying-member": one([1, 256], [2, 32], [3, 32], [5, 32], [6, 32], [7, 32], [8, 64], [9, 160]),
  "host-connection": { known: await recordedStream("member") },
  "member-connection": { known: await recordedStream("host") },
  "sealed-records": { whole: await sealedStream() },
  "sealed-frames": { whole: masks(...Array.from({ length: 11 }, (_, i) => [i, 0] as const)) },
  "member-endpoint": { heard: steps([...toMember.slice(0, 12), hostBulk, farewell]) },
  "host-endpoint": { heard: steps([...toHost.slice(0, 12), memberBulk, farewell]) },
  room: {
    ...one([1, announced], [2, announced - 96], [3, skdm], [4, skdm], [5, 1392], [12, 50]),
    honest: masks([1, announced], [3, skdm], [6, msg], [8, 64], [2, announced - 96], [6, msg]),
    rightly: masks([4, skdm], [7, msg], [5, 1392], [7, msg], [8, 64], [13, 2], [3, skdm], [6, msg]),
    again: masks([10, 5], [11, msg + 5], [10, 1], [6, msg]),
    body: encodeSteps([
      { kind: 3, data: new Uint8Array(skdm) },
      { kind: 9, data: concat(u8(BodyKind.BATCH), encodeBatch(items)) },
      { kind: 9, data: u8(BodyKind.HEARTBEAT) },
      { kind: 9, data: concat(u8(BodyKind.ACTION), utf8("waves")) },
      { kind: 9, data: concat(u8(BodyKind.STATUS), utf8("at lunch")) },
      { kind: 9, data: concat(u8(BodyKind.OFFER), file(offer)) },
      { kind: 9, data: concat(u8(BodyKind.GRANT), file(grant)) },
    ]),
  },
  "room-host": {
    // Send no answers, so that none can be acknowledged.
    heard: steps([
      ...toMember.filter(({ type }) => type !== RecordType.ACK).slice(0, 12),
      hostBulk,
      farewell,
    ]),
  },
  relay: { heard: steps([...toHost.slice(0, 12), memberBulk, asked, farewell]) },
  "command-line": text(
    "serve",
    ["serve", "--port", "0", "--name", "ada", "--max-members=20", "--json"].join("\0"),
    ["serve", "--host", "::1", "--relay-only", "--identity", "ada.json"].join("\0"),
    ["join", "192.168.1.5:80", "--name", "bøb", "--wait", "5", "--timeout", "6"].join("\0"),
    ["id", "import", "a.json", "--profile", "work", "--yes"].join("\0"),
    ["peers", "forget", "bob", "--json"].join("\0"),
    ["join", "[fe80::1%eth0]", "--host-key", "0".repeat(30), "--listen", "--"].join("\0"),
    "--help",
    "--version",
  ),
  address: text("192.168.1.5", "192.168.1.5:1234", "[fe80::1%eth0]:80", "fd00::2", "ada.local:9"),
  invite: text(
    vectors.identity.invite,
    `<${formatInvite("fe80::1%eth0", 12_345, openCredential)}>\n`,
    formatInvite("ada.local", 80, openCredential),
    formatInvite("nats://192.0.2.7:4222,[fd00::2]:5/abcdefghijklmnop", 0, openCredential),
  ),
  "broker-address": text("nats://ann:p%40s@a,[::1]:5/abcdefghijklmnop", "tls://10.0.0.5"),
  "broker-message": {
    open: encodeMessage({ number: 0, credit: 65_536, kind: 0, content: new Uint8Array(17) }),
    data: encodeMessage({ number: 7, credit: 262_144, kind: 1, content: utf8("hello") }),
    state: encodeMessage({ number: 8, credit: 262_144, kind: 2, content: new Uint8Array() }),
  },
  "typed-line": text("hello", "/me waves", "/who", "//x", "/help", "/quit"),
  sanitize: text("hello", "a\tb\r\nc", "\x1b[2Jx\u202e", "👩‍👩‍👧", "e\u0301".repeat(9), "\\n"),
  lines: text("\x05one\r\ntwo\n", "\x40one\n\ntwo"),
  "json-input": text(
    '{"say": "hello"}\n{"say": "x", "to": "bob", "id": "7"}\n{"do": "who"}\n{"do": "quit"}',
    '{"do": "nick", "name": "bob"}\n{"do": "status", "text": "at lunch"}\n{"do": "rekey"}',
    '{"do": "whois", "name": "bob"}\n{"do": "ignore", "name": "x"}\n{"do": "unignore", "name": "x"}',
  ),
  "plain-input": text("hello\nworld\r\n"),
  "shown-message": text("ada\0hello", "b\x1b[0m\0a\nb\\n\u2028c"),
  terminal: text(
    "hi\0hello\r/who\r",
    "\x1b[31mred\nx\0abc\x1b[D\x7f\x1b[A\x15/me waves\r\x1b[H\x0b/q\t\r",
  ),
  multicast: {
    room: new Uint8Array(encodeDns({
      type: "response",
      answers: roomRecords(
        "lanchat-pkeke42s-01234567",
        { tag: "pkeke42s", port: 12_345, invite: false, name: "x" },
        ["192.0.2.2", "fd00::2"],
      ),
    })),
    question: new Uint8Array(
      encodeDns({ type: "query", questions: [{ name: SERVICE, type: "PTR" }] }),
    ),
  },
  "identity-file": text(`${JSON.stringify(identity)}\n`),
  "peers-file": text(peerLines, `{"v":2}\n${peerLines}${peerLines.replace("false", "true")}`),
};

for (const target of TARGETS) {
  const found = Object.entries(await readCorpus(target).catch(() => ({})))
    .filter(([name]) => name.startsWith(FOUND));
  await writeCorpus(target.name, { ...RECORDED[target.name]!, ...Object.fromEntries(found) });
}
