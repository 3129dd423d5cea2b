import { assertEquals } from "@std/assert";
import { isLoopback, networkOf } from "../lib/ip.ts";
import { test } from "./support/test.ts";

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
