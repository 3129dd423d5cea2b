import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat, equal, fromHex } from "../../../lib/bytes/mod.ts";
import { initiate, respond, type SecureChannel } from "../../../lib/channel/mod.ts";
import { importKemKeyPair, importWrapKeyPair, zeroKey } from "../../../lib/crypto/mod.ts";
import { HandshakeError, LanchatError, WireError } from "../../../lib/errors.ts";
import { type HopSession, HostKey, Initiator, Responder } from "../../../lib/handshake/mod.ts";
import {
  CloseReason,
  encodeFrame,
  encodeHostRecord,
  encodeMemberRecord,
  type PlainRecord,
} from "../../../lib/wire/mod.ts";
import { sealFrames } from "../../support/channel.ts";
import { type HostLies, type MemberLies, ScriptedHost, ScriptedMember } from "../../support/hop.ts";
import { fromBase64, hostHopKey, identityFromSeed, memberHopKey } from "../../support/keys.ts";
import vectors from "../../vectors/vectors.json" with { type: "json" };
import { chunkings, decodeSteps, masked, refusal, type Step, type Target } from "../target.ts";

const { hop } = vectors;

/** The messages of the recorded handshake. */
export const MESSAGES: Readonly<Record<"m0" | "m1" | "m2" | "m3", Bytes>> = {
  m0: fromHex(hop.M0),
  m1: fromHex(hop.M1),
  m2: fromHex(hop.M2),
  m3: fromHex(hop.M3),
};

const { m0, m1, m2, m3 } = MESSAGES;
const psk = fromHex(hop.psk);
const roomId = fromHex(hop.room_id);
const nonce = fromHex(hop.nonce);
const host = await identityFromSeed(hop.host_ik_seed);
const member = await identityFromSeed(hop.member_ik_seed);
const memberPair = await importWrapKeyPair(fromBase64(hop.eI_pkcs8));
const hostPair = await importWrapKeyPair(fromBase64(hop.eR_pkcs8));

/** The recorded member, who wants the recorded handshake and no other. */
function recordedInitiator(): Initiator {
  const random = [fromHex(hop.rI), fromHex(hop.kI)];
  return new Initiator({
    identity: member,
    nonce,
    keyPair: memberPair,
    psk,
    trusts: () => Promise.resolve(true),
    generateKem: () => importKemKeyPair(fromHex(hop.kem_seed)),
    random: () => random.shift()!,
    wrap: () => Promise.resolve(m3.slice(0, 256)),
  });
}

/** The recorded host. */
function recordedResponder(): Responder {
  const random = [m0.slice(-32), fromHex(hop.kR)];
  return new Responder({
    identity: host,
    roomId,
    hostKey: new HostKey(hostPair, 0),
    psk,
    random: () => random.shift()!,
    wrap: () => Promise.resolve(m2.slice(256, 512)),
    encapsulate: () =>
      Promise.resolve({ ciphertext: m2.slice(512, 1600), secret: fromHex(hop.ss) }),
  });
}

function assertRecorded(
  { receiveSecret, sendSecret }: HopSession,
  send: string,
  receive: string,
): void {
  assertEquals([sendSecret, receiveSecret], [send, receive].map(fromHex));
}

/**
 * Feeds a state machine with messages in any order; step 0 is its first message and step 1 its second.
 * It may open a session only for the recorded ones in order, and must do nothing after a refusal.
 */
async function feed(
  steps: readonly Step[],
  receive: readonly ((message: Bytes) => Promise<HopSession | undefined>)[],
  recorded: readonly Bytes[],
): Promise<{ outcome: string; opened: HopSession | undefined }> {
  const outcomes: string[] = [];
  let opened: HopSession | undefined;
  let right = true;
  for (const [i, { data, kind }] of steps.slice(0, 4).entries()) {
    const turn = kind % receive.length;
    right &&= i === turn && equal(data, recorded[i]!);
    try {
      const session = await receive[turn]!(data);
      opened ??= session;
      outcomes.push("ok");
      assert(session === undefined || right, "a session is open for other messages");
    } catch (error) {
      outcomes.push(refusal(error, HandshakeError, WireError));
      right = false;
    }
  }
  return { outcome: outcomes.join(", "), opened };
}

const initiatorTarget: Target = {
  name: "initiator",
  runs: 100,
  async run(input): Promise<string> {
    const initiator = recordedInitiator();
    const { opened, outcome } = await feed(decodeSteps(input), [
      async (message) => void await initiator.receiveM0(message),
      async (message) => {
        const { m3: answer, session } = await initiator.receiveM2(message);
        assertEquals(answer, m3);
        return session;
      },
    ], [m0, m2]);
    if (opened !== undefined) assertRecorded(opened, hop.c2s, hop.s2c);
    return outcome;
  },
};

const responderTarget: Target = {
  name: "responder",
  runs: 100,
  async run(input): Promise<string> {
    const responder = recordedResponder();
    const { opened, outcome } = await feed(decodeSteps(input), [
      async (message) => void assertEquals(await responder.receiveM1(message), m2),
      (message) => responder.receiveM3(message),
    ], [m1, m3]);
    if (opened !== undefined) assertRecorded(opened, hop.s2c, hop.c2s);
    return outcome;
  },
};

/** Deviations of a peer from an honest one, from an input. */
class Lies<Field extends string> {
  readonly #masks: Map<Field, Bytes>;
  readonly #told = new Set<Field>();

  /** Reads lies from steps: each masks one thing that an honest peer sends. */
  constructor(input: Bytes, fields: readonly Field[]) {
    this.#masks = new Map(
      decodeSteps(input).map(({ data, kind }) => [fields[kind % fields.length]!, data]),
    );
  }

  /** The bytes sent in place of honest ones. */
  of(field: Field, honest: Bytes): Bytes {
    const mask = this.#masks.get(field);
    if (mask === undefined) return honest;
    const sent = masked(honest, mask);
    if (!equal(sent, honest)) this.#told.add(field);
    return sent;
  }

  /** What is sent where nothing honest is known before; `undefined` for what is honest. */
  instead(field: Field): Bytes | undefined {
    return this.#masks.get(field);
  }

  /** Asserts that neither side accepted a lie about one of these. */
  assertNone(...fields: readonly Field[]): void {
    assertEquals(fields.filter((field) => this.#told.has(field)), [], "a lie was believed");
  }
}

/** The things about which a host may lie to a member whose secrets it knows. */
const HOST_FIELDS = ["modulus", "secret", "wrapped", "key", "signature", "sealed"] as const;

/** A host that holds every secret and lies about one thing or another. */
const lyingHost: Target = {
  name: "lying-host",
  runs: 60,
  async run(input): Promise<string> {
    const lies = new Lies(input, HOST_FIELDS);
    const keyPair = await hostHopKey();
    const wrapped = lies.instead("wrapped");
    const told: HostLies = {
      modulus: lies.of("modulus", keyPair.modulus),
      secret: lies.of("secret", zeroKey()),
      ...wrapped !== undefined && { wrapped },
      key: lies.of("key", host.publicKey),
      sign: async ({ text }) => lies.of("signature", await host.sign(text)),
      sealed: (honest) => lies.of("sealed", honest),
    };
    const scripted = new ScriptedHost({ identity: host, keyPair, roomId, psk: zeroKey() }, told);
    const initiator = new Initiator({
      identity: member,
      nonce,
      keyPair: await memberHopKey(),
      psk: zeroKey(),
      trusts: () => Promise.resolve(true),
    });
    const first = await initiator.receiveM0(scripted.m0);
    const answer = await scripted.m2(first).catch(() => undefined);
    if (answer === undefined) return "cannot be played";
    try {
      const { session } = await initiator.receiveM2(answer);
      assertEquals(session.peerKey, host.publicKey);
      assertEquals(session.roomId, roomId);
      lies.assertNone("key", "signature", "sealed");
      return "ok";
    } catch (error) {
      return refusal(error, HandshakeError, WireError);
    }
  },
};

/** The things about which a member may lie to a host. */
const MEMBER_FIELDS = [
  "commitment",
  "modulus",
  "gate",
  "secret",
  "wrapped",
  "confirmation",
  "key",
  "opening",
  "signature",
  "sealed",
] as const;

/** A member of an open room that lies about one thing or another. */
const lyingMember: Target = {
  name: "lying-member",
  runs: 60,
  async run(input): Promise<string> {
    const lies = new Lies(input, MEMBER_FIELDS);
    const keyPair = await memberHopKey();
    const [commitment, wrapped] = [lies.instead("commitment"), lies.instead("wrapped")];
    const told: MemberLies = {
      ...commitment !== undefined && { commitment },
      modulus: lies.of("modulus", keyPair.modulus),
      gate: (honest) => lies.of("gate", honest),
      secret: lies.of("secret", zeroKey()),
      ...wrapped !== undefined && { wrapped },
      confirmation: (honest) => lies.of("confirmation", honest),
      key: lies.of("key", member.publicKey),
      opening: lies.of("opening", zeroKey()),
      sign: async ({ text }) => lies.of("signature", await member.sign(text)),
      sealed: (honest) => lies.of("sealed", honest),
    };
    const scripted = new ScriptedMember(
      { identity: member, keyPair, nonce, psk: zeroKey() },
      told,
    );
    const hostKey = new HostKey(await hostHopKey(), 0);
    const responder = new Responder({ identity: host, roomId, hostKey, psk: zeroKey() });
    const outcomes: string[] = [];
    try {
      const answer = await responder.receiveM1(await scripted.m1(responder.m0));
      outcomes.push("ok");
      // The member itself may fail on its own lie.
      const last = await scripted.m3(answer).catch(() => undefined);
      if (last === undefined) return "cannot be played";
      const opened = await responder.receiveM3(last.m3);
      assertEquals([opened.peerKey, opened.nonce], [member.publicKey, nonce]);
      lies.assertNone("gate", "confirmation", "key", "signature", "sealed");
      outcomes.push("ok");
    } catch (error) {
      outcomes.push(refusal(error, HandshakeError, WireError));
    }
    return outcomes.join(", ");
  },
};

const ping = { type: "ping", token: new Uint8Array(8) } as const;
const farewell = { type: "close", reason: CloseReason.LEAVING } as const;

/** The records of each side after the recorded handshake. */
const SAID = {
  host: [encodeHostRecord(ping), encodeHostRecord({ type: "roster", entries: [] })]
    .concat(encodeHostRecord(farewell)),
  member: [encodeMemberRecord(ping), encodeMemberRecord(ping), encodeMemberRecord(farewell)],
} as const;

/** All bytes that one side of the recorded connection sends. */
export async function recordedStream(side: "host" | "member"): Promise<Bytes> {
  const [messages, secret] = side === "host" ? [[m0, m2], hop.s2c] : [[m1, m3], hop.c2s];
  return concat(...messages.map(encodeFrame), ...await sealFrames(SAID[side], fromHex(secret)));
}

/** One side of a connection under any input: it reads the recorded bytes, or fails. */
function connection(
  name: string,
  other: keyof typeof SAID,
  shakeHands: (transport: Parameters<typeof respond>[0]) => Promise<SecureChannel>,
): Target {
  return {
    name,
    runs: 100,
    async run(input): Promise<string> {
      const records: PlainRecord[] = [];
      const recorded = await recordedStream(other);
      let end = "ok";
      try {
        const channel = await shakeHands({
          readable: ReadableStream.from(chunkings(input)[2]!),
          writable: new WritableStream(),
        });
        try {
          for await (const record of channel.readable) records.push(record);
          const before = input.slice(0, recorded.length);
          assertEquals(before, recorded, "an end was taken that is not the recorded one");
        } finally {
          await channel.writable.close();
        }
      } catch (error) {
        end = refusal(error, LanchatError);
        assert(!equal(input, recorded), "the recorded stream was refused");
      }
      assertEquals(records, SAID[other].slice(0, records.length));
      return `${end}: ${records.length} records`;
    },
  };
}

/** Both handshake machines, and all that stands on them. */
export const handshakeTargets: readonly Target[] = [
  initiatorTarget,
  responderTarget,
  lyingHost,
  lyingMember,
  connection("host-connection", "member", (transport) => respond(transport, recordedResponder())),
  connection("member-connection", "host", (transport) => initiate(transport, recordedInitiator())),
];
