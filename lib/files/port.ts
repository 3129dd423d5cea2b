/**
 * What transfers need of the room, and what they tell the session.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import type { OfferOrigin } from "../crypto/mod.ts";
import type {
  FileFailedEvent,
  FileSentEvent,
  OfferEvent,
  ProgressEvent,
  ReceivedEvent,
  WarningEvent,
} from "../session_events.ts";
import type { FileMessage } from "../wire/mod.ts";
import type { FileContents } from "./content.ts";
import type { Slots } from "./slots.ts";
import type { Unreported } from "./unreported.ts";

/** A member that offers files or receives them. */
export interface FileMember {
  /** The name as shown. */
  readonly name: string;
  /** The identity key, 32 bytes. */
  readonly key: Bytes;
  /** The session, 16 bytes. */
  readonly session: Bytes;
}

/** Sealed bytes on their way to one or more receivers. */
export interface OutgoingChunk {
  /** The transfer, 16 bytes. */
  readonly transfer: Bytes;
  /** Where the bytes begin in the transfer's image. */
  readonly offset: number;
  /** The sessions of the receivers. */
  readonly to: readonly Bytes[];
  /** The bytes. */
  readonly bytes: Bytes;
}

/** Sealed bytes that have come. */
export interface IncomingChunk {
  /** The session of the sender. */
  readonly from: Bytes;
  /** The transfer, 16 bytes. */
  readonly transfer: Bytes;
  /** Where the bytes begin in the transfer's image. */
  readonly offset: number;
  /** The bytes. */
  readonly bytes: Bytes;
}

/** One session in a room, as transfers see it. */
export interface FilePort {
  /** This member's identity key and session, and the room. */
  readonly self: OfferOrigin;
  /**
   * Sends a message about a transfer. Resolves once the host has accepted it.
   *
   * @param to The session of the only reader in hexadecimal digits; all members by default.
   * @throws {LanchatError} If it cannot be sent.
   */
  send(message: FileMessage, to?: string): Promise<void>;
  /**
   * Opens a flow of sealed bytes. A write waits while the flow has no room, or there is no connection; what is
   * under way when a connection ends is lost.
   */
  openFlow(): WritableStream<OutgoingChunk>;
}

/** An event of a transfer. */
export type TransferEvent<M> =
  | OfferEvent<M>
  | ProgressEvent<M>
  | ReceivedEvent<M>
  | FileSentEvent<M>
  | FileFailedEvent<M>
  | WarningEvent;

/** An event of a transfer without the transfer's number. */
export type Unnumbered<Event> = Event extends { readonly id: number } ? Omit<Event, "id"> : never;

/** The files that a person sends under one name, or a stream whose size is not known. */
export type FileSource =
  | { readonly name: string; readonly contents: FileContents }
  | { readonly name: string; readonly stream: ReadableStream<Uint8Array> };

/** What the transfers of one run share. */
export interface TransferContext<M extends FileMember> {
  /** The present session. */
  readonly port: FilePort;
  /** The time. */
  readonly clock: Clock;
  /** Bounds the flows that are open at once. */
  readonly flows: Slots;
  /** Files that are here, and whose senders may not know it. */
  readonly unreported: Unreported;
  /** The members in the room. */
  readonly members: Iterable<M>;
  /** Shows an event. */
  emit(event: TransferEvent<M>): void;
  /** Notes that a transfer has ended. @param closed Resolves when it uses nothing any longer. */
  ended(id: number, closed: Promise<void>): void;
}
