/**
 * A room, as its member uses it.
 *
 * One message passes these stations, from a keyboard to another member's screen:
 *
 *  1. `Room.say` checks the text and finds its reader, if it has only one.
 *  2. `Sender.send` puts it into the `Outbox`, and `Sender.pump` goes on when it can be sent.
 *  3. `SendingChain.wrapFor` gives the sender key to each reader that lacks it: an SKDM.
 *  4. `SendingChain.seal` seals it, with the texts that wait after it: a MSG.
 *  5. `Link.send` numbers the envelope, and keeps it until the relay and then all readers have it.
 *  6. The relay puts the envelope into the queue of each reader (lib/relay).
 *  7. At the reader, `Link.run` checks its number, and `Membership.envelope` puts it into the queue of its peer.
 *  8. `Receiver.receiveMessage` finds the chain, and `ReceivingChain.open` opens the MSG. (After a restart of the
 *     host, `Recovery.hold` may hold it back before that.)
 *  9. `RosterCheck.differs` compares the sender's roster with the reader's.
 * 10. `Events.emitOf` emits a `message` event, and the session shows it.
 * 11. `Membership.settled` resolves, and `Link.run` acknowledges the envelope.
 * 12. At the sender, `Link.run` reports the ACK in its place among the envelopes. `Delivery.accepted` calls
 *     `onAccepted` and resolves `say`, and later its `delivered`.
 *
 * @module
 */
import { type Bytes, fromHex, toHex, utf8 } from "../bytes/mod.ts";
import type { Channel } from "../channel/mod.ts";
import { type Clock, deadline, systemClock } from "../clock.ts";
import { type Code, LanchatError, RoomError } from "../errors.ts";
import { type MessageKind, warning } from "../session_events.ts";
import {
  BodyKind,
  encodeFileMessage,
  type FileMessage,
  MAX_TEXT_BYTES,
  nameProblem,
  statusProblem,
} from "../wire/mod.ts";
import { Announcer } from "./announcer.ts";
import { Events } from "./events.ts";
import type { BulkChunk } from "./flows.ts";
import { Link } from "./link.ts";
import { Membership } from "./membership.ts";
import { noSuchMember } from "./names.ts";
import { Naming } from "./naming.ts";
import type { Lacking } from "./outbox.ts";
import type { Parts, RoomOptions } from "./parts.ts";
import type { Member, Peer, Present } from "./peer.ts";
import { Presence } from "./presence.ts";
import { Roster } from "./roster.ts";
import { Sender } from "./sender.ts";
import { SerialQueues } from "./serial_queue.ts";
import type { SessionKeys } from "./session_keys.ts";

/** One member's end of the end-to-end layer: it seals outgoing objects and opens incoming ones. See PROTOCOL.md §6. */
export class Room {
  readonly #keys: SessionKeys;
  readonly #clock: Clock;
  readonly #queues: SerialQueues;
  readonly #events: Events;
  readonly #link: Link;
  readonly #roster: Roster;
  readonly #sender: Sender;
  readonly #presence: Presence;
  readonly #naming: Naming;
  readonly #announcer: Announcer;
  readonly #membership: Membership;
  #ended = false;

  /** Creates a room; {@linkcode Room.run} enters it. */
  constructor(self: RoomOptions) {
    this.#keys = self.keys;
    this.#clock = self.clock ?? systemClock;
    this.#queues = new SerialQueues((error) => this.#warnOfFault(error));
    this.#events = new Events(self, () => this.#showReady());
    this.#link = new Link(self.roomId, this.#clock, async (chunk) => {
      try {
        await self.onBulk?.(chunk);
      } catch (error) {
        this.#warnOfFault(error);
      }
    });
    this.#roster = new Roster(self, this.#queues, this.#clock);
    const parts: Parts = {
      self,
      clock: this.#clock,
      events: this.#events,
      link: this.#link,
      roster: this.#roster,
    };
    this.#sender = new Sender(parts);
    this.#presence = new Presence(this.#events);
    this.#naming = new Naming(parts, this.#presence, this.#sender);
    this.#announcer = new Announcer(parts, this.#naming, () => this.#becomeReady());
    this.#membership = new Membership(parts, {
      announcer: this.#announcer,
      naming: this.#naming,
      presence: this.#presence,
      queues: this.#queues,
      sender: this.#sender,
    });
  }

  /** The other members, in the order in which they joined. */
  get members(): Present[] {
    return this.#roster.announced().map((peer) => peer.member!);
  }

  /** Sessions that did not announce themselves within 10 s; members give them no keys. */
  get strangers(): Present[] {
    return this.#membership.strangers;
  }

  /** Whether a host has ever let this member in and sent a ROSTER. */
  get entered(): boolean {
    return this.#roster.entered;
  }

  /** This member, as others see it. */
  get me(): Member {
    return this.#naming.me;
  }

  /**
   * Serves a connection to the room until it ends. The next call continues the session if the host has kept its
   * seat, or another process of the same host has the room.
   *
   * @returns Why the host closed it: one of `CloseReason`.
   * @throws {LanchatError} If the host refuses, breaks the protocol, or the connection is lost. With code
   * `seat-lost`, this session has ended: only another room with another session can continue.
   */
  async run(channel: Channel): Promise<number> {
    return await this.#membership.run(channel);
  }

  /**
   * Finds a member; one session that is not away, or the first, if several have its key.
   *
   * @param name Its name as shown, `name#tag`, or its key in base64url.
   * @throws {RoomError} `no-such-member`
   */
  find(name: string): Present {
    const found = this.#roster.matching(name);
    const keys = new Set(found.map(({ keyHex }) => keyHex));
    if (keys.size !== 1) throw noSuchMember(found.length);
    return (found.find(({ out }) => !out) ?? found[0]!).member!;
  }

  /**
   * The other members and the strangers. Members that have not received the last message to them are marked;
   * without an answer of the host within 2 s, all that may lack it.
   */
  async who(): Promise<Present[]> {
    const behind = await this.#sender.delivery.findBehind();
    const members = this.#roster.announced().map((peer) => ({
      ...peer.member!,
      ...behind.has(peer) && { behind: true as const },
    }));
    return [...members, ...this.strangers];
  }

  /** Resolves when there is room for another message. */
  writable(): Promise<void> {
    return this.#sender.writable();
  }

  /**
   * Sends a message. Resolves once the host has accepted it and the keys to it.
   *
   * @param text 1 to 16,384 bytes of UTF-8.
   * @param options `to` is the only reader, as for {@linkcode Room.find}. `onAccepted` is called when this
   * resolves, but before any event of what came after it at the host.
   * @returns `delivered` resolves as in `Outgoing`.
   * @throws {RoomError} `empty-message`, `message-too-long`, `no-such-member`, `nobody-here`,
   * `key-withheld` if no reader is given a key, or `not-delivered`.
   */
  async say(
    text: string,
    options: { kind?: MessageKind; to?: string | undefined; onAccepted?: () => void } = {},
  ): Promise<{ readonly delivered: Promise<Lacking | undefined> }> {
    const body = utf8(text);
    if (body.length === 0) throw new RoomError("empty-message", "Cannot send an empty message");
    if (body.length > MAX_TEXT_BYTES) {
      throw new RoomError(
        "message-too-long",
        `Message too long: ${body.length} bytes`,
      );
    }
    const to = options.to === undefined ? undefined : only(this.#roster.matching(options.to));
    const kind = options.kind === "action" ? BodyKind.ACTION : BodyKind.TEXT;
    const { delivered, done } = this.#sender.send({
      kind,
      body,
      to,
      onAccepted: options.onAccepted,
    });
    await done.promise;
    return { delivered: delivered.promise };
  }

  /**
   * Sends a message about a transfer, in order with the texts. Resolves once the host has accepted it.
   *
   * @param to The session of the only reader in hexadecimal digits; all members by default.
   * @throws {RoomError} As for {@linkcode Room.say}.
   */
  async sendFileMessage(message: FileMessage, to?: string): Promise<void> {
    const peer = to === undefined ? undefined : this.#roster.get(fromHex(to));
    if (to !== undefined && peer === undefined) throw noSuchMember(0);
    await this.#sender.send({ ...encodeFileMessage(message), to: peer }).done.promise;
  }

  /**
   * Opens a stream for the bytes of transfers. A write resolves while not much waits to be sent; without a
   * connection nothing is sent. What is under way when a connection ends is lost. Closing waits until all is sent,
   * and `abort` drops what waits. After the end, it fails with a {@linkcode RoomError}, `not-delivered`.
   */
  openFlow(): WritableStream<BulkChunk> {
    return this.#link.flows.open();
  }

  /**
   * Changes this member's name; the newest of several members with one name is shown with a tag.
   *
   * @param name 1 to 48 bytes, as `nameProblem` allows it.
   * @returns Resolves when the name is announced to all members.
   * @throws {RoomError} `bad-name`, or `not-delivered` after the end.
   */
  async rename(name: string): Promise<void> {
    const problem = nameProblem(name);
    if (problem !== undefined) {
      throw new RoomError("bad-name", `Cannot use this name: ${problem}`);
    }
    await this.#announcer.awaitTurn();
    if (this.#ended) {
      throw new RoomError("not-delivered", "Cannot change name: the session has ended");
    }
    const before = this.me.name;
    if (name !== this.#naming.name) {
      this.#naming.rename(name);
      this.#keys.addGeneration();
      await this.#announcer.sendDue();
      if (this.#ended) {
        throw new RoomError("not-delivered", "Cannot change name: the session has ended");
      }
    }
    this.#events.emit({ event: "renamed", member: this.me, before, own: true });
    this.#naming.warnOwnName();
  }

  /**
   * Sends this member's status to all members, and to later ones; resolves once the host has accepted it.
   *
   * @param text At most 200 bytes of UTF-8 in one line; empty to clear the status.
   * @throws {RoomError} `bad-status`, or as for {@linkcode Room.say}.
   */
  async setStatus(text: string): Promise<void> {
    const problem = statusProblem(text);
    if (problem !== undefined) {
      throw new RoomError("bad-status", `Cannot set status: ${problem}`);
    }
    await this.#sender.setStatus(text).done.promise;
    this.#events.emit({ event: "status", member: this.me, text, own: true });
  }

  /** Replaces all keys of this member. @returns Resolves when the session key is announced to all members. */
  async rekey(): Promise<void> {
    this.#sender.retireChains();
    await this.#announcer.renew();
  }

  /** The identity keys that may read while the room is locked, in hexadecimal digits; `undefined` if it is not. */
  get insiders(): ReadonlySet<string> | undefined {
    return this.#roster.lock.insiders;
  }

  /**
   * Keeps this member's messages from all identities but some.
   *
   * @param insiders As in {@linkcode Room.insiders}; by default those of the present members.
   */
  lock(insiders?: ReadonlySet<string>): void {
    this.#roster.lock.lock(insiders ?? this.#roster.announced().map(({ keyHex }) => keyHex));
  }

  /** Lets all identities read again. */
  unlock(): void {
    this.#changeReaders(() => this.#roster.lock.unlock());
  }

  /** Lets an identity read that came after {@linkcode Room.lock}. */
  admit(key: Bytes): void {
    this.#changeReaders(() => this.#roster.lock.admit(toHex(key)));
  }

  /** Judges all members again, after the person verified or accepted one. */
  judgeAll(): void {
    this.#changeReaders(() => this.#naming.judgeAll());
  }

  /** Sends the status to new readers, and messages that waited for a first one. */
  #changeReaders(change: () => void): void {
    const before = this.#roster.readers();
    change();
    for (const peer of this.#roster.readers()) {
      if (!before.includes(peer)) this.#sender.sendStatus(peer);
    }
    this.#sender.pump();
  }

  /**
   * Leaves: announces it after all messages that wait to be sent, and ends {@linkcode Room.run}.
   *
   * @param farewellMs Time that the host has to accept them all, in milliseconds.
   */
  async leave(farewellMs = 1000): Promise<void> {
    this.#link.acknowledge(); // Authors of messages shown here should not hear that they may be lacking.
    if (this.#events.ready && !this.#ended && this.#link.open) {
      const goodbye = this.#sender.send({
        kind: BodyKind.LEAVE,
        body: new Uint8Array(),
        to: undefined,
      });
      await deadline(this.#clock, farewellMs, goodbye.done.promise.catch(() => {}));
    }
    await this.#link.close();
  }

  /** Refuses all messages that are not sent and deletes all keys. @param code For messages that were never sealed. */
  end(code: Code): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queues.end();
    this.#announcer.end();
    this.#sender.end(code);
    this.#membership.end();
    const ended = "Cannot send files: the session has ended";
    this.#link.flows.fail(new RoomError("not-delivered", ended));
    this.#keys.close();
  }

  #becomeReady(): void {
    if (this.#ended) return;
    this.#showReady();
    this.#sender.start();
  }

  #showReady(): void {
    this.#events.open(() => {
      const earlier = this.#roster.announced().filter((peer) => peer.earlier);
      this.#presence.showReady(this.me, earlier);
      this.#naming.warnOfEarlier(earlier);
    });
  }

  /** Warns of an error in the handling of an object, unless the object was refused. */
  #warnOfFault(error: unknown): void {
    if (error instanceof LanchatError) return;
    const message = `Cannot process what a member sent: ${error}`;
    this.#events.emit(warning("internal", message));
  }
}

/**
 * The only one, or the only one that is not away of those with one key: a program that was killed and started again
 * is there twice for a while.
 *
 * @throws {RoomError} `no-such-member` if there is none.
 */
function only(found: readonly Peer[]): Peer {
  const isOne = found.every(({ keyHex }) => keyHex === found[0]!.keyHex);
  const here = isOne && found.length > 1 ? found.filter(({ out }) => !out) : found;
  const [first] = here;
  if (first !== undefined && here.length === 1) return first;
  throw noSuchMember(found.length);
}
