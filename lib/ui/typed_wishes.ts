/** The wishes of typed lines, and the output of lines that the front end answers itself, in one order. */
import type { Wish } from "../session_events.ts";

/**
 * Passes wishes on, each when the session asks for it: then it has answered the one before. The front end's own
 * output waits for the answers to all earlier commands.
 *
 * @example An error after a command
 * ```ts
 * import { TypedWishes } from "./typed_wishes.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const shown: string[] = [];
 * const wishes = new TypedWishes(() => {});
 * wishes.add({ do: "who" });
 * wishes.output(() => shown.push("error"));
 * wishes.close();
 * for await (const wish of wishes.stream) shown.push(`answer to ${wish.do}`);
 * assertEquals(shown, ["answer to who", "error"]);
 * ```
 */
export class TypedWishes {
  /** The wishes, on demand. */
  readonly stream: ReadableStream<Wish>;
  readonly #controller: ReadableStreamDefaultController<Wish>;
  /** Wishes and output that wait for their turn. */
  readonly #queue: (Wish | (() => void))[] = [];
  /** The wish that the session carries out. */
  #current: Wish | undefined;
  #isAsked = false;
  #isClosing = false;

  /** Starts without wishes. @param onCancel Called when the session asks for no more. */
  constructor(onCancel: () => void) {
    let controller: ReadableStreamDefaultController<Wish>;
    this.stream = new ReadableStream({
      start: (its) => void (controller = its),
      pull: () => {
        this.#current = undefined;
        this.#isAsked = true;
        this.#pass();
      },
      cancel: onCancel,
    }, { highWaterMark: 0 });
    this.#controller = controller!;
  }

  /** Adds a wish. */
  add(wish: Wish): void {
    this.#queue.push(wish);
    this.#pass();
  }

  /** Shows output after the answers to all earlier commands; a message is no command. */
  output(show: () => void): void {
    const waits = [this.#current, ...this.#queue].some((one) =>
      typeof one === "function" || one !== undefined && one.do !== "say"
    );
    if (waits) this.#queue.push(show);
    else show();
  }

  /** Ends the stream after the last wish. */
  close(): void {
    this.#isClosing = true;
    this.#pass();
  }

  /** Ends the stream with an error. */
  fail(error: unknown): void {
    this.#controller.error(error);
  }

  /** Shows all output that still waits: no answer will come. */
  flush(): void {
    for (const one of this.#queue.splice(0)) if (typeof one === "function") one();
  }

  #pass(): void {
    while (this.#isAsked) {
      const next = this.#queue.shift();
      if (typeof next === "function") next();
      else if (next !== undefined) {
        this.#current = next;
        this.#isAsked = false;
        this.#controller.enqueue(next);
      } else {
        if (this.#isClosing) this.#controller.close();
        return;
      }
    }
  }
}
