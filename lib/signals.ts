/**
 * Signals of the operating system.
 *
 * @module
 */

/**
 * Listens to a signal. Does nothing if this system has no such signal, or Deno before 2.8 does not know it on Windows.
 *
 * @returns Stops listening.
 */
export function onSignal(signal: Deno.Signal, listener: () => void): () => void {
  try {
    Deno.addSignalListener(signal, listener);
  } catch (error) {
    if (error instanceof TypeError) return () => {};
    throw error;
  }
  return () => Deno.removeSignalListener(signal, listener);
}
