/**
 * What a transfer of this member offers: its manifest and its hash tree, and under each session of the member an
 * offer with its key.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import {
  type FileKey,
  fileKey,
  hashOffer,
  KEY_BYTES,
  type OfferOrigin,
  randomBytes,
} from "../crypto/mod.ts";
import { encodeFileMessage, type Offer, TRANSFER_BYTES } from "../wire/mod.ts";
import { contentReader } from "./content.ts";
import { Manifest, UNKNOWN_SIZE } from "./manifest.ts";
import type { FileSource } from "./port.ts";
import { FileSealer, type StreamEnd, StreamSealer, type UnitSealer } from "./sealing.ts";
import { buildTree, type HashTree } from "./tree.ts";

/** An offer of one session of this member. */
export interface OwnOffer {
  /** The offer. */
  readonly offer: Offer;
  /** Gives a receiver the key. */
  readonly secret: Bytes;
  /** Made from it. */
  readonly key: FileKey;
}

/** Files to offer, or a stream. */
export class OfferedSource {
  /** Bytes of the contents; `undefined` for a stream. */
  readonly size: number | undefined;
  readonly #source: FileSource;
  readonly #manifest: Manifest;
  #tree: HashTree | undefined;

  /** Takes the names and sizes. @throws {LanchatError} If they cannot be offered. */
  constructor(source: FileSource) {
    this.#source = source;
    const isStream = "stream" in source;
    this.#manifest = Manifest.of(
      isStream ? [{ path: source.name, size: UNKNOWN_SIZE }] : source.contents.files,
    );
    this.size = isStream ? undefined : this.#manifest.size;
  }

  /** Hashes the files: needed before they are offered. @param signal Ends it early. */
  async hash(signal: AbortSignal): Promise<void> {
    if ("stream" in this.#source) return;
    const { bytes, size } = this.#manifest;
    const read = contentReader(this.#manifest, this.#source.contents);
    this.#tree = await buildTree({ manifestBytes: bytes.length, size }, read, { signal });
  }

  /** Makes an offer. @param self This member's session. */
  async bind(self: OfferOrigin): Promise<OwnOffer> {
    const { bytes, files } = this.#manifest;
    const offer: Offer = {
      transfer: randomBytes(TRANSFER_BYTES),
      stream: this.#tree === undefined,
      size: this.size ?? 0,
      files: files.length,
      manifestBytes: bytes.length,
      root: this.#tree?.root ?? new Uint8Array(KEY_BYTES),
      name: this.#source.name,
    };
    const secret = randomBytes(KEY_BYTES);
    const { body } = encodeFileMessage({ kind: "offer", ...offer });
    return { offer, secret, key: await fileKey(secret, await hashOffer(self, body)) };
  }

  /** Seals the units for an offer; a stream can be sealed once. @param onStreamEnd Called at the end of a stream. */
  sealer({ key }: OwnOffer, onStreamEnd: (end: StreamEnd) => void): UnitSealer {
    const source = this.#source;
    const { bytes } = this.#manifest;
    if ("stream" in source) return new StreamSealer(bytes, source.stream, key, onStreamEnd);
    const read = contentReader(this.#manifest, source.contents);
    return new FileSealer(bytes.length, read, this.#tree!, key);
  }
}
