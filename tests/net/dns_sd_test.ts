import { assert, assertEquals } from "@std/assert";
import { decodeDns, type DnsPacket, type DnsRecord, encodeDns } from "../../lib/net/dns_packet.ts";
import {
  asksFor,
  type FoundRoom,
  goodbye,
  MAX_ROOMS,
  RoomDirectory,
  roomRecords,
  SERVICE,
} from "../../lib/net/dns_sd.ts";
import type { NetworkLink } from "../../lib/net/interfaces.ts";
import { test } from "../support/test.ts";

const ETH0: NetworkLink = { name: "eth0", addresses: [] };
const WLAN0: NetworkLink = { name: "wlan0", addresses: [] };

const ROOM = { tag: "pkeke42s", port: 12_345, invite: false };
const LABEL = "lanchat-pkeke42s-01234567";
const INSTANCE = `${LABEL}.${SERVICE}`;

const FOUND: FoundRoom = { ...ROOM, instance: INSTANCE, addresses: ["192.0.2.2"] };

/** A packet of these records, as it arrives over a network. */
function sent(answers: readonly DnsRecord[], type: DnsPacket["type"] = "response"): DnsPacket {
  return decodeDns(encodeDns({ type, answers }))!;
}

/** A directory that has read the records of a room. */
function directory(
  records = roomRecords(LABEL, ROOM, FOUND.addresses),
  link = ETH0,
): RoomDirectory {
  const directory = new RoomDirectory();
  directory.take(sent(records), link, 0);
  return directory;
}

/** The records of a room, those of one type changed. */
function altered(type: DnsRecord["type"], change: object): DnsRecord[] {
  return roomRecords(LABEL, ROOM, FOUND.addresses)
    .map((record) => record.type === type ? { ...record, ...change } as DnsRecord : record);
}

test("RoomDirectory finds the room that roomRecords announces", () => {
  assertEquals(directory().rooms(0), [FOUND]);
  const room = { ...ROOM, invite: true, name: "møvie night" };
  const addresses = ["fe80::1", "fd00::2", "192.0.2.2"];
  assertEquals(directory(roomRecords(LABEL, room, addresses)).rooms(0), [{
    ...room,
    instance: INSTANCE,
    addresses: ["192.0.2.2", "fd00::2", "fe80::1%eth0"],
  }]);
});

test("roomRecords reveals no name of a person or a machine", () => {
  const names = roomRecords(LABEL, ROOM, []).flatMap(({ data, name }) => [name, data]);
  const known = [SERVICE, "_services._dns-sd._udp.local", INSTANCE, `${LABEL}.local`];
  for (const name of names) {
    if (typeof name === "string") assert(known.includes(name), name);
  }
});

test("RoomDirectory asks for the missing records of a room, and lists only a complete one", () => {
  const [pointer, service, srv, txt, address] = roomRecords(LABEL, ROOM, FOUND.addresses);
  const rooms = new RoomDirectory();
  const pointed = { name: SERVICE, type: "PTR" };
  assertEquals(rooms.questions(0), [pointed]);
  rooms.take(sent([pointer!, service!, txt!]), ETH0, 0);
  assertEquals(rooms.questions(0), [pointed, { name: INSTANCE, type: "ANY" }]);
  rooms.take(sent([srv!]), ETH0, 0);
  const target = `${LABEL}.local`;
  assertEquals(rooms.questions(0), [pointed, { name: target, type: "A" }, {
    name: target,
    type: "AAAA",
  }]);
  assertEquals(rooms.rooms(0), []);
  rooms.take(sent([address!]), ETH0, 0);
  assertEquals(rooms.questions(0), [pointed]);
  assertEquals(rooms.rooms(0), [FOUND]);
});

test("RoomDirectory joins the addresses from several links, and each link replaces its own", () => {
  const rooms = directory();
  rooms.take(sent(roomRecords(LABEL, ROOM, ["198.51.100.1", "fe80::1"])), WLAN0, 0);
  const both = ["192.0.2.2", "198.51.100.1", "fe80::1%wlan0"];
  assertEquals(rooms.rooms(0)[0]?.addresses, both);
  rooms.take(sent(roomRecords(LABEL, ROOM, ["198.51.100.9"])), WLAN0, 0);
  assertEquals(rooms.rooms(0)[0]?.addresses, ["192.0.2.2", "198.51.100.9", "fe80::1%wlan0"]);
});

test("RoomDirectory forgets a room that said goodbye, and one whose records have expired", () => {
  const rooms = directory();
  assertEquals(rooms.rooms(119_999).length, 1);
  assertEquals(rooms.rooms(120_000), []);
  rooms.take(sent(goodbye(roomRecords(LABEL, ROOM, FOUND.addresses))), ETH0, 0);
  assertEquals(rooms.rooms(0), []);
  assertEquals(rooms.questions(0).length, 1);
});

test("RoomDirectory leaves out records that lanchat would not announce", () => {
  const text = (...data: string[]): object => ({ data });
  const none: [string, DnsRecord[]][] = [
    ["another version", altered("TXT", text("v=2", "tag=pkeke42s"))],
    ["no version", altered("TXT", text("tag=pkeke42s"))],
    ["no tag", altered("TXT", text("v=1"))],
    ["a tag that is none", altered("TXT", text("v=1", "tag=pkeke42\x1b"))],
    ["port 0", altered("SRV", { data: { target: `${LABEL}.local`, port: 0 } })],
    ["a target that is no name", altered("SRV", { data: { target: "a b.local", port: 1 } })],
    ["this machine", roomRecords(LABEL, ROOM, ["127.0.0.1", "::1", "0.0.0.0", "::ffff:1.2.3.4"])],
    ["many machines", roomRecords(LABEL, ROOM, ["224.0.0.1", "255.255.255.255", "ff02::1"])],
    ["another service", altered("PTR", { data: `${LABEL}._ipp._tcp.local` })],
  ];
  for (const [what, records] of none) assertEquals(directory(records).rooms(0), [], what);
  const asked = new RoomDirectory();
  asked.take(sent(roomRecords(LABEL, ROOM, FOUND.addresses), "query"), ETH0, 0);
  assertEquals(asked.rooms(0), []);
  for (const name of ["a\x1b[2Jb", "a:b", "x".repeat(49), ""]) {
    const records = altered("TXT", text("v=1", "tag=pkeke42s", `name=${name}`));
    assertEquals(directory(records).rooms(0), [FOUND], name);
  }
  // Of two strings with one key the first counts, and case does not (RFC 6763 §6.4).
  const twice = altered("TXT", text("V=1", "TAG=pkeke42s", "tag=aaaaaaaa", "=", "x"));
  assertEquals(directory(twice).rooms(0), [FOUND]);
});

/** Pointers to instances without other records. */
function pointers(count: number): DnsRecord[] {
  return Array.from(
    { length: count },
    (_, i) => ({
      name: SERVICE,
      type: "PTR",
      ttl: 100,
      data: `y-${i}-${"z".repeat(55)}.${SERVICE}`,
    }),
  );
}

function tell(rooms: RoomDirectory, answers: readonly DnsRecord[], now = 0): void {
  rooms.take({ type: "response", answers }, ETH0, now);
}

test("RoomDirectory bounds its rooms, and keeps those of known hosts and the newest", () => {
  const rooms = new RoomDirectory((tag) => tag === ROOM.tag);
  tell(rooms, roomRecords(LABEL, ROOM, FOUND.addresses));
  for (let i = 0; i < 1000; i++) {
    tell(rooms, roomRecords(`x-${i}`, { ...ROOM, tag: "aaaaaaaa" }, ["192.0.2.9"]));
  }
  const found = rooms.rooms(0);
  assertEquals([found.length, found[0]], [MAX_ROOMS, FOUND]);
  assertEquals(found.at(-1)?.instance, `x-999.${SERVICE}`);
  const addresses = Array.from({ length: 100 }, (_, i) => `192.0.2.${i + 1}`);
  const [first, ...others] = roomRecords(LABEL, ROOM, addresses).toReversed();
  const records = addresses.map((data) =>
    ({ ...first, data: data.replace("192.0.2", "198.51.100") }) as DnsRecord
  );
  const many = new RoomDirectory();
  tell(many, [...others, ...records]);
  assertEquals(many.rooms(0)[0]?.addresses.length, 8);
});

test("RoomDirectory finds rooms among names without other records, and stops asking for those", () => {
  const rooms = directory();
  tell(rooms, pointers(1000));
  assertEquals(rooms.rooms(0), [FOUND]);
  const other = { ...ROOM, tag: "aaaaaaaa" };
  tell(rooms, roomRecords("x", other, ["192.0.2.9"]));
  assertEquals(rooms.rooms(0).map(({ tag }) => tag), [ROOM.tag, other.tag]);
  const questions = rooms.questions(4999);
  assert(questions.length > 1);
  assert(decodeDns(encodeDns({ type: "query", questions })) !== undefined, "others must read it");
  assertEquals(rooms.questions(5000), [{ name: SERVICE, type: "PTR" }]);
  assertEquals(rooms.rooms(5000).length, 2);
});

test("RoomDirectory remembers no room for longer than the time to live of lanchat's own records", () => {
  const lasting = roomRecords(LABEL, ROOM, FOUND.addresses)
    .map((record) => ({ ...record, ttl: 2 ** 31 }));
  assertEquals(directory(lasting).rooms(120_000), []);
});

test("asksFor knows its own names in any case, and the records that the sender knows already", () => {
  const records = roomRecords(LABEL, ROOM, FOUND.addresses);
  const asks = (name: string, type: string, answers: DnsRecord[] = []): boolean =>
    asksFor({ type: "query", questions: [{ name, type }], answers }, records);
  assert(asks(SERVICE.toUpperCase(), "PTR"));
  assert(asks("_services._dns-sd._udp.local", "PTR"));
  assert(asks(INSTANCE, "ANY") && asks(INSTANCE, "SRV") && asks(`${LABEL}.local`, "A"));
  assert(!asks(`${LABEL}.local`, "AAAA") && !asks("_ipp._tcp.local", "PTR"));
  const [pointer] = records;
  assert(!asks(SERVICE, "PTR", [pointer!]));
  assert(asks(SERVICE, "PTR", [{ ...pointer!, ttl: 2000 }]));
});

test("RoomDirectory finds no room in a cut packet", () => {
  const bytes = encodeDns({ type: "response", answers: roomRecords(LABEL, ROOM, ["192.0.2.2"]) });
  for (let length = 0; length < bytes.length; length++) {
    const cut = decodeDns(bytes.slice(0, length));
    const rooms = new RoomDirectory();
    if (cut !== undefined) rooms.take(cut, ETH0, 0);
    assertEquals(rooms.rooms(0), []);
  }
});

test("decodeDns accepts the packets of rooms, and none that takes long to decode", () => {
  const addresses = Array.from({ length: 20 }, (_, i) => [`192.0.2.${i + 1}`, `fd00::${i + 1}`]);
  const longest = { ...ROOM, name: "x".repeat(48) };
  assertEquals(sent(roomRecords(LABEL, longest, addresses.flat())).answers?.length, 20);
  const question = { name: "a", type: "PTR" };
  const takes = (questions: number, answers: number): boolean => {
    const packet: DnsPacket = {
      type: "query",
      questions: Array(questions).fill(question),
      answers: Array(answers).fill({ ...question, ttl: 1, data: "b" }),
    };
    return decodeDns(encodeDns(packet)) !== undefined;
  };
  assertEquals([takes(16, 32), takes(17, 0), takes(0, 33)], [true, false, false]);
  assert(decodeDns(new Uint8Array(1500)) !== undefined);
  assertEquals(decodeDns(new Uint8Array(1501)), undefined);
});
