/**
 * An own transfer: offers files, and sends each receiver the units that it lacks.
 *
 * All receivers that want units at first share flows, one for each 60 of them; each unit is sealed once for all of
 * these. A receiver that lacks units afterwards has a flow of its own, so that a slow one slows no other.
 *
 * @module
 */
import { type Bytes, equal, toHex } from "../bytes/mod.ts";
import { fileKey, hashOffer, KEY_BYTES, randomBytes } from "../crypto/mod.ts";
import { type Code, LanchatError } from "../errors.ts";
import type { ReceiverView, TransferState, TransferView } from "../session_events.ts";
import {
  encodeFileMessage,
  type FileMessage,
  type Offer,
  type Report,
  ReportState,
  StopReason,
  TRANSFER_BYTES,
  type WantRange,
  WithdrawReason,
} from "../wire/mod.ts";
import { contentReader } from "./content.ts";
import { SEALED_UNIT_BYTES } from "./geometry.ts";
import { inOrder } from "./in_order.ts";
import { Manifest, UNKNOWN_SIZE } from "./manifest.ts";
import { Meter, secondsLeft } from "./meter.ts";
import type {
  FileMember,
  FilePort,
  FileSource,
  OutgoingChunk,
  TransferContext,
  TransferEvent,
  Unnumbered,
} from "./port.ts";
import { FileSealer, type StreamEnd, StreamSealer, type UnitSealer } from "./sealing.ts";
import { buildTree, type HashTree } from "./tree.ts";
import { UnitSet } from "./unit_set.ts";

/** Units of one flow that are read and sealed at the same time. */
const SEALED_AT_ONCE = 8;

/** Maximum receivers of a shared flow: as many as a chunk can have. */
const MAX_PASS_RECEIVERS = 60;

/** Units of files, sealed for one shared flow, that are held for slower ones: 4 MiB. */
const MAX_HELD_UNITS = 64;

/** Units of a stream that a shared flow may be behind the first one; the rest is missing there: 32 MiB. */
const MAX_BEHIND_UNITS = 512;

/** The offer under one own session. */
interface Binding {
  readonly port: FilePort;
  readonly offer: Offer;
  readonly secret: Bytes;
  readonly sealer: UnitSealer;
}

/** Units that a flow sends. */
interface Due {
  /** Their numbers, in order. */
  readonly units: Iterable<number>;
  /** Seals one. */
  readonly seal: (unit: number) => Promise<Bytes | undefined>;
  /** The sessions that a unit goes to, once it is sealed; it counts as sent to them then. */
  readonly receivers: (unit: number) => readonly Bytes[];
  /** Called if the flow fails: what was under way is lost, and the receivers want it again. */
  readonly onCut: () => void;
}

/** A shared flow. */
interface Pass {
  /** Ends it. */
  readonly abort: AbortController;
  /** The next unit to seal. */
  cursor: number;
  /** Units that are being sealed, ascending: who gets one is decided when it is sent. */
  readonly underWay: Set<number>;
}

/** One session that has accepted the offer. */
interface Receiver<M> {
  readonly member: M;
  /** Whether the grant is accepted, and units may follow. */
  granted: boolean;
  /** Whether it wants nothing until it goes on. */
  paused: boolean;
  /** Whether it has ended: it has everything, or has given up. */
  ended: boolean;
  /** Whether it has everything. */
  complete: boolean;
  /** The units that it wants and that were not sent since. */
  wanted: UnitSet;
  /** Bytes of the contents that it has verified. */
  bytes: number;
  /** The shared flow in which it takes part. */
  pass: Pass | undefined;
  /** Ends its own flow. */
  flow: AbortController | undefined;
}

/** An own transfer. */
export class SendingTransfer<M extends FileMember> {
  /** Its number. */
  readonly id: number;
  /** The only receiver. */
  readonly to: M | undefined;
  readonly #context: TransferContext<M>;
  readonly #source: FileSource;
  readonly #meter: Meter;
  readonly #preparing = new AbortController();
  /** Identity keys that may accept the offer, in hexadecimal digits. */
  readonly #audience = new Set<string>();
  /** Those of them that have accepted it. */
  readonly #accepted = new Set<string>();
  /** Those of them that have everything, or do not want it. */
  readonly #settled = new Set<string>();
  /** The identities that have stopped, with the reason: each is shown once, so that no one can fill the screen. */
  readonly #shown = new Set<string>();
  /** Sessions that have the present offer. */
  readonly #offered = new Map<string, M>();
  /** Those of them whose connection is lost: their program may have started again, with another session. */
  readonly #away = new Set<string>();
  readonly #receivers = new Map<string, Receiver<M>>();
  #manifest: Manifest | undefined;
  #tree: HashTree | undefined;
  #binding: Binding | undefined;
  /** Bytes of the contents; `undefined` for a stream that goes on. */
  #size: number | undefined;
  /** Tells size and root of a stream that has ended. */
  #end: FileMessage | undefined;
  /** Whether the present offer went to each session by itself. */
  #isDirect: boolean;
  /** The shared flows that have not ended. */
  readonly #passes = new Set<Pass>();
  /** Whether a shared flow of files has run. */
  #passed = false;
  /** The first unit of a stream that was not read yet. */
  #read = 0;
  /** Units of files that a shared flow has sealed, and others have yet to send. */
  readonly #sealed = new Map<number, Promise<Bytes | undefined>>();
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
      await this.#prepare();
      await this.#offer();
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
    return {
      id: this.id,
      ...this.to !== undefined && { to: this.to },
      name: this.#source.name,
      ...this.#size !== undefined && { size: this.#size },
      count: "stream" in this.#source ? 1 : this.#source.contents.files.length,
      private: this.to !== undefined,
      state: this.#state,
      bytes: this.#bytes,
      ...this.#views.length > 0 && { receivers: this.#views },
    };
  }

  // Messages of receivers.

  /** Takes a receiver's want. */
  want(member: M, ranges: readonly WantRange[]): void {
    const key = toHex(member.key);
    const binding = this.#binding;
    if (binding === undefined || this.#ended || !this.#audience.has(key)) return;
    const id = toHex(member.session);
    let receiver = this.#receivers.get(id);
    if (receiver === undefined) {
      this.#forgetAway(key);
      receiver = {
        member,
        granted: false,
        paused: false,
        ended: false,
        complete: false,
        wanted: new UnitSet(),
        bytes: 0,
        pass: undefined,
        flow: undefined,
      };
      this.#receivers.set(id, receiver);
      this.#accepted.add(key);
      this.#offered.set(id, member);
      void this.#grant(binding, receiver);
    }
    this.#away.delete(id);
    receiver.ended = false;
    this.#settled.delete(key);
    receiver.wanted = new UnitSet(ranges);
    receiver.wanted.deleteFrom(binding.sealer.units);
    if (ranges.length === 0) this.#stop(receiver);
    receiver.paused = ranges.length === 0;
    this.#meter.note(this.#bytes);
    this.#schedule();
  }

  /** Forgets how far the sessions of an identity were that another one replaces. */
  #forgetAway(key: string): void {
    for (const [session, { member }] of this.#receivers) {
      if (this.#away.has(session) && toHex(member.key) === key) this.#receivers.delete(session);
    }
  }

  /** Takes a receiver's report. */
  report(member: M, { state, value }: Report): void {
    const id = toHex(member.session);
    if (this.#ended || !this.#offered.has(id)) return;
    const receiver = this.#receivers.get(id);
    switch (state) {
      case ReportState.HAVE:
        return this.#note(receiver, value);
      case ReportState.COMPLETE:
        // One that had everything when this session began needs nothing of it.
        if (receiver === undefined && !this.#isPending(member)) return;
        if (receiver !== undefined) {
          if (receiver.complete) return;
          receiver.complete = true;
          this.#note(receiver, value);
        }
        this.#emit({ event: "file-sent", member, name: this.#source.name });
        return this.#settle(member);
      case ReportState.DECLINED:
        if (this.#settled.has(toHex(member.key))) return;
        this.#failFor(member, "file-declined", `${member.name} declined it`);
        return this.#settle(member);
      case ReportState.STOPPED:
        if (receiver?.ended ?? this.#settled.has(toHex(member.key))) return;
        this.#showStop(member, value);
        // A full disk may have room again: then the receiver wants more.
        if (value !== StopReason.DISK_FULL && value !== StopReason.CANNOT_WRITE) {
          return this.#settle(member);
        }
        if (receiver !== undefined) this.#endReceiver(receiver);
    }
  }

  // Members that come and go.

  /** Offers the files to a member that has come with another session, if it had an offer before. */
  joined(member: M): void {
    const key = toHex(member.key);
    if (this.#binding === undefined || !this.#audience.has(key) || this.#settled.has(key)) return;
    const has = [...this.#offered].some(([session, other]) =>
      toHex(other.key) === key && !this.#away.has(session)
    );
    if (!has) void this.#offerTo(this.#binding, member);
  }

  /** Stops sending to a session that is gone. */
  left(session: string): void {
    const member = this.#offered.get(session);
    if (member === undefined) return;
    this.lost(session);
    this.#offered.delete(session);
    this.#away.delete(session);
    if (this.#ended) return;
    const isAlone = ![...this.#offered.values()].some(({ key }) => equal(key, member.key));
    if (this.#receivers.delete(session) && isAlone && this.#isPending(member)) {
      const message =
        `${member.name} left before they had all of it; it continues if they come back`;
      this.#failFor(member, "file-unfinished", message);
    }
    this.#endWhenSettled();
  }

  /** Stops sending to a session whose connection is lost. It wants again when it is back. */
  lost(session: string): void {
    const member = this.#offered.get(session);
    if (member === undefined) return;
    this.#away.add(session);
    const receiver = this.#receivers.get(session);
    if (receiver !== undefined) this.#stop(receiver);
    for (const other of this.#context.members) {
      if (equal(other.key, member.key) && !this.#offered.has(toHex(other.session))) {
        this.joined(other);
      }
    }
  }

  /** Offers again under another own session: the old one had its own key. */
  rebind(): void {
    const binding = this.#binding;
    if (binding === undefined || this.#ended) return;
    this.#stopAll();
    this.#binding = undefined;
    // What it has read is sealed with a key of the old session.
    if (binding.sealer.isStream) return this.#fail("file-unfinished", "the connection ended");
    this.#receivers.clear();
    this.#offered.clear();
    this.#away.clear();
    this.#isDirect = true;
    this.#bind().then((next) => {
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
    this.#stopAll();
    this.#tellState(ReportState.PAUSED);
    this.#meter.stop();
    this.#showProgress(0);
  }

  /** Goes on sending: the receivers say what they lack. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#passed = false;
    this.#meter.restart(this.#bytes);
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
    this.#stopAll();
    this.#meter.stop();
    await this.#binding?.sealer.close();
    if ("contents" in this.#source) await this.#source.contents.close();
    else await this.#source.stream.cancel().catch(() => {}); // Its reader has canceled it.
  }

  // The offer.

  async #prepare(): Promise<void> {
    const source = this.#source;
    if ("stream" in source) {
      this.#manifest = Manifest.of([{ path: source.name, size: UNKNOWN_SIZE }]);
      return;
    }
    const manifest = Manifest.of(source.contents.files);
    const sizes = { manifestBytes: manifest.bytes.length, size: manifest.size };
    this.#manifest = manifest;
    this.#size = manifest.size;
    this.#tree = await buildTree(sizes, contentReader(manifest, source.contents), {
      signal: this.#preparing.signal,
    });
  }

  /** Makes an offer for the present session, again if that is replaced meanwhile. */
  async #bind(): Promise<Binding> {
    const { port } = this.#context;
    const source = this.#source;
    const manifest = this.#manifest!.bytes;
    const tree = this.#tree;
    const offer: Offer = {
      transfer: randomBytes(TRANSFER_BYTES),
      stream: tree === undefined,
      size: this.#size ?? 0,
      files: this.#manifest!.files.length,
      manifestBytes: manifest.length,
      root: tree?.root ?? new Uint8Array(KEY_BYTES),
      name: source.name,
    };
    const secret = randomBytes(KEY_BYTES);
    const { body } = encodeFileMessage({ kind: "offer", ...offer });
    const key = await fileKey(secret, await hashOffer(port.self, body));
    if (port !== this.#context.port) return await this.#bind();
    const sealer = "stream" in source
      ? new StreamSealer(manifest, source.stream, key, (end) => this.#onStreamEnd(end))
      : new FileSealer(
        manifest.length,
        contentReader(this.#manifest!, source.contents),
        tree!,
        key,
      );
    return { port, offer, secret, sealer };
  }

  /** Offers the files, again if the session is replaced meanwhile. */
  async #offer(): Promise<void> {
    const binding = await this.#bind();
    const { offer, port } = binding;
    if (this.#ended) return;
    // Before the host accepts it: wants may come at once.
    this.#binding = binding;
    for (const member of this.to === undefined ? this.#context.members : [this.to]) {
      this.#audience.add(toHex(member.key));
      this.#offered.set(toHex(member.session), member);
    }
    try {
      await port.send({ kind: "offer", ...offer }, this.to && toHex(this.to.session));
    } catch (error) {
      // If the session is replaced, `rebind` offers it again.
      if (port === this.#context.port) throw error;
    }
    if (this.#ended) return;
    this.#showOffer();
    if (this.to === undefined && this.#binding === binding) this.#offerToNewcomers(binding);
  }

  /** Offers to those who came before the host had the offer to the room: they may have that, too. */
  #offerToNewcomers(binding: Binding): void {
    for (const member of this.#context.members) {
      if (this.#offered.has(toHex(member.session))) continue;
      this.#audience.add(toHex(member.key));
      void this.#offerTo(binding, member);
    }
  }

  async #offerTo({ offer, port }: Binding, member: M): Promise<void> {
    const session = toHex(member.session);
    this.#offered.set(session, member);
    await port.send({ kind: "offer", ...offer }, session).catch(() =>
      this.#offered.delete(session)
    );
  }

  /** Gives a receiver the key, and then what it wants. */
  async #grant({ offer, port, secret }: Binding, receiver: Receiver<M>): Promise<void> {
    const session = toHex(receiver.member.session);
    const { transfer } = offer;
    try {
      await port.send({ kind: "grant", transfer, secret }, session);
      if (this.#end !== undefined) await port.send(this.#end, session);
      if (this.#paused) {
        const state = ReportState.PAUSED;
        await port.send({ kind: "report", transfer, state, value: 0 }, session);
      }
    } catch {
      this.#receivers.delete(session);
      return;
    }
    receiver.granted = true;
    this.#schedule();
  }

  #onStreamEnd({ root, size }: StreamEnd): void {
    if (this.#ended || this.#binding === undefined) return;
    const { offer, sealer } = this.#binding;
    for (const { wanted } of this.#receivers.values()) wanted.deleteFrom(sealer.units);
    this.#end = {
      kind: "report",
      transfer: offer.transfer,
      state: ReportState.END,
      value: size,
      root,
    };
    this.#size = size;
    this.#tell(this.#end);
  }

  /** Reports to all that have the offer. */
  #tell(report: FileMessage): void {
    const port = this.#binding?.port;
    if (port === undefined) return;
    const readers = this.#isDirect ? [...this.#offered.keys()] : [undefined];
    for (const reader of readers) port.send(report, reader).catch(() => {}); // It may have left.
  }

  #tellState(state: number, value = 0): void {
    const transfer = this.#binding?.offer.transfer;
    if (transfer !== undefined) this.#tell({ kind: "report", transfer, state, value });
  }

  // The flows.

  /** Starts the flows that are due. */
  #schedule(): void {
    const binding = this.#binding;
    if (binding === undefined || this.#paused || this.#ended) return;
    const due = [...this.#receivers.values()].filter(({ granted, wanted }) =>
      granted && wanted.size > 0
    );
    if (due.length === 0) return;
    const { sealer } = binding;
    for (const receiver of due) {
      const lowest = receiver.wanted.first!;
      const pass = this.#passFor(binding, receiver);
      if (pass === undefined) this.#sendOwn(binding, receiver, Infinity);
      else if (sealer.isStream) {
        receiver.pass = pass;
        const [sent = pass.cursor] = pass.underWay;
        if (lowest < sent) this.#sendOwn(binding, receiver, sent);
      } else if (
        lowest < Math.min(pass.cursor, sealer.headUnits) && !pass.underWay.has(lowest)
      ) {
        // Without the head, it could use nothing of what follows.
        receiver.pass = undefined;
        this.#sendOwn(binding, receiver, sealer.headUnits);
      } else receiver.pass = receiver.flow === undefined ? pass : undefined;
    }
  }

  /** The shared flow for a receiver, begun if need be; `undefined` if it is to have one of its own. */
  #passFor(binding: Binding, { pass, wanted }: Receiver<M>): Pass | undefined {
    if (pass !== undefined) return pass;
    const { isStream } = binding.sealer;
    const open = [...this.#passes].find((one) => this.#sharing(one).length < MAX_PASS_RECEIVERS);
    if (open !== undefined) return open;
    // What was read of a stream before is sent to each receiver by itself.
    if (isStream ? wanted.last! < this.#read : this.#passed) return undefined;
    const begun = { abort: new AbortController(), cursor: this.#read, underWay: new Set<number>() };
    this.#passes.add(begun);
    void this.#sendShared(binding, begun);
    return begun;
  }

  #sharing(pass: Pass): Receiver<M>[] {
    return [...this.#receivers.values()].filter((receiver) => receiver.pass === pass);
  }

  async #sendShared(binding: Binding, pass: Pass): Promise<void> {
    const due: Due = {
      units: this.#sharedUnits(binding, pass),
      seal: (unit) => this.#sealShared(binding.sealer, unit),
      receivers: (unit) => this.#takers(pass, unit).map(({ member }) => member.session),
      onCut: () => this.#sharing(pass).forEach((receiver) => this.#stop(receiver)),
    };
    await this.#send(binding, due, pass.abort.signal);
    if (!this.#passes.delete(pass)) return;
    if (this.#passes.size === 0) this.#sealed.clear();
    this.#passed = true;
    for (const receiver of this.#sharing(pass)) receiver.pass = undefined;
    this.#schedule();
  }

  /** The units that receivers in a shared flow want, ascending; all units of a stream, which is read once. */
  *#sharedUnits({ sealer }: Binding, pass: Pass): Generator<number> {
    while (true) {
      const next = Math.min(
        ...this.#sharing(pass).map(({ wanted }) => wanted.next(pass.cursor) ?? Infinity),
      );
      if (next >= sealer.units) return;
      const unit = sealer.isStream ? Math.max(pass.cursor, this.#read - MAX_BEHIND_UNITS) : next;
      pass.cursor = unit + 1;
      pass.underWay.add(unit);
      if (sealer.isStream) this.#read = Math.max(this.#read, pass.cursor);
      yield unit;
    }
  }

  /** The receivers in a shared flow that want a unit. It counts as sent to them. */
  #takers(pass: Pass, unit: number): Receiver<M>[] {
    pass.underWay.delete(unit);
    const takers = this.#sharing(pass).filter(({ wanted }) => wanted.has(unit));
    for (const { wanted } of takers) wanted.delete(unit);
    return takers;
  }

  /** Seals a unit for all shared flows. */
  #sealShared(sealer: UnitSealer, unit: number): Promise<Bytes | undefined> {
    if (sealer.isStream) return sealer.seal(unit); // It holds what it has sealed.
    const sealed = this.#sealed.get(unit) ?? sealer.seal(unit);
    this.#sealed.delete(unit);
    if ([...this.#passes].some(({ cursor }) => cursor <= unit)) this.#sealed.set(unit, sealed);
    if (this.#sealed.size > MAX_HELD_UNITS) {
      this.#sealed.delete(this.#sealed.keys().next().value!);
    }
    return sealed;
  }

  /** Sends one receiver the units that it wants, up to one that is not included. */
  #sendOwn(binding: Binding, receiver: Receiver<M>, end: number): void {
    if (receiver.flow !== undefined) return;
    const flow = new AbortController();
    receiver.flow = flow;
    const due: Due = {
      units: ownUnits(receiver, end),
      seal: (unit) => binding.sealer.seal(unit),
      receivers: (unit) => {
        if (receiver.flow !== flow) return []; // What it wants now is not sent here.
        receiver.wanted.delete(unit);
        return [receiver.member.session];
      },
      onCut: () => receiver.wanted.clear(),
    };
    void this.#send(binding, due, flow.signal, receiver).then(() => {
      if (receiver.flow !== flow) return;
      receiver.flow = undefined;
      this.#schedule();
    });
  }

  /** Seals units and sends them in a flow. @param receiver The only one of the flow. */
  async #send(
    { offer, port }: Binding,
    { onCut, receivers, seal, units }: Due,
    signal: AbortSignal,
    receiver?: Receiver<M>,
  ): Promise<void> {
    const release = await this.#context.flows.take(signal);
    if (release === undefined) return;
    let failure: unknown;
    const sealed = inOrder(SEALED_AT_ONCE, units, async (unit) => {
      try {
        return { unit, bytes: await seal(unit) };
      } catch (error) {
        failure ??= error;
        throw error;
      }
    });
    try {
      await writeAll(port.openFlow(), chunks(offer.transfer, sealed, receivers), signal);
    } catch {
      // After an abort, another flow may send what the receivers want now.
      if (!signal.aborted) onCut();
    } finally {
      release();
    }
    if (failure !== undefined && !signal.aborted) this.#onUnreadable(failure, receiver);
  }

  #onUnreadable(error: unknown, receiver: Receiver<M> | undefined): void {
    const isGone = error instanceof LanchatError && error.code === "file-gone";
    if (!isGone || receiver === undefined || this.#binding === undefined) {
      return this.#failWith(error);
    }
    const { offer: { transfer }, port } = this.#binding;
    const { member } = receiver;
    const [state, value] = [ReportState.WITHDRAWN, WithdrawReason.NOT_HELD];
    port.send({ kind: "report", transfer, state, value }, toHex(member.session)).catch(() => {});
    this.#failFor(member, "file-gone", `${member.name} fell too far behind`);
    this.#settle(member);
  }

  /** Ends the flows to a receiver. */
  #stop(receiver: Receiver<M>): void {
    receiver.wanted.clear();
    receiver.pass = undefined;
    receiver.flow?.abort();
    receiver.flow = undefined;
  }

  #endReceiver(receiver: Receiver<M>): void {
    this.#stop(receiver);
    receiver.ended = true;
  }

  #stopAll(): void {
    for (const receiver of this.#receivers.values()) this.#stop(receiver);
    for (const { abort } of this.#passes) abort.abort();
    this.#passes.clear();
    this.#sealed.clear();
  }

  // How far it is.

  #note(receiver: Receiver<M> | undefined, bytes: number): void {
    if (receiver === undefined || receiver.ended) return;
    receiver.bytes = Math.min(bytes, this.#size ?? bytes);
    this.#meter.note(this.#bytes);
  }

  /** Notes that a member has everything, or does not want it. */
  #settle(member: M): void {
    const receiver = this.#receivers.get(toHex(member.session));
    if (receiver !== undefined) this.#endReceiver(receiver);
    this.#settled.add(toHex(member.key));
    this.#endWhenSettled();
  }

  /** Whether a member has accepted an offer of these files, and has not ended that. */
  #isPending({ key }: M): boolean {
    return this.#accepted.has(toHex(key)) && !this.#settled.has(toHex(key));
  }

  /** Ends when no one is left who may still want something. */
  #endWhenSettled(): void {
    // One of several sessions of an identity may have ended before the others.
    const isUnderWay = [...this.#receivers].some(([session, { complete, ended }]) =>
      !complete && !ended && !this.#away.has(session)
    );
    if (isUnderWay) return;
    const here = [...this.#offered.values()].map(({ key }) => toHex(key));
    const pending = [...here, ...this.#accepted].filter((key) => !this.#settled.has(key));
    if (this.#settled.size > 0 && pending.length === 0) this.#finish();
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

  /** Shows that a receiver has stopped, once for each reason. @param value Of the report. */
  #showStop(member: M, value: number): void {
    const [code, message] = stopped(value, member.name);
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
    const { bytes, name, receivers, size, state } = this.view;
    const left = secondsLeft(bytes, size, bytesPerSecond);
    this.#emit({
      event: "progress",
      name,
      bytes,
      ...size !== undefined && { size },
      bytesPerSecond,
      ...left !== undefined && { secondsLeft: left },
      ...state === "paused" && { paused: true },
      ...receivers !== undefined && { receivers },
    });
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

/** The units that a receiver wants, ascending, up to one that is not included. What it wants can change meanwhile. */
function* ownUnits(receiver: Receiver<unknown>, end: number): Generator<number> {
  let unit = receiver.wanted.first;
  while (unit !== undefined && unit < end) {
    yield unit;
    unit = receiver.wanted.next(unit + 1);
  }
}

/** Sealed units as chunks of a flow. @param receivers As in `Due`. */
async function* chunks(
  transfer: Bytes,
  units: AsyncIterable<{ readonly unit: number; readonly bytes: Bytes | undefined }>,
  receivers: Due["receivers"],
): AsyncGenerator<OutgoingChunk> {
  for await (const { bytes, unit } of units) {
    if (bytes === undefined) return; // The stream has ended.
    const offset = unit * SEALED_UNIT_BYTES;
    const to = receivers(unit);
    if (to.length > 0) yield { transfer, offset, to, bytes };
  }
}

/** Writes chunks to a flow, and closes it. `pipeTo` would wait for the write under way when the signal aborts. */
async function writeAll(
  flow: WritableStream<OutgoingChunk>,
  chunks: AsyncIterable<OutgoingChunk>,
  signal: AbortSignal,
): Promise<void> {
  const writer = flow.getWriter();
  writer.closed.catch(() => {}); // The write that fails says so.
  const abort = (): void => void writer.abort().catch(() => {});
  signal.addEventListener("abort", abort);
  try {
    for await (const chunk of chunks) await writer.write(chunk);
    await writer.close();
  } catch (error) {
    abort();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Why a receiver stopped, as code and message. @param name The receiver's. */
function stopped(reason: number, name: string): [Code, string] {
  switch (reason) {
    case StopReason.CANCELED:
      return ["file-canceled", `${name} canceled it`];
    case StopReason.DISK_FULL:
      return ["disk-full", `${name} has no room for it`];
    case StopReason.CANNOT_WRITE:
      return ["download-unwritable", `${name} cannot save it`];
    case StopReason.TOO_LARGE:
      return ["file-too-large", `it is too large for ${name}`];
    case StopReason.BAD_CONTENTS:
      return ["file-damaged", `it did not reach ${name} undamaged`];
    default:
      return ["file-unfinished", `${name} stopped receiving it`];
  }
}

/** The reason for the receivers that a transfer ends with a code. */
function withdrawReason(code: Code): number {
  switch (code) {
    case "file-canceled":
      return WithdrawReason.CANCELED;
    case "file-changed":
      return WithdrawReason.FILE_CHANGED;
    default:
      return WithdrawReason.CANNOT_READ;
  }
}
