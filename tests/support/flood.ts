/**
 * Many callers from one address that only occupy places: they connect as callers at another machine would.
 *
 * @module
 */
import { createConnection, type Socket } from "node:net";
import { type Bytes, concat } from "../../lib/bytes/mod.ts";
import { decodeM0, M0_BYTES } from "../../lib/wire/mod.ts";
import { within } from "./deadline.ts";
import { Inbox } from "./inbox.ts";

/** The length before M0. */
const HEADER_BYTES = 4;

/** How a host answered a caller: with a greeting, with busy, or by closing without an answer. */
export type Treatment = "greeted" | "busy" | "cut";

/** The behavior of a caller. */
export interface Manners {
  /** Called when it is connected. */
  readonly connected?: (socket: Socket) => void;
  /** Called when it has M0 without the busy flag. @param m0 42 bytes. */
  readonly greeted?: (socket: Socket, m0: Bytes) => void;
}

/** Callers from an address that is not 127.0.0.1; leaving its scope disconnects them. */
export class Flood implements AsyncDisposable {
  /** The host's answers, in the order of arrival. */
  readonly treatments: Inbox<Treatment> = new Inbox();
  readonly #port: number;
  readonly #manners: Manners;
  readonly #sockets = new Set<Socket>();
  readonly #closed: Promise<void>[] = [];
  readonly #timers: ReturnType<typeof setInterval>[] = [];

  /** Creates a flood without callers. @param port The host's port on 127.0.0.1. */
  constructor(port: number, manners: Manners = {}) {
    this.#port = port;
    this.#manners = manners;
  }

  /** Number of callers with this answer. */
  count(treatment: Treatment): number {
    return this.treatments.all.filter((other) => other === treatment).length;
  }

  /** Waits until a number of callers have this answer. */
  async reaches(treatment: Treatment, count: number): Promise<void> {
    const reached = async (): Promise<void> => {
      while (this.count(treatment) < count) {
        await this.treatments.count(this.treatments.all.length + 1);
      }
    };
    await within(reached(), () => `${this.count(treatment)} of ${count} were ${treatment}`);
  }

  /** Makes a number of calls at once. */
  call(count: number): void {
    for (let i = 0; i < count; i++) this.#callOnce();
  }

  /** Makes a number of calls, evenly over a time. @returns Resolves after the last. */
  async callEvenly(count: number, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const start = performance.now();
    let called = 0;
    this.every(20, () => {
      const due = Math.min(count, Math.floor((performance.now() - start) / ms * count));
      this.call(due - called);
      called = due;
      if (called === count) resolve();
    });
    await promise;
  }

  /** Repeats an action until the end. */
  every(ms: number, action: () => void): void {
    this.#timers.push(setInterval(action, ms));
  }

  /** Closes all calls. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#closed);
  }

  #callOnce(): void {
    const { connected, greeted } = this.#manners;
    const socket = createConnection({
      host: "127.0.0.1",
      port: this.#port,
      localAddress: "127.0.0.2",
      noDelay: true,
    });
    const closed = Promise.withResolvers<void>();
    this.#closed.push(closed.promise);
    this.#sockets.add(socket);
    let heard: Bytes = new Uint8Array();
    let treated = false;
    const note = (treatment: Treatment): void => {
      if (!treated) this.treatments.push(treatment);
      treated = true;
    };
    socket.on("connect", () => connected?.(socket));
    socket.on("data", (chunk) => {
      if (treated) return;
      heard = concat(heard, new Uint8Array(chunk));
      if (heard.length < HEADER_BYTES + M0_BYTES) return;
      const m0 = heard.slice(HEADER_BYTES, HEADER_BYTES + M0_BYTES);
      const { busy } = decodeM0(m0);
      note(busy ? "busy" : "greeted");
      if (!busy) greeted?.(socket, m0);
    });
    socket.on("error", () => {}); // It closes as well.
    socket.on("close", () => {
      this.#sockets.delete(socket);
      note("cut");
      closed.resolve();
    });
  }
}
