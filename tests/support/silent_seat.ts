/**
 * A guest that takes a seat at a host of an open room, and sends its members no object.
 *
 * @module
 */
import { initiate } from "../../lib/channel/mod.ts";
import { generateIdentity, randomBytes, zeroKey } from "../../lib/crypto/mod.ts";
import { Initiator } from "../../lib/handshake/mod.ts";
import { type Connection, dial } from "../../lib/net/mod.ts";
import {
  decodeHostRecord,
  encodeMemberRecord,
  type MemberRecord,
  type RosterEntry,
  SESSION_NONCE_BYTES,
} from "../../lib/wire/mod.ts";
import { within } from "./deadline.ts";
import { ENTRY } from "./scripted_guest.ts";
import { memberHopKey } from "./keys.ts";
import { resume } from "./records.ts";

/** A seat at a host whose owner never announces itself; it ends with its scope. */
export class SilentSeat implements Disposable {
  /** The sessions that the host has named to it. */
  readonly roster: readonly RosterEntry[];
  readonly #connection: Connection;

  private constructor(connection: Connection, roster: readonly RosterEntry[]) {
    this.#connection = connection;
    this.roster = roster;
  }

  /** Takes a seat at 127.0.0.1. @param nonce The nonce from which its session is derived. */
  static async enter(
    port: number,
    nonce: Uint8Array<ArrayBuffer> = randomBytes(SESSION_NONCE_BYTES),
  ): Promise<SilentSeat> {
    const { identity } = await generateIdentity();
    const connection = await dial("127.0.0.1", port);
    const initiator = new Initiator({
      identity,
      nonce,
      keyPair: await memberHopKey(),
      psk: zeroKey(),
      trusts: () => Promise.resolve(true),
    });
    const { readable, writable } = await initiate(connection, initiator);
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    const send = (record: MemberRecord): Promise<void> => writer.write(encodeMemberRecord(record));
    await send(resume());
    await send(ENTRY);
    const reader = readable.getReader();
    reader.closed.catch(() => {});
    const named = async (): Promise<readonly RosterEntry[]> => {
      while (true) {
        const record = decodeHostRecord((await reader.read()).value!);
        if (record.type === "roster") return record.entries;
      }
    };
    return new SilentSeat(connection, await within(named(), () => "the seat got no roster"));
  }

  /** Hangs up. */
  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
