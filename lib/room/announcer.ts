import { type Bytes, concat, equal } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
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
import { type Author, refused } from "./chain.ts";
import type { Link } from "./link.ts";
import type { Naming } from "./naming.ts";
import { type Announced, type Peer, SILENT_AFTER_MS } from "./peer.ts";
import type { Roster } from "./roster.ts";
import { PeerSessionKey, type PublicSessionKey } from "./session_key.ts";
import type { SessionKeys } from "./session_keys.ts";
import { Timers } from "./timers.ts";

/** Least time between two announcements that a person asks for, in milliseconds: others take them no faster. */
const MIN_ANNOUNCE_MS = 1000;

/** Who announces itself, to whom, and as what. */
export interface AnnouncerOptions {
  /** This member. */
  readonly self: Author & {
    /** What its session follows from beside room and key, 16 bytes. */
    readonly nonce: Bytes;
    /** The keys that others wrap theirs for. */
    readonly keys: SessionKeys;
  };
  /** The own name. */
  readonly naming: Naming;
  /** The others. */
  readonly roster: Roster;
  /** The way to the host. */
  readonly link: Link;
  /** The time. */
  readonly clock: Clock;
  /** Called when everybody has answered the first ANNOUNCE, or has had the time to. */
  readonly onAnswered: () => void;
}

/** Tells the others of this member, and checks what they tell of themselves. See PROTOCOL.md §6.2. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #roster: Roster;
  readonly #timers: Timers;
  #unanswered: Set<Peer> | undefined;
  /** From when on the others take another announcement without a delay. */
  #nextAt = -Infinity;
  #renewed: Promise<void> = Promise.resolve();
  readonly #over = Promise.withResolvers<void>();

  /** Announces each new session key from now on. */
  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#roster = options.roster;
    this.#timers = new Timers(options.clock);
    options.self.keys.onRenewed = () => {
      void this.enter();
      this.#renewed = this.sendDue();
    };
  }

  /** Announces this member to the host, if the host waits for that. */
  async enter(): Promise<void> {
    const { link, self } = this.#options;
    const key = self.keys.current;
    if (key !== undefined && link.entryDue) link.enter(await this.#compose(HOST_SESSION, key));
  }

  /** Tells this member's key and name to everybody who should have them and has not. */
  async sendDue(): Promise<void> {
    const key = this.#options.self.keys.current;
    if (key === undefined || !this.#roster.known) return;
    const due = [...this.#roster].filter((peer) =>
      (peer.earlier || peer.announced !== undefined) && peer.told < key.generation
    );
    for (const peer of due) peer.told = key.generation;
    this.#unanswered ??= this.#awaitAnswers();
    for (const peer of due) {
      // Where more has happened meanwhile it is told that.
      if (peer.told === key.generation) await this.#announce(peer, key);
    }
  }

  /** Waits until the others would take another announcement without a delay. */
  async turn(): Promise<void> {
    const now = this.#options.clock.elapsed();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + MIN_ANNOUNCE_MS;
    if (at === now) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#timers.after(`announce ${at}`, at - now, resolve);
    await Promise.race([promise, this.#over.promise]);
  }

  /** Has others wrap theirs for another session key. @returns Resolves when everybody here is told of it. */
  async renew(): Promise<void> {
    await this.turn();
    await this.#options.self.keys.renew();
    await this.#renewed;
  }

  /** A member has announced itself, or cannot do so any more. */
  answered(peer: Peer): void {
    if (!this.#unanswered?.delete(peer) || this.#unanswered.size > 0) return;
    this.#timers.cancel("silent");
    this.#options.onAnswered();
  }

  /**
   * Checks what a member tells of itself.
   *
   * @returns That, and whether it says that somebody else had its name first.
   * @throws {RoomError} If it is not what that member, in this room, says of itself to this one now.
   */
  async check(
    peer: Peer,
    object: Bytes,
  ): Promise<{ announced: Announced; nameTaken: boolean }> {
    const announce = decodeAnnounce(object);
    const { memberKey, roomId, session } = this.#options.self;
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
    // As many new names as it likes, but at its own cost; of those that wait the last counts.
    if (peer.announced !== undefined && !peer.budget.trySpend()) {
      if (peer.announcements > 0) throw refused("announcement", "a newer one waits");
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

  /** Waits for nothing any more. */
  end(): void {
    this.#timers.clear();
    this.#over.resolve();
  }

  /** Whoever was here before is to answer the first ANNOUNCE; then this member is ready. */
  #awaitAnswers(): Set<Peer> {
    const unanswered = new Set(
      [...this.#roster].filter(({ announced, away, earlier }) =>
        earlier && !away && announced === undefined
      ),
    );
    const silentMs = unanswered.size === 0 ? 0 : SILENT_AFTER_MS;
    this.#timers.after("silent", silentMs, () => this.#options.onAnswered());
    return unanswered;
  }

  async #announce(
    peer: Peer,
    key: PublicSessionKey & { readonly generation: number },
  ): Promise<void> {
    const object = await this.#compose(peer.session, key);
    this.#options.link.send({ class: EnvelopeClass.CONTROL, to: peer.session, object });
    peer.introducedAt = this.#options.clock.elapsed();
    peer.introduced.resolve();
  }

  /** An ANNOUNCE of this member. @param seen The session that it is for. */
  async #compose(
    seen: Bytes,
    { generation, kemKey, modulus }: PublicSessionKey & { readonly generation: number },
  ): Promise<Bytes> {
    const { identity, memberKey, nonce, roomId, session } = this.#options.self;
    const name = encodeNameField(this.#options.naming);
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

/** What a session seals its name with: a relay without the member key learns no name. */
async function nameCipher(session: Bytes, memberKey: Bytes): Promise<CipherKey> {
  return await CipherKey.import(await kdf(session, memberKey, "lanchat/1 name", KEY_BYTES));
}
