/**
 * Calls a function at a signal; on Windows, which has none of those that matter to a terminal, never.
 *
 * @returns Ends that.
 */
export function onSignal(signal: Deno.Signal, listener: () => void): () => void {
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener(signal, listener);
  return () => Deno.removeSignalListener(signal, listener);
}
