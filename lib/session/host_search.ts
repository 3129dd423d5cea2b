/**
 * Searches the network for the addresses at which a host is announced.
 *
 * @module
 */
import { formatHostPort, type HostPort, isLoopback } from "../address.ts";
import { BROKER_CALLER } from "../broker_address.ts";
import { RoomSearch, type SearchOptions } from "../net/mod.ts";

/** Maximum new announcements of one search that cause a dial at once: an attacker can send any number. */
const MAX_AT_ONCE = 8;

/** The part of a {@linkcode RoomSearch} that a host search uses. */
export type StartSearch = Pick<RoomSearch, "close" | "rooms">;

/**
 * Searches for the addresses at which a host is announced. Any machine can announce anything: the one that
 * answers must still prove the host's key.
 */
export class HostSearch {
  readonly #tag: string;
  readonly #search: StartSearch;
  readonly #returned = new Set<string>();
  #found = Promise.withResolvers<void>();

  /** Starts a search. @param tag The short mark of the host's key. */
  constructor(
    tag: string,
    search: (options: SearchOptions) => StartSearch = (options) => new RoomSearch(options),
  ) {
    this.#tag = tag;
    this.#search = search({
      isKnown: (other) => other === tag,
      // The connector dials the known addresses in any case.
      onUnavailable: () => {},
      onChange: () => this.#onChange(),
    });
  }

  /** Resolves when the search finds an address that {@linkcode HostSearch.addresses} has not returned so far. */
  get found(): Promise<void> {
    return this.#found.promise;
  }

  /** The addresses found so far; several rooms in random order, so that none can always precede the host's. */
  addresses(): readonly HostPort[] {
    const rooms = this.#search.rooms.filter(({ tag }) => tag === this.#tag)
      .map(({ addresses, port }) => ({ addresses, port, order: Math.random() }))
      .sort((a, b) => a.order - b.order);
    const found = rooms.flatMap(({ addresses, port }) => addresses.map((host) => ({ host, port })));
    for (const { host, port } of found.slice(0, MAX_AT_ONCE)) {
      this.#returned.add(formatHostPort(host, port));
    }
    this.#found = Promise.withResolvers();
    return found;
  }

  /** Ends the search. */
  close(): void {
    this.#search.close();
  }

  #onChange(): void {
    if (this.#returned.size >= MAX_AT_ONCE) return;
    const isNew = this.#search.rooms.some(({ addresses, port, tag }) =>
      tag === this.#tag && addresses.some((host) => !this.#returned.has(formatHostPort(host, port)))
    );
    if (isNew) this.#found.resolve();
  }
}

/**
 * Searches the network for a host.
 *
 * @param reachedAt Its last IP address: there is no search for a host on this machine, or at a broker.
 */
export function searchForHost(tag: string, reachedAt: string): HostSearch | undefined {
  return isLoopback(reachedAt) || reachedAt === BROKER_CALLER ? undefined : new HostSearch(tag);
}
