/**
 * The load: speakers that send at a rate, and what comes of it.
 *
 * @module
 */

/** How often the speakers look whether a message is due, in milliseconds. */
const TICK_MS = 1;

/** Maximum time that the last messages may take, in milliseconds. */
const LAST_MS = 120_000;

/** What all members together have received and sent. */
export class Meter {
  /** Messages sent. */
  spoken = 0;
  /** Messages received. */
  deliveries = 0;
  /** Bytes received. */
  bytes = 0;
  /** Frames received. */
  records = 0;
  /** Frames sent to acknowledge. */
  acks = 0;
  /** Of the messages at the sampled members, from the speaker's call to the opened text, in milliseconds. */
  latencies: number[] = [];

  /** Starts again at zero. */
  reset(): void {
    this.deliveries =
      this.bytes =
      this.records =
      this.acks =
        0;
    this.latencies = [];
  }
}

/** A member that sends messages. */
export interface Speaker {
  /** Messages that the relay has taken; missing if it doesn't say. */
  readonly accepted?: number;
  /** Sends a message at the next flush. @returns `false` if too much is under way. */
  speak(): boolean;
  /** Sends what was spoken. */
  flush(): void;
}

/** What to send. */
export interface Load {
  /** Messages a second of all speakers together; 0 for as many as the relay takes. */
  readonly rate: number;
  /** Time in which they speak. */
  readonly seconds: number;
  /** Members that get each message. */
  readonly readers: number;
}

/** What came of a load. */
export interface Offered {
  /** The time from the first message to the last delivery, in milliseconds. */
  readonly ms: number;
  /** Messages that the relay had taken when time was up, of each speaker that knows. */
  readonly accepted: readonly number[];
}

/**
 * Has the speakers speak, and waits until all has arrived.
 *
 * @throws {Error} If it does not arrive.
 */
export async function offer(
  load: Load,
  speakers: readonly Speaker[],
  meter: Meter,
): Promise<Offered> {
  const { rate, readers, seconds } = load;
  const start = performance.now();
  const elapsed = (): number => performance.now() - start;
  let turn = 0;
  while (elapsed() < seconds * 1000) {
    const due = rate === 0 ? Infinity : Math.floor(elapsed() / 1000 * rate) + 1;
    for (let full = 0; meter.spoken < due && full < speakers.length;) {
      if (speakers[turn++ % speakers.length]!.speak()) {
        meter.spoken++;
        full = 0;
      } else {
        full++;
      }
    }
    for (const speaker of speakers) speaker.flush();
    await pause(TICK_MS);
  }
  const accepted = speakers.flatMap((speaker) => speaker.accepted ?? []);
  const deadline = elapsed() + LAST_MS;
  const expected = meter.spoken * readers;
  while (meter.deliveries < expected) {
    if (elapsed() > deadline) {
      throw new Error(`${meter.deliveries} of ${expected} deliveries came`);
    }
    await pause(TICK_MS);
  }
  return { ms: elapsed(), accepted };
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
