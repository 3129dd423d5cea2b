/**
 * `lanchat peers` lists or changes the known peers.
 *
 * @module
 */
import { DEFAULT_PORT, formatHostPort, parseHostPort } from "../../address.ts";
import { toBase64Url } from "../../bytes/mod.ts";
import { fingerprint, keyTag, readFingerprint } from "../../crypto/mod.ts";
import { LanchatError, quote, UsageError } from "../../errors.ts";
import {
  identityPlace,
  type KnownPeer,
  KnownPeers,
  peersPlace,
  readPeers,
  writePeers,
} from "../../store/mod.ts";
import type { PeerEvent } from "../../session_events.ts";
import { actionOf, missingFile, refuseSurplus } from "../operands.ts";
import type { Parsed } from "../options.ts";
import { damagedWarnings, identityOptions, peersWarnings } from "../person.ts";
import { print, printResult } from "../print.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** Maximum candidates in an error about an ambiguous name. */
const MAX_CANDIDATES = 8;

/** The actions but `list`. */
const ACTIONS = ["hosts", "forget", "export", "import"] as const;

/** A parsed `lanchat peers`. */
export type PeersCommand = Parsed<"peers"> & {
  readonly action: "list" | typeof ACTIONS[number];
  /** The name, tag or fingerprint of the peer to forget. */
  readonly who: string | undefined;
  /** The path to write or to read; standard output if missing. */
  readonly file: string | undefined;
};

/** `lanchat peers` lists the known peers, or changes them. */
export const PEERS: SubcommandEntry<PeersCommand> = {
  summary: "list or forget the people you have met",
  operand: "[ACTION [WHO|FILE]]",
  choices: ACTIONS,
  fileChoices: ["export", "import"],
  note: "ACTION is hosts (for their addresses), export [FILE], import FILE, or forget WHO\n" +
    "(a name, tag or fingerprint).",
  examples: ["lanchat peers", "lanchat peers forget bob", "lanchat peers export peers.jsonl"],
  operands([word, operand, ...words]) {
    const action = word === undefined ? "list" : actionOf("peers", word, ACTIONS);
    if (action === "forget" && operand === undefined) {
      throw new UsageError("missing-value", "lanchat peers forget needs a name", {
        hint: "Give a name, a tag or a fingerprint: lanchat peers forget bob",
      });
    }
    if (action === "import" && operand === undefined) {
      throw missingFile("peers import", "peers.jsonl");
    }
    refuseSurplus(`peers ${word}`, action === "hosts" && operand !== undefined ? [operand] : words);
    const [who, file] = action === "forget" ? [operand, undefined] : [undefined, operand];
    return { action, who, file };
  },
  run: managePeers,
};

async function managePeers(command: PeersCommand): Promise<number> {
  const known = await KnownPeers.open(peersPlace(identityPlace(identityOptions(command))));
  const warnings = peersWarnings(known);
  const newestFirst = known.all().toSorted((a, b) => b.lastSeen - a.lastSeen);
  switch (command.action) {
    case "list": {
      const events = [...warnings, ...await Promise.all(newestFirst.map(view))];
      const nobody = newestFirst.length === 0 ? ["You have met no one yet."] : undefined;
      return await printResult(events, command.json, nobody);
    }
    case "hosts": {
      const hosts = newestFirst.filter(({ addresses }) => addresses.length > 0);
      const events = [...warnings, ...await Promise.all(hosts.map(view))];
      const addresses = hosts.flatMap(({ addresses }) => addresses.flatMap(targetAt));
      return await printResult(events, command.json, addresses);
    }
    case "forget": {
      const peer = await findPeer(known, command.who!);
      await known.forget(peer.key);
      const event = await view(peer);
      return await printResult([...warnings, event], command.json, [
        `Forgot ${title(event)}.`,
      ]);
    }
    case "export": {
      const { file } = command;
      if (file === undefined) return await print(known.export());
      await writePeers(file, known.export());
      return await printResult(warnings, command.json, [`${file} has ${counted(known.all())}.`]);
    }
    case "import":
      return await importPeers(known, command);
  }
}

/** The address of a host as `lanchat join` takes it; nothing if the file has no such address. */
function targetAt(address: string): string[] {
  try {
    const { host, port } = parseHostPort(address, DEFAULT_PORT);
    return [formatHostPort(host, port, DEFAULT_PORT)];
  } catch {
    return [];
  }
}

async function importPeers(known: KnownPeers, { file, json }: PeersCommand): Promise<number> {
  const stored = await readPeers(file!);
  const added = stored.peers.filter(({ key }) => known.find(key) === undefined);
  await known.merge(stored.peers);
  const warnings = damagedWarnings(
    { ...stored, file },
    "The other lines were imported. Fix the file and import it again.",
  );
  const events = [...warnings, ...await Promise.all(added.map(view))];
  const rest = stored.peers.length - added.length;
  return await printResult(events, json, [`${counted(added)} added; ${rest} already known.`]);
}

/** @throws {LanchatError} With code `no-such-peer` or `several-peers`. */
async function findPeer(known: KnownPeers, who: string): Promise<KnownPeer> {
  const [peer, ...others] = await matching(known.all(), who);
  if (peer === undefined) {
    throw new LanchatError(
      "no-such-peer",
      `Cannot forget ${quote(who)}: no known peer matches`,
    );
  }
  if (others.length === 0) return peer;
  const all = [peer, ...others];
  const shown = await Promise.all(all.slice(0, MAX_CANDIDATES).map(view));
  const more = all.length > shown.length ? ` or ${all.length - shown.length} more` : "";
  throw new LanchatError(
    "several-peers",
    `Cannot forget ${quote(who)}: it matches ${all.length} people`,
    { hint: `Name one of them: ${shown.map(title).join(", ")}${more}.` },
  );
}

/** Finds peers by a name, a tag, `name#tag` or a fingerprint. */
async function matching(peers: readonly KnownPeer[], who: string): Promise<KnownPeer[]> {
  const name = who.normalize("NFC");
  const tag = /[^#]*$/.exec(who)![0].toLowerCase();
  const digits = readFingerprint(who);
  const found: KnownPeer[] = [];
  for (const peer of peers) {
    const { key, names } = peer;
    const matches = names.includes(name) || await keyTag(key) === tag ||
      digits !== undefined && await fingerprint(key) === digits;
    if (matches) found.push(peer);
  }
  return found;
}

async function view({ key, ...others }: KnownPeer): Promise<PeerEvent> {
  return { event: "peer", ...others, tag: await keyTag(key), key: toBase64Url(key) };
}

/** An unambiguous name. */
function title({ names: [name = ""], tag }: PeerEvent): string {
  return `${name}#${tag}`;
}

function counted(peers: readonly KnownPeer[]): string {
  return peers.length === 1 ? "1 person" : `${peers.length} people`;
}
