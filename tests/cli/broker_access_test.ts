import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseBrokerAddress } from "../../lib/broker_address.ts";
import { findBrokerAccess } from "../../lib/cli/broker_access.ts";
import { StoreError, UsageError } from "../../lib/errors.ts";
import { test } from "../support/test.ts";

/** Sets the variables about a broker. */
function variables(values: Readonly<Record<string, string>>): Disposable {
  for (const [name, value] of Object.entries(values)) Deno.env.set(name, value);
  return {
    [Symbol.dispose]() {
      for (const name of Object.keys(values)) Deno.env.delete(name);
    },
  };
}

/** Whether a user of the variables is shown to the broker of a link. */
async function isShown(url: string, link: string): Promise<boolean> {
  using _ = variables({ NATS_USER: "ann", NATS_PASSWORD: "p", NATS_URL: url });
  return (await findBrokerAccess({ linked: parseBrokerAddress(link) })).user !== undefined;
}

test("findBrokerAccess shows a user to a broker that NATS_URL names, and without TLS only if that asks for none", async () => {
  for (const url of ["h", "h:4222", "nats://h", "nats://h:4222/", "nats://x:y@h", "a, nats://h"]) {
    assert(await isShown(url, "nats://h"), url);
    assert(await isShown(url, "tls://h"), url);
  }
  for (const url of ["tls://h", "TLS://h/", "wss://h:4222"]) {
    assertEquals(await isShown(url, "nats://h"), false, url);
    assert(await isShown(url, "tls://h"), url);
  }
  for (const url of ["", "other", "h:1", "nats://h@other"]) {
    assertEquals(await isShown(url, "nats://h"), false, url);
  }
});

test("findBrokerAccess shows no password of a NATS_URL that names no server", async () => {
  for (
    const url of [
      "nats://ann:secret",
      "nats://ann:a,secret b@h",
      "ann:a:secret,b",
      "nats://secret b",
    ]
  ) {
    const { message } = await assertRejects(() => isShown(url, "nats://h"), UsageError);
    assertEquals(message, "Cannot use NATS_URL: it names no server");
  }
});

test("findBrokerAccess refuses a NATS_CA without a certificate", async () => {
  const file = await Deno.makeTempFile();
  const lines = (label: string) => `-----BEGIN ${label}-----\nMIIB\n-----END ${label}-----\n`;
  using _ = variables({ NATS_CA: file });
  for (const text of ["", "garbage", lines("PRIVATE KEY"), "-----BEGIN CERTIFICATE-----\nMIIB\n"]) {
    await Deno.writeTextFile(file, text);
    const { message } = await assertRejects(() => findBrokerAccess({}), StoreError);
    assertEquals(message, `Cannot use ${JSON.stringify(file)}: it has no certificate`);
  }
  await Deno.writeTextFile(file, `comment\r\n${lines("CERTIFICATE")}`);
  assertEquals((await findBrokerAccess({})).ca, `comment\r\n${lines("CERTIFICATE")}`);
  await Deno.remove(file);
});
