import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  DEFAULT_PORT,
  formatHostPort,
  isAddress,
  isInNetwork,
  isLoopback,
  networkOf,
  parseHostPort,
  parsePort,
} from "../lib/address.ts";
import { CODES, quote, UsageError } from "../lib/errors.ts";
import { test } from "./support/test.ts";

const LABEL_63 = "a".repeat(63);
const NAME_253 = `${LABEL_63}.${LABEL_63}.${LABEL_63}.${"a".repeat(61)}`;

Deno.test("parseHostPort reads every form", () => {
  const forms: [string, string, number][] = [
    ["192.168.1.5", "192.168.1.5", DEFAULT_PORT],
    ["192.168.1.5:1", "192.168.1.5", 1],
    ["0.0.0.0:65535", "0.0.0.0", 65_535],
    ["255.255.255.255", "255.255.255.255", DEFAULT_PORT],
    ["::1", "::1", DEFAULT_PORT],
    ["fd00::2", "fd00::2", DEFAULT_PORT],
    ["::ffff:192.168.1.5", "::ffff:192.168.1.5", DEFAULT_PORT],
    ["fe80::1%eth0", "fe80::1%eth0", DEFAULT_PORT],
    ["[::1]", "::1", DEFAULT_PORT],
    ["[::1]:80", "::1", 80],
    ["[fe80::1%en0.1]:80", "fe80::1%en0.1", 80],
    ["[1:2:3:4:5:6:7:8]:80", "1:2:3:4:5:6:7:8", 80],
    ["localhost", "localhost", DEFAULT_PORT],
    ["localhost:80", "localhost", 80],
    ["Ada-s_laptop.local", "Ada-s_laptop.local", DEFAULT_PORT],
    ["host.example.:80", "host.example.", 80],
    ["a", "a", DEFAULT_PORT],
    ["1password.example", "1password.example", DEFAULT_PORT],
    [NAME_253, NAME_253, DEFAULT_PORT],
  ];
  for (const [text, host, port] of forms) {
    assertEquals(parseHostPort(text, DEFAULT_PORT), { host, port }, text);
  }
});

Deno.test("parseHostPort refuses what is no address, quoted in the message", () => {
  const texts = [
    "",
    " ",
    ":",
    ":80",
    "[]",
    "[]:80",
    "[::1",
    "::1]",
    "[::1]80",
    "[[::1]]",
    "[192.168.1.5]:80",
    "[localhost]",
    "192.168.1",
    "192.168.1.256",
    "192.168.1.5.6",
    "192.168.01.5",
    "3232235781",
    "0x7f.1",
    "name.0x7f",
    "host.12",
    "1.2.3.4 ",
    "http://[::1]/",
    "a..b",
    ".a",
    "-a",
    "a-",
    "a/b",
    "ünder.example",
    "a\u001b[31m",
    "a\nb",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "fe80::1%",
    "fe80::1%a b",
    "g::1",
    `${LABEL_63}a`,
    `${NAME_253}a`,
  ];
  for (const text of texts) {
    const error = assertThrows(() => parseHostPort(text, DEFAULT_PORT), UsageError);
    assertEquals(error.code, "bad-address", text);
    assert(error.message.includes(quote(text)), error.message);
  }
});

Deno.test("parseHostPort suggests brackets for an IPv6 address with a port", () => {
  for (const host of ["fe80::1%eth0", "1:2:3:4:5:6:7:8", "fd00::2"]) {
    const error = assertThrows(() => parseHostPort(`${host}:12345`, DEFAULT_PORT), UsageError);
    assertEquals(error.code, "bad-address");
    assertEquals(error.hint, `Did you mean [${host}]:12345?`);
  }
});

Deno.test("parseHostPort suggests the address in a text that was copied with more around it", () => {
  const texts: [string, string][] = [
    ["http://192.168.1.5:12345/", "192.168.1.5:12345"],
    ["https://192.168.1.5", "192.168.1.5"],
    ["HTTP://[fd00::2]:80/#x", "[fd00::2]:80"],
    ["ssh://ada@ada.local", "ada.local"],
    ["ada@192.168.1.5", "192.168.1.5"],
    ["192.168.1.5/24", "192.168.1.5"],
    ["ada.local/", "ada.local"],
    ["192.168.1.5:80/", "192.168.1.5:80"],
    [" 192.168.1.5\n", "192.168.1.5"],
  ];
  for (const [text, address] of texts) {
    const error = assertThrows(
      () => parseHostPort(text, DEFAULT_PORT),
      UsageError,
      undefined,
      text,
    );
    assertEquals([error.code, error.hint], ["bad-address", `Did you mean ${address}?`], text);
  }
  for (const text of ["http://", "http://a b/", "http://1.2.3/", "a@b@c"]) {
    const error = assertThrows(
      () => parseHostPort(text, DEFAULT_PORT),
      UsageError,
      undefined,
      text,
    );
    assertEquals(error.hint, CODES["bad-address"].hint, text);
  }
});

Deno.test("parseHostPort refuses a link-local address that names no interface", () => {
  for (const text of ["fe80::1", "[FE80::1]", "[febf::1]:80"]) {
    const error = assertThrows(
      () => parseHostPort(text, DEFAULT_PORT),
      UsageError,
      undefined,
      text,
    );
    assertEquals(error.code, "bad-address");
    assert(error.hint.includes("::1%eth0"), error.hint);
  }
  assertEquals(parseHostPort("fe8::1", 1).host, "fe8::1");
});

Deno.test("parseHostPort refuses a port that cannot be joined", () => {
  for (const port of ["", "0", "65536", "123456", "+80", "-80", "8e1", "80 ", "x", "٣"]) {
    for (const host of ["192.168.1.5", "[::1]", "localhost"]) {
      const error = assertThrows(() => parseHostPort(`${host}:${port}`, DEFAULT_PORT), UsageError);
      assertEquals(error.code, "bad-port", port);
      assertEquals(error.hint, "Use a whole number from 1 to 65535, as in 12345.");
    }
  }
});

Deno.test("parsePort takes 0 only where a free port may be asked for", () => {
  assertEquals(parsePort("0", 0), 0);
  assertEquals(parsePort("65535", 0), 65_535);
  assertThrows(() => parsePort("0", 1), UsageError);
});

Deno.test("formatHostPort gives what parseHostPort reads back, without a default port", () => {
  assertEquals(formatHostPort("192.168.1.5", 12_345, 12_345), "192.168.1.5");
  assertEquals(formatHostPort("fe80::1%eth0", 12_345, 12_345), "fe80::1%eth0");
  assertEquals(formatHostPort("fe80::1%eth0", 80, 12_345), "[fe80::1%eth0]:80");
  assertEquals(formatHostPort("localhost", 80), "localhost:80");
  for (const host of ["192.168.1.5", "fe80::1%eth0", "localhost"]) {
    for (const port of [1, 12_345]) {
      assertEquals(parseHostPort(formatHostPort(host, port, 12_345), 12_345), { host, port });
    }
  }
});

Deno.test("isAddress tells addresses from names", () => {
  for (const text of ["127.0.0.1", "::", "fe80::1%lo"]) assert(isAddress(text), text);
  for (const text of ["", "localhost", "[::1]", "127.1", "::1:80000"]) {
    assert(!isAddress(text), text);
  }
});

test("isLoopback takes 127.0.0.0/8 and ::1", () => {
  const addresses = ["127.0.0.1", "127.8.9.1", "::1", "192.168.1.27", "::", "fe80::1"];
  assertEquals(addresses.map(isLoopback), [true, true, true, false, false, false]);
});

test("networkOf returns the first 64 bits of an IPv6 address, however it is shortened", () => {
  assertEquals(networkOf("192.168.1.5"), "192.168.1.5");
  assertEquals(networkOf("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2");
  assertEquals(networkOf("2001:db8::6"), "2001:db8:0:0");
  assertEquals(networkOf("::1"), "0:0:0:0");
});

test("isInNetwork compares the bits of the netmask", () => {
  const own = { address: "192.168.1.5", netmask: "255.255.254.0" };
  const others = ["192.168.0.9", "192.168.1.255", "192.168.2.1", "10.168.1.5"];
  assertEquals(others.map((other) => isInNetwork(other, own)), [true, true, false, false]);
  assertEquals(isInNetwork("8.8.8.8", { address: "192.168.1.5", netmask: "0.0.0.0" }), true);
});
