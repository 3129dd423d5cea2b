/**
 * Files through a room whose connections break and whose host is killed.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { openRoomSecrets, randomBytes } from "../../lib/crypto/mod.ts";
import {
  type IncomingChunk,
  memoryFile,
  type TransferEvent,
  Transfers,
} from "../../lib/files/mod.ts";
import type { Member } from "../../lib/room/mod.ts";
import { filePort, followMembers } from "../../lib/session/room_files.ts";
import { within } from "./deadline.ts";
import { type FaultKind, seededNumbers } from "./faults.ts";
import { testBytes } from "./file_room.ts";
import { identityOf } from "./keys.ts";
import { Harbour, harm, hasty, Sailor } from "./storm.ts";

const NAME = "film.mkv";

/** Options of a storm. */
export interface FileStormOptions {
  readonly seed: number;
  /** Size of the file, in bytes. */
  readonly bytes: number;
  readonly receivers: number;
  /** Faults of single connections. */
  readonly faults: number;
  /** Number of kills of the host. */
  readonly restarts: number;
}

/** What happened. */
export interface FileStormReport {
  /** Occurrences of each fault. */
  readonly struck: Readonly<Partial<Record<FaultKind, number>>>;
  /** Bytes that came to all receivers, over the bytes of the file for each: 1 if nothing was sent twice. */
  readonly overhead: number;
  /** Time from the offer until the last receiver had it, in milliseconds. */
  readonly ms: number;
}

/** A member that sends and receives files. */
class Boat {
  readonly sailor: Sailor;
  readonly directory: string;
  readonly #received = Promise.withResolvers<void>();
  readonly #transfers: Transfers<Member>;
  /** Failures of transfers. */
  readonly failures: TransferEvent<Member>[] = [];

  private constructor(sailor: Sailor, directory: string, roomId: Bytes) {
    this.sailor = sailor;
    this.directory = directory;
    this.#transfers = new Transfers<Member>(filePort(sailor.room, roomId), {
      clock: hasty,
      downloadDirectory: directory,
      acceptsFrom: () => true,
      onEvent: (event) => {
        if (event.event === "received") this.#received.resolve();
        else if (event.event === "file-failed") this.failures.push(event);
      },
    });
  }

  static async launch(
    port: number,
    who: { name: string; roomId: Bytes; hostKey: Bytes; memberKey: Bytes },
    onBulk: (chunk: IncomingChunk) => void,
  ): Promise<Boat> {
    const boat: { current?: Boat } = {};
    const sailor = await Sailor.create(port, {
      ...who,
      hear: () => {},
      onEvent: (event) => followMembers(boat.current!.#transfers, event),
      files: {
        onBulk: async (chunk) => {
          onBulk(chunk);
          await boat.current!.#transfers.bulk(chunk);
        },
        onFileMessage: (message, from, isPrivate) =>
          boat.current!.#transfers.received(message, from, isPrivate),
      },
    });
    const directory = await Deno.makeTempDir({ prefix: "lanchat-storm-" });
    return boat.current = new Boat(sailor, directory, who.roomId);
  }

  /** Resolves once it has received the file. */
  get received(): Promise<void> {
    return this.#received.promise;
  }

  /** Offers a file to all. */
  offer(bytes: Bytes): void {
    this.#transfers.offer({ name: NAME, contents: memoryFile(NAME, bytes) });
  }

  /** What it has received. */
  async read(): Promise<Bytes> {
    return await Deno.readFile(`${this.directory}/${NAME}`);
  }

  async sink(): Promise<void> {
    await this.sailor.stop();
    await this.#transfers.close();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Sends a file to all members through a storm; fails unless each has it whole, under its name. */
export async function fileStorm(options: FileStormOptions): Promise<FileStormReport> {
  const random = seededNumbers(options.seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const roomId = randomBytes(32);
  const identity = await identityOf("host");
  const { publicKey: hostKey } = identity;
  const { memberKey } = await openRoomSecrets(hostKey);
  const boats: Boat[] = [];
  let harbour = new Harbour(identity, roomId);
  let acting = Promise.resolve();
  let came = 0;

  const expected = options.bytes * options.receivers;
  const at = (): number => below(expected * 0.9);
  const acts = [
    ...Array.from({ length: options.faults }, () => ({
      at: at(),
      act: () => harm(boats[below(boats.length)]!.sailor.proxy, below),
    })),
    ...Array.from({ length: options.restarts }, () => ({
      at: at(),
      async act(): Promise<void> {
        await harbour.kill();
        harbour = new Harbour(identity, roomId);
        for (const { sailor } of boats) sailor.proxy.target = harbour.port;
      },
    })),
  ].sort((a, b) => a.at - b.at);
  const onBulk = ({ bytes }: IncomingChunk): void => {
    came += bytes.length;
    while (acts.length > 0 && acts[0]!.at <= came) {
      const { act } = acts.shift()!;
      acting = acting.then(act);
    }
  };

  try {
    for (let i = 0; i <= options.receivers; i++) {
      const who = { name: `sailor${i}`, roomId, hostKey, memberKey };
      boats.push(await Boat.launch(harbour.port, who, onBulk));
    }
    for (const { sailor } of boats) {
      sailor.sail(random);
      await sailor.ready.promise;
    }
    const [sender, ...receivers] = boats as [Boat, ...Boat[]];
    const bytes = testBytes(options.bytes, options.seed);
    const start = performance.now();
    sender.offer(bytes);
    await within(
      Promise.all(receivers.map(({ received }) => received)),
      () => Deno.inspect({ came, expected, alarms: boats.map(({ sailor }) => sailor.alarms) }),
    );
    const ms = performance.now() - start;
    await acting;
    for (const boat of receivers) {
      const got = await boat.read();
      assertEquals([got.length, got.findIndex((byte, i) => byte !== bytes[i])], [bytes.length, -1]);
      assertEquals(boat.failures, []);
    }
    const struck: Partial<Record<FaultKind, number>> = {};
    for (const { sailor } of boats) {
      for (const [kind, count] of Object.entries(sailor.proxy.faults) as [FaultKind, number][]) {
        struck[kind] = (struck[kind] ?? 0) + count;
      }
    }
    return { struck, overhead: came / expected, ms };
  } finally {
    await Promise.all(boats.map((boat) => boat.sink()));
    await harbour.kill();
  }
}
