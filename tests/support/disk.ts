/**
 * Disks that are full soon, which only root may mount.
 *
 * @module
 */
import { missing, testUnless } from "./tools.ts";

/** Declares a test that writes to a {@linkcode SmallDisk}. */
export function diskTest(name: string, fn: () => Promise<void>): void {
  testUnless(OBSTACLE, name, fn);
}

/** A disk in memory. */
export class SmallDisk implements Disposable {
  /** Where it is mounted. */
  readonly path: string = Deno.makeTempDirSync({ prefix: "lanchat-disk-" });

  /** Mounts an empty one. @param kib Its size in KiB; by default two pages of 4,096 bytes. */
  constructor(kib = 8) {
    try {
      run("mount", "-t", "tmpfs", "-o", `size=${kib}k`, "tmpfs", this.path);
    } catch (error) {
      Deno.removeSync(this.path);
      throw error;
    }
  }

  /** Makes room on it. @param kib Its new size in KiB. */
  grow(kib: number): void {
    run("mount", "-o", `remount,size=${kib}k`, this.path);
  }

  [Symbol.dispose](): void {
    run("umount", "--lazy", this.path); // A test that failed may have left a file open.
    Deno.removeSync(this.path);
  }
}

const OBSTACLE: string | undefined = obstacle();

function obstacle(): string | undefined {
  const tools = missing("mount", "umount");
  if (tools !== undefined) return tools;
  try {
    using _disk = new SmallDisk();
  } catch (error) {
    return (error as Error).message;
  }
}

function run(command: string, ...args: readonly string[]): void {
  const { stderr, success } = new Deno.Command(command, { args: [...args] }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}
