/**
 * The load: speakers that send at a rate, and what comes of it.
 *
 * @module
 */

/** How often the speakers look whether a message is due, in milliseconds. */
const TICK_MS = 1;

/** Maximum time that the last messages may take, in milliseconds. */
const LAST_MS = 30_000;

/** What all members together have received and sent. */
export class Meter {
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
export interface Outcome {
  /** Messages sent. */
  readonly sent: number;
  /** Deliveries in all. */
  readonly delivered: number;
  /** Time from the first message to the last delivery, in milliseconds. */
  readonly ms: number;
}

/** Has the speakers speak, and waits until all has arrived. @throws {Error} If it does not arrive. */
export async function offer(
  load: Load,
  speakers: readonly Speaker[],
  meter: Meter,
): Promise<Outcome> {
  const { rate, readers, seconds } = load;
  const start = performance.now();
  const elapsed = (): number => performance.now() - start;
  let sent = 0;
  let turn = 0;
  while (elapsed() < seconds * 1000) {
    const due = rate === 0 ? Infinity : Math.floor(elapsed() / 1000 * rate) + 1;
    for (let full = 0; sent < due && full < speakers.length;) {
      if (speakers[turn++ % speakers.length]!.speak()) {
        sent++;
        full = 0;
      } else {
        full++;
      }
    }
    for (const speaker of speakers) speaker.flush();
    await pause(TICK_MS);
  }
  const deadline = elapsed() + LAST_MS;
  while (meter.deliveries < sent * readers) {
    if (elapsed() > deadline) {
      throw new Error(`${meter.deliveries} of ${sent * readers} deliveries came`);
    }
    await pause(TICK_MS);
  }
  return { sent, delivered: meter.deliveries, ms: elapsed() };
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
