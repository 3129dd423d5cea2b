/**
 * Files that lanchat keeps: the identity, beside it the known peers and the room of a host, and logs; and those
 * that people send and receive. The only folder that touches files.
 *
 * @example The second start opens the identity of the first
 * ```ts
 * import { openIdentity } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * const file = `${directory}/identity.json`;
 * const first = await openIdentity({ file });
 * const second = await openIdentity({ file });
 * assertEquals(second.identity.publicKey, first.identity.publicKey);
 * await Deno.remove(directory, { recursive: true });
 * ```
 * @module
 */
export { readAllowList } from "./allow_list.ts";
export { readAuthorities, readBrokerCredentials } from "./broker_files.ts";
export {
  Download,
  downloadDirectory,
  type DownloadFile,
  mayDownload,
  type PartOffer,
} from "./download.ts";
export { absolutePath, type FolderEntry, homeDirectory, listFolder } from "./folders.ts";
export { MAX_FILE_NAME_BYTES, numberedName, shortName, withoutTail } from "./free_name.ts";
export { type Hosting, noteHosting } from "./hosting.ts";
export {
  exportIdentity,
  type FindPassphrase,
  hasIdentity,
  type IdentityLook,
  type IdentityOptions,
  type KeptIdentity,
  lookAtIdentity,
  type OpenedIdentity,
  openIdentity,
  openKeptIdentity,
  protectIdentity,
  renewIdentity,
  restoreIdentity,
} from "./identity.ts";
export { KnownPeers, peersPlace, readPeers, type StoredPeers, writePeers } from "./known_peers.ts";
export { DEFAULT_MAX_LOG_BYTES, openLog } from "./log.ts";
export { type KnownPeer } from "./peer_table.ts";
export { identityPlace, type Platform, type WhichIdentity } from "./place.ts";
export { readOptionsFile, type StoredOptions } from "./options_file.ts";
export { openSealedLog, type Unlock } from "./sealed_log.ts";
export { readLog, type StoredLog } from "./stored_log.ts";
export {
  type KeptDecision,
  type KeptRoom,
  readRoom,
  type RoomKind,
  roomPlace,
  writeRoom,
} from "./room.ts";
export {
  findUpload,
  type SkippedPath,
  Upload,
  type UploadFile,
  type UploadLimits,
} from "./upload.ts";
