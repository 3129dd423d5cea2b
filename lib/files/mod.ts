/**
 * Files from one member to others, end to end: the content of a transfer, its hash tree, and the names of what
 * arrives.
 *
 * @example A receiver checks a leaf against the tree of the sender
 * ```ts
 * import { buildTree, Manifest, TreeVerifier } from "./mod.ts";
 * import { concat, utf8 } from "../bytes/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const { bytes, size } = Manifest.of([{ path: "hello.txt", size: 6 }]);
 * const content = concat(bytes, utf8("hello\n"));
 * const sizes = { manifestBytes: bytes.length, size };
 * const { root } = await buildTree(sizes, (offset, into) => {
 *   into.set(content.subarray(offset, offset + into.length));
 *   return Promise.resolve();
 * });
 * const verifier = new TreeVerifier(sizes, root);
 * assertEquals(await verifier.verify(0, content), true);
 * assertEquals(await verifier.verify(0, content.toReversed()), false);
 * ```
 * @module
 */
export {
  type ArrivingFiles,
  contentReader,
  type FileContents,
  memoryFile,
  type ReadableFiles,
  readArrived,
  writeArrived,
} from "./content.ts";
export {
  FAN_OUT,
  Geometry,
  imagePosition,
  LEAF_BYTES,
  MAX_CONTENT_BYTES,
  type Parent,
  SEALED_UNIT_BYTES,
  type UnitRange,
} from "./geometry.ts";
export {
  Manifest,
  type ManifestFile,
  MAX_FOLDERS,
  MAX_PATH_BYTES,
  MAX_PATH_DEPTH,
  type OfferedFiles,
  type Span,
  UNKNOWN_SIZE,
} from "./manifest.ts";
export { safeName, safePaths } from "./names.ts";
export type {
  FileMember,
  FilePort,
  FileSource,
  IncomingChunk,
  OutgoingChunk,
  TransferEvent,
} from "./port.ts";
export { Transfers, type TransfersOptions } from "./transfers.ts";
export {
  type BuildOptions,
  buildTree,
  type ContentSize,
  HashTree,
  type ReadContent,
  TreeBuilder,
  TreeVerifier,
} from "./tree.ts";
