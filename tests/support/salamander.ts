/**
 * A ciphertext that AES-GCM opens under two keys, because GCM does not commit to its key (eprint 2019/016).
 *
 * @module
 */
import type { Bytes } from "../../lib/bytes/mod.ts";

const BLOCK_BYTES = 16;

/** Multiplies in GF(2^128) as GHASH does (NIST SP 800-38D §6.3). */
function multiply(x: bigint, y: bigint): bigint {
  let product = 0n;
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((x >> bit) & 1n) product ^= y;
    y = (y >> 1n) ^ (y & 1n ? 0xe1n << 120n : 0n);
  }
  return product;
}

function power(x: bigint, exponent: bigint): bigint {
  let result = 1n << 127n;
  for (let square = x; exponent > 0n; exponent >>= 1n, square = multiply(square, square)) {
    if (exponent & 1n) result = multiply(result, square);
  }
  return result;
}

function toBlock(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => value << 8n | BigInt(byte), 0n) <<
    BigInt(8 * (BLOCK_BYTES - bytes.length));
}

function fromBlock(value: bigint): Bytes {
  return new Uint8Array(BLOCK_BYTES).map((_, i) => Number(value >> BigInt(8 * (15 - i)) & 0xffn));
}

function blocksOf(bytes: Uint8Array): bigint[] {
  const blocks = [];
  for (let i = 0; i < bytes.length; i += BLOCK_BYTES) {
    blocks.push(toBlock(bytes.subarray(i, i + BLOCK_BYTES)));
  }
  return blocks;
}

/** Encrypts one block with bare AES. */
async function encryptBlock(key: Bytes, block: Bytes): Promise<bigint> {
  const imported = await crypto.subtle.importKey("raw", key, "AES-CBC", false, ["encrypt"]);
  const algorithm = { name: "AES-CBC", iv: block };
  const encrypted = await crypto.subtle.encrypt(algorithm, imported, new Uint8Array(BLOCK_BYTES));
  return toBlock(new Uint8Array(encrypted).subarray(0, BLOCK_BYTES));
}

/**
 * Alters the first block of a ciphertext so that both keys open it.
 *
 * @param sealed A ciphertext under the first key: whole blocks, and a tag.
 * @returns As much as `sealed`; the first block of the plaintext is another under either key.
 */
export async function salamander(
  keys: readonly [Bytes, Bytes],
  nonce: Bytes,
  sealed: Bytes,
  additionalData: Bytes,
): Promise<Bytes> {
  const ciphertext = sealed.slice(0, -BLOCK_BYTES);
  const lengths = BigInt(additionalData.length * 8) << 64n | BigInt(ciphertext.length * 8);
  const data = blocksOf(additionalData);
  const blocks = [...data, ...blocksOf(ciphertext), lengths];
  const free = data.length;
  blocks[free] = 0n;
  const counter = new Uint8Array([...nonce, 0, 0, 0, 1]);
  const [one, two] = await Promise.all(keys.map(async (key) => {
    const hash = await encryptBlock(key, new Uint8Array(BLOCK_BYTES));
    const fixed = blocks.reduce((sum, block) => multiply(sum ^ block, hash), 0n) ^
      await encryptBlock(key, counter);
    return { fixed, factor: power(hash, BigInt(blocks.length - free)) };
  })) as [{ fixed: bigint; factor: bigint }, { fixed: bigint; factor: bigint }];
  const inverse = power(one.factor ^ two.factor, (1n << 128n) - 2n);
  const block = multiply(one.fixed ^ two.fixed, inverse);
  const altered = sealed.slice();
  altered.set(fromBlock(block));
  altered.set(fromBlock(one.fixed ^ multiply(block, one.factor)), ciphertext.length);
  return altered;
}
