/**
 * Listens to a signal of Unix; does nothing on Windows.
 *
 * @returns Stops listening.
 */
export function onSignal(signal: Deno.Signal, listener: () => void): () => void {
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener(signal, listener);
  return () => Deno.removeSignalListener(signal, listener);
}
