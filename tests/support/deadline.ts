/** How long anything that is waited for may take, in milliseconds. */
const DEADLINE_MS = 90_000;

/** Waits for a promise, with a deadline. @param explain Describes the missing result. */
export async function within<T>(promise: Promise<T>, explain: () => string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(explain())), DEADLINE_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
