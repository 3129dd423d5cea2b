/**
 * Writes the known answers of file transfers (PROTOCOL.md §6.10) into vectors.json, with nothing of lib/:
 * `tests/files/vectors_test.ts` compares.
 *
 * To be run where a layout has changed: `deno run --allow-all tests/vectors/make_files.ts`
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gcm, hash, hex, integer, join, kdf, label, random, Z } from "./make_e2e.ts";

const LEAF = 65_536;

/** What of the hop's known answers an offer is bound to. */
export interface OfferedBy {
  readonly member_ik: string;
  readonly room_id: string;
  readonly sess: string;
}

/** A sealed unit, in lower-case hexadecimal digits. */
export interface KnownUnit {
  readonly unit: number;
  readonly last: boolean;
  /** Its plaintext's SHA-256. */
  readonly hash: string;
  /** Bytes that are sealed, with the tag. */
  readonly len: number;
  readonly first16: string;
  readonly tag: string;
  /** SHA-256 of the sealed bytes. */
  readonly sha256: string;
}

/** A transfer and its key, in lower-case hexadecimal digits. */
export interface KnownTransfer {
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly shake256_label: string;
  readonly manifest: string;
  readonly root: string;
  readonly offer: string;
  readonly offer_hash: string;
  readonly secret: string;
  readonly key: string;
  readonly units: readonly KnownUnit[];
}

/** The tree over zeros, whose leaves are all the same: only its root and its size. */
export interface KnownTree {
  readonly manifest: number;
  readonly size: number;
  readonly root: string;
}

/** All known answers of this file. */
export interface KnownFiles {
  readonly transfers: readonly KnownTransfer[];
  readonly trees: readonly KnownTree[];
}

/** The contents of all files of a transfer, one after the other. */
function contents(name: string, bytes: number): Buffer {
  return createHash("shake256", { outputLength: bytes }).update(name).digest();
}

function cut(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += LEAF) parts.push(bytes.subarray(at, at + LEAF));
  return parts;
}

/** The units above leaves with these hashes, from the top down. */
function nodesOver(hashes: readonly Buffer[]): Buffer[] {
  if (hashes.length === 1) return [];
  const level = cut(Buffer.concat(hashes));
  return [...nodesOver(level.map((node) => hash(node))), ...level];
}

function rootOf(manifest: number, size: number, top: Buffer): Buffer {
  return hash(label("file root"), integer(manifest, 8), integer(size, 8), top);
}

function makeTransfer(
  name: string,
  by: OfferedBy,
  files: KnownTransfer["files"],
  isStream = false,
): KnownTransfer {
  const shakeLabel = `lanchat vectors ${name}`;
  const size = files.reduce((sum, { size }) => sum + size, 0);
  const entries = files.flatMap(({ path, size }) => [
    integer(Buffer.byteLength(path), 2),
    path,
    integer(isStream ? Number.MAX_SAFE_INTEGER : size, 8),
  ]);
  const manifest = join(integer(files.length, 4), ...entries);
  const leaves = cut(join(manifest, contents(shakeLabel, size)));
  const hashes = leaves.map((leaf) => hash(leaf));
  const nodes = nodesOver(hashes);
  const root = rootOf(manifest.length, size, nodes[0] ? hash(nodes[0]) : hashes[0]!);
  const offer = join(
    random(`${name} transfer`, 16),
    integer(isStream ? 1 : 0, 1),
    integer(isStream ? 0 : size, 8),
    integer(files.length, 4),
    integer(manifest.length, 4),
    isStream ? Z : root,
    integer(Buffer.byteLength(name), 1),
    name,
  );
  const offerHash = hash(label("offer"), hex(by.room_id), hex(by.member_ik), hex(by.sess), offer);
  const secret = random(`${name} secret`, 32);
  const key = kdf(Z, secret, join(label("file key"), offerHash), 32);
  const units = isStream ? leaves : [...nodes, ...leaves];
  return {
    files,
    shake256_label: shakeLabel,
    manifest: manifest.toString("hex"),
    root: root.toString("hex"),
    offer: offer.toString("hex"),
    offer_hash: offerHash.toString("hex"),
    secret: secret.toString("hex"),
    key: key.toString("hex"),
    units: units.map((plain, unit) => {
      const last = unit === units.length - 1;
      const nonce = join(integer(0, 3), integer(unit, 8), integer(last ? 1 : 0, 1));
      const sealed = gcm(key, nonce, new Uint8Array(), plain);
      return {
        unit,
        last,
        hash: hash(plain).toString("hex"),
        len: sealed.length,
        first16: sealed.subarray(0, 16).toString("hex"),
        tag: sealed.subarray(-16).toString("hex"),
        sha256: hash(sealed).toString("hex"),
      };
    }),
  };
}

/** The tree over a manifest and files of zeros. */
function makeTree(manifest: number, size: number): KnownTree {
  const [whole, rest] = [Math.floor((manifest + size) / LEAF), (manifest + size) % LEAF];
  const hashes: Buffer[] = new Array(whole).fill(hash(Buffer.alloc(LEAF)));
  if (rest > 0) hashes.push(hash(Buffer.alloc(rest)));
  const [top] = nodesOver(hashes);
  const root = rootOf(manifest, size, top ? hash(top) : hashes[0]!);
  return { manifest, size, root: root.toString("hex") };
}

/** All known answers of this file. */
export function makeFiles(by: OfferedBy): KnownFiles {
  const album = [
    { path: "album/ünö.jpg", size: 70_000 },
    { path: "album/empty", size: 0 },
    { path: "notes.txt", size: 100 },
  ];
  return {
    transfers: [
      makeTransfer("album", by, album),
      makeTransfer("hello.txt", by, [{ path: "hello.txt", size: 6 }]),
      makeTransfer("stream", by, [{ path: "stream", size: 140_000 }], true),
    ],
    trees: [
      makeTree(100, LEAF - 100),
      makeTree(100, 2_048 * LEAF - 100),
      makeTree(100, 2_048 * LEAF - 99),
      makeTree(100, 5 * 2 ** 30),
    ],
  };
}

if (import.meta.main) {
  const file = new URL("vectors.json", import.meta.url);
  const vectors = JSON.parse(await Deno.readTextFile(file));
  vectors.files = makeFiles(vectors.hop);
  await Deno.writeTextFile(file, `${JSON.stringify(vectors, undefined, 1)}\n`);
}
