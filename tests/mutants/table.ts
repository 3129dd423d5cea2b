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
    file: "crypto/file_key.ts",
    test: "crypto/file_key_test.ts",
    mutants: [
      [
        "setBigUint64(3, BigInt(unit))",
        "setUint32(7, unit)",
        "FileKey.open refuses another number, another end, another secret, another offer and a flipped bit",
      ],
      [
        "isLast ? 1 : 0",
        "0",
        "FileKey.open refuses another number, another end, another secret, another offer and a flipped bit",
      ],
      [
        "if (!Number.isSafeInteger(unit) || unit < 0) {",
        "if (unit < 0) {",
        "FileKey refuses numbers that would repeat a nonce",
      ],
      [
        'concat(label("lanchat/1 file key"), offerHash)',
        'label("lanchat/1 file key")',
        "FileKey.open refuses another number, another end, another secret, another offer and a flipped bit",
      ],
      [
        "roomId, key, session, body);",
        "roomId, key, body);",
        "hashOffer depends on the room, the sender, the session and the offer",
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
    file: "wire/file.ts",
    test: "wire/file_test.ts",
    mutants: [
      [
        "if (first < end) throw",
        "if (first < 0) throw",
        "decodeFileMessage refuses a want whose ranges are empty, overlap, or are too many",
      ],
      [
        "if (flags > 1) throw",
        "if (flags > 2) throw",
        "decodeFileMessage refuses an offer with a field out of its bounds",
      ],
      [
        "  reader.end();\n  return message;",
        "  return message;",
        "decodeFileMessage refuses every body that is cut short or too long",
      ],
    ],
  },
  {
    file: "room/events.ts",
    test: "room/file_message_test.ts",
    mutants: [
      [
        'if (message.kind === "offer" && this.#self',
        "if (this.#self",
        "Room drops offers of an ignored member, and no other message about a transfer",
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
        "return [TOKEN_BYTES + MIN_RECORD_BYTES,",
        "return [MIN_RECORD_BYTES,",
        "FrameDecoderStream takes the shortest and the longest shared record with its token, and no other",
      ],
      [
        "TOKEN_BYTES + MAX_RECORD_BYTES]",
        "MAX_RECORD_BYTES]",
        "FrameDecoderStream takes the shortest and the longest shared record with its token, and no other",
      ],
      [
        ": kind === FrameKind.OWN;",
        ": kind === FrameKind.OWN || this.#takesShared;",
        "FrameDecoderStream takes no unknown kind, and no shared handshake message",
      ],
      [
        "kind === FrameKind.SHARED ? this.#takesShared : ",
        "",
        "FrameDecoderStream takes no shared record where none may come",
      ],
      [
        ": kind === FrameKind.OWN;",
        ": kind !== FrameKind.SHARED;",
        "FrameDecoderStream takes no bulk frame in the handshake",
      ],
      [
        "headLength < MIN_RECORD_BYTES || ",
        "",
        "FrameDecoder takes the shortest and the longest bulk frame, and no other",
      ],
      [
        " || headLength > MAX_HEAD_BYTES",
        "",
        "FrameDecoder takes the shortest and the longest bulk frame, and no other",
      ],
      [
        " || bulkLength > MAX_BULK_BYTES",
        "",
        "FrameDecoder takes the shortest and the longest bulk frame, and no other",
      ],
      [
        "view.length >= MIN_VIEW_BYTES && ",
        "",
        "FrameDecoder copies of a bulk frame only what is a small part of its chunk",
      ],
      [
        " && 2 * view.length >= view.buffer.byteLength",
        "",
        "FrameDecoder keeps no large chunk for a small bulk frame",
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
        "if (suite !== SUITE)",
        "if (suite === 0)",
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
      [
        " && !decoded.envelopes.some(({ direct }) => direct)",
        "",
        "decodeHostRecord refuses everything else in a shared frame",
      ],
      [
        'throw new WireError("Cannot accept shared record: its content is not for all members");',
        "return decoded;",
        "decodeHostRecord refuses everything else in a shared frame",
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
      [
        "bulkHeader(length, bulkLength)",
        "bulkHeader(length, 1)",
        "RecordCipher seals the head of a bulk frame with its length, and not the bytes after it",
      ],
      ["this.#secret.fill(0);", "", "RecordCipher.rekey wipes the secret that it was given"],
      [
        "return this.#secret.slice();",
        "return this.#secret;",
        "RecordCipher.secret is a copy of the secret of the key in use",
      ],
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
        "if (use.isUp(bytes)) {",
        "if (false) {",
        "SealStream and OpenStream go on to the next key by number of records",
      ],
      ["if (!closed) throw", "if (false) throw", "OpenStream tells a cut from a farewell"],
      [
        "if (payload.length > 0) {",
        "if (false) {",
        "OpenStream refuses an old key's record after REKEY, a REKEY with a payload, and none",
      ],
      ["if (closed) return;", "", "OpenStream ignores records after a farewell"],
      [
        "if (bulk !== undefined && record.type !== RecordType.BULK) {",
        "if (false) {",
        "OpenStream refuses every type but BULK in a bulk frame",
      ],
    ],
  },
  {
    file: "channel/record_streams.ts",
    test: "channel/shared_frame_test.ts",
    mutants: [
      [
        "transcript = record.end;",
        "transcript = record.transcript;",
        "SharedSealer seals once what every member with KEY opens, between records of its own",
      ],
      [
        "if (shared === undefined) {",
        "if (false) {",
        "OpenStream refuses a shared frame without KEY",
      ],
      [
        "if (record.type !== RecordType.KEY || !takesShared)",
        "if (record.type !== RecordType.KEY)",
        "OpenStream of a host refuses a shared frame, and hands KEY on to be refused",
      ],
      [
        "if (sharedBytes > MAX_SHARED_BYTES) {",
        "if (false) {",
        "OpenStream takes 256 KiB of shared frames in a row, and no more before a record of its own",
      ],
      [
        "sharedBytes = 0;\n      if (bulk",
        "if (bulk",
        "OpenStream takes 256 KiB of shared frames in a row, and no more before a record of its own",
      ],
      [
        "shared = await RecordCipher.from(position.secret, position.counter);",
        "shared ??= await RecordCipher.from(position.secret, position.counter);",
        "SharedSealer.renew has the next frame sealed under a key that no member has",
      ],
      [
        "if (!equal(body.subarray(0, TOKEN_BYTES), tokens.next())) {",
        "if (tokens.next() === undefined) {",
        "OpenStream gives out no shared record after a missing one of its own",
      ],
      [
        "if (!equal(body.subarray(0, TOKEN_BYTES), tokens.next())) {",
        "if (!equal(body.subarray(0, 1), tokens.next().subarray(0, 1))) {",
        "OpenStream notices every flipped bit of a shared frame, its kind and length too",
      ],
      [
        "if (!tokens.has(record.frames.length)) await tokens.derive(record.frames.length);",
        "if (!tokens.has(1)) await tokens.derive(1);",
        "SealStream and OpenStream go on over 128 frames, also between a shared record and its REKEY",
      ],
      [
        "tokens.skip();\n      const record = await own.open",
        "const record = await own.open",
        "SharedSealer seals once what every member with KEY opens, between records of its own",
      ],
      [
        "tokens.skip();\n      const frame = await cipher.seal",
        "const frame = await cipher.seal",
        "SharedSealer seals once what every member with KEY opens, between records of its own",
      ],
      [
        "tokens.skip();\n        await frames.write",
        "await frames.write",
        "OpenStream breaks off at the first frame that shows that one is missing, added or swapped, of its own or shared",
      ],
    ],
  },
  {
    file: "relay/seat.ts",
    test: "relay/seat_test.ts",
    mutants: [
      [
        "if (this.#sharedBytes > 0 && this.#sharedBytes + frame.size > PING_AFTER_BYTES) {",
        "if (this.#sharedBytes + frame.size > PING_AFTER_BYTES) {",
        "Seat sends PING before more than 64 KiB of shared frames, but one frame may be longer",
      ],
    ],
  },
  {
    file: "channel/frame_tokens.ts",
    test: "channel/frame_tokens_test.ts",
    mutants: [
      [
        "    this.#frames++;\n",
        "",
        "FrameTokens.skip counts the frames that show none, over the borders of pages too",
      ],
      [
        "u64(page)",
        "u64(0)",
        "FrameTokens.next gives 8 bytes of its own to each frame, from page to page",
      ],
      [
        "if (this.#pages.some((known) => known.page === page)) continue;",
        "",
        "FrameTokens.derive derives no page twice, and none whose frames show no token",
      ],
      [
        "page <= last; page++",
        "page <= first; page++",
        "FrameTokens.derive gives the tokens of several frames, over the border of a page too",
      ],
      [
        "this.#pages.at(-1)?.page === last &&",
        "this.#pages.length > 0 &&",
        "FrameTokens.derive gives the tokens of several frames, over the border of a page too",
      ],
      [
        "KeyMaterial.import(own)",
        "KeyMaterial.import(secret)",
        "FrameTokens.from keeps nothing of the secret that it was given",
      ],
    ],
  },
  {
    file: "channel/record_cipher.ts",
    test: "channel/shared_frame_test.ts",
    mutants: [
      [
        "      transcript,\n    );",
        "      NO_TRANSCRIPT,\n    );",
        "OpenStream opens nothing after a frame that a member with the key put in the place of another",
      ],
      [
        "kind === FrameKind.SHARED ? TOKEN_BYTES + length : length",
        "length",
        "SharedSealer seals once what every member with KEY opens, between records of its own",
      ],
    ],
  },
  {
    file: "channel/shared_frame.ts",
    test: "channel/shared_frame_test.ts",
    mutants: [
      [
        "await cipher.rekey();",
        "",
        "SharedSealer.seal with a REKEY keeps from a newcomer what was before, and from no earlier member what follows",
      ],
      [
        `    await cipher.rekey();
    this.#use.restart();`,
        "    await cipher.rekey();",
        "SharedSealer counts from the start with the key after a REKEY",
      ],
      [
        "this.#cipher = undefined;",
        "",
        "SharedSealer.renew has the next frame sealed under a key that no member has",
      ],
      [
        "this.#transcript = randomBytes(KEY_BYTES);",
        "",
        "SharedSealer.renew has the next frame sealed under a key that no member has",
      ],
      [
        "if (this.#use.isUp(bytes)) this.renew();",
        "",
        "SharedSealer takes a fresh key before one has sealed too many records or bytes",
      ],
      [
        "await (this.#cipher ??= this.#start())",
        "await (this.#cipher ??= Promise.resolve(await this.#start()))",
        "SharedSealer.renew holds also while a record is being sealed",
      ],
    ],
  },
  {
    file: "channel/key_use.ts",
    test: "channel/key_use_test.ts",
    mutants: [
      [
        "this.#records + 1 >= records",
        "this.#records >= records",
        "KeyUse leaves room for a REKEY after the last record",
      ],
      [
        "this.#bytes + bytes > maxBytes",
        "this.#bytes > maxBytes",
        "KeyUse takes bytes up to the limit",
      ],
      [
        "this.#clock.elapsed() - this.#since >= ms",
        "this.#clock.elapsed() - this.#since > ms",
        "KeyUse ends at an age, counted from the last restart",
      ],
    ],
  },
  {
    file: "channel/bulk_window.ts",
    test: "channel/bulk_window_test.ts",
    mutants: [
      [
        "if (this.#underWay.length * MIN_COST_BYTES >= this.#size) return 0;",
        "",
        "BulkWindow is full with many short frames, too",
      ],
      [
        "if (taken < this.#taken || taken > this.#sent) {",
        "if (taken < this.#taken) {",
        "BulkWindow.take refuses less than before, and more than was sent",
      ],
      [
        "if (taken < this.#taken || taken > this.#sent) {",
        "if (taken > this.#sent) {",
        "BulkWindow.take refuses less than before, and more than was sent",
      ],
      [
        "<= this.#size ? bytes : 0",
        "<= 2 * this.#size ? bytes : 0",
        "BulkWindow starts with four frames of 4 KiB, and waits until one is taken",
      ],
      [
        "if (change < 0 || wasInUse) {",
        "if (true) {",
        "BulkWindow does not grow while its sender does not fill it",
      ],
      [
        "if (this.#isIdle) this.#startOver();",
        "",
        "BulkWindow starts over after it was idle",
      ],
      [
        "if (rise < 1 / 2) this.#threshold = 0;",
        "",
        "BulkWindow fills 10 Mbit/s and lets others wait 12 ms, for a minute and any least delay",
      ],
      [
        "Math.max(MIN_WINDOW_BYTES, this.#rate.best * TARGET_MS)",
        "MIN_WINDOW_BYTES",
        "BulkWindow keeps what passed in 6 ms lately, when a busy machine delays everything for a while",
      ],
      [
        "if (this.#clock.elapsed() - this.#since > RATE_MS) {",
        "if (false) {",
        "BulkWindow follows when the way becomes ten times slower, and faster",
      ],
      [
        "(isSmallest ? MIN_BASE_MS : BASE_MS)",
        "BASE_MS",
        "BulkWindow measures the least delay again after a second at its minimum: a longer way is no queue",
      ],
      [
        "if (delay > this.#base + TARGET_MS) this.#threshold = Infinity;",
        "",
        "BulkWindow measures the least delay again after a second at its minimum: a longer way is no queue",
      ],
      [
        "(isSmallest ? MIN_BASE_MS : BASE_MS)",
        "Infinity",
        "BulkWindow measures the least delay again after a second at its minimum: a longer way is no queue",
      ],
      [
        "this.#taken < this.#probeFrom) return 0;",
        "false) return 0;",
        "BulkWindow fills 10 Mbit/s and lets others wait 12 ms, for a minute and any least delay",
      ],
      [
        "this.#room(this.#delays.slice(-FILTER_SAMPLES))",
        "this.#room(this.#delays.slice(-1))",
        "BulkWindow takes one late sample for noise",
      ],
      [
        "const share = rise > 0 ? rise : Math.min(fall, 0);",
        "const share = Math.max(rise, -MAX_DECREASE);",
        "BulkWindow keeps its size on a way that now and then holds frames for 60 ms",
      ],
    ],
  },
  {
    file: "channel/endpoint.ts",
    test: "channel/endpoint_test.ts",
    mutants: [
      [
        "return record === undefined ? this.#takeBulk() : this.#codec.encode(record);",
        "return this.#takeBulk() ?? (record && this.#codec.encode(record));",
        "Endpoint sends bulk after all that next has, up to its window, and more after CREDIT",
      ],
      [
        "this.#window.send(byteLength(record.bulk ?? []));",
        "",
        "Endpoint sends bulk after all that next has, up to its window, and more after CREDIT",
      ],
      [
        "this.#window.take(decoded.taken);",
        "",
        "Endpoint refuses a CREDIT for what it never sent",
      ],
      [
        "this.#closing || frameBytes === 0 ?",
        "frameBytes === 0 ?",
        "Endpoint sends no bulk once it is closing",
      ],
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
      [
        "if (record.type >= FIRST_OPTIONAL_TYPE) continue;",
        "",
        "Endpoint.receive skips records of an unknown type from 0x80 on, whatever they hold",
      ],
      [
        "if (value.transcript === undefined) this.#lastOwn",
        "this.#lastOwn",
        "Endpoint takes a shared record for no sign of life: another member could have sealed it",
      ],
    ],
  },
  {
    file: "room/flows.ts",
    test: "room/flows_test.ts",
    mutants: [
      [
        "chunk === undefined || chunk.offset !== offset + length",
        "chunk === undefined",
        "Room.openFlow merges only what continues the same transfer for the same sessions",
      ],
      [
        "!equal(chunk.transfer, transfer) || ",
        "",
        "Room.openFlow merges only what continues the same transfer for the same sessions",
      ],
      [
        " || !sameSessions(chunk.to, to)",
        "",
        "Room.openFlow merges only what continues the same transfer for the same sessions",
      ],
      [
        "await flow.awaitRoom();",
        "",
        "Room.openFlow sends as much as the relay's CREDIT allows, and holds its writer",
      ],
      [
        "await flow.awaitSent();",
        "",
        "Room.openFlow goes on after a cut with what had not left, and closes once that is sent",
      ],
      [
        "(shared - flow.shared)",
        "shared",
        "Room.openFlow has at most 3 MiB of a flow that the relay has not passed on, and goes on as it does",
      ],
      [
        "Math.max(0, RESERVED_BYTES - flow.unpassed) +",
        "",
        "Room.openFlow has room for another flow, however many were held up one after the other",
      ],
      [
        "(flow.unpassed > 0 || !isFull)",
        "true",
        "Room.openFlow serves flows in turn, and never more than 64 at once",
      ],
      [
        "this.#flows.delete(flow);\n    this.#flows.add(flow);",
        "",
        "Room.openFlow serves flows in turn, and never more than 64 at once",
      ],
      [
        "if (flow.unpassed === 0) flow.begin",
        "if (flow.number === 0) flow.begin",
        "Room.openFlow takes another number once all is passed on, so that the relay may forget the first",
      ],
      [
        "passed < this.#passed || ",
        "",
        "Room breaks off on a CREDIT for what was never sent, or for less than before",
      ],
      [
        " || passed > this.#sent",
        "",
        "Room breaks off on a CREDIT for what was never sent, or for less than before",
      ],
      [
        "          flow.drop();\n",
        "",
        "Room.openFlow drops what waits when it is aborted, also during a write",
      ],
    ],
  },
  {
    file: "room/bulk_receiver.ts",
    test: "room/bulk_receiver_test.ts",
    mutants: [
      [
        "if (this.#unhandled + cost <= MAX_UNHANDLED_BYTES) {",
        "if (true) {",
        "Room drops what comes while 8 MiB are not handled, however small the pieces",
      ],
      [
        "length + chunks.length * CHUNK_OVERHEAD_BYTES",
        "length",
        "Room drops what comes while 8 MiB are not handled, however small the pieces",
      ],
      [
        "await Promise.all(chunks.map((chunk) => this.#handle(chunk)));",
        "for (const chunk of chunks) void this.#handle(chunk);",
        "Room gives bulk to onBulk as it comes, and sends CREDIT for what is handled",
      ],
      [
        "      this.#unhandled -= cost;\n",
        "",
        "Room drops what comes while 8 MiB are not handled, however small the pieces",
      ],
      [
        "this.#count = { taken: 0, credited: 0 };\n  }\n\n  /** Handles",
        "}\n\n  /** Handles",
        "Room counts what is handled on each connection from 0",
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
        "return envelopes.length > 0 ?",
        "const credit = this.#bulk.credit();\n    if (credit !== undefined) return credit;\n    return envelopes.length > 0 ?",
        "Link sends CREDIT when nothing else waits, so that no one can hold its member up with bulk",
      ],
      [
        "if (transcript !== undefined) this.#transcript = transcript;",
        "",
        "Link acknowledges with the transcript after the last shared record that it has handled",
      ],
      [
        "transcript: this.#shownTranscript",
        "transcript: this.#transcript",
        "Link acknowledges no shared record that was not shown, nor a part of it",
      ],
      [
        "this.#transcript = this.#shownTranscript = NO_TRANSCRIPT;",
        "",
        "Link resumes with the transcript that it has, and with none at another process",
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
        "this.#giveUpLong(this.#seats.others(seat));",
        "",
        "Relay gives up a seat without a connection for which too many changes wait",
      ],
      [
        "if (!this.#seats.has(seat)) return; // Another",
        "// Another",
        "Relay tells once that a seat has ended which it gives up while it removes others",
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
        "if (seq < this.nextSeq - 1) return true;",
        "if (seq < this.nextSeq) return true;",
        "Relay ends the seat of a member that claims another transcript for what it acknowledged before",
      ],
      [
        "if (seq >= unsent) return false;",
        "",
        "Relay ends the seat of a member whose ACK claims more than was ever sent, and counts nothing as delivered",
      ],
      [
        "if (!equal(this.#sharedSent[0]!.transcript, transcript)) return false;",
        "",
        "Relay ends the seat of a member whose RESUME claims a shared frame that was never sent, and counts nothing as delivered",
      ],
    ],
  },
  {
    file: "relay/shared_records.ts",
    test: "relay/shared_records_test.ts",
    mutants: [
      [
        "    this.#push(undefined);\n",
        "    this.#sealer.renew();\n",
        "SharedRecords.renew gives what is added after it another key than all before",
      ],
      [
        "        this.#sealer.renew(); // A change among them may need it.\n",
        "",
        "SharedRecords leaves to the seats what it cannot seal, and goes on with a fresh key",
      ],
      [
        "|| left && item.change !== MemberChange.LEFT",
        "",
        "SharedRecords lets only departures follow a departure in its frame, and a fresh key after it",
      ],
      [
        "if (left) this.#sealer.renew();",
        "",
        "SharedRecords lets only departures follow a departure in its frame, and a fresh key after it",
      ],
      ["joined && !left", "false", "SharedRecords rekeys after a frame that tells of newcomers"],
      [
        "if (this.#ended) return;",
        "",
        "SharedRecords.end drops all frames, and leaves no timer for what is being sealed",
      ],
      ["this.#kept[0].since <= before", "true", "SharedRecords keeps a frame for 10 s to 20 s"],
      [
        "i >= MAX_CHANGES ||",
        "",
        "SharedRecords fills no frame past the maximum of a record",
      ],
      [
        "|| bytes > MAX_PAYLOAD_BYTES",
        "",
        "SharedRecords fills no frame past the maximum of a record",
      ],
    ],
  },
  {
    file: "relay/relay.ts",
    test: "relay/shared_test.ts",
    mutants: [
      [
        "if (connections >= MIN_SHARED_CONNECTIONS)",
        "if (connections >= 2)",
        "Relay shares nothing for two connections, nor for members of its own process",
      ],
      [
        "else if (item instanceof QueuedChange) this.#shared.renew();",
        "",
        "Relay takes a fresh key after a change that was told in records of the members' own",
      ],
    ],
  },
  {
    file: "relay/seat.ts",
    test: "relay/shared_test.ts",
    mutants: [
      [
        "if (!equal(this.#sharedSent[0]!.transcript, transcript)) return false;",
        "",
        "Relay ends the seat of a member at its ACK if someone with the key puts another message in its place",
      ],
      [
        "if (this.#sharedBytes > 0 && this.#sharedBytes + frame.size > PING_AFTER_BYTES) {",
        "if (false) {",
        "Relay writes a record of a member's own after 64 KiB of shared frames",
      ],
      [
        `    this.#sharedEnd = undefined;
`,
        "",
        "Relay begins with KEY on each connection, also where the next frame follows the last one",
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
    file: "relay/bulk_queue.ts",
    test: "relay/bulk_queue_test.ts",
    mutants: [
      [
        "share.credit -= PIECE_BYTES;",
        "",
        "BulkQueue counts 1 KiB for each record, so that short ones do not hold another sender up",
      ],
      [
        "if (share.bytes + piece.bytes.length > BULK_SHARE_BYTES) return;",
        "",
        "BulkQueue drops new pieces of a sender of which 8 MiB wait, and of no other",
      ],
      [
        "if (bytes <= this.#passed) return;",
        "",
        "QueuedPiece is passed as far as the fastest receiver has it, or when all have dropped it",
      ],
      [
        "    this.pass(this.bytes.length);\n",
        "",
        "BulkQueue gives each byte of a sender once and in order, counts all as passed, and keeps no memory",
      ],
      [
        "share.credit += BULK_TURN_BYTES;",
        "share.credit = BULK_TURN_BYTES;",
        "BulkQueue serves senders alike by bytes, whatever the sizes of their pieces",
      ],
      [
        "      if (share.credit > 0) continue;\n",
        "      if (share.pieces.length === 0) continue;\n",
        "BulkQueue counts what a sender took beyond its turn also when nothing more of it waited",
      ],
      [
        "if (!this.#progressed) this.clear();",
        "",
        "BulkQueue drops what waits for a member that got nothing for 10 s, and only then",
      ],
      [
        "      equal(first.transfer, transfer);",
        "      true;",
        "BulkQueue joins no pieces of different transfers",
      ],
      [
        "if (share.weight < longest) continue;",
        "",
        "BulkQueue.halve drops the newer half of the longest share, and at last all",
      ],
    ],
  },
  {
    file: "relay/credit_tracker.ts",
    test: "relay/credit_tracker_test.ts",
    mutants: [
      [
        "flow.waiting > 2 * MAX_FLOW_BYTES || ",
        "",
        "CreditTracker refuses over twice what may wait of a flow, and takes more as soon as some are passed",
      ],
      [
        "this.#waiting > 2 * MAX_MEMBER_BULK_BYTES ||",
        "",
        "CreditTracker refuses over twice what may wait of a member",
      ],
      [
        "if (flow.waiting === 0) this.#open--;",
        "if (flow.waiting === 0);",
        "CreditTracker refuses over twice as many flows as may wait, and takes one more as soon as another is empty",
      ],
      [
        "if (this.#flows.size <= KNOWN_FLOWS) return;",
        "return;",
        "CreditTracker keeps the count of a flow that was empty, until 255 others came after it",
      ],
      [
        "    this.#flows.delete(flow.id);\n",
        "",
        "CreditTracker keeps the count of a flow that was empty, until 255 others came after it",
      ],
    ],
  },
  {
    file: "relay/relay.ts",
    test: "relay/bulk_test.ts",
    mutants: [
      [
        "other === seat ? [] : other?.bulk ?? []",
        "other?.bulk ?? []",
        "Relay gives nothing to members that are away, not in the room or unknown, nor to the sender itself",
      ],
      [
        "    while (this.#bulkMemory.isFull) this.#seats.longestBulk().halve();\n",
        "",
        "Relay keeps no more bulk than its memory allows, and drops that of the longest shares",
      ],
      [
        "    for (const other of this.#seats.all()) other.bulk?.drop(seat.id);\n",
        "",
        "Relay sends a member that it removes no more bulk, and no one what a removed member sent",
      ],
      [
        "      seat.bulk?.clear();\n",
        "",
        "Relay drops all bulk when the room ends, and waits only for messages",
      ],
    ],
  },
  {
    file: "relay/seat.ts",
    test: "relay/bulk_test.ts",
    mutants: [
      [
        "    former?.bulk.clear();\n",
        "",
        "Relay starts over with windows and counts when a new connection takes a seat over",
      ],
      [
        "    this.#claim?.bulk.clear();\n",
        "",
        "Relay passes what waits for a receiver whose connection is lost, and sends nothing of it to the next",
      ],
      [
        "return this.#connected ? this.#claim!.bulk : undefined;",
        "return this.#claim?.bulk;",
        "Relay gives nothing to members that are away, not in the room or unknown, nor to the sender itself",
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
    file: "store/upload.ts",
    test: "store/upload_test.ts",
    mutants: [
      [
        "real !== undefined && await Deno.realPath(source) !== real",
        "false",
        "Upload.readAt follows no link in the place of a folder, so that no one who can write there chooses what is sent",
      ],
      [
        "const info = await Deno.lstat(source);",
        "const info = await Deno.stat(source);",
        "findUpload skips links, pipes and sockets in folders, and names them",
      ],
      [
        "real === undefined ? Deno.stat(source) : Deno.lstat(source)",
        "Deno.stat(source)",
        "Upload.readAt notices that a file is gone, or that a folder or a link has taken its place",
      ],
      [
        "(end < size || await opened.size() === size)",
        "true",
        "Upload.readAt notices that a file is longer, open",
      ],
      [
        "if (info.size !== size) throw",
        "if (size < 0) throw",
        "Upload.readAt notices that a file is longer, not open yet",
      ],
      [
        "entries.sort((a, b) => a.name < b.name ? -1 : 1);",
        "entries.sort((a, b) => a.name > b.name ? -1 : 1);",
        "findUpload finds named files, and those in named folders in the order of their names",
      ],
    ],
  },
  {
    file: "store/open_files.ts",
    test: "store/upload_test.ts",
    mutants: [
      [
        "const MAX_OPEN = 32;",
        "const MAX_OPEN = 320;",
        "Upload.readAt reads any part, several at once, and many files with few open",
      ],
      [
        "if (this.#position !== offset) this.#file.seekSync",
        "if (offset === 0) this.#file.seekSync",
        "Upload.readAt reads any part, several at once, and many files with few open",
      ],
    ],
  },
  {
    file: "store/download.ts",
    test: "store/download_test.ts",
    mutants: [
      [
        "isDirectory ? folderName(name) : name;",
        "name;",
        "Download.find takes no folder for a part that someone has sent",
      ],
      [
        " || Download.#busy.has(path)",
        "",
        "Download.find waits for no lock that this run has, and once for one of another run",
      ],
      [
        "await Deno.link(source, target);",
        "await Deno.rename(source, target);",
        "Download moves files to the first free name, never over a file, a folder or a link",
      ],
      [
        "  await Deno.mkdir(target);\n",
        "",
        "Download moves folders to the first free name, never over a file, a folder or a link",
      ],
      [
        "{ write: true, createNew: true });\n  const info",
        "{ write: true, create: true });\n  const info",
        "Download moves a file on a disk without hard links, and not over another",
      ],
      [
        "if (!info.isDirectory || !isOwn) return undefined;",
        "if (!info.isDirectory) return undefined;",
        "Download.find leaves a folder that others can write to",
      ],
      [
        "if (!named.isFile) throw new Error(`${quote(file)} is not a file`);",
        "",
        "Download follows no link in the place of a file or a folder that an earlier run made",
      ],
      [
        "if (!(await Deno.lstat(path)).isDirectory)",
        "if (!(await Deno.stat(path)).isDirectory)",
        "Download follows no link in the place of a file or a folder that an earlier run made",
      ],
      [
        "if (!info.isDirectory || !isSameFile(info, this.#info)) {",
        "if (!info.isDirectory) {",
        "Download gives up when its folder is gone, or another one is in its place",
      ],
      [
        "if (this.#unchecked > CHECK_BYTES) await this.#check();",
        "",
        "Download gives up when its folder is gone, or another one is in its place",
      ],
      [
        "size !== undefined && await opened.size() > size",
        "size === -1",
        "Download.find finds what an earlier run left, and finishes it",
      ],
      [
        '["ENOSPC", "EDQUOT"]',
        '["EDQUOT"]',
        "Download on a full disk keeps what it has, and goes on when there is room",
      ],
      [
        "{ mode: 0o700 }",
        "{ mode: 0o777 }",
        "Download.create makes plain files and folders, in a folder that only this user enters",
      ],
      [
        "if (this.#moved.has(name)) continue;",
        "",
        "Download.finish can be called again after it failed, and moves nothing twice",
      ],
      [
        "|| /[/\\\\\\0]/.test(name)",
        "",
        "Download refuses names that lead elsewhere",
      ],
      [
        'if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") return false;',
        "",
        "Download moves a folder elsewhere if another program puts a file into its new place",
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
    file: "files/tree.ts",
    test: "files/tree_test.ts",
    mutants: [
      [
        "u64(manifestBytes), u64(size), topHash",
        "u64(manifestBytes + size), topHash",
        "The root depends on both sizes and on each byte",
      ],
      [
        "if (parent !== undefined && !this.has(parent.unit)) return undefined;",
        "if (parent !== undefined && !this.has(parent.unit)) return true;",
        "TreeVerifier accepts the units of a tree from the top down, and no others",
      ],
      [
        "if (isRight && !this.geometry.isLeaf(unit))",
        "if (!this.geometry.isLeaf(unit))",
        "TreeVerifier accepts the units of a tree from the top down, and no others",
      ],
      [
        ": equal(hash, hashAt(this.#nodes.get(parent.unit)!, parent.index))",
        ": true",
        "TreeVerifier accepts no leaf in the place of a node, and a node only in its own place",
      ],
      [
        "if (leaf >= MAX_CONTENT_BYTES / LEAF_BYTES) throw",
        "if (leaf < 0) throw",
        "TreeBuilder refuses a content of another length, leaves that are missing, and too many",
      ],
      [
        "  await Promise.allSettled(workers);\n",
        "",
        "buildTree ends with the error of a read, and when its signal aborts, and then reads no more",
      ],
      [
        "while (next < contentBytes && !failed)",
        "while (next < contentBytes)",
        "buildTree ends with the error of a read, and when its signal aborts, and then reads no more",
      ],
    ],
  },
  {
    file: "files/manifest.ts",
    test: "files/manifest_test.ts",
    mutants: [
      [
        "if (hasOver(MAX_FOLDERS, this.files)) {",
        "if (false) {",
        "Manifest refuses files in more folders than a receiver should make",
      ],
      [
        "if (count > reader.remaining / MIN_ENTRY_BYTES)",
        "if (count > 2 ** 40)",
        "Manifest.decode refuses more files than it has bytes for",
      ],
      [
        "    reader.end();\n",
        "",
        "Manifest.decode refuses surplus bytes",
      ],
      [
        "fatal: true",
        "fatal: false",
        "Manifest.decode refuses a path that is not UTF-8",
      ],
      [
        "this.files.length === 1 && this.size === UNKNOWN_SIZE",
        "this.size >= UNKNOWN_SIZE",
        "Manifest.decode refuses two files of unknown size",
      ],
      [
        "(stream || size === this.size)",
        "true",
        "Manifest.checkOffer refuses an offer that lies about size, count, length or kind",
      ],
      [
        "files === this.files.length",
        "true",
        "Manifest.checkOffer refuses an offer that lies about size, count, length or kind",
      ],
      [
        "this.#starts[middle]! <= offset",
        "this.#starts[middle]! < offset + 2",
        "Manifest.spans divides every part of the content, in order and without a gap",
      ],
    ],
  },
  {
    file: "files/names.ts",
    test: "files/names_test.ts",
    mutants: [
      [
        '.replaceAll(INVISIBLE, "")',
        "",
        'safeName makes "photognp.exe" of "photo\\u{202e}gnp.exe"',
      ],
      [
        "!/^[.-]/.test(short)",
        "true",
        'safeName makes "_.bashrc" of ".bashrc"',
      ],
      [
        "!DEVICE.test(short) && ",
        "",
        'safeName makes "_NUL.tar.gz" of "NUL.tar.gz"',
      ],
      [
        '["", ".", ".."].includes(name)',
        'name === ""',
        "safePaths keeps paths that leave the folder apart and inside",
      ],
      [
        'name.normalize("NFD").toUpperCase().toLowerCase().normalize("NFC")',
        "name.toLowerCase()",
        "safePaths keeps paths that some systems fold to one apart and inside",
      ],
    ],
  },
  {
    file: "files/sealing.ts",
    test: "files/transfers_test.ts",
    mutants: [
      [
        "if (!equal(await digest(leaf), this.#tree.hashOf(unit))) {",
        "if (leaf.length === 0) {",
        "Transfers names a file that changed while it was sent, and sends nothing of the change",
      ],
      [
        "this.#held.delete(unit - MAX_HELD_UNITS);",
        "",
        "Transfers ends a stream for a receiver that lacks what is no longer held",
      ],
    ],
  },
  {
    file: "files/outgoing.ts",
    test: "files/malicious_test.ts",
    mutants: [
      [
        "if (binding === undefined || this.#ended || !this.#audience.includes(member)) return;",
        "if (binding === undefined || this.#ended) return;",
        "Transfers gives nothing to a member that was not offered it",
      ],
      [
        "if (this.#ended || this.#audience.member(session) === undefined) return;",
        "if (this.#ended) return;",
        "Transfers gives nothing to a member that was not offered it",
      ],
    ],
  },
  {
    file: "files/incoming.ts",
    test: "files/malicious_test.ts",
    mutants: [
      [
        "if (!this.#accepted || this.#granted) return;",
        "if (!this.#accepted) return;",
        "Transfers lets no one but the sender grant, withdraw, pause or end a transfer",
      ],
      [
        "if (++this.#badUnits < MAX_BAD_UNITS) return;",
        "",
        "Transfers takes no unit that does not match the offered tree, also with the right key",
      ],
    ],
  },
  {
    file: "files/arrival.ts",
    test: "files/malicious_test.ts",
    mutants: [
      [
        "    manifest.checkOffer(offer);\n",
        "",
        "Transfers ends a transfer whose manifest has another number of files, and keeps nothing of it",
      ],
    ],
  },
  {
    file: "files/opening.ts",
    test: "files/malicious_test.ts",
    mutants: [
      [
        ' || isRight === false) return { state: "damaged" };\n    return { state: isRight ? "right" : "unchecked", bytes };',
        ') return { state: "damaged" };\n    return { state: "right", bytes };',
        "Transfers takes no unit that does not match the offered tree, also with the right key",
      ],
      [
        'state: isRight ? "right" : "unchecked"',
        'state: "right"',
        "Transfers uses no leaf whose node is wrong",
      ],
      [
        "return size === end.size && equal(tree.root, end.root);",
        "return size === end.size;",
        "Transfers removes a stream whose end tells another root",
      ],
      [
        "return size === end.size && equal(tree.root, end.root);",
        "return equal(tree.root, end.root);",
        "Transfers removes a stream whose last leaf is longer than its size says",
      ],
      [
        "if (unit >= gap + MAX_STREAM_GAP) return undefined;",
        "",
        "Transfers takes no unit of a stream that is far from those before it",
      ],
    ],
  },
  {
    file: "files/flows.ts",
    test: "files/flows_test.ts",
    mutants: [
      [
        "isLate ||= clock.elapsed() >= end;",
        "",
        "UnitFlows ends the turn of a session that is slow, and sends the rest in the next ones",
      ],
      [
        "pass.isRepeat ? sealer.begin() : this.#sealFirst ??= sealer.begin()",
        "sealer.begin()",
        "Transfers reads files once for all who receive at first, whichever flow is ahead",
      ],
      [
        "isLong: !pass.isRepeat,",
        "isLong: false,",
        "UnitFlows leaves some places to what was lost, however many receive at first",
      ],
    ],
  },
  {
    file: "files/opening.ts",
    test: "files/arrival_test.ts",
    mutants: [
      [
        'bytes === undefined ? { state: "damaged" } : { state: "right", bytes }',
        '{ state: "right", bytes: bytes! }',
        "Arrival drops a damaged unit of a stream, and keeps those beside it",
      ],
    ],
  },
  {
    file: "files/incoming.ts",
    test: "files/transfers_test.ts",
    mutants: [
      [
        "if (!this.#isActive || !this.#arrival.isWhole) return;",
        "if (!this.#isActive) return;",
        "Transfers does not end before the files of an earlier run are checked, whatever its connection does",
      ],
    ],
  },
  {
    file: "files/arrival.ts",
    test: "files/transfers_test.ts",
    mutants: [
      [
        "const isRight = isThere && await opener.verify(unit, bytes);",
        "const isRight = isThere;",
        "Transfers checks each leaf on the disk, and wants those again that were changed",
      ],
    ],
  },
  {
    file: "files/content.ts",
    test: "files/content_test.ts",
    mutants: [
      [
        "isWhole = isWhole && ",
        "isWhole = ",
        "readArrived says whether all was there",
      ],
    ],
  },
  {
    file: "broker/connection.ts",
    test: "broker/connection_test.ts",
    mutants: [
      [
        "if (number !== this.#nextReceived) {",
        "if (number < this.#nextReceived) {",
        "BrokerConnection ends by a message that is of a number that is not next, and no other connection does",
      ],
      [
        'if (credit < this.#credit) throw new WireError("The credit became less");',
        "",
        "BrokerConnection ends by a message that is of less credit than before, and no other connection does",
      ],
      [
        'if (this.#receivedBytes > this.#granted) throw new WireError("More came than was granted");',
        "",
        "BrokerConnection ends by a message that is more than was granted, and no other connection does",
      ],
      [
        "if (this.#isIdle) this.#send(BrokerMessageKind.STATE);",
        "",
        "BrokerConnection ends by a message that is lost, and no other connection does",
      ],
      [
        "if (this.#silentIntervals >= SILENT_INTERVALS) {",
        "if (this.#silentIntervals > 2 * SILENT_INTERVALS) {",
        "BrokerConnection ends when the other end gives no sign of life",
      ],
      [
        "      await this.#options.drained();\n",
        "",
        "BrokerConnection waits until the broker has taken what was sent",
      ],
      [
        "Math.min(FIRST_WINDOW_BYTES + this.#readBytes, BROKER_WINDOW_BYTES)",
        "BROKER_WINDOW_BYTES",
        "BrokerConnection sends no more than a slow reader has room for, at first a quarter",
      ],
    ],
  },
  {
    file: "broker/reception.ts",
    test: "broker/reception_test.ts",
    mutants: [
      [
        " && unread.size < MAX_UNREAD_CALLERS) {",
        ") {",
        "receiveCallers bounds the callers of whom nothing was read, and takes others when some have ended",
      ],
      [
        "bytes.length === OPEN_BYTES && ",
        "",
        "receiveCallers does not even decode the messages of strangers that are not as long as OPEN",
      ],
      [
        "countEnded({});",
        "",
        "receiveCallers counts a first message that it cannot decode as a caller that has ended",
      ],
      [
        " || credit < FIRST_WINDOW_BYTES) return;",
        ") return;",
        "receiveCallers takes no first message of another kind, number, version or little credit",
      ],
    ],
  },
  {
    file: "broker/call.ts",
    test: "broker/reception_test.ts",
    mutants: [
      [
        "if (calls.has(down)) answered",
        "answered",
        "call is repeated also if its answer is lost, and what follows comes",
      ],
      [
        " && !isCalling) void",
        ") void",
        "call is repeated also if its answer is lost, and what follows comes",
      ],
      [
        "    if (calls.size === 0) void bus.close();\n",
        "",
        "call closes the bus when the time is over and its only connection has ended",
      ],
    ],
  },
  {
    file: "broker/transport.ts",
    test: "integration/broker_test.ts",
    mutants: [
      [
        "{ ...info, connect_urls: undefined }",
        "info",
        "Broker believes nothing that came in clear text before TLS",
      ],
    ],
  },
  {
    file: "net/dial.ts",
    test: "net/dial_test.ts",
    mutants: [
      [
        "if (unanswered >= MAX_UNANSWERED) {",
        "if (unanswered > MAX_UNANSWERED) {",
        "encryptSocket gives up at its signal, and begins no more while many have no answer",
      ],
    ],
  },
  {
    file: "relay/seat_table.ts",
    test: "relay/keep_test.ts",
    mutants: [
      [
        "if (network === BROKER_CALLER) return undefined;",
        "",
        "Relay keeps the seats of all members through a broker, who lose it at once",
      ],
    ],
  },
  {
    file: "session/broker_entrance.ts",
    test: "session/broker_entrance_test.ts",
    mutants: [
      [
        "if (refusal !== undefined) throw refusal;",
        "",
        "BrokerEntrance.open fails where the broker does not let the host in",
      ],
      [
        "void this.#reception.works.then(() => {",
        "void Promise.resolve().then(() => {",
        "BrokerEntrance reports one reason once, and waits longer, until a caller was heard again",
      ],
      [
        "if (reason.message !== shown) this.#options.onLost(reason);",
        "this.#options.onLost(reason);",
        "BrokerEntrance reports one reason once, and waits longer, until a caller was heard again",
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
        "if (isOne) return toBase64Url(sessions[0]!.key);",
        "if (isOne) return to;",
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
    file: "files/slots.ts",
    test: "files/slots_test.ts",
    mutants: [
      [
        "long: isLong ? long + by : long",
        "long: long + by",
        "Slots gives one of many that are kept for a short time to one who keeps it for long",
      ],
      [
        "!isLong || long > 0",
        "true",
        "Slots leaves some places to those who do not keep them for long",
      ],
    ],
  },
  {
    file: "session/file_outcomes.ts",
    test: "session/file_outcomes_test.ts",
    mutants: [
      [
        "!outcome.failed && outcome.complete.size > 0 &&",
        "outcome.complete.size > 0 &&",
        "FileOutcomes.isComplete needs one receiver with everything, and no other that failed",
      ],
      [
        "&& outcome.complete.size > 0 &&",
        "&&",
        "FileOutcomes.isComplete needs one receiver with everything, and no other that failed",
      ],
      [
        'outcome.failures.values().every((code) => code === "file-declined")',
        "outcome.failures.size === 0",
        "FileOutcomes.isComplete needs one receiver with everything, and no other that failed",
      ],
      [
        'if (code === "file-silent") outcome.silent.add(member.key);',
        "",
        "FileOutcomes.metSilence is over when a receiver that was silent has everything",
      ],
      [
        'if (state !== "active") return false;',
        "",
        "FileOutcomes.isRunning counts what is received, and nothing that is paused",
      ],
    ],
  },
  {
    file: "ui/transfer_notices.ts",
    test: "ui/transfers_test.ts",
    mutants: [
      [
        "return quote(`${characters.slice(0, length - END_CHARACTERS)",
        "return (`${characters.slice(0, length - END_CHARACTERS)",
        "a long name of a file is cut in its middle: its end says what it is",
      ],
      [
        "`${markedName(from)} (not verified)`",
        "markedName(from)",
        "an offer names the sender, the file, its size and what to type",
      ],
    ],
  },
  {
    file: "ui/transfer_board.ts",
    test: "ui/transfers_test.ts",
    mutants: [
      [
        "const progress = transfer.isOwn && !isReceived(event) ? undefined : event;",
        "const progress = event;",
        "TransferBoard.line shows no own transfer that no one receives",
      ],
    ],
  },
  {
    file: "ui/paths.ts",
    test: "ui/paths_test.ts",
    mutants: [
      [
        "sanitizeLine(name) === name // A completed name is written",
        "true // A completed name is written",
        "completePath completes names, with quotes where one of them needs them",
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
