/**
 * Lets a person choose a room on this network.
 *
 * @module
 */
import { EXIT, LanchatError } from "../errors.ts";
import { type FoundRoom, RoomSearch } from "../net/mod.ts";
import { noticeLines, offerChoice, type Picker } from "../ui/mod.ts";
import { Interrupts } from "../session/mod.ts";
import { askInvite } from "./invite.ts";
import type { JoinChoice } from "./commands/join.ts";
import type { IdentityChoice } from "./person.ts";
import {
  cannotSearch,
  findKnownPeers,
  type KnownTags,
  notSearched,
  roomEvent,
  tagsOf,
  targetOf,
} from "./rooms.ts";

/** Options of {@linkcode chooseRoom}; rooms of the identity's known peers come first. */
export interface ChooseOptions extends IdentityChoice {
  /** Whether the person can choose to host a room. */
  readonly hosting: boolean;
  /** Whether to print plain lines and redraw nothing. */
  readonly plain: boolean;
}

const LOOKING = "Looking for rooms on this network …";

/** Whether standard input and output are terminals, so that a person can choose. */
export function canChoose(): boolean {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
}

/**
 * Shows the rooms on this network while lanchat finds them, lets a person choose, and asks for the invite if
 * the room needs one. If rooms cannot be found, the person can still choose to host.
 *
 * @throws {LanchatError} With code `discovery-unavailable` if there is nothing to choose, `interrupted`, or
 * `bad-invite`.
 */
export async function chooseRoom(
  options: ChooseOptions,
): Promise<JoinChoice | "host" | "leave"> {
  const tags = await tagsOf(await findKnownPeers(options));
  const choice = await offerRooms(options, tags);
  if (typeof choice === "string") return choice;
  const target = targetOf(choice, tags);
  const { invite, name: room, tag } = choice;
  return invite ? { room, target, invite: await askInvite(tag) } : { room, target };
}

async function offerRooms(
  { hosting, plain }: ChooseOptions,
  tags: KnownTags,
): Promise<FoundRoom | "host" | "leave"> {
  const interrupts = new Interrupts(() => Deno.exit(EXIT.INTERRUPTED));
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {}); // The race below may begin after it.
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
      note = `${notSearched(names).message}.`;
      show();
    },
  });
  try {
    await Promise.race([search.asked, failed.promise]);
    picker = await offerChoice({
      keys: hosting ? ["h"] : [],
      titles: [LOOKING, "Rooms on this network:"],
      more: "more: lanchat scan",
      help: `A digit joins, ${hosting ? "h hosts, " : ""}q quits. ` +
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

/** Hosts that are verified come first, then known ones. */
function rank(room: FoundRoom, tags: KnownTags): number {
  const { known, verified } = roomEvent(room, tags);
  return verified ? 0 : known ? 1 : 2;
}

function textOf(room: FoundRoom, tags: KnownTags): string {
  return noticeLines(roomEvent(room, tags)).join();
}
