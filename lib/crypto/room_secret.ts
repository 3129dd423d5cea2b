/**
 * The secrets that a room derives from the root in its invite. See PROTOCOL.md §2.2.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { kdf, KEY_BYTES, zeroKey } from "./hash.ts";

/** Bytes of the secret that an invite carries. */
export const ROOT_BYTES = 16;

/** The secrets of a room. See PROTOCOL.md §2.2. */
export interface RoomSecrets {
  /** psk, mixed into every hop key; known to the relay. Zero in an open room. */
  readonly psk: Bytes;
  /** Proves membership to members; never known to the relay of a room with an invite. */
  readonly memberKey: Bytes;
}

/**
 * Derives the secrets of a room that admits only holders of its invite.
 *
 * @param hostKey The host's identity key. @param root The invite's secret, 16 bytes.
 */
export async function roomSecrets(hostKey: Bytes, root: Bytes): Promise<RoomSecrets> {
  return {
    psk: await kdf(hostKey, root, "lanchat/1 psk", KEY_BYTES),
    memberKey: await kdf(hostKey, root, "lanchat/1 member key", KEY_BYTES),
  };
}

/** The secrets of an open room, which are public: psk is zero, the root is 16 zero bytes. */
export async function openRoomSecrets(hostKey: Bytes): Promise<RoomSecrets> {
  const { memberKey } = await roomSecrets(hostKey, new Uint8Array(ROOT_BYTES));
  return { psk: zeroKey(), memberKey };
}
