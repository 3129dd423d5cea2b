import { EXIT } from "../errors.ts";
import { type FoundRoom, RoomSearch } from "../net/mod.ts";
import { noticeLines, offerChoice, type Picker } from "../ui/mod.ts";
import { Interrupts } from "./interrupts.ts";
import type { Whose } from "./person.ts";
import {
  cannotSearch,
  type Destination,
  destinationOf,
  findKnownPeers,
  type KnownTags,
  roomEvent,
  tagsOf,
} from "./rooms.ts";

/** What a person chose. */
export type Chosen =
  | { readonly do: "join"; readonly destination: Destination }
  | { readonly do: "host" }
  | { readonly do: "leave" };

/** How a person chooses; the known peers of the identity stand first. */
export interface ChooseOptions extends Whose {
  /** Whether to host a room is one of the choices. */
  readonly hosting: boolean;
  /** Whether nothing is drawn anew. */
  readonly plain: boolean;
}

const LOOKING = "Looking for rooms on this network …";

/** Whether a person can choose here: there is a terminal to read on, and one to type at. */
export function canChoose(): boolean {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
}

/**
 * Has a person choose among the rooms on this network, as they are found.
 *
 * @throws {NetError} With code `discovery-unavailable`.
 */
export async function chooseRoom(options: ChooseOptions): Promise<Chosen> {
  const { hosting, plain } = options;
  const tags = await tagsOf(await findKnownPeers(options));
  const interrupts = new Interrupts(() => Deno.exit(EXIT.INTERRUPTED));
  const failed = Promise.withResolvers<never>();
  let picker: Picker | undefined;
  let rooms: readonly FoundRoom[] = [];
  const show = (): void => {
    rooms = search.rooms.toSorted((a, b) => rank(a, tags) - rank(b, tags));
    picker?.show(rooms.map((room) => ({ id: room.instance, text: textOf(room, tags) })));
  };
  const search = new RoomSearch({
    isKnown: (tag) => tags.has(tag),
    onChange: show,
    onUnavailable: (reason) => failed.reject(cannotSearch(reason)),
  });
  try {
    await Promise.race([search.asked, failed.promise]);
    picker = await offerChoice({
      keys: hosting ? ["h"] : [],
      titles: [LOOKING, "Rooms on this network:"],
      help: `A digit joins, ${hosting ? "h hosts a room, " : ""}q leaves. ` +
        "By address: lanchat join ADDRESS",
      plain,
    });
    show();
    const left = interrupts.first.then(() => undefined);
    const choice = await Promise.race([picker.chosen, left, failed.promise]);
    if (choice === "h") return { do: "host" };
    const room = rooms.find(({ instance }) => instance === choice);
    if (room === undefined) return { do: "leave" };
    picker.close(`Joining ${textOf(room, tags)}`);
    return { do: "join", destination: destinationOf(room, tags) };
  } finally {
    picker?.close();
    search.close();
    interrupts.close();
  }
}

/** Who is known stands first, who is verified before that. */
function rank(room: FoundRoom, tags: KnownTags): number {
  const { known, verified } = roomEvent(room, tags);
  return verified ? 0 : known ? 1 : 2;
}

function textOf(room: FoundRoom, tags: KnownTags): string {
  return noticeLines(roomEvent(room, tags)).join();
}
