/**
 * What became of own transfers at each receiver.
 *
 * @module
 */
import type { Code } from "../errors.ts";
import type { SessionEvent, TransferView } from "../session_events.ts";

/** What became of one transfer. */
interface Outcome {
  /** For each receiver, by key: `undefined` if they have everything, or else why not. */
  readonly receivers: Map<string, Code | undefined>;
  /** Whether it has failed for all. */
  failed: boolean;
}

/** Follows the events of transfers, and lets others wait for them. */
export class FileOutcomes {
  readonly #list: () => readonly TransferView[];
  /** By number of the transfer. */
  readonly #outcomes = new Map<number, Outcome>();
  #metSilence = false;
  #waiting: { readonly isMet: () => boolean; readonly resolve: () => void }[] = [];

  /** Begins without transfers. @param list Returns those that have not ended. */
  constructor(list: () => readonly TransferView[]) {
    this.#list = list;
  }

  /** Takes note of an event. */
  hear(event: SessionEvent): void {
    switch (event.event) {
      case "offer":
        if (event.from === undefined) {
          this.#outcomes.set(event.id, { receivers: new Map(), failed: false });
        }
        break;
      case "file-sent":
        this.#outcomes.get(event.id)?.receivers.set(event.member.key, undefined);
        break;
      case "file-failed": {
        this.#metSilence ||= event.code === "file-silent";
        const outcome = this.#outcomes.get(event.id);
        if (outcome === undefined) break;
        if (event.member === undefined) outcome.failed = true;
        else outcome.receivers.set(event.member.key, event.code);
      }
    }
    // A transfer leaves the list only after its last event.
    queueMicrotask(() => this.check());
  }

  /** Checks the conditions that others wait for. */
  check(): void {
    const met = this.#waiting.filter(({ isMet }) => isMet());
    this.#waiting = this.#waiting.filter((one) => !met.includes(one));
    for (const { resolve } of met) resolve();
  }

  /** Resolves once a condition is met. */
  until(isMet: () => boolean): Promise<void> {
    if (isMet()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ isMet, resolve }));
  }

  /** Whether a transfer, in either direction, has ended because the other side was silent. */
  get metSilence(): boolean {
    return this.#metSilence;
  }

  /** Whether the own offer was made. */
  isOffered(id: number): boolean {
    return this.#outcomes.has(id);
  }

  /** Whether the own offer was answered by someone. @param key Their identity key. */
  isAnswered(id: number, key: string): boolean {
    const receivers = this.#list().find((view) => view.id === id)?.receivers ?? [];
    return receivers.some(({ member }) => member.key === key) ||
      this.#outcomes.get(id)?.receivers.has(key) === true;
  }

  /** Whether files are under way: those of one transfer, or of any. */
  isRunning(id?: number): boolean {
    return this.#list().some((view) => (id === undefined || view.id === id) && this.#runs(view));
  }

  /** Whether an own offer has not ended: that of one transfer, or any. */
  isOpen(id?: number): boolean {
    return this.#list().some((view) =>
      (id === undefined || view.id === id) && view.from === undefined
    );
  }

  /** Whether someone has accepted an own offer, and everyone who did has everything. */
  isComplete(id: number): boolean {
    const { failed = true, receivers } = this.#outcomes.get(id) ?? {};
    const answers = [...receivers?.values() ?? []];
    return !failed && answers.includes(undefined) &&
      answers.every((code) => code === undefined || code === "file-declined");
  }

  #runs({ from, id, receivers = [], state }: TransferView): boolean {
    if (state !== "active") return false;
    const settled = this.#outcomes.get(id)?.receivers;
    return from !== undefined || receivers.some(({ member }) => !settled?.has(member.key));
  }
}
