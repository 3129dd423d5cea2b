import { isLoopback } from "../ip.ts";
import { formatHostPort, type HostPort, RoomSearch, type SearchOptions } from "../net/mod.ts";

/** Maximum new announcements of one search that cause a dial at once: an attacker can send any number. */
const MAX_NEWS = 8;

/** What a host search asks of a {@linkcode RoomSearch}. */
export type StartSearch = Pick<RoomSearch, "close" | "rooms">;

/**
 * Looks for the places at which a host is announced. Anyone can announce anything: the machine that
 * answers must still prove the host's key.
 */
export class HostSearch {
  readonly #tag: string;
  readonly #search: StartSearch;
  readonly #told = new Set<string>();
  #news = Promise.withResolvers<void>();

  /** Begins. @param tag The mark of the host's key. */
  constructor(
    tag: string,
    search: (options: SearchOptions) => StartSearch = (options) => new RoomSearch(options),
  ) {
    this.#tag = tag;
    this.#search = search({
      isKnown: (other) => other === tag,
      // A search is all that can be done; the addresses that are known are dialled all the same.
      onUnavailable: () => {},
      onChange: () => this.#look(),
    });
  }

  /** Resolves once there is a place that {@linkcode HostSearch.places} has not given so far. */
  get news(): Promise<void> {
    return this.#news.promise;
  }

  /** The places known now; those of several rooms in random order, so that none can stand before the host's. */
  places(): readonly HostPort[] {
    const rooms = this.#search.rooms.filter(({ tag }) => tag === this.#tag)
      .map(({ addresses, port }) => ({ addresses, port, order: Math.random() }))
      .sort((a, b) => a.order - b.order);
    const places = rooms.flatMap(({ addresses, port }) =>
      addresses.map((host) => ({ host, port }))
    );
    for (const { host, port } of places.slice(0, MAX_NEWS)) {
      this.#told.add(formatHostPort(host, port));
    }
    this.#news = Promise.withResolvers();
    return places;
  }

  /** Ends the search. */
  close(): void {
    this.#search.close();
  }

  #look(): void {
    if (this.#told.size >= MAX_NEWS) return;
    const isNew = this.#search.rooms.some(({ addresses, port, tag }) =>
      tag === this.#tag && addresses.some((host) => !this.#told.has(formatHostPort(host, port)))
    );
    if (isNew) this.#news.resolve();
  }
}

/**
 * Looks for a host on the network.
 *
 * @param reachedAt Its IP address; nobody is asked for a host on this machine.
 */
export function searchForHost(tag: string, reachedAt: string): HostSearch | undefined {
  return isLoopback(reachedAt) ? undefined : new HostSearch(tag);
}
