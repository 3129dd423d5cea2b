/** Where a person is: the room, its members and who of them is away, and whether the connection holds. */
import { type Clock, systemClock } from "../clock.ts";
import { quote } from "../errors.ts";
import type { HostView, MemberView, PresentView, SessionEvent } from "../session_events.ts";
import { typedName } from "../wire/mod.ts";
import { firstRow, rowsOf } from "./live_region.ts";
import { excerpt, sanitizeLine } from "./sanitize.ts";

/** Maximum characters of the room's name. */
const MAX_ROOM = 32;

/** Maximum names of members that are away. */
const MAX_AWAY = 3;

/** How a member is away, each with the time at which this run learned of it, if it saw the change. */
export interface Absence {
  /** When the connection was lost, in milliseconds since 1970. */
  readonly lostAt?: number | undefined;
  /** When the member set its status, in milliseconds since 1970. */
  readonly statusAt?: number | undefined;
}

/** An {@linkcode Absence} with its reasons: without one, the member is not away. */
interface Presence extends Absence {
  readonly lost?: boolean;
  readonly status?: string;
}

/** Dependencies of {@linkcode Place}. */
export interface PlaceOptions {
  /** Returns the other members. */
  readonly members: () => readonly MemberView[];
  /** The room's name, if the host gave it one. */
  readonly room?: string | undefined;
  /** The clock; by default that of the machine. */
  readonly clock?: Clock;
}

/**
 * Follows the events of a room and tells in one line where the person is.
 *
 * @example A room of two, one of them away
 * ```ts
 * import { Place } from "./place.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const ada = { name: "ada", tag: "", key: "a", session: "1" };
 * const bob = { name: "bob", tag: "", key: "b", session: "2" };
 * const host = { tag: "", key: "b", known: true, verified: false };
 * const place = new Place({ members: () => [bob] });
 * place.hear({ event: "ready", ...ada, fingerprint: "", host, joinCode: "0", members: [] });
 * assertEquals(place.line(80), "bob's room: 2 here");
 * place.hear({ event: "status", member: bob, text: "lunch" });
 * assertEquals(place.line(80), "bob's room: 2 here, bob away");
 * assertEquals(place.line(20), "bob's room: 2 here");
 * ```
 */
export class Place {
  readonly #options: PlaceOptions;
  #host: HostView | undefined;
  #hosts = false;
  #isConnected = false;
  #own: Presence = {};
  /** Members that are or were away, by {@linkcode idOf}. */
  readonly #presences = new Map<string, Presence>();

  /** Starts before the room is joined. */
  constructor(options: PlaceOptions) {
    this.#options = options;
  }

  /** Whether this run hosts the room. */
  get hosts(): boolean {
    return this.#hosts;
  }

  /** How this run is away. */
  get own(): Presence {
    return this.#own;
  }

  /** Whether a member hosts the room. */
  isHost({ key }: MemberView): boolean {
    return !this.#hosts && key === this.#host?.key;
  }

  /** Returns since when a member is away. */
  absence(member: MemberView): Absence {
    return this.#presences.get(idOf(member)) ?? {};
  }

  /** Takes note of an event. */
  hear(event: SessionEvent): void {
    switch (event.event) {
      case "ready":
        this.#host = event.host;
        this.#hosts = event.joinCode === null;
        this.#isConnected = true;
        return this.#meetAll(event.members);
      case "members":
        return this.#meetAll(event.members);
      case "lost":
        return this.#note(event.member, { lost: true, lostAt: this.#now });
      case "back":
        return this.#note(event.member, { lost: false, lostAt: undefined });
      case "status": {
        const { member, own, text: status } = event;
        const statusAt = status === "" ? undefined : this.#now;
        if (own) this.#own = { status, statusAt };
        else this.#note(member, { status, statusAt });
        return;
      }
      case "joined":
      case "left":
        this.#presences.delete(idOf(event.member));
        return;
      case "ignoring":
        return this.#note(event.member, { status: "", statusAt: undefined });
      case "warning":
        if (event.code === "seat-lost") this.#isConnected = false;
        return;
      case "disconnected":
        this.#isConnected = false;
        return;
      case "reconnected":
        this.#isConnected = true;
        return;
    }
  }

  /** Describes the place in one row of a width; empty before the room is joined. */
  line(columns: number): string {
    if (this.#host === undefined) return "";
    const forms = this.#forms();
    const fitting = forms.find((form) => rowsOf(form, columns) === 1);
    return fitting ?? firstRow(forms.at(-1)!, columns);
  }

  /** Descriptions, the longest first. */
  #forms(): readonly string[] {
    const room = this.#roomName;
    if (!this.#isConnected) return [`${room}: reconnecting`, "reconnecting"];
    const members = this.#options.members();
    const count = members.length + 1;
    const here = `${room}: ${count === 1 ? "only you" : `${count} here`}`;
    const away = members.filter((member) => isAway(this.#presences.get(idOf(member))))
      .map(({ name }) => shown(name));
    if (isAway(this.#own)) away.unshift("you");
    const short = [here, `${room}: ${count}`, room];
    if (away.length === 0) return short;
    return [
      ...away.length > MAX_AWAY ? [] : [`${here}, ${away.join(", ")} away`],
      `${here}, ${away.length} away`,
      ...short,
    ];
  }

  get #roomName(): string {
    const { members, room } = this.#options;
    if (room !== undefined) return quote(excerpt(sanitizeLine(room), MAX_ROOM));
    if (this.#hosts) return "your room";
    const host = members().find((member) => this.isHost(member));
    return host === undefined ? "the room" : `${shown(host.name)}'s room`;
  }

  #meetAll(members: readonly PresentView[]): void {
    const before = new Map(this.#presences);
    this.#presences.clear();
    for (const member of members) {
      const { lost = false, status = "" } = member;
      const known = before.get(idOf(member));
      this.#presences.set(idOf(member), {
        lost,
        status,
        lostAt: lost ? known?.lostAt : undefined,
        statusAt: status === known?.status ? known.statusAt : undefined,
      });
    }
  }

  #note(member: MemberView, change: Presence): void {
    const id = idOf(member);
    this.#presences.set(id, { ...this.#presences.get(id), ...change });
  }

  get #now(): number {
    return (this.#options.clock ?? systemClock).now();
  }
}

function isAway(presence: Presence | undefined): boolean {
  return presence !== undefined && (presence.lost === true || (presence.status ?? "") !== "");
}

function shown(name: string): string {
  return sanitizeLine(typedName(name));
}

function idOf({ key, session }: MemberView): string {
  return `${key} ${session}`;
}
