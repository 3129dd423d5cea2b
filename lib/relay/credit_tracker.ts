/**
 * The CREDITs that a relay owes one connection: how much of its bulk was read, and how much of each flow was passed on.
 *
 * @module
 */
import { WireError } from "../errors.ts";
import { type HostRecord, MAX_FLOW_BYTES, MAX_FLOWS, MAX_MEMBER_BULK_BYTES } from "../wire/mod.ts";

/** Flows whose counts are kept, as many as a CREDIT can name; the one that has been empty for longest is forgotten. */
export const KNOWN_FLOWS = 255;

/** Bytes passed on that are reported at once, although some of the flow still waits. */
const REPORT_BYTES: number = 1 << 18;

/** How far one flow has come on this connection. */
export interface FlowProgress {
  /** The number that the member gave it. */
  readonly id: number;
  /** Bytes that were passed on, or dropped for all receivers. */
  passed: number;
  /** Of these, the bytes that the last CREDIT with this flow named. */
  reported: number;
  /** Bytes that wait. */
  waiting: number;
}

/** Counts the bulk of one connection, and makes its CREDIT records. See PROTOCOL.md §5.6. */
export class CreditTracker {
  readonly #onDue: () => void;
  #taken = 0;
  #waiting = 0;
  #isDue = false;
  /** Those that have been empty for longest first, then those of which something waits. */
  readonly #flows = new Map<number, FlowProgress>();
  /** Number of flows of which something waits. */
  #open = 0;
  /** Flows with bytes that were passed on and not reported. */
  readonly #unreported = new Set<FlowProgress>();

  /** Starts with nothing taken. @param onDue Called when bytes were passed on and a CREDIT has become due. */
  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** Whether a CREDIT is due. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /**
   * Counts bytes that were read. A CREDIT is due.
   *
   * @returns Their flow, for {@linkcode CreditTracker.pass}.
   * @throws {WireError} If far more waits than the member may send.
   */
  take(id: number, bytes: number): FlowProgress {
    const flow = this.#flows.get(id) ?? { id, passed: 0, reported: 0, waiting: 0 };
    if (flow.waiting === 0) this.#begin(flow);
    flow.waiting += bytes;
    this.#waiting += bytes;
    this.#taken += bytes;
    if (
      flow.waiting > 2 * MAX_FLOW_BYTES || this.#waiting > 2 * MAX_MEMBER_BULK_BYTES ||
      this.#open > 2 * MAX_FLOWS
    ) {
      throw new WireError("Cannot take bulk: the member did not wait for credit");
    }
    this.#isDue = true;
    return flow;
  }

  /** Counts bytes that a receiver's connection got, or that were dropped for all receivers. */
  pass(flow: FlowProgress, bytes: number): void {
    flow.waiting -= bytes;
    this.#waiting -= bytes;
    flow.passed += bytes;
    this.#unreported.add(flow);
    if (flow.waiting === 0) this.#open--;
    else if (flow.passed - flow.reported < REPORT_BYTES) return;
    this.#isDue = true;
    this.#onDue();
  }

  /** The CREDIT that is due. */
  next(): HostRecord {
    this.#isDue = false;
    const flows = [...this.#unreported].map((flow) => {
      flow.reported = flow.passed;
      return { flow: flow.id, passed: flow.passed };
    });
    this.#unreported.clear();
    return { type: "credit", taken: this.#taken, flows };
  }

  #begin(flow: FlowProgress): void {
    this.#open++;
    this.#flows.delete(flow.id);
    this.#flows.set(flow.id, flow);
    if (this.#flows.size <= KNOWN_FLOWS) return;
    const empty = this.#flows.values().find(({ waiting }) => waiting === 0)!;
    this.#flows.delete(empty.id);
    this.#unreported.delete(empty);
  }
}
