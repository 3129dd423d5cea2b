/**
 * Sizes of keys and signatures, which lib/crypto makes and lib/wire carries.
 *
 * @module
 */

/** Bytes of an ML-KEM-768 encapsulation key. */
export const KEM_KEY_BYTES = 1184;

/** Bytes of an ML-KEM-768 ciphertext. */
export const KEM_CIPHERTEXT_BYTES = 1088;

/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;
