/** Lists interfaces that do not exist, so that no packet leaves this machine: `none0`, `none1` and so on. */
export function noLinks(count: number): () => Deno.NetworkInterfaceInfo[] {
  return () =>
    Array.from({ length: count }, (_, i) => ({
      name: `none${i}`,
      family: "IPv4",
      address: `192.0.2.${i + 1}`,
      netmask: "255.255.255.0",
      scopeid: null,
      cidr: `192.0.2.${i + 1}/24`,
      mac: "00:00:00:00:00:00",
    }));
}
