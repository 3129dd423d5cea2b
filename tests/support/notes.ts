import type { FrontEnd, UiEvent } from "../../lib/ui/mod.ts";

/** A front end that notes what it is to show, and nothing else. */
export class Notes implements FrontEnd {
  readonly events: UiEvent[] = [];
  readonly input: ReadableStream<never> = new ReadableStream<never>();
  readonly broken: Promise<void> = new Promise(() => {});
  readonly interrupted: Promise<void> = new Promise(() => {});

  show(event: UiEvent): void {
    this.events.push(event);
  }

  writable(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
