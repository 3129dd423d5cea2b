import { type Clock, systemClock } from "../clock.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";

/** How long a caller may wait for its handshake, in milliseconds. */
export const MAX_WAIT_MS = 10_000;

interface Caller {
  readonly address: string;
  readonly network: string;
}

interface Waiting extends Caller {
  readonly answer: (leave: (() => void) | undefined) => void;
}

/** Lets callers through a few at a time, no address before another. See PROTOCOL.md §4.6. */
export class Turnstile {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #inside = new Set<Caller>();
  #waiting: Waiting[] = [];

  /** Starts with nobody inside. @param limits How many there may be. */
  constructor(limits: Limits = DEFAULT_LIMITS, clock: Clock = systemClock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /**
   * Waits for a place.
   *
   * @param address The caller's IP address.
   * @returns Gives the place back; `undefined` where the caller must be sent away.
   */
  async enter(address: string): Promise<(() => void) | undefined> {
    const caller = { address, network: networkOf(address) };
    if (this.#admits(caller)) return this.#place(caller);
    const { promise, resolve: answer } = Promise.withResolvers<(() => void) | undefined>();
    const waiting = { ...caller, answer };
    this.#waiting.push(waiting);
    if (this.#waiting.length > this.#limits.maxWaiting) this.#sendOneAway();
    const cancel = this.#clock.after(MAX_WAIT_MS, () => this.#sendAway(waiting));
    const place = await promise;
    cancel();
    return place;
  }

  #admits({ address, network }: Caller): boolean {
    const { maxHandshakes, maxPerAddress } = this.#limits;
    const perAddress = maxPerAddress ?? Math.ceil(maxHandshakes / 4);
    // Whatever one network does, callers of another find places.
    const perNetwork = Math.max(perAddress, maxHandshakes - perAddress);
    const counts = maxPerAddress !== undefined || !isLoopback(address);
    const inside = [...this.#inside];
    return inside.length < maxHandshakes &&
      inside.filter((other) => other.network === network).length < perNetwork &&
      (!counts || inside.filter((other) => other.address === address).length < perAddress);
  }

  #place(caller: Caller): () => void {
    this.#inside.add(caller);
    return () => {
      this.#inside.delete(caller);
      this.#admitNext();
    };
  }

  /** Lets one in from the address with the fewest inside; of several, who has waited longest. */
  #admitNext(): void {
    const inside = countByAddress(this.#inside);
    const insideFrom = ({ address }: Caller): number => inside.get(address) ?? 0;
    const [next] = this.#waiting.filter((waiting) => this.#admits(waiting))
      .sort((a, b) => insideFrom(a) - insideFrom(b));
    if (next === undefined) return;
    this.#waiting = this.#waiting.filter((other) => other !== next);
    next.answer(this.#place(next));
  }

  /** Sends one away from the address with the most waiting; of several, who has waited longest. */
  #sendOneAway(): void {
    const waiting = countByAddress(this.#waiting);
    const most = Math.max(...waiting.values());
    this.#sendAway(this.#waiting.find(({ address }) => waiting.get(address) === most)!);
  }

  #sendAway(waiting: Waiting): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    waiting.answer(undefined);
  }
}

function countByAddress(callers: Iterable<Caller>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { address } of callers) counts.set(address, (counts.get(address) ?? 0) + 1);
  return counts;
}

/** Whether an address is this machine's own. */
function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

/** The first 64 bits of an IPv6 address, all of which one machine may have; an IPv4 address itself. */
function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [left, right = []] = address.split("::").map((part) => part === "" ? [] : part.split(":"));
  const zeros = new Array(8 - left!.length - right.length).fill("0");
  return [...left!, ...zeros, ...right].slice(0, 4).join(":");
}
