/**
 * A relay on a fake clock, with guests that speak records.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { Relay, type RelayOptions } from "../../lib/relay/mod.ts";
import { FakeClock } from "./clock.ts";
import { Guest } from "./guest.ts";

/** A relay and its guests. */
export class Inn {
  readonly clock: FakeClock = new FakeClock();
  readonly relay: Relay;
  readonly #names = new Map<string, string>();
  readonly #guests: Guest[] = [];

  constructor(options: Omit<RelayOptions, "clock"> = {}) {
    this.relay = new Relay({ ...options, clock: this.clock });
  }

  /** Somebody who has said nothing yet. */
  knock(
    name: string,
    options: {
      key?: Bytes;
      nonce?: Bytes;
      session?: Bytes;
      admitted?: () => void;
      address?: string;
    } = {},
  ): Guest {
    const guest = new Guest(this.relay, { name, names: this.#names, ...options });
    this.#guests.push(guest);
    return guest;
  }

  /** Somebody who is in and reads. */
  async enter(name: string, key?: Bytes): Promise<Guest> {
    const guest = this.knock(name, { ...key !== undefined && { key } });
    await guest.enter();
    guest.listen();
    return guest;
  }

  /** The same member, on another connection. */
  again({ key, name, nonce, session }: Guest): Guest {
    return this.knock(name, { key, nonce, session });
  }

  /** Lets time pass, while all guests are heard of. */
  async pass(ms: number, guests: readonly Guest[]): Promise<void> {
    for (let left = ms; left > 0; left -= 10_000) {
      this.clock.advance(Math.min(left, 10_000));
      await Promise.all(guests.map((guest) => guest.settle()));
    }
  }

  /** Ends it all; nothing is left behind. */
  async close(): Promise<void> {
    for (const guest of this.#guests) guest.listen();
    await closeAtOnce(this.relay, this.clock);
    await Promise.all(this.#guests.map(({ served }) => served));
  }
}

/** Ends a room without a wait for who acknowledges nothing. */
export async function closeAtOnce(relay: Relay, clock: FakeClock): Promise<void> {
  const closed = relay.close(0);
  clock.advance(0);
  await closed;
  assertEquals(clock.timers, 0, "timers are left");
}
