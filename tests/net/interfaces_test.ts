import { assertEquals } from "@std/assert";
import { parseHostPort } from "../../lib/address.ts";
import { zoneOf } from "../../lib/net/interfaces.ts";
import { machineInterfaces, outerAddresses } from "../../lib/net/mod.ts";

function networkInterface(name: string, address: string): Deno.NetworkInterfaceInfo {
  const family = address.includes(":") ? "IPv6" : "IPv4";
  return { name, family, address, netmask: "", scopeid: null, cidr: "", mac: "" };
}

Deno.test("outerAddresses sorts by reach, and machineInterfaces leaves out loopback", () => {
  const interfaces = () => [
    networkInterface("lo", "::1"),
    networkInterface("eth0", "FE80::1"),
    networkInterface("eth0", "fd00::2"),
    networkInterface("lo", "127.0.0.1"),
    networkInterface("eth1", "febf::1"),
    networkInterface("eth0", "192.168.1.5"),
    networkInterface("eth1", "2001:db8::1"),
    networkInterface("eth1", "10.0.0.1"),
  ];
  assertEquals(outerAddresses(machineInterfaces({ interfaces })!), [
    "192.168.1.5",
    "10.0.0.1",
    "fd00::2",
    "2001:db8::1",
    "FE80::1%eth0",
    "febf::1%eth1",
  ]);
});

Deno.test("zoneOf returns the number of an interface on Windows, elsewhere its name", () => {
  const own = [{ ...networkInterface("Wi-Fi 2", "10.0.0.1") }, {
    ...networkInterface("Wi-Fi 2", "fd00::2"),
    scopeid: 0,
  }, { ...networkInterface("Wi-Fi 2", "fe80::1"), scopeid: 12 }];
  const link = { name: "Wi-Fi 2", addresses: own };
  assertEquals([zoneOf(link, "windows"), zoneOf(link, "darwin")], ["12", "Wi-Fi 2"]);
  assertEquals(zoneOf({ ...link, addresses: own.slice(0, 2) }, "windows"), "Wi-Fi 2");
});

Deno.test("outerAddresses leaves out interfaces that lead only to containers and virtual machines", () => {
  const inner = ["docker0", "br-0a1b2c3d4e5f", "veth1a2b", "virbr0", "vEthernet (WSL)", "vmnet8"]
    .map((name, i) => networkInterface(name, `172.17.${i}.1`));
  const outer = ["eth0", "wlan0", "wg0", "br0", "bridge0", "utun3", "Ethernet", "docker"]
    .map((name, i) => networkInterface(name, `10.0.${i}.1`));
  assertEquals(
    outerAddresses([...inner, ...outer]),
    outer.map(({ address }) => address),
  );
  assertEquals(outerAddresses(inner).length, inner.length);
});

Deno.test("outerAddresses returns only addresses that parseHostPort reads", () => {
  for (const address of outerAddresses(machineInterfaces()!)) {
    assertEquals(parseHostPort(address, 80), { host: address, port: 80 });
  }
});

Deno.test({
  name: "machineInterfaces returns undefined without --allow-sys",
  permissions: { sys: false },
  fn() {
    assertEquals(machineInterfaces(), undefined);
  },
});
