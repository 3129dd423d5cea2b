/**
 * A relay or one of its members as a process of its own, with records and without rooms:
 *
 * - `host`: prints its port; its sessions have the numbers 1, 2, … in the order in which they come;
 * - `receive ADDRESS PORT`: prints `in`, and when another member has left how late its messages were, in milliseconds;
 * - `send ADDRESS PORT MIB`: sends so much bulk to session 1, and a message every 50 ms meanwhile.
 *
 * @module
 */
import { byteLength, concat, u64 } from "../../lib/bytes/mod.ts";
import { type Channel, Endpoint } from "../../lib/channel/mod.ts";
import { dial, listen } from "../../lib/net/mod.ts";
import { Relay } from "../../lib/relay/mod.ts";
import {
  CloseReason,
  EnvelopeClass,
  type HostRecord,
  MAX_FLOW_BYTES,
  MEMBER_CODEC,
  MemberChange,
  type MemberRecord,
  SESSION_BYTES,
} from "../../lib/wire/mod.ts";
import { channelOver } from "../support/channel.ts";
import { ack, resume } from "../support/records.ts";
import { ENTRY } from "../support/scripted_guest.ts";

/** Interval of the sender's messages, in milliseconds. */
const MESSAGE_MS = 50;

const TO_HOST = new Uint8Array(32).fill(1);
const TO_MEMBER = new Uint8Array(32).fill(2);

/** The id of a session. */
function session(number: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(SESSION_BYTES).fill(number);
}

async function host(): Promise<void> {
  const relay = new Relay();
  const listener = listen({ host: "0.0.0.0", port: 0 });
  console.log(listener.port);
  let members = 0;
  for await (const connection of listener.connections) {
    const channel = channelOver(connection, TO_MEMBER, TO_HOST, { carriesShared: true });
    const id = session(++members);
    void relay.serve(channel, { key: new Uint8Array(32).fill(members), nonce: id, session: id })
      .then(() => connection.close());
  }
}

/** A member without a room, which acknowledges and credits at once. */
abstract class Member {
  readonly endpoint: Endpoint<HostRecord, MemberRecord>;
  readonly #due: MemberRecord[] = [ENTRY];
  #lastSeq = 0;
  #taken = 0;

  constructor(channel: Channel) {
    this.endpoint = new Endpoint<HostRecord, MemberRecord>(channel, {
      codec: MEMBER_CODEC,
      next: () => this.#due.shift(),
      nextBulk: (maxBytes) => this.nextBulk(maxBytes),
    });
    this.endpoint.send(resume());
  }

  /** The next bulk to send. */
  nextBulk(_maxBytes: number): MemberRecord | undefined {
    return undefined;
  }

  /** Called with each record. */
  abstract take(record: HostRecord): void;

  /** Sends a record before all bulk. */
  send(record: MemberRecord): void {
    this.#due.push(record);
    this.endpoint.wake();
  }

  /** Handles all that comes, until the end. */
  async run(): Promise<void> {
    for await (const record of this.endpoint.receive()) {
      this.take(record);
      if (record.type === "bulk") {
        this.#taken += byteLength(record.bytes);
        this.send({ type: "credit", taken: this.#taken });
      } else if (record.type === "batch" || record.type === "member") {
        this.#lastSeq += "envelopes" in record ? record.envelopes.length : record.changes.length;
        this.send(ack(this.#lastSeq));
      }
    }
  }
}

class Receiver extends Member {
  readonly #lateness: number[] = [];

  override take(record: HostRecord): void {
    if (record.type === "roster") console.log("in");
    if (record.type === "batch") {
      for (const { object } of record.envelopes) {
        this.#lateness.push(
          Date.now() - Number(new DataView(object.buffer).getBigUint64(object.byteOffset)),
        );
      }
    }
    if (record.type === "member" && record.changes[0]!.change === MemberChange.LEFT) {
      console.log(JSON.stringify(this.#lateness));
      void this.endpoint.close(CloseReason.LEAVING);
    }
  }
}

class Sender extends Member {
  readonly #total: number;
  #sent = 0;
  #passed = 0;
  #cmid = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(channel: Channel, total: number) {
    super(channel);
    this.#total = total;
  }

  override take(record: HostRecord): void {
    if (record.type === "roster") this.#timer = setInterval(() => this.#say(), MESSAGE_MS);
    if (record.type !== "credit") return;
    for (const { passed } of record.flows) this.#passed = passed;
    this.endpoint.wake();
    if (this.#passed < this.#total) return;
    clearInterval(this.#timer);
    void this.endpoint.close(CloseReason.LEAVING);
  }

  override nextBulk(maxBytes: number): MemberRecord | undefined {
    const length = Math.min(maxBytes, this.#total - this.#sent);
    if (length === 0 || this.#sent + length - this.#passed > MAX_FLOW_BYTES) return undefined;
    const offset = this.#sent;
    this.#sent += length;
    const [transfer, bytes] = [session(0), [new Uint8Array(length)]];
    return { type: "bulk", flow: 1, transfer, offset, to: [session(1)], bytes };
  }

  #say(): void {
    const object = concat(u64(Date.now()), new Uint8Array(400));
    const envelope = { class: EnvelopeClass.CHAT, to: undefined, cmid: ++this.#cmid, object };
    this.send({ type: "batch", envelopes: [envelope] });
  }
}

async function visit(
  address: string,
  port: string,
  make: (channel: Channel) => Member,
): Promise<void> {
  const connection = await dial(address, Number(port));
  await make(channelOver(connection, TO_HOST, TO_MEMBER, { takesShared: true })).run();
  connection.close();
}

const [role, address = "", port = "", mib = ""] = Deno.args;
if (role === "host") await host();
else if (role === "receive") await visit(address, port, (channel) => new Receiver(channel));
else await visit(address, port, (channel) => new Sender(channel, Number(mib) * 2 ** 20));
