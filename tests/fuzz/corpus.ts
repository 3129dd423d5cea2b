import { type Bytes, fromHex, toHex } from "../../lib/bytes/mod.ts";
import { sha256 } from "../../lib/crypto/mod.ts";
import type { Target } from "./target.ts";

/** The inputs of one target, by name. */
export type Inputs = Readonly<Record<string, Bytes>>;

/** How the names of inputs begin that have broken a promise once. */
export const FOUND = "found";

const FOLDER = new URL("corpus/", import.meta.url);

/** Reads the inputs of a target from the corpus. */
export async function readCorpus({ name }: Target): Promise<Inputs> {
  const inputs = JSON.parse(await Deno.readTextFile(file(name))) as Record<string, string>;
  return Object.fromEntries(Object.entries(inputs).map(([key, hex]) => [key, fromHex(hex)]));
}

/** Writes the inputs of a target into the corpus. */
export async function writeCorpus(name: string, inputs: Inputs): Promise<void> {
  const hex = Object.fromEntries(Object.entries(inputs).map(([key, one]) => [key, toHex(one)]));
  await Deno.writeTextFile(file(name), `${JSON.stringify(hex, undefined, 2)}\n`);
}

/** Keeps an input that has broken a promise. @returns Its name in the corpus. */
export async function keepFound(target: Target, input: Bytes): Promise<string> {
  const name = `${FOUND} ${toHex(await sha256(input)).slice(0, 8)}`;
  await writeCorpus(target.name, { ...await readCorpus(target), [name]: input });
  return name;
}

function file(name: string): URL {
  return new URL(`${name}.json`, FOLDER);
}
