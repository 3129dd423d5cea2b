/**
 * Writes a text to standard output.
 *
 * @returns Whether that was possible; where standard output is closed there is nobody to tell.
 */
export async function print(text: string): Promise<boolean> {
  const writer = Deno.stdout.writable.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    return true;
  } catch {
    return false;
  } finally {
    writer.releaseLock();
  }
}
