/**
 * Notices that the network of this machine may be back.
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";
import { machineInterfaces } from "./interfaces.ts";

/** How often the machine's addresses are looked at, in milliseconds. */
const LOOK_MS = 1000;

/** How far the time of day may run ahead of the elapsed time before the machine counts as having slept. */
const SLEPT_MS = 5000;

/** What {@linkcode networkChange} looks at. */
export interface NetworkChangeOptions {
  /** Lists the network interfaces; it is not called without the permission to. */
  readonly interfaces?: () => Deno.NetworkInterfaceInfo[];
  /** The time. */
  readonly clock?: Clock;
}

/**
 * Resolves when the network may be back: the machine's addresses have changed, which `--allow-sys` lets be
 * known, or it has woken up from a sleep.
 *
 * @param signal Ends the watch; then this never resolves.
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
