/**
 * Real rooms at a real relay, in one process.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { type Channel, localChannel } from "../../lib/channel/mod.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { type ProvenSession, Relay } from "../../lib/relay/mod.ts";
import { Room, type RoomEvent, type RoomOptions, SessionKeys } from "../../lib/room/mod.ts";
import { Inbox } from "./inbox.ts";
import { identityOf, sessionKey, sessionOf } from "./keys.ts";
import { HOST, MEMBER_KEY, ROOM_ID } from "./puppet.ts";

/** Options of a member. */
export interface MemberOptions {
  /** Whose key it has, by name. */
  readonly identity?: string;
  readonly roomId?: Bytes;
  /** The nonce from which its session is derived. */
  readonly nonce?: Bytes;
  readonly hostKey?: Bytes;
  readonly memberKey?: Bytes;
  readonly waitMs?: number;
  readonly clock?: Clock;
  readonly shown?: () => Promise<void>;
  readonly onBulk?: RoomOptions["onBulk"];
  readonly trust?: RoomOptions["trust"];
  /** Called with each event after it is noted. */
  readonly onEvent?: (event: RoomEvent) => void;
}

/** One member's room. */
export class TestMember {
  readonly name: string;
  readonly key: Bytes;
  readonly nonce: Bytes;
  readonly session: Bytes;
  readonly room: Room;
  readonly events: Inbox<RoomEvent> = new Inbox();
  /** The messages that it received. */
  readonly texts: Inbox<string> = new Inbox();
  readonly ready: Promise<void>;

  private constructor(
    name: string,
    { key, nonce, session }: ProvenSession,
    room: (emit: (event: RoomEvent) => void) => Room,
  ) {
    this.name = name;
    this.key = key;
    this.nonce = nonce;
    this.session = session;
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.room = room((event) => {
      this.events.push(event);
      if (event.event === "message") this.texts.push(event.text);
      if (event.event === "ready") ready.resolve();
    });
  }

  /** A member that has not entered yet. */
  static async create(name: string, options: MemberOptions = {}): Promise<TestMember> {
    const identity = await identityOf(options.identity ?? name);
    const { publicKey: key } = identity;
    const roomId = options.roomId ?? ROOM_ID;
    const { nonce, session } = await sessionOf(roomId, key, options.nonce);
    const { clock = systemClock, onBulk, onEvent, shown, trust, waitMs } = options;
    return new TestMember(name, { key, nonce, session }, (emit) =>
      new Room({
        identity,
        name,
        nonce,
        session,
        roomId,
        hostKey: options.hostKey ?? HOST.publicKey,
        memberKey: options.memberKey ?? MEMBER_KEY,
        keys: new SessionKeys({ generate: sessionKey, clock }),
        emit: (event) => {
          emit(event);
          onEvent?.(event);
        },
        clock,
        ...waitMs !== undefined && { waitMs },
        ...shown !== undefined && { shown },
        ...onBulk !== undefined && { onBulk },
        ...trust !== undefined && { trust },
      }));
  }

  /** The next event of a type; others are skipped. */
  async event<Type extends RoomEvent["event"]>(
    type: Type,
  ): Promise<RoomEvent & { readonly event: Type }> {
    return await this.events.find((event): event is RoomEvent & { readonly event: Type } =>
      event.event === type
    );
  }

  /** Serves a channel. @returns How it ended. */
  async run(channel: Channel): Promise<number | Error> {
    return await this.room.run(channel).catch((error: Error) => error);
  }
}

/** A relay and its members. */
export class RoomsInMemory {
  readonly relay: Relay;
  readonly #members: TestMember[] = [];
  readonly #ends: Promise<unknown>[] = [];

  /** Creates a relay without members. @param relay May be dishonest. */
  constructor(relay: Relay = new Relay()) {
    this.relay = relay;
  }

  /** Connects a member, which is not ready yet. */
  async enter(name: string, options: MemberOptions = {}): Promise<TestMember> {
    const member = await TestMember.create(name, options);
    const [mine, relays] = localChannel();
    this.#ends.push(this.relay.serve(relays, member), member.run(mine));
    this.#members.push(member);
    return member;
  }

  /** Connects a member and waits until it is ready. */
  async join(name: string, options: MemberOptions = {}): Promise<TestMember> {
    const member = await this.enter(name, options);
    await member.ready;
    return member;
  }

  /** Ends the room with a farewell to every member, and releases all resources. @param drainMs As for the relay. */
  async close(drainMs?: number): Promise<void> {
    await this.relay.close(drainMs);
    await Promise.all(this.#ends);
    for (const { room } of this.#members) room.end("not-delivered");
  }
}

/** Asserts the texts that a member received, in order. */
export function assertTexts(member: TestMember, texts: readonly string[]): void {
  assertEquals(member.texts.all, texts, `of what ${member.name} was told`);
}

/** Asserts that some texts arrived in order, among others. */
export function assertOrder(texts: readonly string[], among: readonly string[]): void {
  let next = 0;
  for (const text of among) if (text === texts[next]) next++;
  assert(next === texts.length, `"${texts[next]}" is missing or out of order`);
}
