/**
 * Tokens that show that no frame is missing before a shared one. See PROTOCOL.md §5.5.
 *
 * @module
 */
import { type Bytes, concat, u64 } from "../bytes/mod.ts";
import { kdf, KEY_BYTES, KeyMaterial, label, zeroKey } from "../crypto/mod.ts";
import { TOKEN_BYTES } from "../wire/mod.ts";

/** Number of tokens that are derived at once. */
const PAGE_TOKENS = 128;

/** The tokens of one direction of a connection: one for each frame, which only shared frames show. */
export class FrameTokens {
  readonly #material: KeyMaterial;
  /** The pages that hold the next tokens. */
  #pages: { readonly page: number; readonly tokens: Bytes }[] = [];
  /** Number of frames so far. */
  #frames = 0;

  private constructor(material: KeyMaterial) {
    this.#material = material;
  }

  /** Starts before the first record. @param secret The direction's first secret, 32 bytes. */
  static async from(secret: Bytes): Promise<FrameTokens> {
    const own = await kdf(zeroKey(), secret, "lanchat/1 rec token", KEY_BYTES);
    return new FrameTokens(await KeyMaterial.import(own));
  }

  /** Counts a frame that shows no token. */
  skip(): void {
    this.#frames++;
  }

  /** Derives the tokens of the next frames. @param count Number of frames, at most {@linkcode PAGE_TOKENS}. */
  async derive(count: number): Promise<void> {
    const [first, last] = [pageOf(this.#frames), pageOf(this.#frames + count - 1)];
    this.#pages = this.#pages.filter(({ page }) => page >= first);
    for (let page = first; page <= last; page++) {
      if (this.#pages.some((known) => known.page === page)) continue;
      const info = concat(label("lanchat/1 token page"), u64(page));
      const tokens = await this.#material.derive(zeroKey(), info, PAGE_TOKENS * TOKEN_BYTES);
      this.#pages.push({ page, tokens });
    }
  }

  /** Whether the tokens of the next frames are derived. @param count Number of frames. */
  has(count: number): boolean {
    const last = pageOf(this.#frames + count - 1);
    return this.#pages.at(-1)?.page === last && this.#pages[0]!.page <= pageOf(this.#frames);
  }

  /** The token of the next frame, which must be derived: {@linkcode TOKEN_BYTES} bytes. */
  next(): Bytes {
    const page = pageOf(this.#frames);
    const { tokens } = this.#pages.find((known) => known.page === page)!;
    const start = this.#frames++ % PAGE_TOKENS * TOKEN_BYTES;
    return tokens.subarray(start, start + TOKEN_BYTES);
  }
}

function pageOf(frame: number): number {
  return Math.floor(frame / PAGE_TOKENS);
}
