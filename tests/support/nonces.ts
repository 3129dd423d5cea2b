import { type Bytes, toHex } from "../../lib/bytes/mod.ts";
import { CipherKey } from "../../lib/crypto/mod.ts";

/** Every key and nonce that anything in this process seals with, from its making to its end. */
export class Nonces implements Disposable {
  /** The pairs that were used more than once. */
  readonly repeated: string[] = [];
  readonly #pairs = new Set<string>();
  readonly #import = CipherKey.import;
  readonly #seal = CipherKey.prototype.seal;

  /** Records from now on. */
  constructor() {
    const raws = new WeakMap<CipherKey, string>();
    const [importKey, seal] = [this.#import, this.#seal];
    const use = (pair: string): void => {
      if (this.#pairs.has(pair)) this.repeated.push(pair);
      this.#pairs.add(pair);
    };
    CipherKey.import = async (raw: Bytes): Promise<CipherKey> => {
      const hex = toHex(raw); // The importer may wipe it at once.
      const key = await importKey.call(CipherKey, raw);
      raws.set(key, hex);
      return key;
    };
    CipherKey.prototype.seal = function (nonce, plaintext, additionalData): Promise<Bytes> {
      const raw = raws.get(this);
      if (raw === undefined) throw new Error("A key is older than the record of its nonces");
      use(`${raw} ${toHex(nonce)}`);
      return seal.call(this, nonce, plaintext, additionalData);
    };
  }

  /** How many pairs were used. */
  get count(): number {
    return this.#pairs.size;
  }

  /** Records no more. */
  [Symbol.dispose](): void {
    CipherKey.import = this.#import;
    CipherKey.prototype.seal = this.#seal;
  }
}
