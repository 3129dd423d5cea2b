import { type Bytes, utf8 } from "../bytes/mod.ts";
import { EXIT } from "../errors.ts";

/** Answers a command with a text. @returns The exit status. */
export async function answer(text: string | Bytes): Promise<number> {
  return await print(text) ? EXIT.OK : EXIT.FAILURE;
}

/**
 * Writes a text to standard output.
 *
 * @returns Whether that was possible; where standard output is closed there is nobody to tell.
 */
export async function print(text: string | Bytes): Promise<boolean> {
  const writer = Deno.stdout.writable.getWriter();
  try {
    await writer.write(typeof text === "string" ? utf8(text) : text);
    return true;
  } catch {
    return false;
  } finally {
    writer.releaseLock();
  }
}
