import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { TransferError } from "../../lib/errors.ts";
import type { FileContents, FileMember, OutgoingChunk } from "../../lib/files/mod.ts";
import { FileRoom, type FileSide, testBytes } from "../support/file_room.ts";
import { test } from "../support/test.ts";
import { Dice } from "../fuzz/mutate.ts";

/** Files of a folder, with empty ones among them. */
function folder(dice: Dice): { readonly contents: FileContents; readonly all: Map<string, Bytes> } {
  const sizes = [0, 1, 65_536, 700_000, 0, 131_072, 1_500_000 + dice.below(1000), 3];
  const all = new Map(sizes.map((size, i) => [`photos/${i % 3}/${i}.jpg`, testBytes(size, i)]));
  const files = [...all].map(([path, { length: size }]) => ({ path, size }));
  const contents = {
    files,
    readAt(file: number, offset: number, into: Bytes): Promise<void> {
      into.set(all.get(files[file]!.path)!.subarray(offset, offset + into.length));
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  return { contents, all };
}

/** Loses, doubles, damages and cuts what a flow carries. */
function misfortune(dice: Dice): (chunk: OutgoingChunk) => readonly OutgoingChunk[] {
  return (chunk) => {
    switch (dice.below(12)) {
      case 0:
        return [];
      case 1:
        return [chunk, chunk];
      case 2: {
        const bytes = chunk.bytes.slice();
        bytes[dice.below(bytes.length)]! ^= 1;
        return [{ ...chunk, bytes }];
      }
      case 3:
      case 4:
      case 5: {
        const at = dice.below(chunk.bytes.length);
        const parts = [
          { ...chunk, bytes: chunk.bytes.subarray(0, at) },
          { ...chunk, offset: chunk.offset + at, bytes: chunk.bytes.subarray(at) },
        ];
        if (dice.below(6) === 0) parts.reverse();
        return dice.below(6) === 0 ? parts.slice(1) : parts;
      }
      default:
        return [chunk];
    }
  };
}

/** Has a member continue its transfers, but for those that the sender has paused. */
function resumeAll({ transfers }: FileSide): void {
  for (const { id } of transfers.list()) {
    try {
      transfers.resume(id);
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
    }
  }
}

/** Waits until a member has received everything, however often its program started meanwhile. */
async function receives(room: FileRoom, side: FileSide): Promise<void> {
  await room.until(side.events.find((event): event is typeof event => event.event === "received"));
}

for (const seed of [1, 2]) {
  test(`Transfers reaches every member through losses and cuts, seed ${seed}`, async () => {
    await using room = new FileRoom();
    const dice = new Dice(seed);
    const ada = await room.enter("ada");
    // A program that restarts with nothing on its disk is asked again.
    const willing = { acceptsFrom: () => true };
    const others = [await room.enter("bob", willing), await room.enter("carol", willing)];
    const { all, contents } = folder(dice);
    room.chunkMs = 300;
    room.carry = misfortune(dice);
    await ada.offersAll("photos", contents);
    for (let cuts = 0; cuts < 20; cuts++) {
      const side = [ada, ...others][dice.below(3)]!;
      await room.pass(dice.below(1000));
      switch (dice.below(3)) {
        case 0:
          side.cut();
          await room.pass(dice.below(8000));
          side.connect();
          break;
        case 1:
          side.replaceSession();
          break;
        default:
          if (side !== ada) await side.restart();
      }
    }
    for (const other of others) {
      await receives(room, other);
      for (const [path, bytes] of all) {
        const got = await other.read(path);
        const first = bytes.findIndex((byte, i) => got[i] !== byte);
        assertEquals([path, got.length, first], [path, bytes.length, -1]);
      }
      // Where the report of the end was lost with a session, the files may come twice.
      assert((await other.names()).every((name) => name.startsWith("photos")));
    }
    assert(!ada.events.all.some((event) => event.event === "file-failed" && !event.member));
  });
}

for (const seed of [1, 2]) {
  test(`Transfers ends at every member after pauses, cuts and restarts in any order, seed ${seed}`, async () => {
    await using room = new FileRoom();
    const dice = new Dice(seed);
    const ada = await room.enter("ada");
    const others: FileSide[] = [];
    for (const name of ["bob", "carol", "dave"]) {
      others.push(await room.enter(name, { acceptsFrom: () => true }));
    }
    const { contents } = folder(dice);
    room.chunkMs = 200;
    const id = await ada.offersAll("photos", contents);
    const isOpen = (): boolean => ada.transfers.list().length > 0;
    const kept: FileMember[] = [];
    for (let steps = 0; steps < 40 && isOpen(); steps++) {
      const side = others[dice.below(3)]!;
      const transfer = side.transfers.list()[0]?.id;
      switch (dice.below(8)) {
        case 0:
        case 1:
          if (transfer !== undefined) side.transfers.pause(transfer);
          break;
        case 2:
          resumeAll(side);
          break;
        case 3:
          ada.transfers.pause(id);
          break;
        case 4:
          ada.transfers.resume(id);
          break;
        case 5:
          if (side.online) side.cut();
          else side.connect();
          break;
        case 6:
          ada.replaceSession();
          break;
        default:
          kept.push(side.member);
          await side.restart(true);
      }
      await room.pass(dice.below(1000));
    }
    // All is as it should be again.
    for (const seat of kept) ada.transfers.left(seat);
    for (const side of others) if (!side.online) side.connect();
    if (isOpen()) ada.transfers.resume(id);
    await room.pass(2000);
    others.forEach(resumeAll);
    await room.when(() => !isOpen());
    for (const side of others) await receives(room, side);
  });
}
