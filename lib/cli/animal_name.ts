/**
 * Names for people without a login name.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { sha256 } from "../crypto/mod.ts";

const ADJECTIVES: readonly string[] = [
  "agile amber autumn blithe bold brave breezy bright brisk calm candid cheery clever cosy crimson",
  "curious dapper daring deft eager early earnest easy elated fair festive fleet fond frank frosty",
  "gallant gentle gleaming golden hardy hazel hearty humble ivory jade jaunty jolly keen kind lively",
  "loyal lucid lunar mellow merry mild misty nimble noble patient placid plucky polite proud quick",
].flatMap((line) => line.split(" "));

const ANIMALS: readonly string[] = [
  "alpaca badger beaver bison bobcat buffalo camel caribou cheetah condor cougar coyote crane deer",
  "dingo dolphin eagle egret falcon ferret finch gazelle gecko gibbon heron hippo ibex ibis iguana",
  "impala jackal jaguar koala lemur leopard llama lynx magpie marmot marten moose narwhal ocelot",
  "octopus oriole osprey otter panda panther pelican puffin quail rabbit raven robin seal sparrow",
].flatMap((line) => line.split(" "));

/** Derives a name such as `brave-otter` from an identity key. */
export async function animalName(publicKey: Bytes): Promise<string> {
  const hash = await sha256(publicKey);
  const adjective = ADJECTIVES[hash[0]! % ADJECTIVES.length]!;
  const animal = ANIMALS[hash[1]! % ANIMALS.length]!;
  return `${adjective}-${animal}`;
}
