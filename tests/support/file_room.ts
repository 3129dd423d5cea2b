/**
 * Transfers of several members, joined by a room that the test plays: no relay and no chains.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Bytes, toHex, utf8 } from "../../lib/bytes/mod.ts";
import { type OfferOrigin, randomBytes, sha256 } from "../../lib/crypto/mod.ts";
import { delay } from "../../lib/clock.ts";
import { RoomError } from "../../lib/errors.ts";
import {
  type FileContents,
  type FileMember,
  type FilePort,
  memoryFile,
  type OutgoingChunk,
  type TransferEvent,
  Transfers,
  type TransfersOptions,
} from "../../lib/files/mod.ts";
import { decodeFileMessage, encodeFileMessage, type FileMessage } from "../../lib/wire/mod.ts";
import { FakeClock, nextTurn } from "./clock.ts";
import { CryptoWork } from "./crypto_work.ts";
import { Inbox } from "./inbox.ts";

/** Fake time that passes in each turn of the event loop, in milliseconds. */
const TURN_MS = 100;

const ROOM_ID = new Uint8Array(32).fill(7);

/** An event of a transfer, as a test sees it. */
export type FileEvent = TransferEvent<FileMember>;

/** A message that a member sent. */
export interface SentMessage {
  readonly from: string;
  readonly to: string | undefined;
  readonly message: FileMessage;
}

/** Options of one member. */
export type SideOptions = Partial<Omit<TransfersOptions<FileMember>, "clock" | "onEvent">>;

/** A room of members that send files. */
export class FileRoom implements AsyncDisposable {
  readonly clock: FakeClock = new FakeClock();
  /** Where all chunks that were written to flows belong. */
  readonly chunks: Omit<OutgoingChunk, "bytes">[] = [];
  /** Number of the flows that were opened. */
  flows = 0;
  /** All messages that were sent. */
  readonly sent: Inbox<SentMessage> = new Inbox();
  /** The members that are there. */
  readonly sides: FileSide[] = [];
  /** What becomes of a chunk on its way to one receiver: nothing if it is lost. */
  carry: (chunk: OutgoingChunk, from: FileSide, to: FileSide) => readonly OutgoingChunk[] = (
    chunk,
  ) => [chunk];
  /** Time that a chunk takes on its way, in milliseconds. */
  chunkMs = 0;
  readonly #directories: string[] = [];
  /** Chunks that members are handling. */
  readonly handling: Set<Promise<void>> = new Set();
  readonly #work = new CryptoWork();

  /** Lets a member in. */
  async enter(name: string, options: SideOptions = {}): Promise<FileSide> {
    const directory = options.downloadDirectory ?? await this.directory();
    const key = await sha256(utf8(name));
    const side = new FileSide(this, name, key, { ...options, downloadDirectory: directory });
    side.join();
    return side;
  }

  /** A new folder that lasts as long as the room. */
  async directory(): Promise<string> {
    const directory = await Deno.makeTempDir({ prefix: "lanchat-files-" });
    this.#directories.push(directory);
    return directory;
  }

  /** Lets time pass until something has happened. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    for (let turns = 0; !settled; turns++) {
      if (turns > 5000) throw new Error("nothing happens any longer");
      await this.#turn();
      this.clock.advance(TURN_MS);
    }
    return await promise;
  }

  /** Lets time pass until something is so. */
  async when(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.pass(TURN_MS);
  }

  /** Lets time pass until so many chunks were sent in all. */
  async sends(chunks: number): Promise<void> {
    await this.when(() => this.chunks.length >= chunks);
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.elapsed() + ms;
    while (this.clock.elapsed() < end) {
      await this.#turn();
      this.clock.advance(Math.max(TURN_MS, ms / 100));
    }
  }

  /** Waits until no one computes or writes: on a busy machine that would take seconds of the fake time. */
  async #turn(): Promise<void> {
    await Promise.all(this.handling);
    await this.#work.take();
  }

  /** The member with a session. */
  find(session: string): FileSide | undefined {
    return this.sides.find((side) => toHex(side.member.session) === session);
  }

  /** Ends all transfers, and asserts that no timer is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const side of this.sides) await side.transfers.close();
    for (const side of this.sides) side.port.end();
    await nextTurn();
    for (const directory of this.#directories) await Deno.remove(directory, { recursive: true });
    await this.#work[Symbol.asyncDispose]();
    assertEquals(this.clock.timers, 0, "timers are left");
  }
}

/** One member, over its sessions and runs. */
export class FileSide {
  readonly name: string;
  readonly key: Bytes;
  readonly directory: string;
  member: FileMember;
  /** Whether the test alone answers what it receives. */
  isScripted = false;
  port: FakePort;
  transfers: Transfers<FileMember>;
  readonly events: Inbox<FileEvent> = new Inbox();
  readonly #room: FileRoom;
  readonly #options: SideOptions & { readonly downloadDirectory: string };
  /** Messages that wait for the connection. */
  readonly #waiting: (() => void)[] = [];
  #connected: PromiseWithResolvers<void> | undefined;

  constructor(
    room: FileRoom,
    name: string,
    key: Bytes,
    options: SideOptions & { readonly downloadDirectory: string },
  ) {
    this.#room = room;
    this.name = name;
    this.key = key;
    this.directory = options.downloadDirectory;
    this.#options = options;
    this.member = { name, key, session: randomBytes(16) };
    this.port = new FakePort(room, this);
    this.transfers = this.#begin();
  }

  /** Whether its connection is there. */
  get online(): boolean {
    return this.#connected === undefined;
  }

  /** Enters the room, with its present session. */
  join(): void {
    const { member } = this;
    for (const other of this.#room.sides) {
      other.deliver(() => other.transfers.joined(member));
      this.transfers.joined(other.member);
    }
    this.#room.sides.push(this);
  }

  /** Leaves the room. @param isKept Whether the host keeps its seat. */
  leave(isKept = false): void {
    this.#room.sides.splice(this.#room.sides.indexOf(this), 1);
    const { member } = this;
    if (isKept) return;
    for (const other of this.#room.sides) other.deliver(() => other.transfers.left(member));
  }

  /** Loses the connection. */
  cut(): void {
    this.#connected ??= Promise.withResolvers();
    const { member } = this;
    for (const other of this.#room.sides) {
      if (other !== this) other.deliver(() => other.transfers.lost(member));
    }
  }

  /** Has the connection back. */
  connect(): void {
    this.#connected?.resolve();
    this.#connected = undefined;
    const { member } = this;
    for (const other of this.#room.sides) {
      if (other !== this) other.deliver(() => other.transfers.back(member));
    }
    for (const deliver of this.#waiting.splice(0)) deliver();
    this.transfers.reconnected();
  }

  /** Loses its seat, and enters with another session. */
  replaceSession(): void {
    this.leave();
    const { port } = this;
    this.member = { ...this.member, session: randomBytes(16) };
    this.port = new FakePort(this.#room, this);
    this.#waiting.length = 0;
    this.transfers.sessionReplaced(this.port);
    port.end();
    this.connect();
    this.join();
  }

  /** Ends its program without a word, and starts it again. @param killed Whether its seat is kept meanwhile. */
  async restart(killed = false): Promise<void> {
    if (killed) this.cut();
    this.leave(killed);
    this.port.end();
    await this.transfers.close();
    this.member = { ...this.member, session: randomBytes(16) };
    this.port = new FakePort(this.#room, this);
    this.transfers = this.#begin();
    this.#waiting.length = 0;
    this.#connected?.resolve();
    this.#connected = undefined;
    this.join();
  }

  /** Delivers a message, once the connection is there. */
  deliver(deliver: () => void): void {
    if (this.online) deliver();
    else this.#waiting.push(deliver);
  }

  /** Resolves while the connection is there. */
  async connected(): Promise<void> {
    while (this.#connected !== undefined) await this.#connected.promise;
  }

  /** The next event of a type; others are skipped. */
  async event<Type extends FileEvent["event"]>(
    type: Type,
  ): Promise<FileEvent & { readonly event: Type }> {
    return await this.#room.until(
      this.events.find((event): event is FileEvent & { readonly event: Type } =>
        event.event === type
      ),
    );
  }

  /** Offers a file of some bytes. @returns The number of the transfer, once the offer is accepted. */
  async offers(name: string, bytes: Bytes, to?: FileSide): Promise<number> {
    const id = this.transfers.offer({ name, contents: memoryFile(name, bytes) }, to?.member);
    await this.event("offer");
    return id;
  }

  /** Offers files. */
  async offersAll(name: string, contents: FileContents, to?: FileSide): Promise<number> {
    const id = this.transfers.offer({ name, contents }, to?.member);
    await this.event("offer");
    return id;
  }

  /** Accepts the next offer. @returns Its number. */
  async accepts(): Promise<number> {
    const { id } = await this.event("offer");
    this.transfers.accept(id);
    return id;
  }

  /** Lets it finish what it has begun. */
  async rest(): Promise<void> {
    await this.#room.pass(100 * TURN_MS);
  }

  /** The names in its download folder. */
  async names(): Promise<string[]> {
    const entries = await Array.fromAsync(Deno.readDir(this.directory));
    return entries.map(({ name }) => name).sort();
  }

  /** Waits until there are only these names in its download folder. */
  async keeps(names: readonly string[]): Promise<void> {
    const isSo = async (): Promise<void> => {
      while (`${await this.names()}` !== `${names}`) await nextTurn();
    };
    await this.#room.until(isSo());
  }

  /** The bytes of a received file. */
  async read(name: string): Promise<Bytes> {
    return await Deno.readFile(`${this.directory}/${name}`);
  }

  #begin(): Transfers<FileMember> {
    return new Transfers(this.port, {
      ...this.#options,
      clock: this.#room.clock,
      onEvent: (event) => this.events.push(event),
    });
  }
}

/** One session of a member in the room. */
export class FakePort implements FilePort {
  readonly self: OfferOrigin;
  readonly #room: FileRoom;
  readonly #side: FileSide;
  readonly #end = new AbortController();
  readonly #ended = Promise.withResolvers<never>();

  constructor(room: FileRoom, side: FileSide) {
    this.#room = room;
    this.#side = side;
    this.self = { roomId: ROOM_ID, key: side.key, session: side.member.session };
    this.#ended.promise.catch(() => {});
  }

  async send(message: FileMessage, to?: string): Promise<void> {
    await this.#turn();
    const { member, name } = this.#side;
    this.#room.sent.push({ from: name, to: to && this.#room.find(to)?.name, message });
    const targets = this.#room.sides.filter((side) =>
      side !== this.#side && (to === undefined || toHex(side.member.session) === to)
    );
    if (targets.length === 0) {
      const code = to === undefined ? "nobody-here" : "no-such-member";
      throw new RoomError(code, "Cannot send files: no one can read them");
    }
    const { body, kind } = encodeFileMessage(message);
    for (const target of targets.filter(({ isScripted }) => !isScripted)) {
      target.deliver(() =>
        target.transfers.received(decodeFileMessage(kind, body), member, to !== undefined)
      );
    }
  }

  openFlow(): WritableStream<OutgoingChunk> {
    this.#room.flows++;
    return new WritableStream({
      write: async (chunk, { signal }) => {
        await raceAbort(this.#turn(), signal);
        if (this.#room.chunkMs > 0) await delay(this.#room.clock, this.#room.chunkMs, signal);
        if (signal.aborted) return;
        const { offset, to, transfer } = chunk;
        this.#room.chunks.push({ offset, to, transfer });
        await Promise.all(chunk.to.map(async (session) => {
          const target = this.#room.find(toHex(session));
          if (target === undefined) return;
          for (const { bytes, offset } of this.#room.carry(chunk, this.#side, target)) {
            if (!target.online) continue;
            const from = this.self.session;
            const handled = target.transfers.bulk({ from, transfer, offset, bytes });
            this.#room.handling.add(handled);
            await handled.finally(() => this.#room.handling.delete(handled));
          }
        }));
      },
    });
  }

  /** Ends the session: what waits cannot be sent. */
  end(): void {
    this.#end.abort();
    this.#ended.reject(new RoomError("seat-lost", "Cannot send files: the connection ended"));
  }

  /** Waits for the connection. */
  async #turn(): Promise<void> {
    await Promise.race([this.#side.connected(), this.#ended.promise]);
    if (this.#end.signal.aborted) await this.#ended.promise;
  }
}

/** Waits for a promise, but no longer than until a signal aborts. */
async function raceAbort(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => aborted.resolve());
  await Promise.race([promise, aborted.promise]);
}

/** Bytes that look random and are the same each time. */
export function testBytes(length: number, seed = 1): Bytes {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
