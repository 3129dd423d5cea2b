/**
 * IP addresses as text.
 *
 * @module
 */

/** Whether an address is one under which only this machine reaches itself. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/** The first 64 bits of an IPv6 address, all of which one machine may have; an IPv4 address itself. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [left, right = []] = address.split("::").map((part) => part === "" ? [] : part.split(":"));
  const zeros = new Array(8 - left!.length - right.length).fill("0");
  return [...left!, ...zeros, ...right].slice(0, 4).join(":");
}

/** Whether an IPv4 address is in the network of an interface. */
export function isInNetwork(address: string, own: { address: string; netmask: string }): boolean {
  const network = (address: string): number => toInteger(address) & toInteger(own.netmask);
  return network(address) === network(own.address);
}

function toInteger(address: string): number {
  return address.split(".").reduce((value, octet) => value << 8 | Number(octet), 0);
}
