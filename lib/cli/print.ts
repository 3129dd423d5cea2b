/**
 * Prints the results of commands other than a chat.
 *
 * @module
 */
import { type Bytes, utf8 } from "../bytes/mod.ts";
import { EXIT, LanchatError } from "../errors.ts";
import type { FrontEnd } from "../session/mod.ts";
import { type EndReason, problem, type SessionEvent } from "../session_events.ts";
import {
  columnsOf,
  JsonFrontEnd,
  noticeLines,
  PlainFrontEnd,
  sanitizeLine,
  wrapOutput,
} from "../ui/mod.ts";

/** Writes a text to standard output. @returns The exit status: a failure if standard output is closed. */
export async function print(text: string | Bytes): Promise<number> {
  const writer = Deno.stdout.writable.getWriter();
  try {
    await writer.write(typeof text === "string" ? utf8(text) : text);
    return EXIT.OK;
  } catch {
    return EXIT.FAILURE;
  } finally {
    writer.releaseLock();
  }
}

/** Prints lines for people, wrapped where they go to a terminal. @param text Safe to show. @returns As {@linkcode print}. */
export async function printWrapped(text: string): Promise<number> {
  const columns = columnsOf(Deno.stdout);
  return await print(text.split("\n").map((line) => wrapOutput(line, columns)).join("\n"));
}

/**
 * Prints the result of a command.
 *
 * @param lines The lines for people; by default those of the events.
 * @returns The exit status: a failure if standard output is closed.
 */
export async function printResult(
  events: readonly SessionEvent[],
  json: boolean,
  lines: readonly string[] = events.filter((event) => !isProblem(event)).flatMap(noticeLines),
): Promise<number> {
  const printer = new EventPrinter(json);
  for (const event of events) {
    if (json || isProblem(event)) await printer.print(event);
  }
  if (!json) await printer.printLines(lines);
  return await printer.close("done");
}

/** Prints events as they happen: as JSON Lines, or in lines that are safe to show in a terminal. */
export class EventPrinter {
  readonly #json: JsonFrontEnd | undefined;
  #status: number = EXIT.OK;

  /** @param json Whether to print JSON Lines. */
  constructor(json: boolean) {
    this.#json = json ? new JsonFrontEnd() : undefined;
    void this.#json?.broken.then(() => this.#status = EXIT.FAILURE);
  }

  /** Prints an event; people find problems on standard error. @returns Whether standard output is open. */
  async print(event: SessionEvent): Promise<boolean> {
    if (this.#json !== undefined) {
      await this.#json.writable();
      this.#json.show(event);
    } else if (isProblem(event)) {
      // While it is open, nothing else can write to standard output.
      const frontEnd = new PlainFrontEnd();
      frontEnd.show(event);
      await frontEnd.close();
    } else {
      await this.printLines(noticeLines(event));
    }
    return this.#status === EXIT.OK;
  }

  /** Prints lines for people. */
  async printLines(lines: readonly string[]): Promise<void> {
    this.#status ||= await printWrapped(lines.map((line) => `${sanitizeLine(line)}\n`).join(""));
  }

  /** Ends the output. @returns The exit status: a failure if standard output is closed. */
  async close(reason: EndReason): Promise<number> {
    this.#json?.show({ event: "closed", reason });
    await this.#json?.close();
    return this.#status;
  }

  /** Prints an error and ends the output. @returns The exit status. */
  async fail(error: unknown): Promise<number> {
    await this.print(problem(error));
    await this.close("failed");
    return exitStatusOf(error);
  }
}

/** Shows an error in a front end and closes it. @param hurry As in `FrontEnd.close`. @returns The exit status. */
export async function showFailure(
  error: unknown,
  frontEnd: FrontEnd,
  hurry?: Promise<void>,
): Promise<number> {
  frontEnd.show(problem(error));
  await frontEnd.close(hurry);
  return exitStatusOf(error);
}

function exitStatusOf(error: unknown): number {
  return error instanceof LanchatError ? error.exitStatus : EXIT.FAILURE;
}

function isProblem({ event }: SessionEvent): boolean {
  return event === "warning" || event === "error";
}
