/**
 * The bodies of the four MSG kinds with which members agree on files. See PROTOCOL.md §6.10.
 *
 * @module
 */
import { ByteReader, type Bytes, concat, isZero, u32, u64, u8, utf8 } from "../bytes/mod.ts";
import { WireError } from "../errors.ts";
import { BodyKind, decodeText } from "./object.ts";
import { TRANSFER_BYTES } from "./record.ts";

/** Bytes of the secret of a grant, and of the root of a hash tree. */
const HASH_BYTES = 32;

/** Maximum bytes of the contents of a transfer, 2^52: every position in its image is below 2^53. */
const MAX_SIZE: number = 2 ** 52;

/** Maximum files of a transfer: their list is kept in memory. */
export const MAX_FILES = 100_000;

/** Maximum bytes of a manifest: it is kept in memory until all of it has come. */
export const MAX_MANIFEST_BYTES: number = 1 << 23;

/** Maximum ranges of a want: they fit into the body of one MSG. */
export const MAX_WANT_RANGES = 1000;

/** An offer of files to the room or to one member. */
export interface Offer {
  /** The transfer, 16 random bytes. */
  readonly transfer: Bytes;
  /** Whether size and root become known only at the end; both are zero here then. */
  readonly stream: boolean;
  /** Bytes of the contents of all files. */
  readonly size: number;
  /** Number of files, from 1. */
  readonly files: number;
  /** Bytes of the manifest. */
  readonly manifestBytes: number;
  /** The root of the hash tree, 32 bytes. */
  readonly root: Bytes;
  /** The name to show: 1 to 255 bytes of UTF-8, not sanitized. */
  readonly name: string;
}

/** Consecutive units that a receiver lacks. */
export interface WantRange {
  /** The first unit. */
  readonly first: number;
  /** Number of units, from 1. */
  readonly count: number;
}

/** A receiver's list of the units that it lacks. It replaces the one before, and the first accepts the offer. */
export interface Want {
  /** The transfer. */
  readonly transfer: Bytes;
  /** At most {@linkcode MAX_WANT_RANGES}, ascending and not overlapping; none to pause. */
  readonly ranges: readonly WantRange[];
}

/** The secret of a transfer, for one receiver. */
export interface Grant {
  /** The transfer. */
  readonly transfer: Bytes;
  /** The secret from which the key of all units follows, 32 bytes. */
  readonly secret: Bytes;
}

/** The states of a {@linkcode Report}: the first four are a receiver's, the others the sender's. */
export const ReportState = {
  HAVE: 1,
  COMPLETE: 2,
  DECLINED: 3,
  STOPPED: 4,
  WITHDRAWN: 5,
  PAUSED: 6,
  CONTINUED: 7,
  END: 8,
} as const;

/** Why a receiver stopped: the value of `ReportState.STOPPED`. */
export const StopReason = {
  CANCELED: 0,
  DISK_FULL: 1,
  CANNOT_WRITE: 2,
  TOO_LARGE: 3,
  BAD_CONTENTS: 4,
} as const;

/** Why a sender withdrew its offer: the value of `ReportState.WITHDRAWN`. */
export const WithdrawReason = {
  CANCELED: 0,
  FILE_CHANGED: 1,
  CANNOT_READ: 2,
  NOT_HELD: 3,
} as const;

/** How a transfer goes on. */
export interface Report {
  /** The transfer. */
  readonly transfer: Bytes;
  /** One of {@linkcode ReportState}, or one that a later version has added. */
  readonly state: number;
  /** Bytes of the contents for `HAVE`, `COMPLETE` and `END`; a reason for `STOPPED` and `WITHDRAWN`; otherwise 0. */
  readonly value: number;
  /** The root of a stream that has ended: with `END` only, 32 bytes. */
  readonly root?: Bytes;
}

/** A message about a transfer. */
export type FileMessage =
  | { readonly kind: "offer" } & Offer
  | { readonly kind: "want" } & Want
  | { readonly kind: "grant" } & Grant
  | { readonly kind: "report" } & Report;

/** Whether a kind of body is that of a {@linkcode FileMessage}. */
export function isFileKind(kind: number): boolean {
  return kind >= BodyKind.OFFER && kind <= BodyKind.REPORT;
}

/**
 * Encodes the body of a MSG about a transfer.
 *
 * - offer: `transfer (16) || flags (1) || size (8) || files (4) || manifest (4) || root (32) || length (1) || name`
 * - want: `transfer (16)`, then for each range `first (8) || count (8)`
 * - grant: `transfer (16) || secret (32)`
 * - report: `transfer (16) || state (1) || value (8)`, then for `END` `root (32)`
 */
export function encodeFileMessage(message: FileMessage): { kind: number; body: Bytes } {
  switch (message.kind) {
    case "offer":
      return { kind: BodyKind.OFFER, body: encodeOffer(message) };
    case "want": {
      const ranges = message.ranges.flatMap(({ count, first }) => [u64(first), u64(count)]);
      return { kind: BodyKind.WANT, body: concat(message.transfer, ...ranges) };
    }
    case "grant":
      return { kind: BodyKind.GRANT, body: concat(message.transfer, message.secret) };
    case "report": {
      const { root = new Uint8Array(), state, transfer, value } = message;
      return { kind: BodyKind.REPORT, body: concat(transfer, u8(state), u64(value), root) };
    }
  }
}

function encodeOffer({ files, manifestBytes, name, root, size, stream, transfer }: Offer): Bytes {
  const text = utf8(name);
  return concat(
    transfer,
    u8(stream ? 1 : 0),
    u64(size),
    u32(files),
    u32(manifestBytes),
    root,
    u8(text.length),
    text,
  );
}

/**
 * Decodes the body of a MSG about a transfer.
 *
 * @param kind A kind for which {@linkcode isFileKind} holds.
 * @throws {WireError} If the body is not laid out so, or a field is out of its bounds.
 */
export function decodeFileMessage(kind: number, body: Bytes): FileMessage {
  const reader = new ByteReader(body);
  const transfer = reader.take(TRANSFER_BYTES);
  const message = decodeRest(kind, transfer, reader);
  reader.end();
  return message;
}

function decodeRest(kind: number, transfer: Bytes, reader: ByteReader): FileMessage {
  switch (kind) {
    case BodyKind.OFFER:
      return { kind: "offer", ...decodeOffer(transfer, reader) };
    case BodyKind.WANT:
      return { kind: "want", transfer, ranges: decodeRanges(reader) };
    case BodyKind.GRANT:
      return { kind: "grant", transfer, secret: reader.take(HASH_BYTES) };
    default: {
      const [state, value] = [reader.u8(), reader.u64()];
      const root = state === ReportState.END && { root: reader.take(HASH_BYTES) };
      return { kind: "report", transfer, state, value, ...root };
    }
  }
}

function decodeOffer(transfer: Bytes, reader: ByteReader): Offer {
  const flags = reader.u8();
  const offer = {
    transfer,
    stream: flags === 1,
    size: reader.u64(),
    files: reader.u32(),
    manifestBytes: reader.u32(),
    root: reader.take(HASH_BYTES),
    name: decodeText(reader.take(reader.u8())),
  };
  const { files, manifestBytes, name, root, size, stream } = offer;
  if (flags > 1) throw new WireError(`Cannot decode offer: its flags are unknown: ${flags}`);
  if (size > MAX_SIZE) throw new WireError("Cannot decode offer: its size is over 2^52");
  if (files < 1 || files > MAX_FILES) {
    throw new WireError(`Cannot decode offer: it must have 1 to 100,000 files, not ${files}`);
  }
  if (manifestBytes < 1 || manifestBytes > MAX_MANIFEST_BYTES) {
    throw new WireError(`Cannot decode offer: no manifest has ${manifestBytes} bytes`);
  }
  if (stream && (files !== 1 || size !== 0 || !isZero(root))) {
    throw new WireError("Cannot decode offer: a stream is one file of unknown size");
  }
  if (name === "") throw new WireError("Cannot decode offer: its name is empty");
  return offer;
}

function decodeRanges(reader: ByteReader): WantRange[] {
  const ranges: WantRange[] = [];
  let end = 0;
  while (reader.remaining > 0) {
    if (ranges.length === MAX_WANT_RANGES) {
      throw new WireError(`Cannot decode want: it has over ${MAX_WANT_RANGES} ranges`);
    }
    const [first, count] = [reader.u64(), reader.u64()];
    if (first < end) throw new WireError("Cannot decode want: its ranges are out of order");
    end = first + count;
    if (count === 0 || end > Number.MAX_SAFE_INTEGER) {
      throw new WireError(`Cannot decode want: it has a range of ${count} units`);
    }
    ranges.push({ first, count });
  }
  return ranges;
}
