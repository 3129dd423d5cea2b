import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatBrokerAddress, isBrokerAddress, parseBrokerAddress } from "../lib/broker_address.ts";
import { UsageError } from "../lib/errors.ts";
import { test } from "./support/test.ts";

test("parseBrokerAddress reads every form, and formatBrokerAddress writes it without a user", () => {
  const one = { tls: false, servers: [{ host: "10.0.0.5", port: 4222 }] };
  assertEquals(parseBrokerAddress("nats://10.0.0.5"), one);
  assertEquals(parseBrokerAddress("NATS://10.0.0.5:4222/"), one);
  const several = parseBrokerAddress("tls://ann:p%40s%3As@a.example,[::1]:5/abcdefghijklmnop");
  assertEquals(several, {
    tls: true,
    servers: [{ host: "a.example", port: 4222 }, { host: "::1", port: 5 }],
    room: "abcdefghijklmnop",
    user: { user: "ann", password: "p@s:s" },
  });
  assertEquals(
    formatBrokerAddress(several, several.room),
    "tls://a.example:4222,[::1]:5/abcdefghijklmnop",
  );
  assertEquals(formatBrokerAddress(one), "nats://10.0.0.5:4222");
  assertEquals(parseBrokerAddress("nats://ann@h").user, { user: "ann", password: "" });
  assertEquals(parseBrokerAddress("nats://ann:100%@h").user?.password, "100%");
});

test("parseBrokerAddress refuses what is no address, and shows no password", () => {
  const wrong = [
    "nats://",
    "nats:///abcdefghijklmnop",
    "10.0.0.5",
    "http://10.0.0.5",
    "nats://a,/abcdefghijklmnop",
    "nats://a/ABCDEFGHIJKLMNOP",
    "nats://a/abcdefghijklmno1",
    "nats://a/abcdefghijklmno",
    "nats://a/abcdefghijklmnop/b",
    "nats://ann:secret@a b",
    "nats://ann:secret@/x",
    "nats://ann:secret",
    "nats://ann:secret/",
    "nats://ann:1secret,b",
    "nats://ann:a,secret",
    "nats://ann:a:secret",
    "nats://ann:a/secret",
    "nats://ann:a?secret",
    "nats://ann:p@secret@a",
    "nats://a:99999",
    "nats://[fe80::1%eth0]:4222",
    `nats://ann:secret@${"a.example,".repeat(20)}b`,
  ];
  for (const text of wrong) {
    const { message } = assertThrows(() => parseBrokerAddress(text), UsageError);
    assert(!message.includes("secret"), message);
  }
});

test("parseBrokerAddress says what is wrong with a port", () => {
  for (const [text, reason] of [["a:99999", '"99999"'], ["fd00::2:4222x", "brackets"]] as const) {
    assertThrows(() => parseBrokerAddress(`nats://${text}`), UsageError, reason);
  }
});

test("isBrokerAddress tells brokers from hosts", () => {
  assertEquals(
    ["nats://a", "TLS://a/b", "nats", "lanchat://a", "nats:a"].map(isBrokerAddress),
    [true, true, false, false, false],
  );
});
