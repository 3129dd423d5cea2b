/**
 * Packets of the DNS, as lanchat sends and reads them.
 *
 * @module
 */
import { decode, encode } from "dns-packet";
import { Buffer } from "node:buffer";

/**
 * Maximum bytes, questions and records of a packet; lanchat drops others before it decodes them. A packet of the
 * size that RFC 6762 §17 allows takes 10 ms, and a flood of such packets would stop the chat; one within these
 * bounds takes half a millisecond.
 */
const MAX_PACKET_BYTES = 1500;
const MAX_QUESTIONS = 16;
const MAX_RECORDS = 32;

/** Bytes of a packet's header, which ends with four counts (RFC 1035 §4.1.1). */
const HEADER_BYTES = 12;

/** A record of the DNS, of the types that DNS-SD needs (RFC 1035 §3.2, RFC 2782). */
export type DnsRecord =
  & { readonly name: string; readonly ttl: number; readonly flush?: boolean }
  & (
    | { readonly type: "PTR" | "A" | "AAAA"; readonly data: string }
    | { readonly type: "SRV"; readonly data: { readonly target: string; readonly port: number } }
    | { readonly type: "TXT"; readonly data: readonly Uint8Array[] | readonly string[] }
  );

/** A packet of the DNS. A decoded one may also have records of other types. */
export interface DnsPacket {
  /** Whether it asks or answers. */
  readonly type: "query" | "response";
  /** The questions. */
  readonly questions?: readonly { readonly name: string; readonly type: string }[];
  /** The answers; in a query, the records that its sender knows already. */
  readonly answers?: readonly DnsRecord[];
  /** Records beside the answers. */
  readonly additionals?: readonly DnsRecord[];
}

/** Encodes a packet (RFC 1035 §4). */
export function encodeDns(packet: DnsPacket): Uint8Array {
  return encode(packet);
}

/** Decodes a packet; `undefined` if the bytes are not one, or exceed a limit. */
export function decodeDns(bytes: Uint8Array): DnsPacket | undefined {
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_PACKET_BYTES) return undefined;
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [questions, ...records] = [4, 6, 8, 10].map((at) => header.getUint16(at));
  if (questions! > MAX_QUESTIONS || records.reduce((a, b) => a + b) > MAX_RECORDS) return undefined;
  try {
    return decode(Buffer.from(bytes)) as DnsPacket;
  } catch {
    return undefined; // Anybody may send anything.
  }
}
