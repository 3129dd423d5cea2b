/**
 * Announces rooms on the network, and finds those of others.
 *
 * @module
 */
import { toHex } from "../bytes/mod.ts";
import { randomBytes } from "../crypto/mod.ts";
import { type Clock, delay, systemClock } from "../clock.ts";
import type { DnsPacket, DnsRecord } from "./dns_packet.ts";
import {
  asksFor,
  type FoundRoom,
  goodbye,
  type RoomAnnouncement,
  RoomDirectory,
  roomRecords,
} from "./dns_sd.ts";
import { type NetworkLink, zoneOf } from "./interfaces.ts";
import { Multicast, type NetworkOptions } from "./multicast.ts";
import { networkChange } from "./network_change.ts";

/** Time from the first announcement to the second (RFC 6762 §8.3), in milliseconds. */
const SECOND_MS = 1000;

/** Minimum time between two answers on one link (RFC 6762 §6), in milliseconds. */
const ANSWER_PAUSE_MS = 1000;

/** Bounds of an answer's delay, so that hosts do not all answer at once (RFC 6762 §6), in milliseconds. */
const [MIN_DELAY_MS, MAX_DELAY_MS] = [20, 120];

/** Waits between queries (RFC 6762 §5.2), in milliseconds; the last one repeats. */
const QUERY_MS = [1000, 2000, 4000, 8000, 16_000, 30_000];

/** Time for a room to arrive over all links before the search reports it, in milliseconds. */
const SETTLE_MS = 250;

/** Maximum time for a sent packet to come back, in milliseconds; past it, something blocks multicast. */
const ECHO_MS = 500;

/** Maximum time of the goodbye to the network, in milliseconds; then the sockets close anyway. */
const GOODBYE_MS = 500;

/** Options of {@linkcode RoomAnnouncer}. */
export interface AnnounceOptions extends NetworkOptions {
  /** The addresses that the host listens on, as a `Listener` has them. */
  readonly hosts: readonly string[];
}

/** Announces a room to everybody on the network, on all links of this machine, until it is closed. */
export class RoomAnnouncer {
  readonly #room: RoomAnnouncement;
  readonly #options: AnnounceOptions;
  readonly #clock: Clock;
  readonly #multicast: Multicast;
  readonly #closing = new AbortController();
  readonly #label: string;
  /** By name of the link: the time of the last announcement, and the cancellation of the next answer. */
  readonly #told = new Map<string, number>();
  readonly #answers = new Map<string, () => void>();

  /** Begins to announce. */
  constructor(room: RoomAnnouncement, options: AnnounceOptions) {
    this.#room = room;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    // Unique by its random part, so that it needs no probe (RFC 6762 §8.1).
    this.#label = `lanchat-${room.tag}-${toHex(randomBytes(4))}`;
    this.#multicast = new Multicast({
      ...options,
      onPacket: (packet, link) => this.#answer(packet, link),
    });
    void this.#announceAll();
  }

  /** Announces that the room is gone, and stops. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    for (const cancel of this.#answers.values()) cancel();
    const told = new AbortController();
    const telling = Promise.all(this.#multicast.links.map((link) => this.#tell(link, goodbye)));
    await Promise.race([telling, delay(this.#clock, GOODBYE_MS, told.signal)]);
    told.abort();
    this.#multicast.close();
  }

  async #announceAll(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const changed = networkChange(signal, this.#options);
      await this.#multicast.refresh();
      if (signal.aborted) return;
      if (this.#multicast.links.length === 0) this.#multicast.check();
      await this.#announce();
      await delay(this.#clock, SECOND_MS, signal);
      if (signal.aborted) return;
      await this.#announce();
      this.#multicast.check();
      await changed;
    }
  }

  async #announce(): Promise<void> {
    await Promise.all(this.#multicast.links.map((link) => this.#tell(link)));
  }

  async #tell(link: NetworkLink, change?: (records: DnsRecord[]) => DnsRecord[]): Promise<void> {
    const records = this.#recordsOn(link);
    if (records.length === 0) return;
    this.#told.set(link.name, this.#clock.elapsed());
    const answers = change?.(records) ?? records;
    await this.#multicast.send(link, { type: "response", answers });
  }

  /** Answers a query on a link, with all records of the room. */
  #answer(packet: DnsPacket, link: NetworkLink): void {
    if (packet.type !== "query" || this.#answers.has(link.name)) return;
    if (this.#closing.signal.aborted || !asksFor(packet, this.#recordsOn(link))) return;
    const told = this.#told.get(link.name) ?? -Infinity;
    const pause = told + ANSWER_PAUSE_MS - this.#clock.elapsed();
    const delay = MIN_DELAY_MS + Math.random() * (MAX_DELAY_MS - MIN_DELAY_MS);
    const cancel = this.#clock.after(Math.max(delay, pause), () => {
      this.#answers.delete(link.name);
      void this.#tell(link);
    });
    this.#answers.set(link.name, cancel);
  }

  #recordsOn(link: NetworkLink): DnsRecord[] {
    const { hosts } = this.#options;
    const own = link.addresses.filter(({ address, family }) =>
      hosts.includes("::") || (hosts.includes("0.0.0.0") && family === "IPv4") ||
      hosts.includes(address) || hosts.includes(`${address}%${zoneOf(link)}`)
    );
    if (own.length === 0) return [];
    return roomRecords(this.#label, this.#room, own.map(({ address }) => address));
  }
}

/** Options of {@linkcode RoomSearch}. */
export interface SearchOptions extends NetworkOptions {
  /** Called shortly after the known rooms may have changed. */
  readonly onChange?: () => void;
  /** Whether a tag belongs to a known peer: invented rooms cannot displace the room of one. */
  readonly isKnown?: (tag: string) => boolean;
}

/** Looks for rooms that others on the network have announced, until it is closed. */
export class RoomSearch {
  /** Resolves once the search has sent its first query, as far as possible. */
  readonly asked: Promise<void>;
  readonly #options: SearchOptions;
  readonly #clock: Clock;
  readonly #multicast: Multicast;
  readonly #directory: RoomDirectory;
  readonly #closing = new AbortController();
  #cancelChange: (() => void) | undefined;

  /** Begins to search. */
  constructor(options: SearchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#directory = new RoomDirectory(options.isKnown);
    this.#multicast = new Multicast({
      ...options,
      onPacket: (packet, link) => {
        this.#directory.take(packet, link, this.#clock.elapsed());
        if (packet.type === "response") this.#cancelChange ??= this.#clock.after(SETTLE_MS, change);
      },
    });
    const change = (): void => {
      this.#cancelChange = undefined;
      options.onChange?.();
    };
    const asked = Promise.withResolvers<void>();
    this.asked = asked.promise;
    void this.#askAll(asked.resolve);
    void this.#follow();
  }

  /** The rooms known now, in the order of discovery. */
  get rooms(): readonly FoundRoom[] {
    return this.#directory.rooms(this.#clock.elapsed());
  }

  /** Stops. */
  close(): void {
    this.#closing.abort();
    this.#cancelChange?.();
    this.#multicast.close();
  }

  async #askAll(onAsked: () => void): Promise<void> {
    const { signal } = this.#closing;
    await this.#multicast.refresh();
    if (this.#multicast.links.length === 0 && !signal.aborted) this.#multicast.check();
    for (let i = 0; !signal.aborted; i++) {
      await this.#ask();
      onAsked();
      await delay(this.#clock, ECHO_MS, signal);
      if (signal.aborted) return;
      this.#multicast.check();
      const ms = QUERY_MS[Math.min(i, QUERY_MS.length - 1)]!;
      await delay(this.#clock, ms - ECHO_MS, signal);
      this.#options.onChange?.(); // Some rooms may have expired.
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    let changed = networkChange(signal, this.#options);
    while (!signal.aborted) {
      await changed;
      changed = networkChange(signal, this.#options);
      await this.#multicast.refresh();
      await this.#ask();
    }
  }

  async #ask(): Promise<void> {
    const packet: DnsPacket = {
      type: "query",
      questions: this.#directory.questions(this.#clock.elapsed()),
    };
    await Promise.all(this.#multicast.links.map((link) => this.#multicast.send(link, packet)));
  }
}
