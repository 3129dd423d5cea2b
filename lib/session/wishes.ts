/**
 * The wishes of the person or script at the front end, and the room call that carries out each of them.
 *
 * @module
 */
import { toBase64Url } from "../bytes/mod.ts";
import { isKeyText, roomCode } from "../crypto/mod.ts";
import { deadline, systemClock } from "../clock.ts";
import { LanchatError, RoomError } from "../errors.ts";
import { isNamed, type Member, noSuchMember, type Room, type RoomOptions } from "../room/mod.ts";
import {
  problem,
  type RefusedWish,
  type SayWish,
  type SessionEvent,
  type VerifyWish,
  type Wanted,
  type Wish,
} from "../session_events.ts";
import type { Moderator, NamedIdentity } from "./moderator.ts";
import type { SharedFiles } from "./shared_files.ts";
import type { TrustStore } from "./trust_store.ts";
import type { Views } from "./views.ts";

/** Maximum time for which a wish waits until the host has the status before it, in milliseconds. */
const ANSWER_MS = 2000;

/** A session of a client. */
export interface SessionState {
  /** The room in this session. */
  readonly room: Room;
  /** Resolves once that room is ready, or another session has taken its place. */
  readonly ready: PromiseWithResolvers<void>;
  /** Whether its members were shown. */
  isReady: boolean;
  /** The members of the session before that were shown last; `undefined` if none were. */
  readonly former: readonly Member[] | undefined;
}

/** The part of a client that wishes use. */
export interface WishContext {
  /** The present session. */
  readonly session: SessionState;
  /** Completes members for events. */
  readonly views: Views;
  /** The files that are offered and received. */
  readonly files: SharedFiles;
  /** What does not change from session to session. */
  readonly options: {
    readonly room: Pick<RoomOptions, "hostKey" | "identity" | "name" | "roomId">;
    readonly trustStore: TrustStore;
    readonly moderator?: Moderator;
    readonly untilDelivered: boolean;
  };
  /** Shows an event. */
  show(event: SessionEvent): void;
}

/** All wishes but `quit`, which the client's loop carries out. */
export type Request = Exclude<Wish, Wanted<"quit">>;

type Handlers = {
  readonly [Do in Request["do"]]: (wish: Request & Wanted<Do>) => Promise<void> | void;
};

/** Carries out wishes, over all sessions of a run. */
export class Wishes {
  readonly #client: WishContext;
  #name: string;
  #status = "";
  readonly #pending = new Set<Promise<void>>();
  #lines = 0;
  #undelivered = 0;
  #badInput = false;
  readonly #handlers: Handlers = {
    say: (wish) => this.#follow(this.#say(wish)),
    status: ({ text }) => this.#announceStatus(text),
    who: () => this.#showMembers(),
    whois: ({ name }) => this.#showMember(name),
    nick: ({ name }) => this.#rename(name),
    rekey: () => this.#rekey(),
    ignore: ({ name }) => this.#ignore(name, true),
    unignore: ({ name }) => this.#ignore(name, false),
    verify: (wish) => this.#verify(wish),
    accept: ({ digits }) => this.#accept(digits),
    "send-file": ({ paths, to }) => this.#client.files.send({ paths }, this.#receiver(to)),
    "send-text": ({ text, to }) => this.#client.files.sendText(text, this.#receiver(to)),
    "accept-file": ({ id }) => this.#client.files.choose("accept-file", id),
    "decline-file": ({ id }) => this.#client.files.choose("decline-file", id),
    "cancel-file": ({ id }) => this.#client.files.choose("cancel-file", id),
    "pause-file": ({ id }) => this.#client.files.choose("pause-file", id),
    "resume-file": ({ id }) => this.#client.files.choose("resume-file", id),
    transfers: () => this.#client.show({ event: "transfers", transfers: this.#client.files.list }),
    kick: ({ name }) => this.#moderator.kick(name, this.#removable),
    ban: ({ name }) => this.#ban(name),
    unban: ({ name }) => this.#unban(name),
    bans: async () => this.#client.show({ event: "bans", bans: await this.#moderator.bans() }),
    invite: () => this.#client.show(this.#moderator.invite),
    lock: () => this.#lock(true),
    unlock: () => this.#lock(false),
    refused: ({ code }) => this.#refuse(code),
  };

  /** Begins without wishes. */
  constructor(client: WishContext) {
    this.#client = client;
    this.#name = client.options.room.name;
  }

  /** This member's name, as last wished. */
  get name(): string {
    return this.#name;
  }

  /** This member's status; empty if there is none. */
  get status(): string {
    return this.#status;
  }

  /** Resolves once all messages so far are sent, and with `untilDelivered` delivered, or have failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** The error about messages that were not delivered; `undefined` if there are none. */
  get undelivered(): string | undefined {
    if (this.#undelivered === 0) return undefined;
    const were = this.#lines === 1 ? "line was" : "lines were";
    return `${this.#undelivered} of ${this.#lines} ${were} not delivered`;
  }

  /** Whether a line held no wish, or a message was not delivered. */
  get failed(): boolean {
    return this.#undelivered > 0 || this.#badInput;
  }

  /** Carries out a wish; resolves when the next one may be read. */
  async handle(wish: Request): Promise<void> {
    try {
      await (this.#handlers[wish.do] as (wish: Request) => Promise<void> | void)(wish);
    } catch (error) {
      this.#client.show(problem(error));
    }
  }

  /** Resolves to the present session once it is ready. */
  async #ready(): Promise<SessionState> {
    const { session } = this.#client;
    await session.ready.promise;
    return session === this.#client.session ? session : await this.#ready();
  }

  /** Notes a message or status that is being sent; resolves when the next one can be sent. */
  async #follow(sending: Promise<void>): Promise<void> {
    const followed = sending.finally(() => this.#pending.delete(followed));
    this.#pending.add(followed);
    const { room } = await this.#ready();
    await room.writable();
  }

  async #say(wish: SayWish): Promise<void> {
    const client = this.#client;
    const { id } = wish;
    this.#lines++;
    try {
      const { delivered } = await this.#send(wish);
      const reported = delivered.then((lacking) => {
        if (lacking === undefined) {
          if (client.options.untilDelivered) this.#undelivered++;
          return;
        }
        const [away, left] = [lacking.away, lacking.left].map((members) =>
          members.map(({ name }) => name)
        ) as [string[], string[]];
        client.show({
          event: "delivered",
          id,
          ...away.length > 0 && { away },
          ...left.length > 0 && { left },
        });
      });
      if (client.options.untilDelivered) await reported;
    } catch (error) {
      this.#undelivered++;
      client.show({ event: "failed", id, code: problem(error).code });
    }
  }

  /**
   * While no session is ready, a name means a member as last shown: another may have it in the next session.
   *
   * @returns The key of that member, or the name if a session is ready.
   * @throws {RoomError} `no-such-member`
   */
  #keyOf(name: string | undefined): string | undefined {
    const { former, isReady } = this.#client.session;
    if (name === undefined || isReady || former === undefined || isKeyText(name)) return name;
    const named = former.filter((member) => isNamed(member, name));
    const [key, ...others] = new Set(named.map(({ key }) => toBase64Url(key)));
    if (key === undefined || others.length > 0) throw noSuchMember(named.length);
    return key;
  }

  /** Sends a message; if its session ends before it is sealed, sends it in the next one. */
  async #send({ id, kind, text, to }: SayWish): ReturnType<Room["say"]> {
    const onAccepted = (): void => this.#client.show({ event: "sent", id });
    let addressee = this.#keyOf(to);
    while (true) {
      const { room } = await this.#ready();
      const key = addressee === undefined ? undefined : toBase64Url(room.find(addressee).key);
      try {
        return await room.say(text, { kind, to: addressee, onAccepted });
      } catch (error) {
        if (!(error instanceof LanchatError) || error.code !== "seat-lost") throw error;
        addressee = key;
      }
    }
  }

  /** Sets this member's status; the next wish waits for that within bounds, so that no later answer overtakes it. */
  async #announceStatus(text: string): Promise<void> {
    const setting = this.#setStatus(text);
    await this.#follow(setting);
    await deadline(systemClock, ANSWER_MS, setting);
  }

  /** Sets this member's status; if the session ends before the host has it, sets it in the next one. */
  async #setStatus(text: string): Promise<void> {
    const { room } = await this.#ready();
    try {
      await room.setStatus(text);
      this.#status = text;
    } catch (error) {
      // Sent twice, it is the same.
      if (room !== this.#client.session.room) await this.#setStatus(text);
      else this.#client.show(problem(error));
    }
  }

  async #rename(name: string): Promise<void> {
    const { room } = await this.#ready();
    await room.rename(name);
    this.#name = name;
  }

  async #rekey(): Promise<void> {
    await this.#client.session.room.rekey();
    this.#client.show({ event: "rekeyed" });
  }

  async #showMembers(): Promise<void> {
    const { session: { room }, views } = this.#client;
    const members = await room.who();
    this.#client.show({ event: "members", members: members.map((one) => views.present(one)) });
  }

  async #showMember(name: string): Promise<void> {
    const { session: { room }, views } = this.#client;
    this.#client.show({ event: "member", member: await views.full(room.find(name)) });
  }

  #ignore(name: string, ignored: boolean): void {
    const { session: { room }, views } = this.#client;
    const member = room.find(name);
    views.ignore(member, ignored);
    this.#client.show({ event: "ignoring", member: views.member(member), ignored });
  }

  async #verify({ digits, name, show }: VerifyWish): Promise<void> {
    const { options: { trustStore }, session: { room }, views } = this.#client;
    if (name === undefined) return await this.#showRoomCode();
    const member = room.find(name);
    if (digits === undefined) {
      const number = show ? trustStore.safetyNumber(member.key) : trustStore.ask(member.key);
      return this.#client.show({
        event: "safety-number",
        member: views.member(member),
        ...await number,
      });
    }
    await trustStore.verify(member, digits);
    this.#client.session.room.judgeAll();
    this.#client.show({ event: "verified", member: views.member(member) });
  }

  async #showRoomCode(): Promise<void> {
    const { options: { room: { hostKey, identity, roomId } }, session: { room }, views } =
      this.#client;
    const { members } = room;
    const keys = [hostKey, identity.publicKey, ...members.map(({ key }) => key)];
    this.#client.show({
      event: "room-code",
      digits: await roomCode(roomId, keys),
      members: members.map((member) => views.member(member)),
    });
  }

  /** @throws {LanchatError} With code `wrong-digits`. */
  async #accept(digits: string): Promise<void> {
    const { options: { trustStore }, views } = this.#client;
    const withheld = this.#client.session.room.members.filter((member) => member.withheld);
    const { key } = await trustStore.accept(withheld, digits);
    const { room } = this.#client.session;
    room.admit(key);
    room.judgeAll();
    this.#client.show({ event: "accepted", member: views.member(room.find(toBase64Url(key))) });
  }

  async #ban(name: string): Promise<void> {
    const ban = await this.#moderator.ban(name, this.#removable);
    this.#client.show({ event: "banned", ...ban, banned: true });
  }

  async #unban(name: string): Promise<void> {
    this.#client.show({ event: "banned", ...await this.#moderator.unban(name), banned: false });
  }

  #lock(locked: boolean): void {
    const { options: { moderator }, session: { room } } = this.#client;
    if (moderator !== undefined) {
      if (locked) moderator.lock(room.members);
      else moderator.unlock();
    } else if (locked) room.lock();
    else room.unlock();
    this.#client.show({ event: "locked", locked, host: moderator !== undefined });
  }

  /** The only receiver of files; `undefined` for all members. */
  #receiver(to: string | undefined): Member | undefined {
    return to === undefined ? undefined : this.#client.session.room.find(to);
  }

  #refuse(code: RefusedWish["code"]): void {
    if (code === "bad-input" || code === "duplicate-id") {
      this.#badInput = true;
      return;
    }
    this.#lines++;
    this.#undelivered++;
  }

  /** The sessions that the host can remove. */
  get #removable(): readonly NamedIdentity[] {
    const { members, strangers } = this.#client.session.room;
    return [...members, ...strangers.map(({ key, tag }) => ({ key, tag }))];
  }

  /** @throws {RoomError} With code `not-host`. */
  get #moderator(): Moderator {
    const { moderator } = this.#client.options;
    if (moderator !== undefined) return moderator;
    throw new RoomError("not-host", "Only the host can do that");
  }
}
