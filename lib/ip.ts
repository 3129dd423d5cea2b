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
