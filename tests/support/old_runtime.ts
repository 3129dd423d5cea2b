/**
 * A worker that runs as on a runtime whose WebCrypto lacks ML-KEM: a room over sockets, in which one member
 * says something. It answers with what the other one heard.
 *
 * @module
 */

/** What the room was made with, and what was heard there. */
export interface Report {
  /** Whether ML-KEM came from WebCrypto all the same. */
  readonly hasWebCryptoKem: boolean;
  /** The texts, by the name of who said them. */
  readonly heard: Record<string, string[]>;
}

for (const name of ["encapsulateBits", "decapsulateBits", "encapsulateKey", "decapsulateKey"]) {
  Reflect.deleteProperty(SubtleCrypto.prototype, name);
}
// Imported only here, as lib/crypto chooses an implementation when it is loaded.
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
