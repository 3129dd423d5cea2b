/**
 * Many files of one transfer, few of them open at a time.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";

/** Maximum open files of one transfer: macOS allows a process 256 in all. */
const MAX_OPEN = 32;

/** An open file that is read and written at offsets; never by two actions at once. */
export class RandomAccess {
  readonly #file: Deno.FsFile;
  /** Where the next action of the system begins, in bytes; unknown after one that failed. */
  #position: number | undefined = 0;

  /** @param file An open file at its start. */
  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Fills a buffer from an offset on. @returns The bytes read, fewer at the end of the file. */
  async read(offset: number, into: Bytes): Promise<number> {
    this.#seek(offset);
    let filled = 0;
    while (filled < into.length) {
      const count = await this.#file.read(into.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    this.#position = offset + filled;
    return filled;
  }

  /** Writes bytes from an offset on; what lies between the end of the file and the offset reads as zeros. */
  async write(offset: number, bytes: Bytes): Promise<void> {
    this.#seek(offset);
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#file.write(bytes.subarray(sent));
    }
    this.#position = offset + bytes.length;
  }

  /** Bytes of the file. */
  async size(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  /** Cuts the file, or extends it by zeros. @param size Its bytes afterwards. */
  async truncate(size: number): Promise<void> {
    await this.#file.truncate(size);
  }

  /** Waits until the disk has the file. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  /** Moves to an offset, in the program's own thread: that reads nothing. A file in order needs no move. */
  #seek(offset: number): void {
    if (this.#position !== offset) this.#file.seekSync(offset, Deno.SeekMode.Start);
    this.#position = undefined;
  }
}

/** One file, with the actions that wait for it. */
interface Entry {
  readonly opened: Promise<RandomAccess>;
  /** Resolves when the last of its actions is done. */
  last: Promise<unknown>;
  actions: number;
}

/** The files of one transfer, by their places: opens each when it is used, and closes those used least recently. */
export class OpenFiles {
  readonly #open: (index: number) => Promise<Deno.FsFile>;
  /** In order of use, the last used one last. */
  readonly #entries = new Map<number, Entry>();
  #isClosed = false;

  /** @param open Opens a file by its place. */
  constructor(open: (index: number) => Promise<Deno.FsFile>) {
    this.#open = open;
  }

  /**
   * Acts on a file when all earlier actions on it are done; actions on different files run at the same time.
   *
   * @throws What `open` or the action throws.
   */
  async use<T>(index: number, action: (file: RandomAccess) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new Error("it was closed");
    const entry = this.#entries.get(index) ?? this.#newEntry(index);
    this.#entries.delete(index);
    this.#entries.set(index, entry);
    entry.actions++;
    const result = entry.last.then(async () => await action(await entry.opened));
    entry.last = result.catch(() => {});
    try {
      return await result;
    } finally {
      entry.actions--;
      this.#closeIdle();
    }
  }

  /** Closes every file, when the actions under way are done, and opens none again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.closeAll();
  }

  /** Closes every file for now, when the actions under way are done. */
  async closeAll(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(closeEntry));
  }

  #newEntry(index: number): Entry {
    const opened = this.#open(index).then((file) => new RandomAccess(file));
    const entry = { opened, last: Promise.resolve(), actions: 0 };
    opened.catch(() => {
      // The next action tries again.
      if (this.#entries.get(index) === entry) this.#entries.delete(index);
    });
    return entry;
  }

  #closeIdle(): void {
    for (const [index, entry] of this.#entries) {
      if (this.#entries.size <= MAX_OPEN) return;
      if (entry.actions > 0) continue;
      this.#entries.delete(index);
      void closeEntry(entry);
    }
  }
}

async function closeEntry({ last, opened }: Entry): Promise<void> {
  await last;
  await opened.then((file) => file.close(), () => {});
}
