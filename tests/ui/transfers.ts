/**
 * Events of transfers that tests show.
 *
 * @module
 */
import type { MemberView, OfferEvent, ProgressEvent } from "../../lib/session_events.ts";
import { member } from "./members.ts";

/** Ada has verified him. */
export const BOB: MemberView = {
  ...member("bob"),
  key: "bobs key",
  session: "bob",
  verified: true,
};

/** Ada has not verified her. */
export const CAROL: MemberView = { ...member("carol"), key: "carols key", session: "carol" };

/** Bob offers report.pdf to ada. */
export const OFFER: OfferEvent = {
  event: "offer",
  id: 1,
  from: BOB,
  name: "report.pdf",
  size: 3_200_000,
  count: 1,
  private: true,
  directory: "/home/ada/lanchat",
};

/** Ada offers twelve photos to everyone. */
export const OWN_OFFER: OfferEvent = {
  event: "offer",
  id: 2,
  name: "photos",
  size: 8_000_000,
  count: 12,
  private: false,
};

/** How far {@linkcode OFFER} is. @param percent Part that is here. */
export function progress(percent: number, more: Partial<ProgressEvent> = {}): ProgressEvent {
  return {
    event: "progress",
    id: 1,
    name: "report.pdf",
    bytes: percent * 32_000,
    size: 3_200_000,
    bytesPerSecond: 524_288,
    secondsLeft: 5,
    ...more,
  };
}

/** How far {@linkcode OWN_OFFER} is. @param percents The part that each receiver has. */
export function ownProgress(percents: ReadonlyMap<MemberView, number>): ProgressEvent {
  const receivers = Array.from(percents, ([member, percent]) => ({
    member,
    bytes: percent * 80_000,
  }));
  return {
    event: "progress",
    id: 2,
    name: "photos",
    bytes: Math.min(...receivers.map(({ bytes }) => bytes)),
    size: 8_000_000,
    bytesPerSecond: 2_000_000,
    secondsLeft: 90,
    receivers,
  };
}
