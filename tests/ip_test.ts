import { assertEquals } from "@std/assert";
import { isInNetwork, isLoopback, networkOf } from "../lib/ip.ts";
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

test("isInNetwork compares the bits of the netmask", () => {
  const own = { address: "192.168.1.5", netmask: "255.255.254.0" };
  const others = ["192.168.0.9", "192.168.1.255", "192.168.2.1", "10.168.1.5"];
  assertEquals(others.map((other) => isInNetwork(other, own)), [true, true, false, false]);
  assertEquals(isInNetwork("8.8.8.8", { address: "192.168.1.5", netmask: "0.0.0.0" }), true);
});
