/**
 * Joins transfers of files to a room: the room's messages and flows carry them, and they follow who is there.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import type { FilePort, Transfers } from "../files/mod.ts";
import type { Member, Room, RoomEvent } from "../room/mod.ts";

/** The present session in a room, as transfers use it. @param roomId 32 bytes. */
export function filePort(room: Room, roomId: Bytes): FilePort {
  const { me } = room;
  return {
    self: { roomId, key: me.key, session: me.session },
    send: (message, to) => room.sendFileMessage(message, to),
    openFlow: () => room.openFlow(),
  };
}

/** Notes in the transfers what happens to the room's members. */
export function followMembers(transfers: Transfers<Member>, event: RoomEvent): void {
  switch (event.event) {
    case "ready":
      for (const member of event.members) transfers.joined(member);
      return;
    case "joined":
      return transfers.joined(event.member);
    case "renamed":
      return event.own ? undefined : transfers.joined(event.member);
    case "lost":
      return transfers.lost(event.member);
    case "back":
      return transfers.back(event.member);
    case "left":
      return transfers.left(event.member);
    case "reconnected":
      return transfers.reconnected();
  }
}
