/**
 * Announcements of this member to others, and of others to this member.
 *
 * @module
 */
import { type Bytes, concat, equal } from "../bytes/mod.ts";
import {
  CipherKey,
  hmac,
  hmacVerify,
  kdf,
  KEY_BYTES,
  label,
  NONCE_BYTES,
  randomBytes,
  Verifier,
} from "../crypto/mod.ts";
import {
  decodeAnnounce,
  decodeNameField,
  encodeAnnounceHead,
  encodeNameField,
  EnvelopeClass,
  HOST_SESSION,
} from "../wire/mod.ts";
import { refused } from "./chain.ts";
import type { Naming } from "./naming.ts";
import type { Parts } from "./parts.ts";
import { type Announced, type AnnouncingState, type Peer, SILENT_AFTER_MS } from "./peer.ts";
import type { Roster } from "./roster.ts";
import { PeerSessionKey, type PublicSessionKey } from "./session_key.ts";
import { Timers } from "./timers.ts";

/** Minimum time between two announcements that a person asks for, in milliseconds: others accept them no faster. */
const MIN_ANNOUNCE_MS = 1000;

/** Announces this member to others, and checks their announcements. See PROTOCOL.md §6.2. */
export class Announcer {
  readonly #parts: Parts;
  readonly #naming: Naming;
  readonly #onAnswered: () => void;
  readonly #roster: Roster;
  readonly #timers: Timers;
  #unanswered: Set<Peer> | undefined;
  /** When the others accept the next announcement without a delay, in ms of `Clock.elapsed`. */
  #nextAt = -Infinity;
  #renewed: Promise<void> = Promise.resolve();
  readonly #over = Promise.withResolvers<void>();

  /**
   * Creates an announcer that announces each new session key.
   *
   * @param naming Knows this member's name.
   * @param onAnswered Called when all earlier members have answered the first ANNOUNCE, or their time is over.
   */
  constructor(parts: Parts, naming: Naming, onAnswered: () => void) {
    this.#parts = parts;
    this.#naming = naming;
    this.#onAnswered = onAnswered;
    this.#roster = parts.roster;
    this.#timers = new Timers(parts.clock);
    parts.self.keys.onRenewed = () => {
      void this.enterRoom();
      this.#renewed = this.sendDue();
    };
  }

  /** Announces this member to the host, if the host waits for that. */
  async enterRoom(): Promise<void> {
    const { link, self } = this.#parts;
    const key = self.keys.current;
    if (key !== undefined && link.entryDue) link.enter(await this.#compose(HOST_SESSION, key));
  }

  /** Sends the current ANNOUNCE to all peers that should have it and do not. */
  async sendDue(): Promise<void> {
    const key = this.#parts.self.keys.current;
    if (key === undefined || !this.#roster.entered) return;
    const due = [...this.#roster].filter((peer) =>
      (peer.earlier || peer.announced !== undefined) && peer.announcing.told < key.generation
    );
    for (const { announcing } of due) {
      const state: AnnouncingState = announcing;
      state.told = key.generation;
    }
    this.#unanswered ??= this.#awaitAnswers();
    for (const peer of due) {
      // Unless a later call announces a newer generation.
      if (peer.announcing.told === key.generation) await this.#announce(peer, key);
    }
  }

  /** Waits until the others accept another announcement without a delay. */
  async awaitTurn(): Promise<void> {
    const now = this.#parts.clock.elapsed();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + MIN_ANNOUNCE_MS;
    if (at === now) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#timers.after(`announce ${at}`, at - now, resolve);
    await Promise.race([promise, this.#over.promise]);
  }

  /** Replaces the session key. @returns Resolves when it is announced to all members. */
  async renew(): Promise<void> {
    await this.awaitTurn();
    await this.#parts.self.keys.renew();
    await this.#renewed;
  }

  /** Counts an ANNOUNCE of a peer that waits in its queue. */
  queued(peer: Peer): void {
    const state: AnnouncingState = peer.announcing;
    state.queued++;
  }

  /** Counts an ANNOUNCE of a peer that waits no longer. */
  dequeued(peer: Peer): void {
    const state: AnnouncingState = peer.announcing;
    state.queued--;
  }

  /** Notes that a peer has announced itself, or is not expected to. */
  answered(peer: Peer): void {
    if (!this.#unanswered?.delete(peer) || this.#unanswered.size > 0) return;
    this.#timers.cancel("silent");
    this.#onAnswered();
  }

  /**
   * Checks an ANNOUNCE.
   *
   * @returns Its content, and whether it says that another member had its name first.
   * @throws {RoomError} If the peer did not make it in this room, for this member and now.
   */
  async check(
    peer: Peer,
    object: Bytes,
  ): Promise<{ announced: Announced; nameTaken: boolean }> {
    const announce = decodeAnnounce(object);
    const { memberKey, roomId, session } = this.#parts.self;
    if (
      !equal(announce.roomId, roomId) || !equal(announce.nonce, peer.nonce) ||
      !equal(announce.key, peer.key) || !equal(announce.seen, session)
    ) {
      throw refused("announcement", "it was made for another place");
    }
    if (announce.generation <= (peer.announced?.generation ?? 0)) {
      throw refused("announcement", "a newer one is known");
    }
    if (!PeerSessionKey.accepts(announce)) {
      throw refused("announcement", "its session key is not acceptable");
    }
    const { memberTag, tagged } = announce;
    if (!await hmacVerify(memberKey, memberTag, label("lanchat/1 member"), tagged)) {
      throw refused("announcement", "its author does not hold the room's secret");
    }
    const verifier = await Verifier.import(announce.key);
    const signed = concat(label("lanchat/1 announce"), announce.signed);
    if (!await verifier?.verify(signed, announce.signature)) {
      throw refused("announcement", "its signature is wrong");
    }
    const cipher = await nameCipher(peer.session, memberKey);
    const field = await cipher.open(announce.nameNonce, announce.sealedName, announce.head);
    if (field === undefined) throw refused("announcement", "its name cannot be opened");
    const { name, nameTaken } = decodeNameField(field);
    // Names may change as often as the budget allows; of those that wait only the last counts.
    if (peer.announced !== undefined && !peer.budget.trySpend()) {
      if (peer.announcing.queued > 0) throw refused("announcement", "a newer one waits");
      await peer.budget.spend();
    }
    const announced: Announced = {
      generation: announce.generation,
      name,
      verifier: verifier!,
      sessionKey: await PeerSessionKey.import(announce),
    };
    return { announced, nameTaken };
  }

  /** Cancels all waits. */
  end(): void {
    this.#timers.clear();
    this.#over.resolve();
  }

  /** Waits until all earlier members have answered the first ANNOUNCE: then this member is ready. */
  #awaitAnswers(): Set<Peer> {
    const unanswered = new Set(
      [...this.#roster].filter(({ announced, earlier, seat }) =>
        earlier && !seat.away && announced === undefined
      ),
    );
    const silentMs = unanswered.size === 0 ? 0 : SILENT_AFTER_MS;
    this.#timers.after("silent", silentMs, () => this.#onAnswered());
    return unanswered;
  }

  async #announce(
    peer: Peer,
    key: PublicSessionKey & { readonly generation: number },
  ): Promise<void> {
    const object = await this.#compose(peer.session, key);
    this.#parts.link.send({ class: EnvelopeClass.CONTROL, to: peer.session, object });
    const state: AnnouncingState = peer.announcing;
    state.introducedAt = this.#parts.clock.elapsed();
    peer.introduced.resolve();
  }

  /** Makes an ANNOUNCE. @param seen The session that it is for. */
  async #compose(
    seen: Bytes,
    { generation, kemKey, modulus }: PublicSessionKey & { readonly generation: number },
  ): Promise<Bytes> {
    const { identity, memberKey, nonce, roomId, session } = this.#parts.self;
    const name = encodeNameField(this.#naming);
    const nameNonce = randomBytes(NONCE_BYTES);
    const head = encodeAnnounceHead({
      roomId,
      key: identity.publicKey,
      nonce,
      generation,
      modulus,
      kemKey,
      seen,
      nameNonce,
    });
    const cipher = await nameCipher(session, memberKey);
    const named = concat(head, await cipher.seal(nameNonce, name, head));
    const tagged = concat(named, await hmac(memberKey, label("lanchat/1 member"), named));
    const signature = await identity.sign(concat(label("lanchat/1 announce"), tagged));
    return concat(tagged, signature);
  }
}

/** Derives the key that seals a session's name: a relay without the member key learns no name. */
async function nameCipher(session: Bytes, memberKey: Bytes): Promise<CipherKey> {
  return await CipherKey.import(await kdf(session, memberKey, "lanchat/1 name", KEY_BYTES));
}
