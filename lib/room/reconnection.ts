/**
 * The `reconnected` event, after a return to the room.
 *
 * @module
 */
import type { Parts } from "./parts.ts";
import type { Peer } from "./peer.ts";

/** A connection after the first, until it is shown. */
interface Return {
  /** Number of messages emitted before it. */
  readonly before: number;
  /** When the first attempt began, in ms of `Clock.elapsed`. */
  readonly since: number;
  /** Members that joined meanwhile and sent messages: they had no key to wrap theirs for. */
  readonly unread: Set<Peer>;
  /** Whether all that waited at the host has come. */
  opened: boolean;
  /** Whether another host process has the room. */
  restarted: boolean;
}

/** Emits `reconnected` once all that was missed has been shown. */
export class Reconnection {
  readonly #parts: Parts;
  #return: Return | undefined;

  /** Creates one that shows no event before {@linkcode Reconnection.begin}. */
  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Notes that a connection after the first begins. */
  begin(): void {
    const { clock, events } = this.#parts;
    this.#return ??= {
      before: events.messages,
      since: clock.elapsed(),
      unread: new Set(),
      opened: false,
      restarted: false,
    };
    this.#return.opened = false;
  }

  /** Notes that another host process has the room. */
  restarted(): void {
    if (this.#return !== undefined) this.#return.restarted = true;
  }

  /** Notes a message that could not be read without its key. */
  unread(peer: Peer): void {
    if (this.#return !== undefined && peer.since >= this.#return.since) {
      this.#return.unread.add(peer);
    }
  }

  /** Notes that all that waited at the host has come. */
  opened(): void {
    if (this.#return !== undefined) this.#return.opened = true;
  }

  /** Emits the event if all that was missed has been shown. */
  showWhenComplete(): void {
    const { events, roster } = this.#parts;
    if (this.#return === undefined || !this.#return.opened) return;
    if ([...roster].some(({ recovery }) => recovery.held !== undefined)) return;
    const { before, restarted } = this.#return;
    const unread = [...this.#return.unread].flatMap(({ member }) => member?.name ?? []);
    this.#return = undefined;
    const missed = events.messages - before;
    events.emit({
      event: "reconnected",
      missed,
      restarted,
      ...unread.length > 0 && { unread },
    });
  }
}
