/**
 * A transfer of this member: offers files, grants the key to those who accept them, and follows each receiver to its
 * end.
 *
 * `OfferedSource` has what is offered, `OfferAudience` who has the offer and who still wants it, and `UnitFlows` sends
 * each receiver the units that it lacks.
 *
 * @module
 */
import { equal, toHex } from "../bytes/mod.ts";
import { type Code, LanchatError, TransferError } from "../errors.ts";
import type { ReceiverView, TransferState, TransferView } from "../session_events.ts";
import {
  type FileMessage,
  type Report,
  ReportState,
  StopReason,
  type WantRange,
  WithdrawReason,
} from "../wire/mod.ts";
import { OfferAudience } from "./audience.ts";
import { UnitFlows } from "./flows.ts";
import { Meter, progressOf } from "./meter.ts";
import { OfferedSource, type OwnOffer } from "./own_offer.ts";
import type {
  FileMember,
  FilePort,
  FileSource,
  TransferContext,
  TransferEvent,
  Unnumbered,
} from "./port.ts";
import { stopped, withdrawReason } from "./reasons.ts";
import type { StreamEnd, UnitSealer } from "./sealing.ts";
import { SILENCE, SilenceWatch } from "./silence.ts";

/** The offer under one session of this member. */
interface Binding extends OwnOffer {
  readonly port: FilePort;
  readonly sealer: UnitSealer;
  readonly flows: UnitFlows;
}

/** One session that has accepted the offer. */
interface Receiver<M> {
  readonly member: M;
  readonly silence: SilenceWatch;
  /** Whether it wants nothing until it goes on. */
  paused: boolean;
  /** Whether it has ended: it has everything, or has given up. */
  ended: boolean;
  /** Whether it has everything. */
  complete: boolean;
  /** Whether it wants contents: before, it checks how much of them it has. */
  checked: boolean;
  /** Whether it has reported that, or had nothing: the rate counts from there. */
  measured: boolean;
  /** Bytes of the contents that it has verified. */
  bytes: number;
}

/** A transfer of this member. */
export class SendingTransfer<M extends FileMember> {
  /** Its number. */
  readonly id: number;
  /** The only receiver. */
  readonly to: M | undefined;
  readonly #context: TransferContext<M>;
  readonly #source: FileSource;
  readonly #meter: Meter;
  readonly #preparing = new AbortController();
  readonly #audience = new OfferAudience<M>();
  /** By their sessions. */
  readonly #receivers = new Map<string, Receiver<M>>();
  /** The identities that have stopped, with the reason: each is shown once, so that no one can fill the screen. */
  readonly #shown = new Set<string>();
  #offered: OfferedSource | undefined;
  #binding: Binding | undefined;
  /** Bytes of the contents; `undefined` for a stream that goes on. */
  #size: number | undefined;
  /** Tells size and root of a stream that has ended. */
  #end: FileMessage | undefined;
  /** Whether the present offer went to each session by itself. */
  #isDirect: boolean;
  #paused = false;
  #ended = false;

  /** Creates a transfer; {@linkcode SendingTransfer.start} offers it. */
  constructor(context: TransferContext<M>, id: number, source: FileSource, to: M | undefined) {
    this.#context = context;
    this.id = id;
    this.#source = source;
    this.to = to;
    this.#isDirect = to !== undefined;
    this.#meter = new Meter(context.clock, 0, (rate) => this.#showProgress(rate));
  }

  /** Hashes the files and offers them. Errors become events. */
  async start(): Promise<void> {
    try {
      const offered = new OfferedSource(this.#source);
      this.#offered = offered;
      this.#size = offered.size;
      await offered.hash(this.#preparing.signal);
      await this.#offer(offered);
    } catch (error) {
      this.#failWith(error);
    }
  }

  /** The transfer's id as it is offered now, in hexadecimal digits. */
  get transfer(): string | undefined {
    return this.#binding && toHex(this.#binding.offer.transfer);
  }

  /** The transfer as it is shown. */
  get view(): TransferView<M> {
    const receivers = this.#views;
    return {
      id: this.id,
      ...this.to !== undefined && { to: this.to },
      name: this.#source.name,
      ...this.#size !== undefined && { size: this.#size },
      count: "stream" in this.#source ? 1 : this.#source.contents.files.length,
      private: this.to !== undefined,
      state: this.#state,
      ...this.#paused && { pausedBy: "you" },
      bytes: this.#bytes,
      ...receivers.length > 0 && { receivers },
    };
  }

  // Messages of receivers.

  /** Takes a receiver's want. */
  want(member: M, ranges: readonly WantRange[]): void {
    const binding = this.#binding;
    if (binding === undefined || this.#ended || !this.#audience.includes(member)) return;
    const session = toHex(member.session);
    let receiver = this.#receivers.get(session);
    if (receiver === undefined) {
      this.#forgetAway(member);
      const [first] = ranges;
      const isFresh = binding.sealer.isStream ||
        first?.first === 0 && first.count === binding.sealer.units;
      receiver = {
        member,
        silence: this.#watch(binding, member),
        paused: false,
        ended: false,
        complete: false,
        checked: false,
        measured: isFresh,
        bytes: 0,
      };
      this.#receivers.set(session, receiver);
      this.#meter.restart(0);
      void this.#grant(binding, receiver);
    }
    this.#audience.accept(member);
    receiver.ended = false;
    receiver.paused = ranges.length === 0;
    const last = ranges.at(-1);
    receiver.checked ||= last !== undefined &&
      last.first + last.count > binding.sealer.headUnits;
    binding.flows.want(member.session, ranges);
    this.#meter.note(this.#bytes);
    receiver.silence.heard();
    if (receiver.paused) receiver.silence.stop();
    else if (!this.#paused) receiver.silence.start();
  }

  /** Watches a receiver. */
  #watch({ offer: { transfer }, port }: Binding, member: M): SilenceWatch {
    const session = toHex(member.session);
    const state = ReportState.CONTINUED;
    return new SilenceWatch({
      clock: this.#context.clock,
      sign: () => port.send({ kind: "report", transfer, state, value: 0 }, session),
      onSilent: () => {
        this.#showFailure(member, "file-silent", `${member.name} has been silent for ${SILENCE}`);
        this.#endReceiver(session);
      },
    });
  }

  /** Forgets how far the sessions of an identity were that another one replaces. */
  #forgetAway({ key }: M): void {
    for (const [session, { member }] of this.#receivers) {
      if (this.#audience.isAway(session) && equal(member.key, key)) this.#forget(session);
    }
  }

  /** Takes a receiver's report. */
  report(member: M, { state, value }: Report): void {
    const session = toHex(member.session);
    if (this.#ended || this.#audience.member(session) === undefined) return;
    const receiver = this.#receivers.get(session);
    receiver?.silence.heard();
    switch (state) {
      case ReportState.HAVE:
        return this.#note(receiver, value);
      case ReportState.COMPLETE:
        // One that had everything when this session began needs nothing of it.
        if (receiver === undefined && !this.#audience.isPending(member)) return;
        if (receiver !== undefined) {
          if (receiver.complete) return;
          receiver.complete = true;
          this.#note(receiver, value);
        }
        this.#emit({ event: "file-sent", member, name: this.#source.name });
        return this.#settle(member);
      case ReportState.DECLINED:
        if (this.#audience.hasSettled(member)) return;
        this.#failFor(member, "file-declined", `${member.name} declined it`);
        return this.#settle(member);
      case ReportState.STOPPED:
        if (receiver?.ended ?? this.#audience.hasSettled(member)) return;
        this.#showFailure(member, ...stopped(value, member.name));
        // A full disk may have room again: then the receiver wants more.
        if (value !== StopReason.DISK_FULL && value !== StopReason.CANNOT_WRITE) {
          return this.#settle(member);
        }
        this.#endReceiver(session);
    }
  }

  // Members that come and go.

  /** Offers the files to a member that has come with another session, if it had an offer before. */
  joined(member: M): void {
    const audience = this.#audience;
    if (this.#binding === undefined || !audience.includes(member)) return;
    if (!audience.hasSettled(member) && !audience.reaches(member, true)) {
      void this.#offerTo(this.#binding, member);
    }
  }

  /** Stops sending to a session that is gone. */
  left(session: string): void {
    const member = this.#audience.member(session);
    if (member === undefined) return;
    this.lost(session);
    this.#audience.remove(session);
    if (this.#ended) return;
    const isGone = this.#forget(session) && !this.#audience.reaches(member, false);
    if (isGone && this.#audience.isPending(member)) {
      const message =
        `${member.name} left before they had all of it; it continues if they come back`;
      this.#failFor(member, "file-unfinished", message);
    }
    this.#endWhenSettled();
  }

  /** Stops sending to a session whose connection is lost. It wants again when it is back. */
  lost(session: string): void {
    const member = this.#audience.member(session);
    if (member === undefined) return;
    this.#audience.lose(session);
    this.#binding?.flows.stop(session);
    this.#stall(session);
    for (const other of this.#context.members) {
      if (
        equal(other.key, member.key) &&
        this.#audience.member(toHex(other.session)) === undefined
      ) {
        this.joined(other);
      }
    }
  }

  /** Notes that a session's connection is back. */
  back(session: string): void {
    const receiver = this.#receivers.get(session);
    if (receiver !== undefined) receiver.silence.lost = false;
  }

  /** Shows that nothing goes to a session that received: the rate before does not count when it is back. */
  #stall(session: string): void {
    const receiver = this.#receivers.get(session);
    if (receiver === undefined) return;
    receiver.silence.lost = true;
    if (receiver.complete || receiver.ended) return;
    this.#meter.restart(this.#bytes);
    this.#showProgress(0);
  }

  /** Offers again under another session of this member: the old one had its own key. */
  rebind(): void {
    const binding = this.#binding;
    if (binding === undefined || this.#ended) return;
    binding.flows.halt();
    this.#binding = undefined;
    // What it has read is sealed with a key of the old session.
    if (binding.sealer.isStream) return this.#fail("file-unfinished", "the connection ended");
    for (const session of this.#receivers.keys()) this.#forget(session);
    this.#audience.renew();
    this.#isDirect = true;
    this.#bind(this.#offered!).then((next) => {
      if (this.#ended) return;
      this.#binding = next;
      for (const member of this.#context.members) this.joined(member);
    }, (error) => this.#failWith(error));
  }

  // Wishes of the person.

  /** Stops sending until {@linkcode SendingTransfer.resume}. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#binding?.flows.halt();
    this.#tellState(ReportState.PAUSED);
    for (const { silence } of this.#receivers.values()) silence.stop();
    this.#meter.stop();
    this.#showProgress(0);
  }

  /** Goes on sending: the receivers say what they lack. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#binding?.flows.resume();
    this.#meter.restart(this.#bytes);
    for (const { complete, ended, paused, silence } of this.#receivers.values()) {
      if (!complete && !ended && !paused) silence.start();
    }
    this.#tellState(ReportState.CONTINUED);
  }

  /** Withdraws the offer. */
  cancel(): void {
    this.#fail("file-canceled", "you canceled it");
  }

  /** Stops without a word: the session ends. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#preparing.abort();
    this.#binding?.flows.halt();
    this.#meter.stop();
    for (const { silence } of this.#receivers.values()) silence.stop();
    await this.#binding?.sealer.close();
    if ("contents" in this.#source) await this.#source.contents.close();
    else await this.#source.stream.cancel().catch(() => {}); // Its reader has canceled it.
  }

  // The offer.

  /** Makes an offer for the present session, again if that is replaced meanwhile. */
  async #bind(offered: OfferedSource): Promise<Binding> {
    const { port } = this.#context;
    const own = await offered.bind(port.self);
    if (port !== this.#context.port) return await this.#bind(offered);
    const sealer = offered.sealer(own, (end) => this.#onStreamEnd(end));
    const flows = new UnitFlows({
      port,
      transfer: own.offer.transfer,
      sealer,
      slots: this.#context.flows,
      clock: this.#context.clock,
      onUnreadable: (error, session) => this.#onUnreadable(error, session),
    });
    if (this.#paused) flows.halt();
    return { ...own, port, sealer, flows };
  }

  /** Offers the files, again if the session is replaced meanwhile. */
  async #offer(offered: OfferedSource): Promise<void> {
    const binding = await this.#bind(offered);
    const { offer, port } = binding;
    if (this.#ended) return;
    const to = this.to && this.#presentSession(this.to);
    // Before the host accepts it: wants may come at once.
    this.#binding = binding;
    for (const member of to === undefined ? this.#context.members : [to]) {
      this.#audience.add(member);
    }
    try {
      await port.send({ kind: "offer", ...offer }, to && toHex(to.session));
    } catch (error) {
      // If the session is replaced, `rebind` offers it again.
      if (port === this.#context.port) throw error;
    }
    if (this.#ended) return;
    this.#showOffer();
    if (this.to === undefined && this.#binding === binding) this.#offerToNewcomers(binding);
  }

  /** A member's session, or the last one of the same identity if it ended while the files were read. */
  #presentSession({ key, name, session }: M): M {
    const sessions = [...this.#context.members].filter((member) => equal(member.key, key));
    const present = sessions.find((member) => equal(member.session, session)) ?? sessions.at(-1);
    if (present === undefined) throw new TransferError("no-such-member", `${name} left`);
    return present;
  }

  /** Offers to those who came before the host had the offer to the room: they may have that, too. */
  #offerToNewcomers(binding: Binding): void {
    for (const member of this.#context.members) {
      if (this.#audience.member(toHex(member.session)) === undefined) {
        void this.#offerTo(binding, member);
      }
    }
  }

  async #offerTo({ offer, port }: Binding, member: M): Promise<void> {
    const session = toHex(member.session);
    this.#audience.add(member);
    await port.send({ kind: "offer", ...offer }, session).catch(() =>
      this.#audience.remove(session)
    );
  }

  /** Gives a receiver the key, and then what it wants. */
  async #grant(
    { flows, offer: { transfer }, port, secret }: Binding,
    receiver: Receiver<M>,
  ): Promise<void> {
    const session = toHex(receiver.member.session);
    try {
      await port.send({ kind: "grant", transfer, secret }, session);
      if (this.#end !== undefined) await port.send(this.#end, session);
      if (this.#paused) {
        const state = ReportState.PAUSED;
        await port.send({ kind: "report", transfer, state, value: 0 }, session);
      }
    } catch {
      if (this.#receivers.get(session) === receiver) this.#forget(session);
      return;
    }
    flows.grant(session);
  }

  #onStreamEnd({ root, size }: StreamEnd): void {
    if (this.#ended || this.#binding === undefined) return;
    const { flows, offer: { transfer } } = this.#binding;
    flows.end();
    this.#end = { kind: "report", transfer, state: ReportState.END, value: size, root };
    this.#size = size;
    this.#tell(this.#end);
  }

  #onUnreadable(error: unknown, session: string | undefined): void {
    const isGone = error instanceof LanchatError && error.code === "file-gone";
    const receiver = session === undefined ? undefined : this.#receivers.get(session);
    if (!isGone || receiver === undefined || this.#binding === undefined) {
      return this.#failWith(error);
    }
    const { offer: { transfer }, port } = this.#binding;
    const { member } = receiver;
    const [state, value] = [ReportState.WITHDRAWN, WithdrawReason.NOT_HELD];
    port.send({ kind: "report", transfer, state, value }, session).catch(() => {});
    this.#failFor(member, "file-gone", `${member.name} fell too far behind`);
    this.#settle(member);
  }

  /** Reports to all that have the offer. */
  #tell(report: FileMessage): void {
    const port = this.#binding?.port;
    if (port === undefined) return;
    const readers = this.#isDirect ? this.#audience.sessions : [undefined];
    for (const reader of readers) port.send(report, reader).catch(() => {}); // It may have left.
  }

  #tellState(state: number, value = 0): void {
    const transfer = this.#binding?.offer.transfer;
    if (transfer !== undefined) this.#tell({ kind: "report", transfer, state, value });
  }

  // How far it is.

  #note(receiver: Receiver<M> | undefined, bytes: number): void {
    if (receiver === undefined || receiver.ended) return;
    receiver.bytes = Math.min(bytes, this.#size ?? bytes);
    if (!receiver.measured) this.#meter.restart(this.#bytes);
    receiver.measured ||= receiver.checked;
    this.#meter.note(this.#bytes);
  }

  /** Notes that a member has everything, or does not want it. */
  #settle(member: M): void {
    this.#endReceiver(toHex(member.session));
    this.#audience.settle(member);
    this.#endWhenSettled();
  }

  #endReceiver(session: string): void {
    const receiver = this.#receivers.get(session);
    if (receiver === undefined) return;
    this.#binding?.flows.stop(session);
    receiver.silence.stop();
    receiver.ended = true;
    // A reason that was shown before is not shown again: the progress is.
    this.#meter.note(this.#bytes);
  }

  /** Forgets a session: it gets another grant if it wants again. @returns Whether it had accepted the offer. */
  #forget(session: string): boolean {
    this.#binding?.flows.drop(session);
    this.#receivers.get(session)?.silence.stop();
    return this.#receivers.delete(session);
  }

  /** Ends when no one is left who may still want something. */
  #endWhenSettled(): void {
    // One of several sessions of an identity may have ended before the others.
    const isUnderWay = [...this.#receivers].some(([session, { complete, ended }]) =>
      !complete && !ended && !this.#audience.isAway(session)
    );
    if (!isUnderWay && this.#audience.isSettled) this.#finish();
  }

  #failWith(error: unknown): void {
    if (error instanceof LanchatError) this.#fail(error.code, error.message);
    else this.#fail("internal", `${error}`);
  }

  /** Withdraws the offer and ends. */
  #fail(code: Code, message: string): void {
    if (this.#ended) return;
    this.#tellState(ReportState.WITHDRAWN, withdrawReason(code));
    this.#emit({ event: "file-failed", name: this.#source.name, code, message });
    this.#finish();
  }

  /** Shows that a receiver has stopped, once for each reason. */
  #showFailure(member: M, code: Code, message: string): void {
    const stop = `${toHex(member.key)} ${code}`;
    if (this.#shown.has(stop)) return;
    this.#shown.add(stop);
    this.#failFor(member, code, message);
  }

  #failFor(member: M, code: Code, message: string): void {
    this.#emit({ event: "file-failed", name: this.#source.name, code, message, member });
  }

  #finish(): void {
    if (this.#ended) return;
    this.#context.ended(this.id, this.close());
  }

  #showOffer(): void {
    const { count, name, size, to } = this.view;
    this.#emit({
      event: "offer",
      ...to !== undefined && { to },
      name,
      ...size !== undefined && { size },
      count,
      private: to !== undefined,
    });
  }

  #showProgress(bytesPerSecond: number): void {
    this.#emit(progressOf(this.view, bytesPerSecond));
  }

  #emit(event: Unnumbered<TransferEvent<M>>): void {
    if (!this.#ended) this.#context.emit({ ...event, id: this.id } as TransferEvent<M>);
  }

  get #state(): TransferState {
    if (this.#paused) return "paused";
    return this.#views.length > 0 ? "active" : "offered";
  }

  /** The receivers that go on or have everything. */
  get #views(): ReceiverView<M>[] {
    return [...this.#receivers.values()].filter(({ complete, ended }) => complete || !ended)
      .map(({ bytes, complete, member, paused }) => ({
        member,
        bytes,
        ...paused && !complete && { paused },
      }));
  }

  /** The bytes of the receiver that has the least. */
  get #bytes(): number {
    const all = this.#views.map(({ bytes }) => bytes);
    return all.length === 0 ? 0 : Math.min(...all);
  }
}
