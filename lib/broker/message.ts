/**
 * The messages that two ends exchange through a broker. See PROTOCOL.md §11.
 *
 * @module
 */
import { ByteReader, type Bytes, concat, u64, u8 } from "../bytes/mod.ts";
import { WireError } from "../errors.ts";

/** Kinds of messages. */
export const BrokerMessageKind: {
  readonly OPEN: 0;
  readonly DATA: 1;
  readonly STATE: 2;
  readonly END: 3;
} = {
  /** A caller's first message: its version, and where it takes the answer. */
  OPEN: 0,
  /** A piece of the stream. */
  DATA: 1,
  /** Only number and credit. */
  STATE: 2,
  /** No DATA follows. */
  END: 3,
};

/** Bytes before the content of a message. */
export const MESSAGE_HEADER_BYTES = 17;

/** A message. */
export interface Message {
  /** Its number in its direction, from 0. */
  readonly number: number;
  /** Bytes of the content of DATA that its sender takes in all. */
  readonly credit: number;
  /** One of {@linkcode BrokerMessageKind}. */
  readonly kind: number;
  /** The content. */
  readonly content: Bytes;
}

/** Encodes a message. @returns `number (8) || credit (8) || kind (1) || content`. */
export function encodeMessage(
  { content, credit, kind, number }: Omit<Message, "content"> & { readonly content: Uint8Array },
): Bytes {
  return concat(u64(number), u64(credit), u8(kind), content);
}

/** Decodes a message. @throws {WireError} If it is too short, of no kind, or not as long as its kind is. */
export function decodeMessage(bytes: Bytes): Message {
  const reader = new ByteReader(bytes);
  const message = {
    number: reader.u64(),
    credit: reader.u64(),
    kind: reader.u8(),
    content: reader.rest(),
  };
  const { content: { length }, kind } = message;
  if (kind > BrokerMessageKind.END) {
    throw new WireError(`Cannot decode message: unknown kind ${kind}`);
  }
  if ((length > 0) !== (kind === BrokerMessageKind.OPEN || kind === BrokerMessageKind.DATA)) {
    throw new WireError(`Cannot decode message: ${length} bytes in one of kind ${kind}`);
  }
  return message;
}
