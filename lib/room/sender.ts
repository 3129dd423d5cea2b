import type { Bytes } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import { type Code, RoomError } from "../errors.ts";
import { Audience, BodyKind, encodeBatch, EnvelopeClass } from "../wire/mod.ts";
import { type Author, SendingChain } from "./chain.ts";
import { Delivery } from "./delivery.ts";
import { type Link, WINDOW_BYTES } from "./link.ts";
import { isText, type NewOutgoing, Outbox, type Outgoing } from "./outbox.ts";
import type { Peer } from "./peer.ts";
import { RateLimiter } from "../rate_limiter.ts";
import type { Roster } from "./roster.ts";
import { Timers } from "./timers.ts";
import { OWN_TEXT, textCost } from "./work_budget.ts";

/** Messages of one epoch. */
const MAX_EPOCH_MESSAGES = 16_384;

/** Age of an epoch, in milliseconds. */
const MAX_EPOCH_MS = 3_600_000;

/** Least time between two epochs of one audience, in milliseconds. */
const MIN_EPOCH_MS = 1000;

/** Silence after which a heartbeat tells what this member sees, in milliseconds. */
const HEARTBEAT_EVERY_MS = 60_000;

/** Sender keys that are wrapped side by side. */
const WRAPS_AT_ONCE = 8;

/** Who says something, to whom, and over what. */
export interface SenderOptions {
  /** This member. */
  readonly author: Author;
  /** The way to the host. */
  readonly link: Link;
  /** Those who may read, and those who are on their way. */
  readonly roster: Roster;
  /** The time. */
  readonly clock: Clock;
  /** How long a message waits for a first reader, in milliseconds. */
  readonly waitMs: number;
}

/**
 * Seals what this member says, with keys that it gives before to all who may read it and to nobody else.
 * See PROTOCOL.md §6.3 to §6.5.
 */
export class Sender {
  /** How far it has come. */
  readonly delivery: Delivery;
  readonly #options: SenderOptions;
  readonly #link: Link;
  readonly #roster: Roster;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #outbox = new Outbox();
  readonly #pace: RateLimiter;
  /** By the one who may read; `""` for the room. So are the others. */
  readonly #chains = new Map<string, SendingChain>();
  readonly #epochs = new Map<string, number>();
  readonly #totals = new Map<string, number>();
  #aloneSince: number | undefined;
  #started = false;
  #pumping = false;
  #pumpAgain = false;
  #ended = false;

  /** Begins with nothing to say. */
  constructor(options: SenderOptions) {
    const { clock, link, roster } = options;
    this.#options = options;
    this.#link = link;
    this.#roster = roster;
    this.#clock = clock;
    this.#timers = new Timers(clock);
    this.#pace = new RateLimiter(OWN_TEXT, clock);
    this.delivery = new Delivery({
      link,
      outbox: this.#outbox,
      roster,
      clock,
      onSettled: () => this.pump(),
    });
  }

  /** Resolves when another message can be taken. */
  writable(): Promise<void> {
    return this.#outbox.writable();
  }

  /** Takes a message to send. @throws {RoomError} `not-delivered` after the end. */
  send(message: NewOutgoing): Outgoing {
    if (this.#ended) throw new RoomError("not-delivered", "Cannot send message after the end");
    const outgoing = this.#outbox.push(message);
    this.pump();
    return outgoing;
  }

  /** Sends nothing before this. */
  start(): void {
    this.#started = true;
    this.pump();
  }

  /** Sends what can be sent, one MSG after the other: to be called when more may have become so. */
  pump(): void {
    this.#pumpAgain = true;
    if (!this.#pumping && this.#started) void this.#runPump();
  }

  /** What a member holds the key of is used no more. */
  expireHeldBy(peer: Peer): void {
    for (const chain of this.#chains.values()) {
      if (chain.holders.has(peer.id)) chain.stale = true;
    }
  }

  /** No key is used any more that is in use now. */
  expireAll(): void {
    for (const chain of this.#chains.values()) chain.retired = true;
  }

  /** As {@linkcode Sender.expireHeldBy}, for a member to which nothing can be said any more. */
  revoke(peer: Peer): void {
    this.expireHeldBy(peer);
    // A stale chain may carry heartbeats for an hour: its holders must not grow with all who come and go.
    for (const chain of this.#chains.values()) chain.holders.delete(peer.id);
    this.#epochs.delete(peer.id);
    this.#totals.delete(peer.id);
    this.#chains.delete(peer.id);
  }

  /** Gives up every key and what is not sent. @param code Of the messages that nobody has got. */
  end(code: Code): void {
    this.#ended = true;
    this.delivery.tellBehind(undefined);
    this.#outbox.refuseAll(code, "the connection to the room has ended");
    this.#timers.clear();
    this.#chains.clear();
  }

  async #runPump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#pumpAgain && !this.#ended) {
        this.#pumpAgain = false;
        while (!this.#ended && await this.#sendNext());
      }
    } catch (error) {
      this.#outbox.refuseAll("internal", `of a fault: ${error}`);
    } finally {
      this.#pumping = false;
    }
  }

  /** Sends one MSG, or finds why the next cannot go. @returns Whether to go on at once. */
  async #sendNext(): Promise<boolean> {
    if (this.#outbox.head === undefined) return false;
    if (!this.#link.open || this.#link.backlog >= WINDOW_BYTES) return false;
    if (this.delivery.full) return false;
    const roster = await this.#roster.check.current();
    const head = this.#outbox.head;
    if (head === undefined || !this.#link.open) return false;
    const chain = this.#chains.get(head.to?.id ?? "");
    const usable = chain !== undefined && this.#mayCarry(chain, head);
    const audience = this.#audience(head.to);
    if (isSign(head) && this.#isVain(head, usable, audience)) {
      this.#outbox.take().forEach(({ done }) => done.resolve());
      if (head.kind === BodyKind.HEARTBEAT) this.#beatLater();
      return true;
    }
    if (audience.length === 0) return this.#nobodyReads(head);
    // Nobody could take it now; whoever does not come back is gone in time.
    if (head.to === undefined && audience.every(({ absent }) => absent)) return false;
    this.#aloneSince = undefined;
    if (!usable) return await this.#beginChain(head.to, chain);
    const lacking = audience.filter((peer) => !chain.holders.has(peer.id));
    if (lacking.length > 0) await this.#giveKeys(chain, lacking.slice(0, WRAPS_AT_ONCE));
    else if (this.#mustPause()) return false;
    else await this.#seal(chain, roster);
    return true;
  }

  /** Whether others would not show what comes next without a wait. */
  #mustPause(): boolean {
    const texts = this.#outbox.next.filter(isText);
    const cost = textCost(texts.length, texts.reduce((sum, { body }) => sum + body.length, 0));
    if (this.#pace.tryTake(cost)) return false;
    this.#timers.after("pace", this.#pace.msUntil(cost), () => this.pump());
    return true;
  }

  #audience(to: Peer | undefined): Peer[] {
    if (to === undefined) return this.#roster.readers();
    return this.#roster.readers().includes(to) ? [to] : [];
  }

  #nobodyReads({ kind, to }: Outgoing): boolean {
    if (kind === BodyKind.STATUS) {
      this.#outbox.take().forEach(({ done }) => done.resolve()); // Who comes later is told.
      return true;
    }
    if (to !== undefined) {
      if (this.#roster.has(to) && !to.gone) {
        this.#outbox.refuseHead("key-withheld", "that member is given no key");
      } else {
        this.#outbox.refuseHead("no-such-member", "that member has left");
      }
      return true;
    }
    const now = this.#clock.elapsed();
    this.#aloneSince ??= now;
    const patience = this.#aloneSince + this.#options.waitMs;
    const left = Math.max(patience, this.#roster.expectedUntil()) - now;
    if (left > 0) {
      this.#timers.after("wait", left, () => this.pump());
      return false;
    }
    if (this.#roster.announced().length > 0) {
      this.#outbox.refuseHead("key-withheld", "nobody else here is given a key");
    } else {
      this.#outbox.refuseHead("nobody-here", "nobody else is in the room");
    }
    return true;
  }

  /** Begins an epoch for an audience. @returns Whether it was time for one. */
  async #beginChain(to: Peer | undefined, before: SendingChain | undefined): Promise<boolean> {
    const id = to?.id ?? "";
    const now = this.#clock.elapsed();
    const wait = before === undefined ? 0 : before.since + MIN_EPOCH_MS - now;
    if (wait > 0) {
      this.#timers.after("epoch", wait, () => this.pump());
      return false;
    }
    const epoch = (this.#epochs.get(id) ?? 0) + 1;
    this.#epochs.set(id, epoch);
    const audience = to === undefined ? Audience.ROOM : Audience.DIRECT;
    const total = before?.total ?? this.#totals.get(id) ?? 0;
    this.#totals.set(id, total);
    const chain = await SendingChain.begin(this.#options.author, {
      audience,
      epoch,
      since: now,
      before: total,
    });
    if (to === undefined || this.#roster.has(to)) this.#chains.set(id, chain);
    return true;
  }

  /** Heartbeat and leave tell those who hold the key of a stale chain nothing that they must not know. */
  #mayCarry(chain: SendingChain, message: Outgoing): boolean {
    return !chain.retired && (!chain.stale || isSign(message)) &&
      chain.index < MAX_EPOCH_MESSAGES && this.#clock.elapsed() - chain.since < MAX_EPOCH_MS;
  }

  /** Whether a heartbeat or leave would reach nobody. A leave begins no epoch, as the relay tells of it too. */
  #isVain({ kind }: Outgoing, usable: boolean, audience: readonly Peer[]): boolean {
    return audience.every(({ absent }) => absent) || kind === BodyKind.LEAVE && !usable;
  }

  #beatLater(): void {
    this.#timers.after("heartbeat", HEARTBEAT_EVERY_MS, () => {
      this.send({ kind: BodyKind.HEARTBEAT, body: new Uint8Array(), to: undefined });
    });
  }

  async #giveKeys(chain: SendingChain, peers: readonly Peer[]): Promise<void> {
    // Before anything is awaited: whoever leaves meanwhile has had the key.
    for (const peer of peers) chain.holders.add(peer.id);
    const objects = await Promise.all(peers.map(({ announced, key, session }) =>
      chain.wrapFor({
        key,
        session,
        generation: announced!.generation,
        sessionKey: announced!.sessionKey,
      }).catch(() => undefined)
    ));
    await Promise.all(peers.map(({ introduced }) => introduced.promise));
    objects.forEach((object, i) => {
      if (object === undefined) return; // Its key is none: it cannot be given one.
      this.#link.send({ class: EnvelopeClass.CONTROL, to: peers[i]!.session, object });
    });
  }

  /** Seals the head and what may share its MSG. Nothing is awaited between choosing and sealing. */
  async #seal(chain: SendingChain, roster: Bytes): Promise<void> {
    const audience = this.#audience(this.#outbox.head!.to); // All of it has the key.
    const messages = this.#outbox.take();
    const [first] = messages as [Outgoing];
    const { body, kind, to } = first;
    const batch = messages.length > 1;
    const object = await chain.seal({
      roster,
      at: this.#clock.now(),
      kind: batch ? BodyKind.BATCH : kind,
      body: batch ? encodeBatch(messages.map((one) => ({ kind: one.kind, text: one.body }))) : body,
    });
    if (this.#ended) return;
    const cmid = this.#link.send({ class: EnvelopeClass.CHAT, to: to?.session, object });
    this.#outbox.sent(cmid);
    this.delivery.sealed(object.length);
    for (const peer of isText(first) ? audience : []) {
      peer.saidIn = cmid;
      peer.saidFrom = Math.min(peer.saidFrom, cmid);
    }
    if (to === undefined && kind !== BodyKind.LEAVE) this.#beatLater();
  }
}

/** Whether it says nothing but what its author sees, or that it leaves. */
function isSign({ kind }: Outgoing): boolean {
  return kind === BodyKind.HEARTBEAT || kind === BodyKind.LEAVE;
}
