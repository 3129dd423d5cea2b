/** The sentences for the events of transfers, not yet safe to show: a name of a file may hold anything. */
import { type Code, CODES, quote } from "../errors.ts";
import type {
  FileFailedEvent,
  FileSentEvent,
  OfferEvent,
  PauseCause,
  PreparingEvent,
  ProgressEvent,
  ReceivedEvent,
  TransfersEvent,
  TransferView,
} from "../session_events.ts";
import { formatBytes, formatSeconds, percentOf } from "./quantity.ts";
import { markedName } from "./theme.ts";

/** Maximum characters of a file's name in a line. */
const MAX_FILE_NAME = 60;

/** Characters at the end of a long name that are shown. */
const END_CHARACTERS = 8;

/** Maximum paths in one line; the folder shows all. */
const MAX_PATHS = 3;

/** Failures of a sender, about which a receiver can do nothing. */
const OF_SENDER: ReadonlySet<Code> = new Set(["file-unreadable", "file-changed"]);

/** Bytes from which on it is worth a line that files are read. */
const SLOW_BYTES = 100_000_000;

/** The parts of a transfer that describe its files. */
type Described = Pick<TransferView, "count" | "name" | "size">;

/**
 * Shows a file's name: in quotes, with everything escaped that acts on a terminal. Of a long name the end is
 * shown too: it tells a program from a picture.
 *
 * @param length Maximum characters.
 */
export function fileName(name: string, length: number = MAX_FILE_NAME): string {
  const characters = [...name];
  if (characters.length <= length) return quote(name);
  const end = characters.slice(-END_CHARACTERS).join("");
  return quote(`${characters.slice(0, length - END_CHARACTERS).join("")}…${end}`);
}

/** A file's name, the number of files if there are several, and their size. */
function described({ count, name, size }: Described, length?: number): string {
  const facts = [
    ...count === 1 ? [] : [`${count} files`],
    size === undefined ? "of unknown size" : formatBytes(size),
  ];
  return `${fileName(name, length)} (${facts.join(", ")})`;
}

/** Who offers what to whom. */
function offerFact(event: OfferEvent): string {
  const { from, private: isPrivate, to } = event;
  if (from === undefined) {
    return `You offer ${described(event)} to ${to === undefined ? "everyone" : markedName(to)}.`;
  }
  const sender = from.verified ? markedName(from) : `${markedName(from)} (not verified)`;
  return `${sender} offers ${isPrivate ? "you " : "everyone "}${described(event)}.`;
}

/** Files that are read before they are offered. @param length Maximum characters of the name. */
export function preparingSentence(event: PreparingEvent, length: number = MAX_FILE_NAME): string {
  return `Reading ${described(event, length)}`;
}

/** Files that are read, for pipes and logs: only where that takes a while. */
export function preparingSentences(event: PreparingEvent): string[] {
  return (event.size ?? 0) < SLOW_BYTES ? [] : [`${preparingSentence(event)}.`];
}

/** An offer, for pipes and logs: without steps that only a person can take. */
export function offerSentences(event: OfferEvent): string[] {
  const { accepted, directory } = event;
  const isSaved = accepted && directory !== undefined;
  return [isSaved ? `${offerFact(event)} It is saved in ${directory}.` : offerFact(event)];
}

/** An offer, for a person: with what to type. */
export function personOfferSentences(event: OfferEvent): string[] {
  const { accepted, count, directory, from, id } = event;
  const it = count === 1 ? "it" : "them";
  if (from === undefined) return [`${offerFact(event)} /cancel ${id} takes ${it} back.`];
  if (accepted) return offerSentences(event);
  if (directory === undefined) {
    return [offerFact(event), `To save ${it}, start lanchat with --allow-read --allow-write.`];
  }
  return [offerFact(event), `/accept ${id} saves ${it} in ${directory}, or /decline ${id}.`];
}

/** How far a transfer is, in one line. */
export function progressSentence(event: ProgressEvent): string {
  const { bytes, bytesPerSecond, name, pausedBy, secondsLeft, size } = event;
  const done = size === undefined
    ? formatBytes(bytes)
    : `${percentOf(bytes, size)}% of ${formatBytes(size)}`;
  const facts = pausedBy !== undefined
    ? [done, pauseFact(pausedBy)]
    : [done, ...bytesPerSecond > 0 ? rateOf({ bytesPerSecond, secondsLeft }) : []];
  return `${fileName(name)}: ${facts.join(", ")}`;
}

/** That a transfer is paused, and by whom if it is not this side. */
export function pauseFact(cause: PauseCause): string {
  return { you: "paused", sender: "the sender paused it", away: "the sender is away" }[cause];
}

/** The rate and the time that is left, if they are known. */
export function rateOf(
  { bytesPerSecond, secondsLeft }: {
    readonly bytesPerSecond: number;
    readonly secondsLeft?: number | undefined;
  },
): string[] {
  return [
    `${formatBytes(bytesPerSecond)}/s`,
    ...secondsLeft === undefined ? [] : [`${formatSeconds(secondsLeft)} left`],
  ];
}

/** Files that are here. */
export function receivedSentence({ bytes, from, paths }: ReceivedEvent): string {
  const more = paths.length - MAX_PATHS;
  const places = [...paths.slice(0, MAX_PATHS), ...more > 0 ? [`${more} more`] : []];
  const hash = paths.length === 1 ? "hash matches" : "hashes match";
  return `Received from ${markedName(from)} (${formatBytes(bytes)}, ${hash}): ${places.join(", ")}`;
}

/** A receiver has the files. */
export function fileSentSentence({ member, name }: FileSentEvent): string {
  return `${markedName(member)} has ${fileName(name)}; the hash matches.`;
}

/** A transfer that has failed, and what to do on this side. */
export function fileFailedSentences({ code, member, message, name }: FileFailedEvent): string[] {
  const hint = member !== undefined || OF_SENDER.has(code) ? "" : CODES[code].hint;
  return [`${fileName(name)}: ${message}`, ...hint === "" ? [] : [`hint: ${hint}`]];
}

/** The transfers, one in each line. */
export function transfersSentences({ transfers }: TransfersEvent): string[] {
  if (transfers.length === 0) return ["There are no offers and no transfers."];
  return transfers.map((transfer) => {
    const { from, id, to } = transfer;
    const other = from === undefined
      ? `to ${to === undefined ? "everyone" : markedName(to)}`
      : `from ${markedName(from)}`;
    return `${id}: ${described(transfer)} ${other}, ${stateOf(transfer)}`;
  });
}

function stateOf({ bytes, from, pausedBy, receivers = [], size, state }: TransferView): string {
  if (state === "offered") return from === undefined ? "no answer yet" : "waits for your answer";
  const each = receivers.map(({ bytes, member }) => `${markedName(member)} ${done(bytes, size)}`);
  const progress = each.length > 1 ? each.join(", ") : done(bytes, size);
  if (pausedBy === undefined) return progress;
  return pausedBy === "you" ? `paused at ${progress}` : `${progress}, ${pauseFact(pausedBy)}`;
}

/** A part of a whole in percent, or in bytes if the whole is not known. */
export function done(bytes: number, size: number | undefined): string {
  return size === undefined ? formatBytes(bytes) : `${percentOf(bytes, size)}%`;
}
