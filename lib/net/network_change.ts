/**
 * Notices that the network of this machine may be back.
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";
import { machineInterfaces } from "./interfaces.ts";

/** Interval of the check of the machine's addresses, in milliseconds. */
const LOOK_MS = 1000;

/** Maximum lead of the time of day over the elapsed time, in milliseconds; past it, the machine has slept. */
const SLEPT_MS = 5000;

/** Dependencies of {@linkcode networkChange}. */
export interface NetworkChangeOptions {
  /** Lists the network interfaces; by default the system's, or none without `--allow-sys`. */
  readonly interfaces?: () => Deno.NetworkInterfaceInfo[];
  /** The clock; the system's by default. */
  readonly clock?: Clock;
}

/**
 * Resolves when the network may be back: the machine's addresses have changed, which only
 * `--allow-sys` shows, or the machine has woken up from sleep.
 *
 * @param signal Ends the watch; the promise then never resolves.
 */
export function networkChange(
  signal: AbortSignal,
  options: NetworkChangeOptions = {},
): Promise<void> {
  const { clock = systemClock, interfaces = listInterfaces } = options;
  const { promise, resolve } = Promise.withResolvers<void>();
  const addresses = (): string => interfaces().map(({ address }) => address).sort().join();
  const drift = (): number => clock.now() - clock.elapsed();
  const before = { addresses: addresses(), drift: drift() };
  let cancel = (): void => {};
  const look = (): void => {
    if (addresses() !== before.addresses || drift() - before.drift > SLEPT_MS) return resolve();
    cancel = clock.after(LOOK_MS, look);
  };
  if (!signal.aborted) cancel = clock.after(LOOK_MS, look);
  signal.addEventListener("abort", () => cancel());
  return promise;
}

function listInterfaces(): Deno.NetworkInterfaceInfo[] {
  try {
    return machineInterfaces() ?? [];
  } catch {
    return []; // Between two networks there may be nothing to list.
  }
}
