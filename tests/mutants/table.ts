/** Small faults in a file of the library, and the tests of one file that have to notice them. */
export interface Mutants {
  /** The file, from `lib/`. */
  readonly file: string;
  /** The file of the tests, from `tests/`. */
  readonly test: string;
  /** A text that is in the file once, what comes in its place, and the name of the test that then fails. */
  readonly mutants: readonly (readonly [from: string, to: string, name: string])[];
}

/** All mutants, in the order of the layers. */
export const MUTANTS: readonly Mutants[] = [
  {
    file: "crypto/aead.ts",
    test: "crypto/aead_test.ts",
    mutants: [
      [
        "if (raw.length !== KEY_BYTES) throw",
        "if (raw.length > KEY_BYTES) throw",
        "CipherKey.import refuses every length but 32, which WebCrypto would take for a weaker AES",
      ],
      [
        `    const algorithm = { name: "AES-GCM", iv: nonce, additionalData };
    try {`,
        `    const algorithm = { name: "AES-GCM", iv: nonce };
    try {`,
        "CipherKey.open undoes seal, also of an empty plaintext",
      ],
      [
        "if (sealed.length < TAG_BYTES) return undefined;",
        "if (sealed.length < TAG_BYTES) return sealed;",
        "CipherKey.open refuses another key and every truncation",
      ],
    ],
  },
  {
    file: "crypto/hash.ts",
    test: "crypto/hash_test.ts",
    mutants: [
      [
        "utf8(`${text}\\0`)",
        "utf8(text)",
        "label ends with a zero byte, so that no label is the start of another",
      ],
      [
        `      salt,
`,
        `      salt: zeroKey(),
`,
        "kdf depends on salt, key material and label",
      ],
    ],
  },
  {
    file: "crypto/kem.ts",
    test: "crypto/kem_test.ts",
    mutants: [
      [
        ">= MODULUS || (",
        "> MODULUS || (",
        "isKemKey refuses another length and every coefficient of 3329 and more",
      ],
      [
        "if (bytes.length !== KEM_KEY_BYTES) return false;",
        "if (bytes.length < KEM_KEY_BYTES) return false;",
        "isKemKey refuses another length and every coefficient of 3329 and more",
      ],
    ],
  },
  {
    file: "crypto/wrap.ts",
    test: "crypto/wrap_test.ts",
    mutants: [
      [
        "&& (bytes.at(-1)! & 1) === 1",
        "",
        "isModulus refuses another length, a clear top bit and an even number",
      ],
      [
        "(bytes[0]! & 0x80) !== 0 &&",
        "",
        "isModulus refuses another length, a clear top bit and an even number",
      ],
    ],
  },
  {
    file: "crypto/signing.ts",
    test: "crypto/signing_test.ts",
    mutants: [
      [
        "return canonical && !SMALL_ORDER",
        "return !SMALL_ORDER",
        "isPublicKey refuses every y of 2^255 - 19 and above, and takes the one below but 1",
      ],
      [
        "return canonical && !SMALL_ORDER.has(toHex(y));",
        "return canonical;",
        "isPublicKey refuses all 14 encodings of small order",
      ],
      ["y[31] = y[31]! & 0x7f;", "", "isPublicKey refuses all 14 encodings of small order"],
    ],
  },
  {
    file: "crypto/passphrase.ts",
    test: "crypto/passphrase_test.ts",
    mutants: [
      [
        "ROUNDS = 600_000",
        "ROUNDS = 60_000",
        "passphraseKey gives the known answer, however the passphrase is composed",
      ],
    ],
  },
  {
    file: "crypto/session.ts",
    test: "handshake/schedule_test.ts",
    mutants: [
      [
        "roomId, key, nonce)",
        "key, nonce)",
        "Initiator gives the known M1 and M3, and the known secrets",
      ],
    ],
  },
  {
    file: "crypto/fingerprint.ts",
    test: "crypto/fingerprint_test.ts",
    mutants: [
      [
        "[fingerprint(one), fingerprint(other)])).sort()",
        "[fingerprint(one), fingerprint(other)]))",
        "safetyNumber gives the known answer to both",
      ],
      [
        ".sort(compare)",
        "",
        "roomCode gives the known answer, in whatever order and however often the keys come",
      ],
    ],
  },
  {
    file: "wire/frame.ts",
    test: "wire/frame_test.ts",
    mutants: [
      [
        "if (length < min || length",
        "if (length",
        "FrameDecoderStream takes the shortest and the longest record, and no other",
      ],
      [
        "if (!decoder.complete) {",
        "if (false) {",
        "FrameDecoderStream fails where it ends inside a header or a body",
      ],
    ],
  },
  {
    file: "wire/handshake.ts",
    test: "wire/handshake_test.ts",
    mutants: [
      [
        "if (version !== VERSION || reader.u8() !== SUITE)",
        "if (version !== VERSION || reader.u8() === 0)",
        "decodeM0 tells another protocol, another version and another suite",
      ],
      [
        "if ((flags & ~(FLAG_INVITE | FLAG_BUSY)) !== 0)",
        "if (false)",
        "decodeM0 knows two flags and refuses every other",
      ],
    ],
  },
  {
    file: "wire/name.ts",
    test: "wire/name_test.ts",
    mutants: [
      [
        "if (hasInvisible(name)) return",
        "if (false) return",
        "nameProblem refuses them elsewhere, in emoji that are none, and left over",
      ],
      [
        "if (CHECKS.test(name)) return",
        "if (false) return",
        "nameProblem refuses check marks, wherever they are",
      ],
      [
        'if (name.normalize("NFC") !== name) return',
        "if (false) return",
        "nameProblem refuses a name that is not in normal form C",
      ],
    ],
  },
  {
    file: "wire/object.ts",
    test: "wire/object_test.ts",
    mutants: [
      [
        "if (header.audience > Audience.DIRECT)",
        "if (header.audience > Audience.DIRECT + 1)",
        "decodeSkdm knows two audiences",
      ],
      [
        "if (at > MAX_TIME_MS) throw",
        "if (false) throw",
        "decodeInner takes the last time that a Date can hold, and no later one",
      ],
      [
        "if (items.length < 2) throw",
        "if (items.length < 1) throw",
        "decodeBatch refuses fewer than 2 messages, more than 256, other kinds, and every cut",
      ],
      [
        "if (items.length === MAX_BATCH_ITEMS) {",
        "if (false) {",
        "decodeBatch refuses fewer than 2 messages, more than 256, other kinds, and every cut",
      ],
      [
        '    throw new WireError("Cannot decode MSG: its padding is not zero");',
        "",
        "decodeInner refuses every padding but the right one",
      ],
      [
        "fatal: true, ",
        "",
        "decodeText keeps a byte order mark and refuses bytes that are not UTF-8",
      ],
    ],
  },
  {
    file: "wire/record.ts",
    test: "wire/record_test.ts",
    mutants: [
      [
        "if (value >= min && value <= max) return value;",
        "if (value <= max) return value;",
        "decodeHostRecord refuses statuses, changes and marks that it does not know",
      ],
      [
        "if (seen.has(id)) throw",
        "if (false) throw",
        "decodeHostRecord takes the longest roster, and none that is longer or repeats a session",
      ],
      [
        "if (destination === Destination.ROOM && !isZero(session)) {",
        "if (false) {",
        "decodeMemberRecord refuses an envelope for the room that names a session",
      ],
      [
        "if (reader.remaining === 0 || reader.remaining >",
        "if (reader.remaining >",
        "decodeMemberRecord takes the longest batch, and no object over the limit",
      ],
    ],
  },
  {
    file: "wire/status.ts",
    test: "wire/status_test.ts",
    mutants: [
      [
        "if (BREAK.test(text)) return",
        "if (false) return",
        "statusProblem takes no control character and no line break, and every other",
      ],
    ],
  },
  {
    file: "handshake/initiator.ts",
    test: "handshake/initiator_test.ts",
    mutants: [
      [
        "if (!await verify(hostKey, schedule.hostSigned(h2a, hostKey, roomId, flags), signature)) {",
        "if (false) {",
        "Initiator refuses a sig_R of anybody else, over anything else",
      ],
      [
        "if (!isPublicKey(hostKey)) throw",
        "if (false) throw",
        "Initiator refuses every key of small order as ik_R, and trusts none of them",
      ],
      [
        "if (!await this.#options.trusts(hostKey)) {",
        "if (false) {",
        "Initiator does not reveal its identity if the host's key is not the expected one",
      ],
      [
        "if (flags[0] !== 0) throw",
        "if (false) throw",
        "Initiator refuses flags2 that it does not know, though they are signed",
      ],
      [
        " || equal(answer.modulus, keyPair.modulus)",
        "",
        "Initiator refuses n_R that is even, short of its top bit, zero, or its own",
      ],
      [
        `    const state = this.#state;
    this.#state = "ended";
    if (typeof state`,
        `    const state = this.#state;
    if (typeof state`,
        "Initiator takes each message once, in order, and none after a failure",
      ],
      [
        "if (needed && !held) {",
        "if (false) {",
        "Initiator stops where an invite is needed and it has none",
      ],
    ],
  },
  {
    file: "handshake/responder.ts",
    test: "handshake/responder_test.ts",
    mutants: [
      [
        "if (!await schedule.gateOpens(psk, hello.gate, this.m0, encodeM1Head(hello))) {",
        "if (false) {",
        "Responder leaves the gate shut where any byte of M0 was altered on its way",
      ],
      [
        "if (!await schedule.confirms(kconf, answer.confirmation, h2, answer.wrapped)) {",
        "if (false) {",
        "Responder does no private operation before the member has done one",
      ],
      [
        "if (!equal(await schedule.commitment(opening), commitment)) {",
        "if (false) {",
        "Responder refuses r_I that M1 did not commit to",
      ],
      [
        "if (!await verify(memberKey, signed, signature)) {",
        "if (false) {",
        "Responder refuses a member's proof for another host, sealed again",
      ],
      [
        "if (!isKemKey(hello.kemKey)) {",
        "if (false) {",
        "Responder refuses an ML-KEM key with a coefficient of 3329",
      ],
      [
        "if (!isPublicKey(memberKey)) {",
        "if (false) {",
        "Responder refuses every key of small order as ik_I",
      ],
    ],
  },
  {
    file: "handshake/host_key.ts",
    test: "handshake/host_key_test.ts",
    mutants: [
      [
        "key.operations < MAX_OPERATIONS && ",
        "",
        "HostKeyRing replaces a key once for all callers at the same time",
      ],
      [
        " && age < MAX_AGE_MS",
        "",
        "HostKeyRing replaces a key 10 minutes after it was taken into use, not before",
      ],
    ],
  },
  {
    file: "handshake/schedule.ts",
    test: "handshake/schedule_test.ts",
    mutants: [
      [
        '"lanchat/1 hop host sig"), h2a, hostKey, roomId, flags',
        '"lanchat/1 hop host sig"), h2a, hostKey, flags',
        "Responder gives the known M0 and M2, and the known secrets",
      ],
      [
        "KeyMaterial.import(concat(kR, kI, ss, psk))",
        "KeyMaterial.import(concat(kR, kI, psk))",
        "schedule gives every known hash, key and MAC",
      ],
    ],
  },
  {
    file: "channel/record_cipher.ts",
    test: "channel/record_cipher_test.ts",
    mutants: [
      ["this.#secret.fill(0);", "", "RecordCipher.rekey wipes the secret that it was given"],
      [
        `    this.#counter = 0;
`,
        "",
        "RecordCipher.open undoes seal, record after record and key after key",
      ],
      [
        "if (this.#counter >= MAX_RECORDS_PER_KEY) {",
        "if (false) {",
        "RecordCipher.open gives up after 2^24 records under one key",
      ],
      [
        "u64(this.#counter++)",
        "u64(this.#counter)",
        "RecordCipher.open refuses a repeated, missing or swapped record",
      ],
    ],
  },
  {
    file: "channel/record_streams.ts",
    test: "channel/record_streams_test.ts",
    mutants: [
      [
        "bytes + size > limits.bytes ||",
        "",
        "SealStream goes on to the next key before its bytes are over the limit",
      ],
      [
        "cipher.counter + 1 >= limits.records ||",
        "",
        "SealStream and OpenStream go on to the next key by number of records",
      ],
      [
        ` ||
          clock.elapsed() - since >= limits.ms`,
        "",
        "SealStream goes on to the next key by its age, when it seals",
      ],
      ["        if (!closed) {", "        if (false) {", "OpenStream tells a cut from a farewell"],
      [
        "} else if (record.payload.length === 0) {",
        "} else if (true) {",
        "OpenStream refuses an old key's record after REKEY, a REKEY with a payload, and none",
      ],
      ["if (closed) return;", "", "OpenStream ignores records after a farewell"],
    ],
  },
  {
    file: "channel/endpoint.ts",
    test: "channel/endpoint_test.ts",
    mutants: [
      [
        'if (!this.#urgent.some(({ type }) => type === "pong")) this.send',
        "this.send",
        "Endpoint keeps one answer for many PINGs of a side that does not read",
      ],
      [
        "if (record.type === RecordType.CLOSE) return;",
        "",
        "Endpoint leaves no timer running, whichever side closes first",
      ],
    ],
  },
  {
    file: "room/ratchet.ts",
    test: "room/chain_test.ts",
    mutants: [
      [
        "    this.#chainKey.fill(0);",
        "",
        "SendingChain and ReceivingChain erase a chain key once they have the next",
      ],
      [
        "this.#next ??= step",
        "step",
        "ReceivingChain.open derives one key for all forgeries of the next message together",
      ],
    ],
  },
  {
    file: "room/chain.ts",
    test: "room/chain_test.ts",
    mutants: [
      [
        "missing === 0 ? tryOpen",
        "missing >= 0 ? tryOpen",
        "ReceivingChain.open skips keys as its caller allows, and never more than 2,000",
      ],
      [
        "if (missing < 0) throw",
        "if (false) throw",
        "SendingChain.wrapFor gives the present key, which opens only later messages",
      ],
      [
        "if (missing > MAX_SKIPPED) throw",
        "if (false) throw",
        "ReceivingChain.open skips keys as its caller allows, and never more than 2,000",
      ],
      [
        "if (!equal(step.commitment, msg.commitment)) {",
        "if (false) {",
        "ReceivingChain.open refuses a ciphertext made to open under two keys",
      ],
    ],
  },
  {
    file: "room/chain.ts",
    test: "room/message_test.ts",
    mutants: [
      [
        'if (!verified) throw refused("message", "its signature is wrong");',
        "",
        "Room refuses a MSG signed with another key",
      ],
    ],
  },
  {
    file: "room/chain.ts",
    test: "room/sender_key_test.ts",
    mutants: [
      [
        'if (!await author.verify(concat(label("lanchat/1 skdm"), skdm.signed), skdm.signature)) {',
        "if (false) {",
        "Room refuses an SKDM that somebody else signed",
      ],
    ],
  },
  {
    file: "room/receiver.ts",
    test: "room/sender_key_test.ts",
    mutants: [
      [
        "if (skdm.epoch <= state.epochs[skdm.audience]!) throw",
        "if (false) throw",
        "Room refuses an SKDM of an epoch that is not new, whatever its start",
      ],
      [
        "if (!equal(skdm.toKey, identity.publicKey) || !equal(skdm.toSession, session)) {",
        "if (false) {",
        "Room refuses an SKDM for another session",
      ],
      [
        "if (state.badKeys >= MAX_BAD_KEYS) {",
        "if (false) {",
        "Room refuses keys of a member after eight consecutive wrong ones",
      ],
    ],
  },
  {
    file: "room/receiver.ts",
    test: "room/message_test.ts",
    mutants: [
      [
        "if (!equal(msg.fromSession, peer.session) || !equal(msg.roomId, this.#self.roomId)) {",
        "if (false) {",
        "Room refuses a MSG in the name of another session",
      ],
    ],
  },
  {
    file: "room/announcer.ts",
    test: "room/announce_test.ts",
    mutants: [
      [
        "if (announce.generation <= (peer.announced?.generation ?? 0)) {",
        "if (false) {",
        "Room refuses a replayed ANNOUNCE and one of an older generation",
      ],
      [
        'if (!await hmacVerify(memberKey, memberTag, label("lanchat/1 member"), tagged)) {',
        "if (false) {",
        "Room opens no name before its author proves the room's secret",
      ],
      [
        " || !equal(announce.seen, session)",
        "",
        "Room refuses an ANNOUNCE made for its earlier session",
      ],
      [
        "if (!PeerSessionKey.accepts(announce)) {",
        "if (false) {",
        "Room refuses an ANNOUNCE whose ML-KEM key has coefficient 1 out of range",
      ],
    ],
  },
  {
    file: "room/decisions.ts",
    test: "room/kick_test.ts",
    mutants: [
      [
        "if (number <= bans.last) throw",
        "if (false) throw",
        "Room obeys only new decisions of the host for this room",
      ],
      [
        'if (!await verify(hostKey, concat(label("lanchat/1 kick"), signed), signature)) {',
        "if (false) {",
        "Room obeys only new decisions of the host for this room",
      ],
      ["bans.keys.size < MAX_DECISIONS", "true", "Room remembers at most 256 bans"],
    ],
  },
  {
    file: "room/roster.ts",
    test: "room/roster_test.ts",
    mutants: [
      [
        "this.#burned.size >= this.#maxBurned && !this.#relaysItself",
        "false",
        "Roster.admit remembers 65,536 burned sessions, then fails with seat-lost",
      ],
      [
        "if (!this.#relaysItself || this.#burned.size < this.#maxBurned) return;",
        "if (true) return;",
        "Roster.admit forgets the oldest burned sessions if the relay is its own",
      ],
    ],
  },
  {
    file: "room/session_key.ts",
    test: "room/session_key_test.ts",
    mutants: [
      [
        `    modulus,
    kemKey,
    wrapped,`,
        `    kemKey,
    wrapped,`,
        "unwrapChainKey needs both private keys",
      ],
      [
        "concat(rsaSecret, kemSecret, memberKey)",
        "concat(rsaSecret, memberKey)",
        "unwrapChainKey unwraps the known SKDM in its room only",
      ],
    ],
  },
  {
    file: "room/session_keys.ts",
    test: "room/session_keys_test.ts",
    mutants: [
      ["key.unwraps >= MAX_UNWRAPS || ", "", "SessionKeys replaces its key after 8,192 unwraps"],
      [
        " || key.failed >= MAX_FAILED_UNWRAPS",
        "",
        "SessionKeys replaces its key after 64 failures, whatever the counts of the previous one",
      ],
    ],
  },
  {
    file: "room/link.ts",
    test: "room/link_test.ts",
    mutants: [
      [
        "if (envelope.seq !== this.#lastSeq + 1) {",
        "if (false) {",
        "Link.run breaks off at an envelope too many",
      ],
      [
        "if (record.accepted > (this.#early.at(-1)?.accepted ?? 0)) ",
        "",
        "Link keeps one ACK for each number of accepted envelopes, however many come early",
      ],
    ],
  },
  {
    file: "relay/admission_queue.ts",
    test: "relay/admission_queue_test.ts",
    mutants: [
      [
        "inside.length < maxHandshakes &&",
        "",
        "AdmissionQueue lets no more through from one address than its limit, and others pass",
      ],
      [
        "inside.filter((other) => other.network === network).length < perNetwork &&",
        "",
        "AdmissionQueue gives ::1 all places but those of one other address",
      ],
      [
        `    this.#rate.tryTake(1);
`,
        "",
        "AdmissionQueue sends away the oldest connection when too many wait",
      ],
      [
        ".sort((a, b) => insideFrom(a) - insideFrom(b))",
        "",
        "AdmissionQueue serves first the address that has the fewest inside",
      ],
    ],
  },
  {
    file: "relay/access_policy.ts",
    test: "relay/access_policy_test.ts",
    mutants: [
      [
        "if (this.#decisions.get(toHex(key))?.op === KickOp.BAN) return",
        "if (false) return",
        "Relay ends all seats of an identity with CLOSE 4, and tells the others why first",
      ],
      [
        "Math.max(this.#clock.now(), this.#last + 1)",
        "this.#clock.now()",
        "AccessPolicy counts on over a restart from the last kick, which no newcomer gets",
      ],
      [
        "if (lifted === undefined) {",
        "if (false) {",
        "AccessPolicy keeps 256 decisions: the oldest that was lifted goes first, and no ban ever",
      ],
    ],
  },
  {
    file: "relay/relay.ts",
    test: "relay/relay_test.ts",
    mutants: [
      [
        "if (envelope.cmid <= seat.acks.lastCmid) return undefined;",
        "",
        "Relay drops envelopes sent again, and closes a member that leaves one out",
      ],
      [
        "if (seat.acks.lastCmid !== 0 && envelope.cmid !== seat.acks.lastCmid + 1) {",
        "if (false) {",
        "Relay drops envelopes sent again, and closes a member that leaves one out",
      ],
      [
        'if (record.type !== "resume") throw',
        "if (false) throw",
        "Relay closes a member that sends an ACK before RESUME, and no other",
      ],
    ],
  },
  {
    file: "relay/relay.ts",
    test: "relay/entry_test.ts",
    mutants: [
      [
        "if (!seat.own) this.#awaitEntry(connection, ENTRY_MS);",
        "",
        "Relay counts a member as away that comes back and does not resume for 60 s",
      ],
      [
        "if (first === undefined || !isEntry(first)) {",
        "if (first === undefined) {",
        "Relay closes a member that sends an envelope to the room before its announcement",
      ],
    ],
  },
  {
    file: "rate_limiter.ts",
    test: "rate_limiter_test.ts",
    mutants: [
      [
        "if (ms > 0) await delay(this.#clock, ms, signal);",
        "await delay(this.#clock, ms, signal);",
        "RateLimiter.spend waits only for what is over the burst",
      ],
      [
        "    this.msUntil(0); // A pause before this request counts up to the burst only.",
        "",
        "RateLimiter.spend saves up no more than the burst",
      ],
    ],
  },
  {
    file: "relay/seat.ts",
    test: "relay/relay_test.ts",
    mutants: [
      [
        "if (seq >= unsent) return false;",
        "",
        "Relay closes a member that sends an ACK of an entry never sent, and no other",
      ],
    ],
  },
  {
    file: "relay/failed_joins.ts",
    test: "relay/failed_joins_test.ts",
    mutants: [
      [
        "if (this.#count < MANY || ",
        "if (",
        "FailedJoinCounter makes no report of an attack that ended long ago",
      ],
    ],
  },
  {
    file: "relay/scheduler.ts",
    test: "relay/scheduler_test.ts",
    mutants: [
      [
        "if (this.#credit <= 0) return true;",
        "",
        "FairScheduler gives each sender a turn before the first has another, however little space there is",
      ],
    ],
  },
  {
    file: "store/options_file.ts",
    test: "store/options_file_test.ts",
    mutants: [
      [
        'if (!granted("read", file)) return',
        "if (false) return",
        "readOptionsFile does without the file if it may not read or find it",
      ],
    ],
  },
  {
    file: "session/trust_store.ts",
    test: "session/trust_store_test.ts",
    mutants: [
      [
        "this.#questions.get(toHex(key)) ?? chooseGroups(this.#random)",
        "chooseGroups(this.#random)",
        "TrustStore.ask asks for the same groups of a key until it is verified",
      ],
    ],
  },
  {
    file: "session/client.ts",
    test: "session/client_test.ts",
    mutants: [
      [
        "isPrivate ? { ...wish, to: reader } : wish",
        "wish",
        "runClient sends all messages only to the member that it waits for, and to its key",
      ],
      [
        "if (sessions.length === 1) return toBase64Url(sessions[0]!.key);",
        "if (sessions.length === 1) return to;",
        "runClient sends all messages only to the member that it waits for, and to its key",
      ],
    ],
  },
  {
    file: "ui/notices.ts",
    test: "ui/notices_test.ts",
    mutants: [
      [
        "joinCode === null || host.known || host.verified",
        "joinCode === null || host.verified",
        "noticeLines shows the join code only of a host that is here and whose key is new",
      ],
      [
        "asked?.includes(i + 1)",
        "asked?.includes(i)",
        "noticeLines hides the requested groups of a safety number",
      ],
    ],
  },
  {
    file: "ui/entrance.ts",
    test: "ui/terminal_test.ts",
    mutants: [
      [
        "joinCode === undefined || this.#listening?.inviteOnly",
        "joinCode === undefined",
        "TerminalFrontEnd explains the first join code, and shows none with a secret link",
      ],
      [
        "if (host.known || host.verified)",
        "if (host.verified)",
        "TerminalFrontEnd shows a member its join code, explained unless it knows the host",
      ],
    ],
  },
  {
    file: "ui/wrap.ts",
    test: "ui/wrap_test.ts",
    mutants: [
      [
        '`\\n${" ".repeat(indent)}`',
        '"\\n"',
        "wrapLine keeps every text, in rows that fit any terminal and are indented after the first",
      ],
      [
        "used = indent;",
        "used = 0;",
        "wrapLine keeps every text, in rows that fit any terminal and are indented after the first",
      ],
      [
        "width(segment) > room ? [...segment] : segment",
        "segment",
        "wrapLine keeps every text, in rows that fit any terminal and are indented after the first",
      ],
    ],
  },
  {
    file: "ui/title.ts",
    test: "ui/hostile_test.ts",
    mutants: [
      [
        "excerpt(sanitizeLine(room), MAX_ROOM)",
        "excerpt(room, MAX_ROOM)",
        "No name of a room acts on the terminal, and no name of a member is in the title",
      ],
    ],
  },
  {
    file: "cli/options_file.ts",
    test: "cli/options_file_test.ts",
    mutants: [
      [
        "ALL_OPTIONS.filter(({ commandLineOnly }) => !commandLineOnly)",
        "ALL_OPTIONS",
        "parseOptionLines names the file and the line that it cannot use",
      ],
      [
        " || undone.includes(line.name)",
        "",
        "parseCommandLine prefers the command line to the file",
      ],
    ],
  },
];
