/**
 * A worker that runs as on a runtime whose WebCrypto lacks ML-KEM: a room over sockets, in which one member
 * sends a text. It answers with the texts that the other one received.
 *
 * @module
 */

/** The result of the worker. */
export interface Report {
  /** Whether ML-KEM came from WebCrypto all the same. */
  readonly hasWebCryptoKem: boolean;
  /** The texts received, by the sender's name. */
  readonly heard: Record<string, string[]>;
}

for (const name of ["encapsulateBits", "decapsulateBits", "encapsulateKey", "decapsulateKey"]) {
  Reflect.deleteProperty(SubtleCrypto.prototype, name);
}
// Imported only here, because lib/crypto chooses an implementation when it is loaded.
const { hasWebCryptoKem } = await import("../../lib/crypto/kem.ts");
const { WholePipeline, heard } = await import("./whole_pipeline.ts");

const pipeline = await WholePipeline.open();
const ada = await pipeline.join("ada");
const bob = await pipeline.join("bob");
await ada.room.say("hello");
await bob.texts.count(1);
await bob.room.say("hello too", { to: "ada" });
await ada.texts.count(1);
const report: Report = { hasWebCryptoKem, heard: { ...heard(ada), ...heard(bob) } };
await pipeline.close();
(self as unknown as Pick<Worker, "postMessage">).postMessage(report);
