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

/** The name of a WebCrypto operation. */
export type Operation = typeof OPERATIONS[number];

type Operate = (...args: unknown[]) => Promise<unknown>;

/** The WebCrypto operations that are under way in this process: a connection that breaks ends none of them. */
export class CryptoWork implements AsyncDisposable {
  /** The operations that have begun, in order. */
  readonly operations: Operation[] = [];
  readonly #pending = new Set<Promise<unknown>>();
  readonly #subtle = crypto.subtle as unknown as Record<string, Operate>;

  /** Notes the operations that begin from now on. */
  constructor() {
    for (const name of OPERATIONS) {
      const operation = this.#subtle[name];
      if (operation === undefined) continue; // ML-KEM is not in every runtime.
      this.#subtle[name] = (...args) => {
        this.operations.push(name);
        const result = operation.apply(crypto.subtle, args);
        this.#pending.add(result);
        const done = (): void => void this.#pending.delete(result);
        result.then(done, done);
        return result;
      };
    }
  }

  /** Waits until no operation is under way or follows from one. @returns Those since the last call, in order. */
  async take(): Promise<Operation[]> {
    do {
      await Promise.allSettled(this.#pending);
      await new Promise((resolve) => setTimeout(resolve));
    } while (this.#pending.size > 0);
    return this.operations.splice(0);
  }

  /** Waits as {@linkcode CryptoWork.take} does, and stops noting. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.take();
    for (const name of OPERATIONS) delete this.#subtle[name]; // The prototype has the original.
  }
}
