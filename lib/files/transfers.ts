/**
 * All transfers of a run, in both directions. See PROTOCOL.md §6.10.
 *
 * @module
 */
import { toHex } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { TransferError } from "../errors.ts";
import { type TransferView, warning } from "../session_events.ts";
import { RateLimiter } from "../rate_limiter.ts";
import {
  type FileMessage,
  type Offer,
  type Report,
  ReportState,
  type Want,
  WithdrawReason,
} from "../wire/mod.ts";
import { type ReceivingOptions, ReceivingTransfer } from "./incoming.ts";
import { SendingTransfer } from "./outgoing.ts";
import type {
  FileMember,
  FilePort,
  FileSource,
  IncomingChunk,
  TransferContext,
  TransferEvent,
} from "./port.ts";
import { Slots } from "./slots.ts";
import { Unreported } from "./unreported.ts";

/** Maximum offers of this member that have not ended. */
const MAX_OWN_OFFERS = 16;

/** Maximum transfers of one identity that have not ended: each takes memory, and files that are open. */
const MAX_OFFERS = 16;

/** Maximum transfers of others that have not ended. */
const MAX_ALL_OFFERS = 64;

/** Places of these that only offers have that are accepted at once: strangers cannot take them. */
const WELCOME_OFFERS = 16;

/** Maximum flows that are open at once: the host lets a member have 64. */
const MAX_FLOWS = 48;

/** Of these, flows that are not for those who receive at first: what was lost to others does not wait for them. */
const SPARED_FLOWS = 8;

/** Answers to wants of transfers that this run does not know: no one can make it say more. */
const UNKNOWN_ANSWERS = { burst: 16, perSecond: 1 };

/** Dependencies of {@linkcode Transfers}. */
export interface TransfersOptions<M extends FileMember> {
  /** Called with each event. */
  readonly onEvent: (event: TransferEvent<M>) => void;
  /** The download folder. */
  readonly downloadDirectory: string;
  /** Maximum bytes of a transfer that is received; no limit if missing. */
  readonly maxFileBytes?: number | undefined;
  /** Whether offers of a member are accepted without a wish; by default only those that continue earlier ones. */
  readonly acceptsFrom?: (member: M) => boolean;
  /** The time. */
  readonly clock?: Clock;
}

/**
 * The transfers of a run: it outlives sessions. Wishes name a transfer by its number; the methods for messages,
 * bytes and members are to be called in the order in which the room has them.
 */
export class Transfers<M extends FileMember> {
  readonly #options: TransfersOptions<M>;
  readonly #context: Context<M>;
  readonly #receiving: ReceivingOptions;
  readonly #answers: RateLimiter;
  readonly #outgoing = new Map<number, SendingTransfer<M>>();
  readonly #incoming = new Map<number, ReceivingTransfer<M>>();
  /** Those of them that look for parts on the disk, also if they have ended meanwhile. */
  readonly #starting = new Set<ReceivingTransfer<M>>();
  /** Identities of which an offer was dropped since the last one that was kept, in hexadecimal digits. */
  readonly #dropped = new Set<string>();
  /** Transfers that have ended, and may have files to remove. */
  readonly #closing = new Set<Promise<void>>();
  #lastId = 0;

  /** Creates one without transfers. @param port The first session. */
  constructor(port: FilePort, options: TransfersOptions<M>) {
    this.#options = options;
    this.#context = new Context(port, options, (id, closed) => {
      this.#outgoing.delete(id);
      this.#incoming.delete(id);
      this.#closing.add(closed);
      void closed.finally(() => this.#closing.delete(closed));
    });
    this.#receiving = { directory: options.downloadDirectory, maxBytes: options.maxFileBytes };
    this.#answers = new RateLimiter(UNKNOWN_ANSWERS, this.#context.clock);
  }

  // Wishes.

  /**
   * Offers files. Whether that succeeds, events say.
   *
   * @param to The only receiver; all members by default.
   * @returns The transfer's number.
   * @throws {TransferError} `too-many-offers`
   */
  offer(source: FileSource, to?: M): number {
    if (this.#outgoing.size >= MAX_OWN_OFFERS) {
      const message = `Cannot offer more: ${MAX_OWN_OFFERS} offers have not ended`;
      throw new TransferError("too-many-offers", message);
    }
    const id = ++this.#lastId;
    const transfer = new SendingTransfer(this.#context, id, source, to);
    this.#outgoing.set(id, transfer);
    void transfer.start();
    return id;
  }

  /** Accepts an offer. @throws {TransferError} `no-such-transfer` */
  accept(id: number): void {
    this.#receivedOne(id).accept();
  }

  /** Refuses an offer. @throws {TransferError} `no-such-transfer` */
  decline(id: number): void {
    this.#receivedOne(id).cancel();
  }

  /** Ends a transfer: takes back an offer, or gives up what is received. @throws {TransferError} `no-such-transfer` */
  cancel(id: number): void {
    this.#one(id).cancel();
  }

  /** Pauses a transfer. @throws {TransferError} `no-such-transfer` */
  pause(id: number): void {
    this.#one(id).pause();
  }

  /** Continues a transfer that was paused, or that an error stopped. @throws {TransferError} `no-such-transfer` */
  resume(id: number): void {
    this.#one(id).resume();
  }

  /** The transfers that have not ended, in the order of their numbers. */
  list(): TransferView<M>[] {
    const incoming = [...this.#incoming.values()].filter(({ isShown }) => isShown);
    return [...this.#outgoing.values(), ...incoming]
      .map(({ view }) => view).sort((a, b) => a.id - b.id);
  }

  // What the room has.

  /** Takes a message about a transfer. @param isPrivate Whether it is for this member only. */
  received(message: FileMessage, from: M, isPrivate: boolean): void {
    if (this.#context.closed) return;
    switch (message.kind) {
      case "offer":
        return this.#receiveOffer(message, from, isPrivate);
      case "want":
        return this.#receiveWant(message, from);
      case "grant":
        return void this.#from(from, message)?.grant(message.secret);
      case "report":
        return this.#receiveReport(message, from);
    }
  }

  /** Takes bytes of a transfer. @returns Resolves when they are handled. */
  async bulk(chunk: IncomingChunk): Promise<void> {
    const session = toHex(chunk.from);
    const transfer = toHex(chunk.transfer);
    for (const incoming of this.#incoming.values()) {
      if (incoming.transfer === transfer && toHex(incoming.from.session) === session) {
        return await incoming.take(chunk);
      }
    }
  }

  /** Notes a member that is in the room, or has another name. */
  joined(member: M): void {
    this.#context.present.set(toHex(member.session), member);
    for (const transfer of this.#outgoing.values()) transfer.joined(member);
  }

  /** Notes that a member's connection is lost. */
  lost(member: M): void {
    const session = toHex(member.session);
    for (const transfer of this.#outgoing.values()) transfer.lost(session);
    for (const transfer of this.#incoming.values()) {
      if (toHex(transfer.from.session) === session) transfer.senderLost = true;
    }
  }

  /** Notes that a member's connection is back. */
  back(member: M): void {
    const session = toHex(member.session);
    for (const transfer of this.#outgoing.values()) transfer.back(session);
    for (const transfer of this.#incoming.values()) {
      if (toHex(transfer.from.session) === session) transfer.senderLost = false;
    }
  }

  /** Notes that a member has left. */
  left(member: M): void {
    const session = toHex(member.session);
    this.#context.present.delete(session);
    for (const transfer of this.#outgoing.values()) transfer.left(session);
    for (const transfer of this.#incoming.values()) {
      if (toHex(transfer.from.session) === session) transfer.lose();
    }
  }

  /** Notes that this member's connection is back: what was under way is lost. */
  reconnected(): void {
    for (const transfer of this.#incoming.values()) transfer.reconnected();
  }

  /** Goes on with another session of this member, whose members are still to come; before the old room is ended. */
  sessionReplaced(port: FilePort): void {
    this.#context.port = port;
    this.#context.present.clear();
    for (const transfer of this.#outgoing.values()) transfer.rebind();
    for (const transfer of this.#incoming.values()) transfer.lose();
  }

  /** Ends all transfers without a word, and keeps what came. */
  async close(): Promise<void> {
    this.#context.closed = true;
    const all = [...this.#outgoing.values(), ...this.#incoming.values()];
    await Promise.all([...all.map((transfer) => transfer.close()), ...this.#closing]);
  }

  #receiveOffer(offer: Offer, from: M, isPrivate: boolean): void {
    const incoming = [...this.#incoming.values()];
    const same = incoming.find((transfer) => transfer.continues(from, offer));
    if (same !== undefined) return same.rebind(from, offer);
    if (this.#context.unreported.has(from.key, offer)) return this.#reportAgain(offer, from);
    const key = toHex(from.key);
    const all = [...new Set([...incoming, ...this.#starting])];
    const own = all.filter((transfer) => toHex(transfer.from.key) === key);
    // An id is that of one offer, or bytes could be for either of them.
    if (own.some(({ transfer }) => transfer === toHex(offer.transfer))) return;
    const accepts = this.#options.acceptsFrom?.(from) ?? false;
    const places = accepts ? MAX_ALL_OFFERS : MAX_ALL_OFFERS - WELCOME_OFFERS;
    if (own.length >= MAX_OFFERS || all.length >= places) {
      if (this.#dropped.has(key)) return;
      this.#dropped.add(key);
      const message = `${from.name} offers more than lanchat keeps: dropped`;
      return this.#context.emit(warning("too-many-offers", message));
    }
    this.#dropped.delete(key);
    const id = ++this.#lastId;
    const transfer = new ReceivingTransfer(
      this.#context,
      id,
      { from, offer, isPrivate },
      this.#receiving,
    );
    this.#incoming.set(id, transfer);
    this.#starting.add(transfer);
    void transfer.start(accepts).finally(() => this.#starting.delete(transfer));
  }

  /** Reports that the files of an offer are here: the report before it did not get through. */
  #reportAgain(offer: Offer, from: M): void {
    const { size: value, transfer } = offer;
    const { port, unreported } = this.#context;
    const session = toHex(from.session);
    // Only one who has accepted an offer is believed to have its files.
    const accepted = port.send({ kind: "want", transfer, ranges: [] }, session);
    const state = ReportState.COMPLETE;
    const report = accepted.then(() =>
      port.send({ kind: "report", transfer, state, value }, session)
    );
    unreported.add(from.key, offer, report);
  }

  #receiveWant({ ranges, transfer }: Want, from: M): void {
    const id = toHex(transfer);
    const own = [...this.#outgoing.values()].find((one) => one.transfer === id);
    if (own !== undefined) return own.want(from, ranges);
    if (!this.#answers.tryTake(1)) return;
    const [state, value] = [ReportState.WITHDRAWN, WithdrawReason.NOT_HELD];
    const report = { kind: "report", transfer, state, value } as const;
    this.#context.port.send(report, toHex(from.session)).catch(() => {}); // It has left.
  }

  #receiveReport(report: Report, from: M): void {
    const id = toHex(report.transfer);
    const own = [...this.#outgoing.values()].find(({ transfer }) => transfer === id);
    if (own !== undefined) own.report(from, report);
    else this.#from(from, report)?.report(report);
  }

  /** The transfer of a sender that a message is about. */
  #from(member: M, { transfer }: Pick<Offer, "transfer">): ReceivingTransfer<M> | undefined {
    const id = toHex(transfer);
    const session = toHex(member.session);
    return [...this.#incoming.values()].find((one) =>
      one.transfer === id && toHex(one.from.session) === session
    );
  }

  #one(id: number): SendingTransfer<M> | ReceivingTransfer<M> {
    const transfer = this.#outgoing.get(id) ?? this.#shown(id);
    if (transfer !== undefined) return transfer;
    throw new TransferError("no-such-transfer", `There is no transfer ${id}`);
  }

  #shown(id: number): ReceivingTransfer<M> | undefined {
    const transfer = this.#incoming.get(id);
    return transfer?.isShown === true ? transfer : undefined;
  }

  #receivedOne(id: number): ReceivingTransfer<M> {
    const transfer = this.#shown(id);
    if (transfer !== undefined) return transfer;
    throw new TransferError("no-such-transfer", `There is no offer ${id} to you`);
  }
}

/** What the transfers share. */
class Context<M extends FileMember> implements TransferContext<M> {
  port: FilePort;
  closed = false;
  readonly clock: Clock;
  readonly flows: Slots = new Slots(MAX_FLOWS, SPARED_FLOWS);
  readonly unreported: Unreported;
  /** The members in the room, by session. */
  readonly present = new Map<string, M>();
  readonly ended: (id: number, closed: Promise<void>) => void;
  readonly #onEvent: (event: TransferEvent<M>) => void;

  constructor(
    port: FilePort,
    options: TransfersOptions<M>,
    ended: (id: number, closed: Promise<void>) => void,
  ) {
    this.port = port;
    this.clock = options.clock ?? systemClock;
    this.unreported = new Unreported(this.clock);
    this.ended = ended;
    this.#onEvent = options.onEvent;
  }

  get members(): Iterable<M> {
    return this.present.values();
  }

  emit(event: TransferEvent<M>): void {
    if (!this.closed) this.#onEvent(event);
  }
}
