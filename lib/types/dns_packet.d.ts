/**
 * The functions of dns-packet that lanchat calls. `@types/dns-packet` needs `@types/node`, which each start from
 * source would download and each binary contain.
 */

declare module "dns-packet" {
  import type { Buffer } from "node:buffer";

  /** A question (RFC 1035 §4.1.2). */
  export interface Question {
    readonly name: string;
    readonly type: string;
  }

  /** A resource record (RFC 1035 §4.1.3); the form of `data` depends on `type`. */
  export interface Answer {
    readonly name: string;
    readonly type: string;
    /** Seconds; an OPT record has none. */
    readonly ttl?: number;
    /** The cache-flush bit (RFC 6762 §10.2). */
    readonly flush?: boolean;
    readonly data?: unknown;
  }

  /** A packet (RFC 1035 §4.1). */
  export interface Packet {
    readonly type: "query" | "response";
    readonly questions?: readonly Question[];
    readonly answers?: readonly Answer[];
    readonly additionals?: readonly Answer[];
  }

  /** The packet that bytes stand for. @throws {Error} If they stand for none. */
  export function decode(bytes: Buffer): Packet;
  /** The bytes of a packet. */
  export function encode(packet: Packet): Buffer;
}
