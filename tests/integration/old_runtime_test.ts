import { assertEquals } from "@std/assert";
import { within } from "../support/deadline.ts";
import type { Report } from "../support/old_runtime.ts";
import { test } from "../support/test.ts";

test("a room works without ML-KEM in WebCrypto: handshakes, sender keys and messages", async () => {
  const { promise, resolve, reject } = Promise.withResolvers<Report>();
  const script = new URL("../support/old_runtime.ts", import.meta.url);
  const worker = new Worker(script, { type: "module" });
  worker.addEventListener("message", ({ data }) => resolve(data as Report));
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  });
  try {
    const report = await within(promise, () => "the worker did not answer");
    assertEquals(report, {
      hasWebCryptoKem: false,
      heard: { ada: ["hello"], bob: ["hello too"] },
    });
  } finally {
    worker.terminate();
  }
});
