/**
 * The sender: seals this member's messages with keys that it gives to all their readers first.
 *
 * @module
 */
import { type Bytes, utf8 } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import { type Code, RoomError } from "../errors.ts";
import { Audience, BodyKind, encodeBatch, EnvelopeClass } from "../wire/mod.ts";
import { SendingChain } from "./chain.ts";
import { Delivery } from "./delivery.ts";
import { WINDOW_BYTES } from "./envelope_queue.ts";
import type { Link } from "./link.ts";
import { isPaced, isText, type NewOutgoing, Outbox, type Outgoing } from "./outbox.ts";
import type { Parts, RoomOptions } from "./parts.ts";
import type { Peer } from "./peer.ts";
import { RateLimiter } from "../rate_limiter.ts";
import type { Roster } from "./roster.ts";
import { Timers } from "./timers.ts";
import { OWN_TEXT, textCost } from "./work_budget.ts";

/** Maximum messages of one epoch: bounds the messages that one stolen chain key opens. */
const MAX_EPOCH_MESSAGES = 16_384;

/** Maximum age of an epoch, in milliseconds. */
const MAX_EPOCH_MS = 3_600_000;

/** Minimum time between two epochs of one audience, in milliseconds. */
const MIN_EPOCH_MS = 1000;

/** Time without a message after which a heartbeat reports the roster, in milliseconds. */
const HEARTBEAT_EVERY_MS = 60_000;

/** Sender keys wrapped at the same time. */
const WRAPS_AT_ONCE = 8;

/** Seals this member's messages with keys that only their readers are given. See PROTOCOL.md §6.3 to §6.5. */
export class Sender {
  /** How far the messages have come. */
  readonly delivery: Delivery;
  readonly #self: RoomOptions;
  readonly #link: Link;
  readonly #roster: Roster;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #outbox = new Outbox();
  readonly #limiter: RateLimiter;
  /** Chains by the session of the only reader; `""` for the room. */
  readonly #chains = new Map<string, SendingChain>();
  #aloneSince: number | undefined;
  /** When a heartbeat is due, in ms of `Clock.elapsed`. */
  #beatAt = 0;
  #status = "";
  #started = false;
  #pumping = false;
  #pumpAgain = false;
  #ended = false;

  /** Creates a sender that holds all messages until {@linkcode Sender.start}. */
  constructor(parts: Parts) {
    const { clock, link, roster, self } = parts;
    this.#self = self;
    this.#link = link;
    this.#roster = roster;
    this.#clock = clock;
    this.#timers = new Timers(clock);
    this.#limiter = new RateLimiter(OWN_TEXT, clock);
    this.delivery = new Delivery(parts, this.#outbox);
  }

  /** Resolves when there is room for another message. */
  writable(): Promise<void> {
    return this.#outbox.writable();
  }

  /** Adds a message to send. @throws {RoomError} `not-delivered` after the end. */
  send(message: NewOutgoing): Outgoing {
    if (this.#ended) {
      throw new RoomError("not-delivered", "Cannot send message: the session has ended");
    }
    const outgoing = this.#outbox.push(message);
    this.pump();
    return outgoing;
  }

  /** Sends this member's status to the room, and to later members as they announce themselves. */
  setStatus(text: string): Outgoing {
    this.#status = text;
    return this.send({ kind: BodyKind.STATUS, body: utf8(text), to: undefined });
  }

  /** Sends this member's status to a reader that has not received it. */
  sendStatus(to: Peer): void {
    if (this.#status !== "") this.send({ kind: BodyKind.STATUS, body: utf8(this.#status), to });
  }

  /** Allows messages to be sent. */
  start(): void {
    this.#started = true;
    this.pump();
  }

  /** Sends all messages that can be sent now. To be called whenever one may have become ready. */
  pump(): void {
    this.#pumpAgain = true;
    if (!this.#pumping && this.#started) void this.#runPump();
  }

  /** Marks all chains whose keys a peer holds as stale. */
  markStale(peer: Peer): void {
    for (const chain of this.#chains.values()) {
      if (chain.holders.has(peer.id)) chain.stale = true;
    }
  }

  /** Retires all chains: a person asked for new keys. */
  retireChains(): void {
    for (const chain of this.#chains.values()) chain.retired = true;
  }

  /** As {@linkcode Sender.markStale}, for a peer that is gone; deletes the chain to it. */
  revoke(peer: Peer): void {
    this.markStale(peer);
    // A stale chain may carry heartbeats for an hour: its holders must not grow with all that come and go.
    for (const chain of this.#chains.values()) chain.holders.delete(peer.id);
    this.#chains.delete(peer.id);
  }

  /** Deletes all keys and refuses all messages. @param code For those that were never sealed. */
  end(code: Code): void {
    this.#ended = true;
    this.delivery.resolveBehind(undefined);
    this.#outbox.refuseAll(code, "the connection ended");
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
      this.#outbox.refuseAll("internal", `internal error: ${error}`);
    } finally {
      this.#pumping = false;
    }
  }

  /** Does the next step towards sending the head. @returns Whether another step can follow at once. */
  async #sendNext(): Promise<boolean> {
    if (this.#outbox.head === undefined) return false;
    if (!this.#link.open || this.#link.envelopes.pendingBytes >= WINDOW_BYTES) return false;
    if (this.delivery.full) return false;
    const roster = await this.#roster.check.current();
    const head = this.#outbox.head;
    if (head === undefined || !this.#link.open) return false;
    const chain = this.#chains.get(head.to?.id ?? "");
    const usable = chain !== undefined && this.#mayCarry(chain, head);
    const audience = this.#audience(head.to);
    if (isSignal(head) && !this.#reaches(head, usable, audience)) {
      this.#outbox.shiftBatch().forEach(({ done }) => done.resolve());
      if (head.kind === BodyKind.HEARTBEAT) this.#beatLater();
      return true;
    }
    if (audience.length === 0) return this.#handleNoReaders(head);
    // No reader could receive it now; those that do not come back are gone in time.
    if (head.to === undefined && audience.every(({ absent }) => absent)) return false;
    if (head.to === undefined && isPaced(head) && this.#mustWaitForHost()) return false;
    this.#aloneSince = undefined;
    if (!usable) return await this.#beginChain(head.to, chain);
    const lacking = audience.filter((peer) => !chain.holders.has(peer.id));
    if (lacking.length > 0) await this.#giveKeys(chain, lacking.slice(0, WRAPS_AT_ONCE));
    else if (this.#mustWaitForRate()) return false;
    else await this.#seal(chain, audience, roster);
    return true;
  }

  /** Whether the next batch is over the rate at which others show it without a wait. */
  #mustWaitForRate(): boolean {
    const paced = this.#outbox.batch.filter(isPaced);
    const cost = textCost(paced.length, paced.reduce((sum, { body }) => sum + body.length, 0));
    if (this.#limiter.tryTake(cost)) return false;
    this.#timers.after("pace", this.#limiter.msUntil(cost), () => this.pump());
    return true;
  }

  /** Whether the host's own member may be about to announce itself at another host process. */
  #mustWaitForHost(): boolean {
    const ms = this.#roster.msUntilHost();
    if (ms > 0) this.#timers.after("host", ms, () => this.pump());
    return ms > 0;
  }

  #audience(to: Peer | undefined): Peer[] {
    if (to === undefined) return this.#roster.readers();
    return this.#roster.readers().includes(to) ? [to] : [];
  }

  /** Refuses a message without readers, or waits for the first. @returns Whether another step can follow. */
  #handleNoReaders({ kind, to }: Outgoing): boolean {
    if (kind === BodyKind.STATUS) {
      this.#outbox.shiftBatch().forEach(({ done }) => done.resolve()); // Later readers are sent it then.
      return true;
    }
    if (to !== undefined) {
      if (this.#roster.has(to) && !to.seat.gone) {
        this.#outbox.refuseHead("key-withheld", "that member has no key from you");
      } else {
        this.#outbox.refuseHead("no-such-member", "that member has left");
      }
      return true;
    }
    const now = this.#clock.elapsed();
    this.#aloneSince ??= now;
    const patience = this.#aloneSince + (this.#self.waitMs ?? 0);
    const left = Math.max(patience, this.#roster.expectedUntil()) - now;
    if (left > 0) {
      this.#timers.after("wait", left, () => this.pump());
      return false;
    }
    if (this.#roster.announced().length > 0) {
      this.#outbox.refuseHead("key-withheld", "no one here has a key from you");
    } else {
      this.#outbox.refuseHead("nobody-here", "no one else is in the room");
    }
    return true;
  }

  /** Begins an epoch for an audience. @returns Whether the last one was old enough. */
  async #beginChain(to: Peer | undefined, before: SendingChain | undefined): Promise<boolean> {
    const now = this.#clock.elapsed();
    const wait = before === undefined ? 0 : before.since + MIN_EPOCH_MS - now;
    if (wait > 0) {
      this.#timers.after("epoch", wait, () => this.pump());
      return false;
    }
    const chain = await SendingChain.begin(this.#self, {
      audience: to === undefined ? Audience.ROOM : Audience.DIRECT,
      epoch: (before?.epoch ?? 0) + 1,
      since: now,
      before: before?.total ?? 0,
    });
    if (to === undefined || this.#roster.has(to)) this.#chains.set(to?.id ?? "", chain);
    return true;
  }

  /** Whether a chain may carry a message. A stale one may carry signals: they hold no secret from its holders. */
  #mayCarry(chain: SendingChain, message: Outgoing): boolean {
    return !chain.retired && (!chain.stale || isSignal(message)) &&
      chain.index < MAX_EPOCH_MESSAGES && this.#clock.elapsed() - chain.since < MAX_EPOCH_MS;
  }

  /** Whether a signal would reach a reader. A leave begins no epoch: the relay reports it too. */
  #reaches({ kind }: Outgoing, usable: boolean, audience: readonly Peer[]): boolean {
    return audience.some(({ absent }) => !absent) && (kind !== BodyKind.LEAVE || usable);
  }

  /** Has a heartbeat sent, unless there is a message to the room before that. */
  #beatLater(): void {
    this.#beatAt = this.#clock.elapsed() + HEARTBEAT_EVERY_MS;
    if (!this.#timers.has("heartbeat")) this.#awaitBeat();
  }

  /** Waits for the heartbeat: one timer for many messages, because each costs more than what it is for. */
  #awaitBeat(): void {
    const ms = this.#beatAt - this.#clock.elapsed();
    if (ms > 0) return this.#timers.after("heartbeat", ms, () => this.#awaitBeat());
    this.send({ kind: BodyKind.HEARTBEAT, body: new Uint8Array(), to: undefined });
  }

  /** Sends the key of a chain to peers. */
  async #giveKeys(chain: SendingChain, peers: readonly Peer[]): Promise<void> {
    // Before the first await: a peer that leaves meanwhile may have had the key.
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
      if (object === undefined) return; // Its session key cannot be used.
      this.#link.send({ class: EnvelopeClass.CONTROL, to: peers[i]!.session, object });
    });
  }

  /** Seals and sends the next batch. There is no await between choosing its audience and sealing. */
  async #seal(chain: SendingChain, audience: readonly Peer[], roster: Bytes): Promise<void> {
    const messages = this.#outbox.shiftBatch();
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
    this.#outbox.sealed(cmid);
    this.delivery.sealed(cmid, object.length, isText(first) ? audience : []);
    // Not at once: this message would wait for it.
    first.done.promise.then(() => chain.prepare(), () => {});
    // Others may have left while it was sealed.
    for (const peer of audience) if (peer.seat.gone) this.delivery.left(peer);
    if (to === undefined && kind !== BodyKind.LEAVE) this.#beatLater();
  }
}

/** Whether it is a heartbeat or a leave: it only reports the roster or that its author leaves. */
function isSignal({ kind }: Outgoing): boolean {
  return kind === BodyKind.HEARTBEAT || kind === BodyKind.LEAVE;
}
