import { type Bytes, toHex } from "../../lib/bytes/mod.ts";
import type { Channel } from "../../lib/channel/mod.ts";
import { type ProvenSession, Relay } from "../../lib/relay/mod.ts";
import {
  decodeHostRecord,
  decodeMemberRecord,
  encodeHostRecord,
  encodeMemberRecord,
  type HostEnvelope,
  type HostRecord,
  type MemberRecord,
  type PlainRecord,
  type RosterChange,
  type RosterEntry,
} from "../../lib/wire/mod.ts";

/**
 * A relay that changes objects and records at will and translates the numbers in ACKs, so that no member can detect
 * it by them. No member can reconnect to it.
 */
export class MaliciousRelay extends Relay {
  /** Returns the objects that a member gets in place of one. */
  onParcel: (parcel: HostEnvelope, to: Bytes) => readonly HostEnvelope[] = (parcel) => [parcel];
  /** Whether to send a change to a member. */
  tells: (change: RosterChange, to: Bytes) => boolean = () => true;
  /** Whether to list an earlier member to a member. */
  lists: (entry: RosterEntry, to: Bytes) => boolean = () => true;

  /** Sends a change of its own making to each member, by session in hexadecimal digits. */
  readonly #lies = new Map<string, (change: RosterChange) => void>();

  /** Sends a member a change that never happened. */
  lie(to: Bytes, change: RosterChange): void {
    this.#lies.get(toHex(to))!(change);
  }

  override async serve(
    channel: Channel,
    guest: ProvenSession,
    admitted?: () => void,
  ): Promise<void> {
    const { session } = guest;
    const numbers = new Numbers();
    const toHost = new TransformStream<PlainRecord, PlainRecord>({
      transform: (plain, controller) => {
        const record = decodeMemberRecord(plain);
        controller.enqueue(encodeMemberRecord(acknowledging(record, numbers)));
      },
    });
    const toMember = new TransformStream<PlainRecord, PlainRecord>({
      start: (controller) => {
        this.#lies.set(toHex(session), (change) => {
          numbers.add();
          controller.enqueue(encodeHostRecord({ type: "member", changes: [change] }));
        });
      },
      transform: (plain, controller) => {
        for (const record of this.#instead(decodeHostRecord(plain), session, numbers)) {
          controller.enqueue(encodeHostRecord(record));
        }
      },
    });
    const written = toMember.readable.pipeTo(channel.writable).catch(() => {});
    const readable = channel.readable.pipeThrough(toHost);
    const { writable } = toMember;
    const lying = {
      readable,
      writable: writable as Channel["writable"],
      carriesShared: false,
    };
    await super.serve(lying, guest, admitted);
    await written;
  }

  #instead(record: HostRecord, to: Bytes, numbers: Numbers): readonly HostRecord[] {
    switch (record.type) {
      case "roster":
        return [{ ...record, entries: record.entries.filter((entry) => this.lists(entry, to)) }];
      case "member": {
        const changes = record.changes.filter((change) => {
          const told = this.tells(change, to);
          numbers.take(told ? 1 : 0);
          return told;
        });
        return changes.length > 0 ? [{ type: "member", changes }] : [];
      }
      case "batch": {
        // Each object is a record of its own: there may be more of them than one record holds.
        return record.envelopes.flatMap((parcel) => {
          const parcels = this.onParcel(parcel, to);
          numbers.take(parcels.length);
          return parcels.map((one): HostRecord => ({ type: "batch", envelopes: [one] }));
        });
      }
      case "ack":
        return [{ ...record, seq: numbers.shown(record.seq) }];
      default:
        return [record];
    }
  }
}

/** How the numbers that a member sees belong to those of the relay. */
class Numbers {
  /** By the relay's number: the member's last number once that was dealt with. */
  readonly #shown: number[] = [0];

  /** The relay has counted its next entry. @param count Number of entries that the member gets instead. */
  take(count: number): void {
    this.#shown.push(this.#shown.at(-1)! + count);
  }

  /** Numbers an object for the member that has no number of the relay. */
  add(): void {
    this.#shown[this.#shown.length - 1]!++;
  }

  /** The member's number of what has the relay's, or of the last before it that it was given. */
  shown(number: number): number {
    return this.#shown[number] ?? this.#shown.at(-1)!;
  }

  /** The relay's number of the last object that a member has handled. */
  of(shown: number): number {
    const after = this.#shown.findIndex((last) => last > shown);
    return Math.max(0, (after < 0 ? this.#shown.length : after) - 1);
  }
}

function acknowledging(record: MemberRecord, numbers: Numbers): MemberRecord {
  return record.type === "ack" ? { ...record, seq: numbers.of(record.seq) } : record;
}
