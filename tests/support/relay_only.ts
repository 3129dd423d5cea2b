/**
 * A relay on a fake clock, and guests that send and read its records. No rooms, no sockets.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import type { Channel } from "../../lib/channel/mod.ts";
import { Relay, type RelayOptions } from "../../lib/relay/mod.ts";
import { FakeClock } from "./clock.ts";
import { ScriptedGuest } from "./scripted_guest.ts";

/** A relay and its guests. */
export class RelayOnly {
  readonly clock: FakeClock = new FakeClock();
  readonly relay: Relay;
  readonly #names = new Map<string, string>();
  readonly #guests: ScriptedGuest[] = [];

  constructor(options: Omit<RelayOptions, "clock"> = {}) {
    this.relay = new Relay({ ...options, clock: this.clock });
  }

  /** Connects a guest that has sent nothing yet. */
  knock(
    name: string,
    options: {
      key?: Bytes;
      nonce?: Bytes;
      session?: Bytes;
      admitted?: () => void;
      address?: string;
      channels?: readonly [Channel, Channel];
    } = {},
  ): ScriptedGuest {
    const guest = new ScriptedGuest(this.relay, { name, names: this.#names, ...options });
    this.#guests.push(guest);
    return guest;
  }

  /** Brings in a guest that reads. */
  async enter(name: string, key?: Bytes): Promise<ScriptedGuest> {
    const guest = this.knock(name, { ...key !== undefined && { key } });
    await guest.enter();
    guest.listen();
    return guest;
  }

  /** The same member, on another connection. */
  again({ key, name, nonce, session }: ScriptedGuest): ScriptedGuest {
    return this.knock(name, { key, nonce, session });
  }

  /** Advances the clock while all guests send PING. */
  async pass(ms: number, guests: readonly ScriptedGuest[]): Promise<void> {
    for (let left = ms; left > 0; left -= 10_000) {
      this.clock.advance(Math.min(left, 10_000));
      await Promise.all(guests.map((guest) => guest.settle()));
    }
  }

  /** Ends the relay and all connections. */
  async close(): Promise<void> {
    for (const guest of this.#guests) guest.listen();
    await closeAtOnce(this.relay, this.clock);
    await Promise.all(this.#guests.map(({ served }) => served));
  }
}

/** Ends a room without waiting for guests that do not acknowledge. */
export async function closeAtOnce(relay: Relay, clock: FakeClock): Promise<void> {
  const closed = relay.close(0);
  clock.advance(0);
  await closed;
  assertEquals(clock.timers, 0, "timers are left");
}
