/**
 * The files that a run offers and receives, over all of its sessions in the room.
 *
 * @module
 */
import { type Bytes, equal, utf8 } from "../bytes/mod.ts";
import { deadline, systemClock } from "../clock.ts";
import { missingPermission, quote, TransferError } from "../errors.ts";
import {
  type FilePort,
  type FileSource,
  type IncomingChunk,
  MAX_PATH_BYTES,
  MAX_PATH_DEPTH,
  memoryFile,
  type TransferEvent,
  Transfers,
} from "../files/mod.ts";
import type { Member, Room, RoomEvent } from "../room/mod.ts";
import {
  problem,
  type SessionEvent,
  type TransferView,
  type TransferWish,
  warning,
  type WarningEvent,
} from "../session_events.ts";
import { findUpload, mayDownload, type SkippedPath } from "../store/mod.ts";
import { type FileMessage, MAX_FILES } from "../wire/mod.ts";
import { FileOutcomes } from "./file_outcomes.ts";
import { filePort, followMembers } from "./room_files.ts";
import type { TrustStore } from "./trust_store.ts";
import type { Views } from "./views.ts";

/** The name of a text that is offered as a file. */
const TEXT_NAME = "message.txt";

/** Maximum skipped paths that a warning names. */
const MAX_NAMED = 3;

const LIMITS = { maxFiles: MAX_FILES, maxPathBytes: MAX_PATH_BYTES, maxPathDepth: MAX_PATH_DEPTH };

/** Which files a run receives, and where. */
export interface DownloadOptions {
  /** Whose offers are accepted without a wish; no one's by default. */
  readonly acceptFrom?: "verified" | "all" | undefined;
  /** The folder for received files; by default that of `downloadDirectory`. */
  readonly downloadDir?: string | undefined;
  /** Maximum offer that is accepted, in bytes; any by default. */
  readonly maxFileBytes?: number | undefined;
}

/** Paths of files and folders, or bytes that come with a name. */
export type Sending =
  | { readonly paths: readonly string[] }
  | { readonly name: string; readonly stream: ReadableStream<Uint8Array> };

/** Dependencies of {@linkcode SharedFiles}. */
export interface SharedFilesOptions extends DownloadOptions {
  /** The folder for received files. */
  readonly downloadDir: string;
  /** The room's id, 32 bytes. */
  readonly roomId: Bytes;
  /** Tells which members are verified. */
  readonly trustStore: TrustStore;
  /** Completes events. */
  readonly views: Views;
  /** The present room. */
  readonly room: () => Room;
  /** Shows an event. */
  readonly show: (event: SessionEvent) => void;
}

/** The wishes that choose a transfer. */
type Choice = TransferWish["do"] | "cancel-file";

/** The transfers that each wish can be about. */
const FITTING: Readonly<Record<Choice, (view: TransferView<unknown>) => boolean>> = {
  "accept-file": ({ from, state }) => from !== undefined && state === "offered",
  "decline-file": ({ from, state }) => from !== undefined && state === "offered",
  "pause-file": ({ state }) => state === "active",
  "resume-file": ({ state }) => state === "paused",
  "cancel-file": () => true,
};

/** Offers files, and receives those of others, for one member. */
export class SharedFiles {
  readonly #options: SharedFilesOptions;
  readonly #transfers: Transfers<Member>;
  readonly #outcomes: FileOutcomes;
  /** This member's offers that are being prepared. */
  readonly #preparing = new Set<Promise<unknown>>();
  /** Members whose offers were refused because they cannot read what this run says, by key. */
  readonly #refused = new Set<string>();

  /** Begins in a room that is not entered yet. */
  constructor(options: SharedFilesOptions) {
    const { acceptFrom, downloadDir, maxFileBytes, trustStore, views } = options;
    this.#options = options;
    this.#transfers = new Transfers<Member>(this.#port(), {
      downloadDirectory: downloadDir,
      maxFileBytes,
      acceptsFrom: (member) =>
        acceptFrom === "all" || acceptFrom === "verified" && trustStore.isVerified(member),
      onEvent: (event) => this.#show(event),
    });
    this.#outcomes = new FileOutcomes(() =>
      this.#transfers.list().map((view) => views.transfer(view))
    );
  }

  /** Goes on in another session. */
  renew(): void {
    this.#transfers.sessionReplaced(this.#port());
  }

  /** Takes a message about a transfer. */
  receive(message: FileMessage, from: Member, isPrivate: boolean): void {
    if (message.kind === "offer" && this.#isWithheld(from)) return this.#refuse(from);
    this.#transfers.received(message, from, isPrivate);
  }

  /** Takes sealed bytes. Resolves once they are handled. */
  bulk(chunk: IncomingChunk): Promise<void> {
    return this.#transfers.bulk(chunk);
  }

  /** Takes note of what happens in the room. */
  hear(event: RoomEvent): void {
    followMembers(this.#transfers, event);
    this.#outcomes.check(); // An offer ends with the last member who could accept it.
  }

  // Wishes.

  /** Offers files. Errors become events. @param to The only receiver. */
  send(sending: Sending, to?: Member): void {
    void this.#follow(this.#offer(sending, to)).catch((error) =>
      this.#options.show(problem(error))
    );
  }

  /** Offers a text as a file. @param to The only receiver. */
  sendText(text: string, to?: Member): void {
    this.#begin({ name: TEXT_NAME, contents: memoryFile(TEXT_NAME, utf8(text)) }, to);
  }

  /**
   * Offers files, and waits until everyone who accepts them has everything.
   *
   * @param to The only receiver.
   * @param answerMs Time to accept the offer, in milliseconds.
   * @throws {LanchatError} If no one accepts it in that time, or the files cannot be read.
   */
  async deliver(sending: Sending, to: Member | undefined, answerMs: number): Promise<boolean> {
    const id = await this.#follow(this.#offer(sending, to));
    const outcomes = this.#outcomes;
    await outcomes.until(() => outcomes.isOffered(id) || !outcomes.isOpen(id));
    const { room, views } = this.#options;
    const asked = (to === undefined ? room().members : [to]).map((member) =>
      views.member(member).key
    );
    const answered = (): string[] => asked.filter((key) => outcomes.isAnswered(id, key));
    const isAnswered = (): boolean => !outcomes.isOpen(id) || answered().length === asked.length;
    await deadline(systemClock, answerMs, outcomes.until(isAnswered));
    await outcomes.until(() => !outcomes.isRunning(id));
    if (!outcomes.isOpen(id) || answered().length > 0) return outcomes.isComplete(id);
    throw new TransferError(
      "file-unanswered",
      to === undefined ? "No one has accepted the files" : `${to.name} has not accepted the files`,
    );
  }

  /** Carries out a wish about one transfer. @throws {LanchatError} With code `no-such-transfer`. */
  choose(wish: Choice, id?: number): void {
    const chosen = this.#choose(wish, id);
    switch (wish) {
      case "accept-file":
        return this.#transfers.accept(chosen);
      case "decline-file":
        return this.#transfers.decline(chosen);
      case "cancel-file":
        return this.#transfers.cancel(chosen);
      case "pause-file":
        return this.#transfers.pause(chosen);
      case "resume-file":
        return this.#transfers.resume(chosen);
    }
  }

  /** The transfers that have not ended. */
  get list(): readonly TransferView[] {
    return this.#transfers.list().map((view) => this.#options.views.transfer(view));
  }

  // The end.

  /**
   * Resolves once no files are under way.
   *
   * @param answerMs Time that is left to this member's offers without an answer, in milliseconds.
   * @returns Whether no transfer has ended because its other side was silent.
   */
  async settled(answerMs: number): Promise<boolean> {
    await Promise.allSettled(this.#preparing);
    const isSettled = (): boolean => !this.#outcomes.isRunning() && !this.#outcomes.isOpen();
    await deadline(systemClock, answerMs, this.#outcomes.until(isSettled));
    await this.#outcomes.until(() => !this.#outcomes.isRunning());
    return !this.#outcomes.metSilence;
  }

  /** Ends all transfers, and shows which of them are not finished. */
  async close(): Promise<void> {
    for (const { from, id, name } of this.list.filter(({ id }) => this.#outcomes.isRunning(id))) {
      const what = from === undefined ? "it was sent" : "all of it was here";
      const message = `you left before ${what}`;
      this.#options.show({ event: "file-failed", id, name, code: "file-unfinished", message });
    }
    await this.#transfers.close();
  }

  #port(): FilePort {
    return filePort(this.#options.room(), this.#options.roomId);
  }

  #show(event: TransferEvent<Member>): void {
    const shown = this.#options.views.complete(event);
    if (shown === undefined) return;
    this.#options.show(withAdvice(this.#withoutUnwritable(shown)));
    this.#outcomes.hear(shown);
  }

  /** Leaves out of an offer a folder in which nothing may be saved. */
  #withoutUnwritable(event: SessionEvent): SessionEvent {
    if (event.event !== "offer" || mayDownload(this.#options.downloadDir)) return event;
    const { directory: _, ...rest } = event;
    return rest;
  }

  /** Notes an offer of this member that is being prepared. */
  async #follow<T>(preparing: Promise<T>): Promise<T> {
    this.#preparing.add(preparing);
    return await preparing.finally(() => this.#preparing.delete(preparing));
  }

  /** Finds the files and offers them. @returns The number of the transfer. */
  async #offer(sending: Sending, to: Member | undefined): Promise<number> {
    const { room, show } = this.#options;
    if (to === undefined && room().members.length === 0) {
      throw new TransferError("nobody-here", "Cannot send files: no one else is here");
    }
    if ("stream" in sending) return this.#begin(sending, to);
    const upload = await findUpload(sending.paths, LIMITS);
    if (upload.skipped.length > 0) show(skippedWarning(upload.skipped));
    const name = upload.files[0]!.path.split("/", 1)[0]!;
    return this.#begin({ name, contents: upload }, to);
  }

  /** Begins to offer files, and says so: it takes a while to read large ones. @returns The number of the transfer. */
  #begin(source: FileSource, to: Member | undefined): number {
    const id = this.#transfers.offer(source, to);
    const { count, name, size } = this.#transfers.list().find((view) => view.id === id)!;
    this.#options.show({ event: "preparing", id, name, ...size !== undefined && { size }, count });
    return id;
  }

  /** Whether a member gets no keys: then they cannot read that this run accepts their files. */
  #isWithheld({ session }: Member): boolean {
    return this.#options.room().members.some((member) =>
      member.withheld === true && equal(member.session, session)
    );
  }

  /** Refuses the offers of a member who gets no keys, and says so once. */
  #refuse(from: Member): void {
    const { show, views } = this.#options;
    const { key, name } = views.member(from);
    if (this.#refused.has(key)) return;
    this.#refused.add(key);
    show(warning("key-withheld", `Refused files from ${name}: they can't read your messages`));
  }

  /** Finds the transfer that a wish is about. @throws {TransferError} With code `no-such-transfer`. */
  #choose(wish: Choice, id: number | undefined): number {
    const fitting = this.#transfers.list().filter(FITTING[wish]).map((view) => view.id);
    if (id === undefined ? fitting.length === 1 : fitting.includes(id)) return id ?? fitting[0]!;
    const verb = wish.split("-", 1)[0]!;
    const what = verb === "accept" || verb === "decline" ? "offer" : "transfer";
    if (id !== undefined || fitting.length === 0) {
      const which = id === undefined ? "" : ` number ${id}`;
      throw new TransferError("no-such-transfer", `There is no ${what}${which} to ${verb}`);
    }
    throw new TransferError("no-such-transfer", `Several ${what}s: ${fitting.join(", ")}`, {
      hint: `Add the number, as in /${verb} ${fitting[0]}.`,
    });
  }
}

/** An event, with advice that fits a receiver if it warns: no wish gives a permission that is missing. */
function withAdvice(event: SessionEvent): SessionEvent {
  if (event.event !== "warning") return event;
  switch (event.code) {
    case "permission-denied": {
      const { hint } = missingPermission("--allow-write", "--allow-read --allow-write");
      return warning(event.code, event.message, hint);
    }
    case "too-many-offers":
      return warning(event.code, event.message, "/decline those that you don't want.");
    default:
      return event;
  }
}

/** The warning about what is not sent of a folder. */
function skippedWarning(skipped: readonly SkippedPath[]): WarningEvent {
  const named = skipped.slice(0, MAX_NAMED).map(({ path, reason }) => `${quote(path)} (${reason})`);
  const more = skipped.length - named.length;
  const all = [...named, ...more > 0 ? [`${more} more`] : []].join(", ");
  return warning("file-unreadable", `Not sent: ${all}`, "");
}
