/** The known answers of the end-to-end layer, through the primitives and layouts that it is made of. */
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { type Bytes, compare, concat, fromHex, toHex, u32, u8, utf8 } from "../../lib/bytes/mod.ts";
import { extendTranscript, FrameTokens, OpenStream, RecordCipher } from "../../lib/channel/mod.ts";
import {
  CipherKey,
  hmac,
  hmacVerify,
  importKemKeyPair,
  importWrapKeyPair,
  kdf,
  label,
  openRoomSecrets,
  sha256,
  unwrap,
  verify,
  zeroKey,
} from "../../lib/crypto/mod.ts";
import { sameName } from "../../lib/room/mod.ts";
import { unwrapChainKey } from "../../lib/room/session_key.ts";
import {
  AcceptStatus,
  Audience,
  BodyKind,
  CloseReason,
  decodeAgain,
  decodeAnnounce,
  decodeBatch,
  decodeHostRecord,
  decodeInner,
  decodeKick,
  decodeMemberRecord,
  decodeMsg,
  decodeNameField,
  decodeNeed,
  decodeSkdm,
  encodeAgain,
  encodeBatch,
  encodeHostRecord,
  encodeInner,
  encodeKickHead,
  encodeMemberRecord,
  encodeNameField,
  encodeNeed,
  EnvelopeClass,
  FRAME_HEADER_BYTES,
  FrameDecoderStream,
  FrameKind,
  type HostRecord,
  KickOp,
  MemberChange,
  type MemberRecord,
  NO_TRANSCRIPT,
  type PlainRecord,
  RecordType,
} from "../../lib/wire/mod.ts";
import { flip } from "../support/assert.ts";
import { fromBase64, identityFromSeed } from "../support/keys.ts";
import { test } from "../support/test.ts";
import { makeE2e } from "../vectors/make_e2e.ts";
import { makeNames } from "../vectors/make_names.ts";
import { makeFrames, makeRecords } from "../vectors/make_records.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const { hop, e2e } = vectors;
const roomId = fromHex(hop.room_id);

test("the known answers are those of a second implementation", () => {
  assertEquals(makeE2e(hop, e2e.bob_rsa_pkcs8), e2e);
});

const ANNOUNCES = [
  {
    room: "room for invited people",
    object: e2e.announce_bob,
    memberKey: hop.member_key,
    nameKey: e2e.name_key,
    name: { name: "bøb", nameTaken: false },
  },
  {
    room: "open room",
    object: e2e.open_announce_bob,
    memberKey: e2e.open_member_key,
    nameKey: e2e.open_name_key,
    name: { name: "bøb", nameTaken: true },
  },
];

for (const { memberKey, name, nameKey, object, room } of ANNOUNCES) {
  test(`the known ANNOUNCE of an ${room} has its fields, its name, its tag and its signature`, async () => {
    const announce = decodeAnnounce(fromHex(object));
    const bob = await importWrapKeyPair(fromBase64(e2e.bob_rsa_pkcs8));
    const { publicKey } = await importKemKeyPair(fromHex(e2e.bob_kem_seed));
    assertEquals(
      [announce.roomId, announce.key, announce.nonce, announce.modulus, announce.seen],
      [roomId, fromHex(e2e.bob_ik), fromHex(e2e.bob_nonce), bob.modulus, fromHex(hop.sess)],
    );
    assertEquals([announce.generation, announce.kemKey], [1, publicKey]);
    const key = await kdf(fromHex(e2e.sess_bob), fromHex(memberKey), "lanchat/1 name", 32);
    assertEquals(toHex(key), nameKey);
    const cipher = await CipherKey.import(key);
    const field = await cipher.open(announce.nameNonce, announce.sealedName, announce.head);
    assertEquals(decodeNameField(field!), name);
    assertEquals(encodeNameField(name), field);
    const tagged = [label("lanchat/1 member"), announce.tagged] as const;
    assert(await hmacVerify(fromHex(memberKey), announce.memberTag, ...tagged));
    assertEquals(await hmac(fromHex(memberKey), ...tagged), announce.memberTag);
    const signed = concat(label("lanchat/1 announce"), announce.signed);
    assert(await verify(announce.key, signed, announce.signature));
    assert(!await verify(announce.key, flip(signed, 0), announce.signature));
    const identity = await identityFromSeed(e2e.bob_ik_seed);
    assertEquals(identity.publicKey, announce.key);
    assertEquals(await identity.sign(signed), announce.signature);
  });
}

test("the known member key of the open room comes from the host's key", async () => {
  const { memberKey } = await openRoomSecrets(fromHex(hop.host_ik));
  assertEquals(toHex(memberKey), e2e.open_member_key);
});

const SKDMS = [
  { name: "SKDM", known: e2e.skdm, fields: [1, Audience.ROOM, 1, 0], ck: e2e.msgs[0]!.ck },
  { name: "direct SKDM", known: e2e.direct_skdm, fields: [1, Audience.DIRECT, 2, 5] },
];

for (const { ck, fields, known, name } of SKDMS) {
  test(`the known ${name} has its fields and its signature, and unwraps with Bob's key`, async () => {
    const skdm = decodeSkdm(fromHex(known.wire));
    assertEquals(
      [skdm.roomId, skdm.fromKey, skdm.fromSession, skdm.toKey, skdm.toSession],
      [hop.room_id, hop.member_ik, hop.sess, e2e.bob_ik, e2e.sess_bob].map(fromHex),
    );
    assertEquals([skdm.toGeneration, skdm.audience, skdm.epoch, skdm.start], fields);
    const signed = concat(label("lanchat/1 skdm"), skdm.signed);
    assert(await verify(skdm.fromKey, signed, skdm.signature));
    const sender = await identityFromSeed(hop.member_ik_seed);
    assertEquals(await sender.sign(signed), skdm.signature);

    const rsa = await importWrapKeyPair(fromBase64(e2e.bob_rsa_pkcs8));
    const kem = await importKemKeyPair(fromHex(e2e.bob_kem_seed));
    assertEquals(await unwrap(rsa, "lanchat/1 skdm", skdm.wrapped), fromHex(known.s_rsa));
    assertEquals(await kem.decapsulate(skdm.encapsulated), fromHex(known.s_kem));
    const context = { header: skdm.header, memberKey: fromHex(hop.member_key) };
    assertEquals(toHex((await unwrapChainKey({ rsa, kem }, context, skdm))!), known.ck);
    if (ck !== undefined) assertEquals(known.ck, ck);
  });
}

test("the known KICK has its fields and the host's signature", async () => {
  const kick = decodeKick(fromHex(e2e.kick));
  assertEquals(
    [kick.roomId, kick.target, kick.op, kick.number],
    [roomId, fromHex(e2e.bob_ik), KickOp.BAN, 1_700_000_000_000],
  );
  const signed = concat(label("lanchat/1 kick"), kick.signed);
  assert(await verify(fromHex(hop.host_ik), signed, kick.signature));
  assertEquals(toHex(concat(encodeKickHead(kick), kick.signature)), e2e.kick);
});

test("the known NEED is answered by the known AGAINs", () => {
  assertEquals([decodeNeed(fromHex(e2e.need)), toHex(encodeNeed(7))], [7, e2e.need]);
  const again = { round: 7, object: fromHex(e2e.msgs[0]!.wire) };
  assertEquals(decodeAgain(fromHex(e2e.again)), again);
  assertEquals(toHex(encodeAgain(again)), e2e.again);
  const end = { round: 7, object: undefined };
  assertEquals([decodeAgain(fromHex(e2e.again_end)), toHex(encodeAgain(end))], [
    end,
    e2e.again_end,
  ]);
});

test("the known chain id is the start of a hash of the chain's key", async () => {
  const vk = fromHex(e2e.vk);
  assertEquals(toHex(await sha256(label("lanchat/1 cid"), vk)).slice(0, 32), e2e.cid);
  assertEquals((await identityFromSeed(e2e.epoch_seed)).publicKey, vk);
});

test("the known roster is the start of a hash of the audience in order", async () => {
  const members = [
    concat(fromHex(hop.member_ik), fromHex(hop.sess)),
    concat(fromHex(e2e.bob_ik), fromHex(e2e.sess_bob)),
  ].sort(compare);
  const hash = await sha256(label("lanchat/1 roster"), roomId, u8(Audience.ROOM), ...members);
  assertEquals(toHex(hash).slice(0, 32), e2e.roster);
});

const BATCH = [
  { kind: BodyKind.TEXT, text: utf8("one") },
  { kind: BodyKind.ACTION, text: utf8("waves") },
  { kind: BodyKind.TEXT, text: utf8("two") },
];

const BODIES = [
  { kind: BodyKind.TEXT, body: utf8("hello") },
  { kind: BodyKind.TEXT, body: utf8("second message ".repeat(20)) },
  { kind: BodyKind.HEARTBEAT, body: utf8("") },
  { kind: BodyKind.BATCH, body: encodeBatch(BATCH) },
];

test("the known batch holds its messages", () => {
  const { body } = decodeInner(fromHex(e2e.msgs[3]!.plain));
  assertEquals(decodeBatch(body), BATCH);
});

for (const [index, known] of e2e.msgs.entries()) {
  test(`the known MSG ${index} opens under its place in the chain`, async () => {
    const msg = decodeMsg(fromHex(known.wire));
    assertEquals(
      [msg.roomId, msg.fromSession, msg.chainId, msg.commitment],
      [hop.room_id, hop.sess, e2e.cid, known.kc].map(fromHex),
    );
    assertEquals(msg.index, index);
    if (index > 0) assertEquals(known.ck, e2e.msgs[index - 1]!.next_ck);
    const keys = await kdf(zeroKey(), fromHex(known.ck), "lanchat/1 ratchet", 96);
    assertEquals(toHex(keys), known.next_ck + known.ek + known.kc);

    const signed = concat(label("lanchat/1 msg"), msg.signed);
    assert(await verify(fromHex(e2e.vk), signed, msg.signature));
    assertEquals(await (await identityFromSeed(e2e.epoch_seed)).sign(signed), msg.signature);
    const key = await CipherKey.import(fromHex(known.ek));
    const plain = await key.open(msg.nonce, msg.sealed, msg.header);
    assertEquals(toHex(plain!), known.plain);
    assertEquals(await key.seal(msg.nonce, plain!, msg.header), msg.sealed);

    const inner = decodeInner(plain!);
    assertEquals([toHex(inner.roster), inner.at], [e2e.roster, 1_700_000_000_000 + index]);
    assertEquals([inner.kind, inner.body], [BODIES[index]!.kind, BODIES[index]!.body]);
    assertEquals(toHex(encodeInner(inner)), known.plain);
  });
}

test("the known gate key comes from the known psk", async () => {
  const gateKey = await kdf(zeroKey(), fromHex(hop.psk), "lanchat/1 gate key", 32);
  assertEquals(toHex(gateKey), hop.gate_key);
  const m1 = fromHex(hop.M1);
  const m0 = fromHex(hop.M0);
  const framed = concat(u32(m0.length), m0);
  assertEquals(
    await hmac(gateKey, utf8("lanchat/1 gate\0"), framed, m1.slice(0, -32)),
    m1.slice(-32),
  );
});

test("the known identities come from their seeds", async () => {
  for (
    const [seed, key] of [
      [hop.host_ik_seed, hop.host_ik],
      [hop.member_ik_seed, hop.member_ik],
      [e2e.bob_ik_seed, e2e.bob_ik],
    ]
  ) {
    assertEquals(toHex((await identityFromSeed(seed!)).publicKey), key);
  }
});

test("the known names would be taken for each other where one of their looks is the same", () => {
  assertEquals(makeNames(), vectors.names);
  for (const one of vectors.names) {
    for (const other of vectors.names) {
      const same = one.folded === other.folded || one.shape === other.shape;
      assertEquals(sameName(one.name, other.name), same, `${one.name} ${other.name}`);
    }
  }
});

test("the known records are those of a second implementation", () => {
  assertEquals(makeRecords(vectors), vectors.records);
  assertEquals(makeFrames(vectors), vectors.frames);
});

const INSTANCE = utf8("instance");
const TOKEN = utf8("a token!");
const BULK = { transfer: utf8("a transfer's id."), offset: 65_552, bytes: [utf8("bytes")] };
const SHARED_SECRET = shake("lanchat vectors shared secret");
const SHARED_START = shake("lanchat vectors shared transcript");

function shake(name: string): Bytes {
  return new Uint8Array(createHash("shake256", { outputLength: 32 }).update(name).digest());
}

const bobSession = fromHex(e2e.sess_bob);
const bob = { key: fromHex(e2e.bob_ik), nonce: fromHex(e2e.bob_nonce) };
const member = { key: fromHex(hop.member_ik), nonce: fromHex(hop.nonce) };
const control = { class: EnvelopeClass.CONTROL };
const need = fromHex(e2e.need);

/** The contents of the host's known records, by name. */
const HOST_RECORDS: Readonly<Record<string, HostRecord>> = {
  ACCEPT: {
    type: "accept",
    status: AcceptStatus.OK,
    resumed: true,
    instance: INSTANCE,
    lastCmid: 17,
    maxMembers: 1024,
    time: 1_700_000_000_000,
    keep: 600,
  },
  CLOSE: { type: "close", reason: CloseReason.TOO_SLOW },
  PING: { type: "ping", token: TOKEN },
  PONG: { type: "pong", token: TOKEN },
  KEY: { type: "key", secret: SHARED_SECRET, counter: 5, transcript: SHARED_START },
  "BATCH of the host": {
    type: "batch",
    envelopes: [{ ...control, direct: true, from: fromHex(hop.sess), object: need }],
  },
  ROSTER: { type: "roster", entries: [{ ...member, away: false }, { ...bob, away: true }] },
  MEMBER: {
    type: "member",
    changes: [
      { change: MemberChange.AWAY, reason: CloseReason.LOST, ...bob },
      { change: MemberChange.JOINED, reason: CloseReason.LEAVING, ...member },
    ],
  },
  "RESUME of the host": { type: "resume", nextSeq: 41, queued: 2 },
  "ACK of the host": { type: "ack", accepted: 19, delivered: 17, seq: 41, reached: 18 },
  "BEHIND of the host": { type: "behind", sessions: [bobSession] },
  "BULK of the host": { type: "bulk", from: bobSession, ...BULK },
  "CREDIT of the host": { type: "credit", taken: 98_304, flows: [{ flow: 3, passed: 65_536 }] },
};

/** The contents of a member's known records, by name. */
const MEMBER_RECORDS: Readonly<Record<string, MemberRecord>> = {
  CLOSE: { type: "close", reason: CloseReason.TOO_SLOW },
  PING: { type: "ping", token: TOKEN },
  PONG: { type: "pong", token: TOKEN },
  "BATCH of a member": {
    type: "batch",
    envelopes: [
      { ...control, to: bobSession, cmid: 18, object: need },
      { ...control, to: bobSession, cmid: 19, object: fromHex(e2e.again_end) },
    ],
  },
  "RESUME of a member": {
    type: "resume",
    instance: INSTANCE,
    lastSeq: 40,
    transcript: SHARED_START,
  },
  "ACK of a member": { type: "ack", seq: 42, transcript: SHARED_START },
  "BEHIND of a member": { type: "behind" },
  "BULK of a member": { type: "bulk", flow: 3, to: [bobSession], ...BULK },
  "CREDIT of a member": { type: "credit", taken: 98_304 },
};

for (const { name, payload, type } of vectors.records) {
  if (type === RecordType.REKEY) continue; // The layer below takes it.
  test(`the known ${name} decodes to its content`, () => {
    const bulk = type === RecordType.BULK && { bulk: BULK.bytes };
    const plain = { type, payload: fromHex(payload), ...bulk };
    const [host, member] = [HOST_RECORDS[name], MEMBER_RECORDS[name]];
    if (host !== undefined) {
      assertEquals(decodeHostRecord(plain), host);
      assertEquals(encodeHostRecord(host), plain);
    }
    if (member !== undefined) {
      assertEquals(decodeMemberRecord(plain), member);
      assertEquals(encodeMemberRecord(member), plain);
    }
    assert(host !== undefined || member !== undefined);
  });
}

/** The known frames that hold a record for the layer above. */
const KNOWN = vectors.frames.filter(({ name }) => name !== "KEY" && name !== "REKEY");

/** What a member reads of the known frames. */
const READ: readonly PlainRecord[] = KNOWN.map(({ bulk, frame, plain, transcript }) => ({
  type: fromHex(plain)[0]!,
  payload: fromHex(plain).slice(1),
  ...bulk !== undefined && { bulk: [fromHex(bulk)] },
  ...fromHex(frame)[0] === FrameKind.SHARED && { transcript: fromHex(transcript) },
}));

test("the known frames open with a member's secret, the shared ones with the key among them", async () => {
  const chunks = vectors.frames.map(({ frame }) => fromHex(frame));
  const records = ReadableStream.from(chunks)
    .pipeThrough(new FrameDecoderStream([], true))
    .pipeThrough(new OpenStream(fromHex(hop.s2c), { takesShared: true }));
  assertEquals(await Array.fromAsync(records), READ);
});

test("the known secret of tokens comes from that of the host's records", async () => {
  const secret = await kdf(zeroKey(), fromHex(hop.s2c), "lanchat/1 rec token", 32);
  assertEquals(toHex(secret), hop.s2c_token);
  const later = await FrameTokens.from(fromHex(hop.s2c));
  for (let frame = 0; frame < 127; frame++) later.skip();
  await later.derive(2);
  assertEquals([toHex(later.next()), toHex(later.next())], [hop.s2c_token_127, hop.s2c_token_128]);
});

test("the known frames are those of RecordCipher and FrameTokens, and each transcript is a hash of the one before", async () => {
  const own = await RecordCipher.from(fromHex(hop.s2c));
  const shared = await RecordCipher.from(SHARED_SECRET.slice(), 5);
  const tokens = await FrameTokens.from(fromHex(hop.s2c));
  let transcript = NO_TRANSCRIPT;
  for (const known of vectors.frames) {
    const [type, ...payload] = fromHex(known.plain);
    const frame = fromHex(known.frame);
    const kind = frame[0]!;
    const cipher = kind === FrameKind.SHARED ? shared : own;
    const record = {
      type: type!,
      payload: new Uint8Array(payload),
      ...known.bulk !== undefined && { bulk: [fromHex(known.bulk)] },
    };
    const sealed = await cipher.seal(record, transcript, kind);
    const header = sealed.slice(0, FRAME_HEADER_BYTES);
    const body = sealed.slice(FRAME_HEADER_BYTES);
    if (kind === FrameKind.SHARED) {
      await tokens.derive(1);
      assertEquals(toHex(concat(header, tokens.next(), body)), known.frame);
      transcript = await extendTranscript(transcript, body);
    } else {
      tokens.skip();
      assertEquals(toHex(concat(sealed, ...record.bulk ?? [])), known.frame);
    }
    if (record.type === RecordType.KEY) transcript = SHARED_START;
    if (record.type === RecordType.REKEY) await cipher.rekey();
    assertEquals(toHex(transcript), known.transcript);
  }
});
