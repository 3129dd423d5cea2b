/**
 * What became of this member's transfers at each receiver.
 *
 * @module
 */
import type { Code } from "../errors.ts";
import type { SessionEvent, TransferView } from "../session_events.ts";

/** What became of one transfer. */
interface Outcome {
  /** The receivers that have everything, by key. */
  readonly complete: Set<string>;
  /** Why the others stopped that did. They may go on. */
  readonly failures: Map<string, Code>;
  /** The receivers that were silent once, and do not have everything since. */
  readonly silent: Set<string>;
  /** Whether it has failed for all. */
  failed: boolean;
}

/** Follows the events of transfers, and lets others wait for them. */
export class FileOutcomes {
  readonly #list: () => readonly TransferView[];
  /** By number of the transfer. */
  readonly #outcomes = new Map<number, Outcome>();
  /** Whether a sender was silent. */
  #lostSender = false;
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
          this.#outcomes.set(event.id, {
            complete: new Set(),
            failures: new Map(),
            silent: new Set(),
            failed: false,
          });
        }
        break;
      case "file-sent": {
        const { complete, failures, silent } = this.#outcomes.get(event.id) ?? {};
        complete?.add(event.member.key);
        failures?.delete(event.member.key);
        silent?.delete(event.member.key);
        break;
      }
      case "file-failed": {
        const { code, id, member } = event;
        const outcome = this.#outcomes.get(id);
        if (outcome === undefined) this.#lostSender ||= code === "file-silent";
        else if (member === undefined) outcome.failed = true;
        else if (!outcome.complete.has(member.key)) {
          outcome.failures.set(member.key, code);
          if (code === "file-silent") outcome.silent.add(member.key);
        }
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
    return this.#lostSender || this.#outcomes.values().some(({ silent }) => silent.size > 0);
  }

  /** Whether this member's offer was made. */
  isOffered(id: number): boolean {
    return this.#outcomes.has(id);
  }

  /** Whether this member's offer was answered by someone. @param key Their identity key. */
  isAnswered(id: number, key: string): boolean {
    const receivers = this.#list().find((view) => view.id === id)?.receivers ?? [];
    const { complete, failures } = this.#outcomes.get(id) ?? {};
    return receivers.some(({ member }) => member.key === key) ||
      complete?.has(key) === true || failures?.has(key) === true;
  }

  /** Whether files are under way: those of one transfer, or of any. */
  isRunning(id?: number): boolean {
    return this.#list().some((view) => (id === undefined || view.id === id) && this.#runs(view));
  }

  /** Whether an offer of this member has not ended: that of one transfer, or any. */
  isOpen(id?: number): boolean {
    return this.#list().some((view) =>
      (id === undefined || view.id === id) && view.from === undefined
    );
  }

  /** Whether someone has accepted an offer of this member, and everyone who did has everything. */
  isComplete(id: number): boolean {
    const outcome = this.#outcomes.get(id);
    return outcome !== undefined && !outcome.failed && outcome.complete.size > 0 &&
      outcome.failures.values().every((code) => code === "file-declined");
  }

  #runs({ from, id, receivers = [], state }: TransferView): boolean {
    if (state !== "active") return false;
    // Receivers that have failed are listed only if they want more again.
    const complete = this.#outcomes.get(id)?.complete;
    return from !== undefined || receivers.some(({ member }) => !complete?.has(member.key));
  }
}
