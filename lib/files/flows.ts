/**
 * The flows of a transfer of this member: which units go to which sessions.
 *
 * All sessions that want units at first share flows, one for each 60 of them; each unit is sealed once for all of
 * these. What is lost to some of them is sent afterwards: those that lack units near each other share a flow again,
 * and leave it when its next unit is far from the next one that they lack. So a slow one slows no other.
 *
 * @module
 */
import { type Bytes, toHex } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import type { WantRange } from "../wire/mod.ts";
import { SEALED_UNIT_BYTES } from "./geometry.ts";
import { inOrder } from "./in_order.ts";
import type { FilePort, OutgoingChunk } from "./port.ts";
import type { SealUnit, UnitSealer } from "./sealing.ts";
import type { Slots } from "./slots.ts";
import { UnitSet } from "./unit_set.ts";

/** Units of one flow that are read and sealed at the same time. */
const SEALED_AT_ONCE = 8;

/** Units of a flow, except a shared first one, that are sent while others wait for a flow: 1 MiB. */
const TURN_UNITS = 16;

/** Time for these, in milliseconds: fewer go to a slow receiver. */
const TURN_MS = 10_000;

/** Maximum units between the next ones that two sessions lack, for them to share a flow: 4 MiB. */
const NEAR_UNITS = 64;

/** Maximum sessions of a shared flow: as many as a chunk can have. */
const MAX_PASS_TAKERS = 60;

/** Units of files, sealed for one shared flow, that are held for slower ones: 4 MiB. */
const MAX_HELD_UNITS = 64;

/** Units of a stream that a shared flow may be behind the first one; the rest is missing there: 32 MiB. */
const MAX_BEHIND_UNITS = 512;

/** Dependencies of {@linkcode UnitFlows}. */
export interface UnitFlowsOptions {
  /** Opens the flows. */
  readonly port: Pick<FilePort, "openFlow">;
  /** The id of the transfer, 16 bytes. */
  readonly transfer: Bytes;
  /** Seals the units. */
  readonly sealer: UnitSealer;
  /** Bounds the flows that are open at once. */
  readonly slots: Slots;
  /** The time. */
  readonly clock: Clock;
  /** Called if a unit cannot be sealed. @param session The only one of the flow. */
  readonly onUnreadable: (error: unknown, session: string | undefined) => void;
}

/** Units that a flow sends. */
interface Due {
  /** Whether it goes on although others wait for a flow. */
  readonly isLong: boolean;
  /** Their numbers, in order. */
  readonly units: Iterable<number>;
  /** Seals one. */
  readonly seal: SealUnit;
  /** The sessions that a unit goes to, once it is sealed; it counts as sent to them then. */
  readonly receivers: (unit: number) => readonly Bytes[];
  /** Called if the flow fails: what was under way is lost, and the receivers want it again. */
  readonly onCut: () => void;
}

/** A shared flow. */
interface Pass {
  /** Ends it. */
  readonly abort: AbortController;
  /** Whether it sends what was lost before, to sessions that lack units near each other. */
  readonly isRepeat: boolean;
  /** The next unit to seal. */
  cursor: number;
  /** Units that are being sealed, ascending: who gets one is decided when it is sent. */
  readonly underWay: Set<number>;
}

/** A session that wants units. */
interface Taker {
  readonly session: Bytes;
  /** Whether it has the key, so that units may follow. */
  granted: boolean;
  /** The units that it wants and that were not sent since. */
  wanted: UnitSet;
  /** The shared flow in which it takes part. */
  pass: Pass | undefined;
  /** Ends its own flow. */
  flow: AbortController | undefined;
}

/** Sends each session the units that it wants, all sealed with one key. Sessions are named in hexadecimal digits. */
export class UnitFlows {
  readonly #options: UnitFlowsOptions;
  readonly #takers = new Map<string, Taker>();
  /** The shared flows that have not ended. */
  readonly #passes = new Set<Pass>();
  /** Whether a shared flow of files has run. */
  #passed = false;
  /** The first unit of a stream that was not read yet. */
  #read = 0;
  /** Units of files that a shared flow has sealed, and others have yet to send. */
  readonly #sealed = new Map<number, Promise<Bytes | undefined>>();
  /** Seals for all shared flows that are the first. */
  #sealFirst: SealUnit | undefined;
  #halted = false;

  /** Creates one that sends nothing yet. */
  constructor(options: UnitFlowsOptions) {
    this.#options = options;
  }

  /** Takes what a session wants, in place of what it wanted before. It gets that once it has the key. */
  want(session: Bytes, ranges: readonly WantRange[]): void {
    const id = toHex(session);
    const taker = this.#takers.get(id) ??
      { session, granted: false, wanted: new UnitSet(), pass: undefined, flow: undefined };
    this.#takers.set(id, taker);
    taker.wanted = new UnitSet(ranges);
    taker.wanted.deleteFrom(this.#options.sealer.units);
    if (ranges.length === 0) this.#stop(taker);
    this.#schedule();
  }

  /** Sends to a session from now on: it has the key. */
  grant(session: string): void {
    const taker = this.#takers.get(session);
    if (taker === undefined) return;
    taker.granted = true;
    this.#schedule();
  }

  /** Ends the flows to a session. */
  stop(session: string): void {
    const taker = this.#takers.get(session);
    if (taker !== undefined) this.#stop(taker);
  }

  /** Ends the flows to a session that no longer has the key. */
  drop(session: string): void {
    this.stop(session);
    this.#takers.delete(session);
  }

  /** Forgets wants beyond the end of a stream, which is known now. */
  end(): void {
    for (const { wanted } of this.#takers.values()) wanted.deleteFrom(this.#options.sealer.units);
  }

  /** Ends all flows, until {@linkcode UnitFlows.resume}. */
  halt(): void {
    this.#halted = true;
    for (const taker of this.#takers.values()) stop(taker);
    for (const { abort } of this.#passes) abort.abort();
    this.#passes.clear();
    this.#forgetSealed();
  }

  /** Sends again what is wanted from now on. */
  resume(): void {
    this.#halted = false;
    this.#passed = false;
  }

  /** Starts the flows that are due. */
  #schedule(): void {
    if (this.#halted) return;
    const due = [...this.#takers.values()].filter(({ granted, wanted }) =>
      granted && wanted.size > 0
    );
    const { sealer } = this.#options;
    for (const taker of due) {
      if (taker.flow !== undefined && !sealer.isStream) continue; // It gets the head first.
      const lowest = taker.wanted.first!;
      const pass = this.#passFor(taker);
      if (pass === undefined) this.#sendOwn(taker, Infinity);
      else if (sealer.isStream) {
        taker.pass = pass;
        const [sent = pass.cursor] = pass.underWay;
        if (lowest < sent) this.#sendOwn(taker, sent);
      } else if (
        lowest < Math.min(pass.cursor, sealer.headUnits) && !pass.underWay.has(lowest)
      ) {
        // Without the head, it could use nothing of what follows.
        taker.pass = undefined;
        this.#sendOwn(taker, sealer.headUnits);
      } else taker.pass = pass;
    }
  }

  /** The shared flow for a session, begun if need be; `undefined` if it is to have one of its own. */
  #passFor({ pass, wanted }: Taker): Pass | undefined {
    if (pass !== undefined) return pass;
    const { headUnits, isStream } = this.#options.sealer;
    const lowest = wanted.first!;
    const open = [...this.#passes].find((one) => {
      const next = wanted.next(one.cursor) ?? Infinity;
      const isNear = next - one.cursor <= NEAR_UNITS && lowest >= Math.min(one.cursor, headUnits);
      return (isNear || !one.isRepeat) && this.#sharing(one).length < MAX_PASS_TAKERS;
    });
    if (open !== undefined) return open;
    // What was read of a stream before is sent to each session by itself.
    if (isStream && wanted.last! < this.#read) return undefined;
    const isRepeat = this.#passed && !isStream;
    const begun = {
      abort: new AbortController(),
      isRepeat,
      cursor: isRepeat ? lowest : this.#read,
      underWay: new Set<number>(),
    };
    this.#passes.add(begun);
    void this.#sendShared(begun);
    return begun;
  }

  #sharing(pass: Pass): Taker[] {
    return [...this.#takers.values()].filter((taker) => taker.pass === pass);
  }

  async #sendShared(pass: Pass): Promise<void> {
    const { sealer } = this.#options;
    const seal = pass.isRepeat ? sealer.begin() : this.#sealFirst ??= sealer.begin();
    const due: Due = {
      isLong: !pass.isRepeat,
      units: this.#sharedUnits(pass),
      seal: (unit) => this.#sealShared(unit, seal),
      receivers: (unit) => this.#takersOf(pass, unit).map(({ session }) => session),
      onCut: () => this.#sharing(pass).forEach(stop),
    };
    await this.#send(due, pass.abort.signal);
    if (!this.#passes.delete(pass)) return;
    if (this.#passes.size === 0) this.#forgetSealed();
    this.#passed = true;
    for (const taker of this.#sharing(pass)) taker.pass = undefined;
    this.#schedule();
  }

  /** The units that sessions in a shared flow want, ascending; all units of a stream, which is read once. */
  *#sharedUnits(pass: Pass): Generator<number> {
    const { sealer } = this.#options;
    for (;;) {
      const next = Math.min(
        ...this.#sharing(pass).map(({ wanted }) => wanted.next(pass.cursor) ?? Infinity),
      );
      if (next >= sealer.units) return;
      if (pass.isRepeat) this.#partFrom(pass, next);
      const unit = sealer.isStream ? Math.max(pass.cursor, this.#read - MAX_BEHIND_UNITS) : next;
      pass.cursor = unit + 1;
      pass.underWay.add(unit);
      if (sealer.isStream) this.#read = Math.max(this.#read, pass.cursor);
      yield unit;
    }
  }

  /** Removes from a shared flow the sessions that lack nothing near its next unit. */
  #partFrom(pass: Pass, next: number): void {
    const [from = next] = pass.underWay;
    const far = this.#sharing(pass).filter(({ wanted }) =>
      (wanted.next(from) ?? Infinity) > next + NEAR_UNITS
    );
    for (const taker of far) taker.pass = undefined;
    if (far.length > 0) this.#schedule();
  }

  /** The sessions in a shared flow that want a unit. It counts as sent to them. */
  #takersOf(pass: Pass, unit: number): Taker[] {
    pass.underWay.delete(unit);
    const takers = this.#sharing(pass).filter(({ wanted }) => wanted.has(unit));
    for (const { wanted } of takers) wanted.delete(unit);
    return takers;
  }

  /** Seals a unit for all shared flows. */
  #sealShared(unit: number, seal: SealUnit): Promise<Bytes | undefined> {
    if (this.#options.sealer.isStream) return seal(unit); // The sealer holds what it has sealed.
    const sealed = this.#sealed.get(unit) ?? seal(unit);
    this.#sealed.delete(unit);
    if ([...this.#passes].some(({ cursor }) => cursor <= unit)) this.#sealed.set(unit, sealed);
    if (this.#sealed.size > MAX_HELD_UNITS) {
      this.#sealed.delete(this.#sealed.keys().next().value!);
    }
    return sealed;
  }

  #forgetSealed(): void {
    this.#sealed.clear();
    this.#sealFirst = undefined;
  }

  /** Sends one session the units that it wants, up to one that is not included. */
  #sendOwn(taker: Taker, end: number): void {
    if (taker.flow !== undefined) return;
    const flow = new AbortController();
    taker.flow = flow;
    const due: Due = {
      isLong: false,
      units: ownUnits(taker, end),
      seal: this.#options.sealer.begin(),
      receivers: (unit) => {
        if (taker.flow !== flow) return []; // What it wants now is not sent here.
        taker.wanted.delete(unit);
        return [taker.session];
      },
      onCut: () => taker.wanted.clear(),
    };
    void this.#send(due, flow.signal, taker).then(() => {
      if (taker.flow !== flow) return;
      taker.flow = undefined;
      this.#schedule();
    });
  }

  /** Ends the flows to a session. */
  #stop(taker: Taker): void {
    const { pass } = taker;
    stop(taker);
    if (pass === undefined || !pass.isRepeat || this.#sharing(pass).length > 0) return;
    this.#passes.delete(pass);
    pass.abort.abort();
  }

  /** Seals units and sends them in a flow, until its turn is over. @param taker The only one of the flow. */
  async #send(
    { isLong, onCut, receivers, seal, units }: Due,
    signal: AbortSignal,
    taker?: Taker,
  ): Promise<void> {
    const { clock, onUnreadable, port, slots, transfer } = this.#options;
    const release = await slots.take(signal, isLong);
    if (release === undefined) return;
    const end = clock.elapsed() + TURN_MS;
    let isLate = false;
    // The next flow of these sessions waits behind those of others.
    const isOver = (sealed: number): boolean => {
      if (isLong || !slots.isWanted) return isLate;
      isLate ||= clock.elapsed() >= end;
      return isLate || sealed >= TURN_UNITS;
    };
    let failure: unknown;
    const sealed = inOrder(SEALED_AT_ONCE, unitsUntil(units, isOver), async (unit) => {
      try {
        return { unit, bytes: await seal(unit) };
      } catch (error) {
        failure ??= error;
        throw error;
      }
    });
    try {
      const now = (unit: number): readonly Bytes[] => isOver(0) ? [] : receivers(unit);
      await writeAll(port.openFlow(), chunks(transfer, sealed, now), signal);
    } catch {
      // After an abort, another flow may send what the receivers want now.
      if (!signal.aborted) onCut();
    } finally {
      release();
    }
    if (failure !== undefined && !signal.aborted) {
      onUnreadable(failure, taker && toHex(taker.session));
    }
  }
}

/** Clears what a session wants. */
function stop(taker: Taker): void {
  taker.wanted.clear();
  taker.pass = undefined;
  taker.flow?.abort();
  taker.flow = undefined;
}

/** The units that a session wants, ascending, up to one that is not included. What it wants can change meanwhile. */
function* ownUnits(taker: Taker, end: number): Generator<number> {
  let unit = taker.wanted.first;
  while (unit !== undefined && unit < end) {
    yield unit;
    unit = taker.wanted.next(unit + 1);
  }
}

/** Units, until so many of them are enough. */
function* unitsUntil(
  units: Iterable<number>,
  isEnough: (count: number) => boolean,
): Generator<number> {
  let count = 0;
  for (const unit of units) {
    yield unit;
    if (isEnough(++count)) return;
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
