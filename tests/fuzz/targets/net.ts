import { isAddress } from "../../../lib/address.ts";
import { assert } from "@std/assert";
import { asksFor, RoomDirectory, roomRecords } from "../../../lib/net/dns_sd.ts";
import { decodeDns, encodeDns } from "../../../lib/net/dns_packet.ts";
import type { NetworkLink } from "../../../lib/net/interfaces.ts";
import { nameProblem } from "../../../lib/wire/mod.ts";
import type { Target } from "../target.ts";

const LINK: NetworkLink = { name: "eth0", addresses: [] };

const OWN = roomRecords("lanchat-pkeke42s-00000000", {
  tag: "pkeke42s",
  port: 12_345,
  invite: false,
}, ["192.0.2.2"]);

/** A packet of Multicast DNS: nothing that comes of it is anything but a room as lanchat announces one. */
const multicast: Target = {
  name: "multicast",
  runs: 2000,
  run(input): string {
    const packet = decodeDns(input);
    if (packet === undefined) return "no packet";
    const directory = new RoomDirectory();
    directory.take(packet, LINK, 0);
    encodeDns({ type: "query", questions: directory.questions(0) });
    const rooms = directory.rooms(0);
    for (const { addresses, instance, name, port, tag } of rooms) {
      assert(/^[\w.-]{1,255}$/.test(instance) && /^[a-z2-7]{8}$/.test(tag));
      assert(port > 0 && port < 65_536 && addresses.length > 0 && addresses.every(isAddress));
      assert(name === undefined || nameProblem(name) === undefined);
    }
    const asks = packet.type === "query" && asksFor(packet, OWN);
    return `ok: ${packet.type}${asks ? " for the room" : ""}, ${rooms.length} rooms`;
  },
};

/** Parsers of bytes from the network outside a connection. */
export const netTargets: readonly Target[] = [multicast];
