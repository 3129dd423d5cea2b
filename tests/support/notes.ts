import type { FrontEnd } from "../../lib/session/front_end.ts";
import type { SessionEvent } from "../../lib/session_events.ts";

/** A front end that only records the events it is given. */
export class Notes implements FrontEnd {
  readonly events: SessionEvent[] = [];
  readonly input: ReadableStream<never> = new ReadableStream<never>();
  readonly broken: Promise<void> = new Promise(() => {});
  readonly interrupted: Promise<void> = new Promise(() => {});

  show(event: SessionEvent): void {
    this.events.push(event);
  }

  writable(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
