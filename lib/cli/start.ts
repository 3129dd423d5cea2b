import { EXIT, LanchatError } from "../errors.ts";
import { type FoundRoom, RoomSearch } from "../net/mod.ts";
import { noticeLines, offerChoice, type Picker } from "../ui/mod.ts";
import { Interrupts } from "../session/mod.ts";
import { askInvite } from "./invite.ts";
import type { Found } from "./commands/join.ts";
import type { IdentityChoice } from "./person.ts";
import {
  cannotSearch,
  destinationOf,
  findKnownPeers,
  type KnownTags,
  noLookingOver,
  roomEvent,
  tagsOf,
} from "./rooms.ts";

/** What a person chose. */
export type Chosen =
  | { readonly do: "join"; readonly found: Found }
  | { readonly do: "host" }
  | { readonly do: "leave" };

/** How a person chooses; the known peers of the identity stand first. */
export interface ChooseOptions extends IdentityChoice {
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
 * Has a person choose among the rooms on this network, as they are found, and asks for the invite of one
 * that needs it. Where none can be found, to host one can be chosen still.
 *
 * @throws {LanchatError} With code `discovery-unavailable` where nothing can be chosen; `interrupted`; if the
 * invite cannot be used.
 */
export async function chooseRoom(options: ChooseOptions): Promise<Chosen> {
  const tags = await tagsOf(await findKnownPeers(options));
  const choice = await offerRooms(options, tags);
  if (typeof choice === "string") return { do: choice };
  const room = destinationOf(choice, tags);
  const found = choice.invite ? { room, invite: await askInvite(choice.tag) } : { room };
  return { do: "join", found };
}

async function offerRooms(
  { hosting, plain }: ChooseOptions,
  tags: KnownTags,
): Promise<FoundRoom | "host" | "leave"> {
  const interrupts = new Interrupts(() => Deno.exit(EXIT.INTERRUPTED));
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {}); // It may fail before it is waited for.
  let picker: Picker | undefined;
  let rooms: readonly FoundRoom[] = [];
  let obstacle: string | undefined;
  let note: string | undefined;
  const show = (): void => {
    rooms = search.rooms.toSorted((a, b) => rank(a, tags) - rank(b, tags));
    picker?.show(
      rooms.map((room) => ({
        id: room.instance,
        text: textOf(room, tags),
        preferred: tags.has(room.tag),
      })),
      obstacle,
      note,
    );
  };
  const search = new RoomSearch({
    isKnown: (tag) => tags.has(tag),
    onChange: show,
    onUnavailable: (reason) => {
      const error = cannotSearch(reason);
      if (!hosting) return failed.reject(error);
      obstacle = `${error.message}.`;
      show();
    },
    onAvailable: () => {
      obstacle = undefined;
      show();
    },
    onLeftOut: (names) => {
      note = `${noLookingOver(names).message}.`;
      show();
    },
  });
  try {
    await Promise.race([search.asked, failed.promise]);
    picker = await offerChoice({
      keys: hosting ? ["h"] : [],
      titles: [LOOKING, "Rooms on this network:"],
      more: "more: lanchat scan",
      help: `A digit joins, ${hosting ? "h hosts a room, " : ""}q leaves. ` +
        "By address: lanchat join ADDRESS",
      plain,
    });
    show();
    const interrupted = interrupts.first.then(() => {
      throw new LanchatError("interrupted", "Stopped before anything was chosen");
    });
    const choice = await Promise.race([picker.chosen, interrupted, failed.promise]);
    if (choice === "h") return "host";
    const room = rooms.find(({ instance }) => instance === choice);
    if (room !== undefined) picker.close(`Joining ${textOf(room, tags)}`);
    return room ?? "leave";
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
