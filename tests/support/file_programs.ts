/**
 * Files between real programs.
 *
 * @module
 */
import { assert } from "@std/assert";
import { equal } from "../../lib/bytes/mod.ts";
import { emptyDirectory, HostProgram, type Program, type ProgramOptions } from "./program.ts";

const PERMISSIONS = ["--allow-net", "--allow-env", "--allow-read", "--allow-write"];

/** With what each program is run. */
export const OPTIONS: ProgramOptions = { permissions: PERMISSIONS };

/** Bytes of a mebibyte. */
export const MIB: number = 1 << 20;

/** Makes a file of bytes that no other file has. @returns Its path, and the bytes. */
export function makeFile(name: string, size: number): { path: string; bytes: Uint8Array } {
  const path = `${emptyDirectory()}/${name}`;
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, size)));
  }
  Deno.writeFileSync(path, bytes);
  return { path, bytes };
}

/** Asserts that files have these bytes. */
export function assertSame(path: string, bytes: Uint8Array): void {
  const found = Deno.readFileSync(path);
  assert(equal(found, bytes as Uint8Array<ArrayBuffer>), `${path} has other bytes`);
}

/** A room that hana hosts, and her download folder. */
export async function room(...args: string[]): Promise<{ hana: HostProgram; folder: string }> {
  const folder = `${emptyDirectory()}/downloads`;
  const options = ["--name", "hana", "--json", "--download-dir", folder, ...args];
  return { hana: await HostProgram.start(options, OPTIONS), folder };
}

/** Joins a room as a script. */
export async function join(host: HostProgram, name: string, ...args: string[]): Promise<Program> {
  return await host.join(["--name", name, "--json", ...args], OPTIONS);
}

/** The arguments of `lanchat send`. */
export function sending(host: HostProgram, ...args: string[]): string[] {
  return ["send", ...args, host.address, "--name", "sender"];
}

/** Starts to send a file that takes a while, and waits until a part of it is there. */
export async function underWay(
  hana: HostProgram,
  bob: Program,
): Promise<{ id: number; path: string }> {
  const { path } = makeFile("large.bin", 0);
  await Deno.truncate(path, 320 * MIB);
  await bob.tell({ do: "send-file", paths: [path], to: "hana" });
  const { id } = await hana.event("offer");
  await hana.tell({ do: "accept-file", id });
  await hana.event("progress", ({ bytes }) => bytes > 0);
  return { id, path };
}
