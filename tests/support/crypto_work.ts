/** WebCrypto operations that run in the background. */
const OPERATIONS = [
  "decapsulateBits",
  "decrypt",
  "deriveBits",
  "digest",
  "encapsulateBits",
  "encrypt",
  "exportKey",
  "generateKey",
  "importKey",
  "sign",
  "verify",
] as const;

type Operation = (...args: unknown[]) => Promise<unknown>;

/** The WebCrypto operations that are under way in this process: a connection that breaks ends none of them. */
export class CryptoWork implements AsyncDisposable {
  /** Number of operations that have begun. */
  begun = 0;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #subtle = crypto.subtle as unknown as Record<string, Operation>;

  /** Notes the operations that begin from now on. */
  constructor() {
    for (const name of OPERATIONS) {
      const operation = this.#subtle[name];
      if (operation === undefined) continue; // ML-KEM is not in every runtime.
      this.#subtle[name] = (...args) => {
        this.begun++;
        const result = operation.apply(crypto.subtle, args);
        this.#pending.add(result);
        const done = (): void => void this.#pending.delete(result);
        result.then(done, done);
        return result;
      };
    }
  }

  /** Waits until no operation is under way or follows from one, and stops noting. */
  async [Symbol.asyncDispose](): Promise<void> {
    do {
      await Promise.allSettled(this.#pending);
      await new Promise((resolve) => setTimeout(resolve));
    } while (this.#pending.size > 0);
    for (const name of OPERATIONS) delete this.#subtle[name]; // The prototype has the original.
  }
}
