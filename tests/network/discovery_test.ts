import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromBase64Url } from "../../lib/bytes/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import { emptyDirectory, environment, type Event, HostProgram, run } from "../support/program.ts";
import { Pty } from "../support/pty.ts";
import { Avahi } from "./avahi.ts";
import { type Machine, Network, networkTest } from "./netns.ts";

/** Sends packets to the group of Multicast DNS back; reports its start and each packet. */
const ECHO = `
  const socket = (await import("node:dgram")).createSocket({ type: "udp4", reuseAddr: true });
  socket.on("message", (bytes, { address }) => {
    if (address === "10.77.0.1") {
      socket.send(bytes, 5353, "224.0.0.251", () => console.log("sent back"));
    }
  });
  socket.bind(5353, "224.0.0.251", () => {
    socket.addMembership("224.0.0.251", "10.77.0.2");
    socket.setMulticastInterface("10.77.0.2");
    console.log("listening");
  });`;

const permissions = [
  "--allow-net",
  "--allow-sys",
  "--allow-read",
  "--allow-write",
  "--allow-env",
];

/** Hosts a room that is announced. */
async function host({ wrapper }: Machine, ...args: string[]): Promise<HostProgram> {
  return await HostProgram.start(["--host", "::", "--json", ...args], { permissions, wrapper });
}

/** The list of `lanchat scan`; a host that has just announced its room repeats that after a second. */
async function scan({ wrapper }: Machine, seconds: number): Promise<Event[]> {
  const options = { permissions, wrapper };
  const { stderr, stdout } = await run(["scan", "--timeout", `${seconds}`, "--json"], options);
  assertEquals(stderr, "");
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** Asserts that an event is of a kind. */
function as<Kind extends Event["event"]>(kind: Kind, event: Event | undefined): Event<Kind> {
  assertEquals(event?.event, kind, JSON.stringify(event));
  return event as Event<Kind>;
}

function terminal({ wrapper }: Machine, ...args: string[]): Pty {
  return new Pty(args, { permissions, wrapper, columns: 100 });
}

/** Sets a machine's network up or down. */
async function sh({ wrapper }: Machine, script: string): Promise<void> {
  const [command, ...args] = wrapper(["sh", "-ec", script]);
  const { stderr, success } = await new Deno.Command(command!, { args }).output();
  assert(success, new TextDecoder().decode(stderr));
}

/**
 * Sends to the multicast group random bytes, broken packets, and mostly packets that take longest to parse:
 * answers with as many labels as fit, and questions compared with as many answers as fit, in packets of the
 * maximum size of RFC 6762 and in small ones. It reports after a second that it is running, and ends three
 * seconds later.
 */
const FLOOD = `
  const socket = (await import("node:dgram")).createSocket("udp4");
  const send = (bytes) => new Promise((resolve) =>
    socket.send(bytes, 5353, "224.0.0.251", () => resolve()));
  const u16 = (...numbers) => numbers.flatMap((number) => [number >> 8, number & 255]);
  const times = (count, bytes) => Array(count).fill(bytes).flat();
  const name = (...labels) =>
    [...labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]), 0];
  const POINTER = u16(0xc00c);
  const PTR = u16(12, 1);
  const record = (data) => [...POINTER, ...PTR, ...u16(0, 4500, data.length), ...data];
  const answers = (count) => [
    ...u16(0, 0x8400, 0, count + 1, 0, 0),
    ...name(...Array(126).fill("a")), ...PTR, ...u16(0, 4500, 2), ...POINTER,
    ...times(count, record(POINTER)),
  ];
  const questions = (count, known) => [
    ...u16(0, 0, count, known, 0, 0),
    ...name("_services", "_dns-sd", "_udp", "local"), ...PTR,
    ...times(count - 1, [...POINTER, ...PTR]),
    ...times(known - 1, record(POINTER)), ...record(name("_lanchat", "_tcp", "local")),
  ];
  const [large, small] = [
    [answers(600), questions(500, 400)],
    [answers(31), questions(16, 32), crypto.getRandomValues(new Uint8Array(1400))],
  ].map((packets) => packets.map((bytes) => new Uint8Array(bytes)));
  await new Promise((resolve) => socket.bind(0, "10.77.0.3", resolve));
  for (let i = 0; i < 400; i++) {
    if (i === 100) console.log("flooding");
    for (const packet of i % 3 === 0 ? small : large) await send(packet);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  console.log("over");`;

/** Waits until no socket of UDP port 5353 is left, as Linux lists them. */
const CLOSED = `timeout 30 sh -c 'while grep -q ":14E9 " /proc/net/udp*; do sleep 0.05; done'`;

/** The programs that the tests with another mDNS start. */
const AVAHI = ["avahi-browse", "avahi-daemon", "avahi-publish", "dbus-daemon", "unshare"];

/** Machines, on the first of which hana hosts a room. */
class Scene implements AsyncDisposable {
  readonly machines: readonly [Machine, Machine, Machine];
  readonly hana: HostProgram;
  /** The host's key, in base64url. */
  readonly key: string;
  readonly tag: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    { machines }: Network,
    hana: HostProgram,
    { key, tag }: Event<"ready">["host"],
    stack: AsyncDisposableStack,
  ) {
    this.machines = machines as [Machine, Machine, Machine];
    this.hana = hana;
    this.key = key;
    this.tag = tag;
    this.#stack = stack;
  }

  static async open(): Promise<Scene> {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(await Network.open(3));
    const [one] = network.machines as [Machine];
    const hana = stack.use(await host(one, "--name", "hana", "--room", "movie night"));
    const ready = await hana.event("ready");
    return new Scene(network, hana, ready.host, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

networkTest("scan lists a room, for scripts and for people; join takes the only one", async () => {
  await using scene = await Scene.open();
  const { hana, tag } = scene;
  const [one, two] = scene.machines;
  const options = { permissions, wrapper: two.wrapper };
  const [events, people, bob] = await Promise.all([
    scan(two, 2),
    run(["scan", "--timeout", "2"], options),
    run(["join", "--name", "bob"], { ...options, input: "hello\n" }),
  ]);
  const [room, closed, ...more] = events;
  const { addresses, ...facts } = as("room", room);
  assertEquals(facts, {
    event: "room",
    name: "movie night",
    port: hana.port,
    tag,
    invite: false,
    known: false,
    verified: false,
  });
  assertEquals(addresses[0], one.address);
  assert(addresses.slice(1).every((address) => /^fe80::[\da-f:]+%eth0$/.test(address)));
  assertEquals([closed, more], [{ event: "closed", reason: "done" }, []]);

  const line = `${one.address}:${hana.port} (tag ${tag}) "movie night"\n`;
  assertEquals(people, { status: 0, stdout: line, stderr: "" });
  assertEquals(bob.status, 0);
  assertEquals(await hana.hears("bob", 1), ["hello"]);
});

networkTest(
  "a host under only --allow-net knows its address, and scan finds its room",
  async () => {
    await using network = await Network.open(2);
    const [one, two] = network.machines as [Machine, Machine];
    for (const machine of [one, two]) await sh(machine, "ip route add default dev eth0");
    const { wrapper } = two;
    await using hana = await HostProgram.start(["--host", "::", "--json", "--name", "hana"], {
      wrapper: one.wrapper,
    });
    const { addresses } = await hana.event("listening");
    assertEquals(addresses, [one.address]);
    const bob = await run(["join", "--name", "bob"], { wrapper, input: "hello\n" });
    assertEquals([bob.status, await hana.hears("bob", 1)], [0, ["hello"]]);
    const warnings = hana.events.filter((event): event is Event<"warning"> =>
      event.event === "warning"
    );
    assertEquals(warnings.map(({ code }) => code), ["temporary-identity"]);

    // The shown line can be pasted.
    await using ada = new Pty(["serve", "--port", "0"], { wrapper, columns: 120 });
    await ada.says(/^\S* ?-- You are /);
    const [line, pasted] =
      / npx -y deno@\S+ (run .* join 10\.77\.0\.2:\d+)/.exec(ada.lines.join("\n")) ?? [];
    const [command, ...args] = one.wrapper([
      Deno.execPath(),
      ...pasted!.split(" "),
      "--name=carol",
    ]);
    await using carol = new Deno.Command(command!, {
      args,
      cwd: new URL("../../", import.meta.url),
      env: environment(),
      stdin: "null",
      stdout: "null",
    }).spawn();
    assert((await carol.status).success, line);
    await ada.says(/carol joined/);
    await ada.type("/quit\r");
    await ada.givesBack();
  },
);

networkTest(
  "a neighbor that sends the packet back cannot give a host another address",
  async () => {
    await using network = await Network.open(2);
    const [one, two] = network.machines as [Machine, Machine];
    await sh(
      one,
      `ip route add default dev eth0; nft add table inet own
      nft "add chain inet own input { type filter hook input priority 0; }"
      nft add rule inet own input ip saddr ${one.address} udp dport 5353 drop`,
    );
    const [command, ...args] = two.wrapper([Deno.execPath(), "eval", ECHO]);
    await using echo = new Deno.Command(command!, { args, stdout: "piped" }).spawn();
    const said = echo.stdout.getReader();
    await said.read();
    await using hana = await HostProgram.start(["--host", "::", "--json"], {
      wrapper: one.wrapper,
    });
    await said.read(); // The neighbor sent it back.
    assertEquals((await hana.event("listening")).addresses, []);
    await hana.event("warning", ({ code }) => code === "addresses-hidden");
  },
  ["nft"],
);

networkTest(
  "a host at a terminal shows each missing permission in one line after the greeting",
  async () => {
    await using network = await Network.open(1);
    const [{ wrapper }] = network.machines as [Machine]; // No route for multicast.
    const advice = /Allow --|To keep it: /g;
    const identity = ["--allow-read", "--allow-write", "--allow-env"];
    const home = { HOME: emptyDirectory() };
    for (const [more, hints] of [[[], 2], [identity, 1]] as const) {
      const permissions = ["--allow-net", ...more];
      await using ada = new Pty(["serve", "--port", "0"], {
        env: home,
        wrapper,
        permissions,
        columns: 400,
      });
      await ada.until(
        `The prompt after ${hints} hints`,
        ({ lines }) =>
          lines.flatMap((line) => line.match(advice) ?? []).length === hints &&
          lines.at(-1) === ">",
      );
      const greeting = ada.lines.findIndex((line) => line.includes("/help lists the commands"));
      const after = ada.lines.slice(greeting + 1, -1);
      assertEquals(after.map((line) => line.match(advice)?.length), Array(hints).fill(1));
      assertEquals(ada.lines.join("").match(/--allow-sys/g)?.length, 1);
      await ada.type("/quit\r");
      await ada.givesBack();
    }
  },
);

networkTest("a person chooses with one key: a room, to host, or to leave", async () => {
  await using scene = await Scene.open();
  const { hana, tag } = scene;
  const [one, two] = scene.machines;
  await using bob = terminal(two, "join", "--name", "bob");
  await using eve = terminal(two);
  await using killed = terminal(two, "join", "--plain");
  await bob.says(new RegExp(`^  1  ${one.address}:${hana.port} \\(tag ${tag}\\) "movie night"$`));
  await bob.type("1");
  await bob.says(/You are bob. 1 other here: hana/);
  await bob.until("The room's name", () => bob.screen.place === '── "movie night": 2 here');
  await bob.type("/quit\r");
  await bob.givesBack();

  await eve.says(/^ {2}1 {2}/);
  await eve.says(/^A digit joins, h hosts, q quits\./);
  await eve.type("7"); // not in the list
  await eve.type("h");
  await eve.says(new RegExp(`    .* join ${two.address}`));
  await eve.says(/No one else is here/);
  await eve.type("/quit\r");
  await eve.givesBack();

  await killed.says(/^ {2}1 {2}/);
  killed.signal("SIGTERM");
  await killed.givesBack(130);
});

networkTest(
  "join lists two rooms for a script, a known host first, and asks for an invite",
  async () => {
    await using scene = await Scene.open();
    const { hana, key, tag } = scene;
    const [one, two] = scene.machines;
    await using rita = await host(one, "--relay-only", "--invite");
    const { tag: other } = await rita.event("listening");
    const { link } = await rita.event("invite");
    const scripted = run(["join", "--json"], { permissions, wrapper: two.wrapper });
    const directory = emptyDirectory();
    const known = await KnownPeers.open(`${directory}/bob.peers.jsonl`);
    await known.seen(fromBase64Url(key)!, { name: "hana" });
    await using bob = terminal(two, "join", "--identity", `${directory}/bob.json`);
    await bob.until("The known host first", ({ lines }) => {
      const [first, second] = lines.slice(1);
      return first?.includes(`${one.address}:${hana.port} (tag ${tag}, known)`) === true &&
        second?.includes(`${one.address}:${rita.port} (tag ${other}, by invite)`) === true;
    });
    await bob.type(bob.lines[2]!.trim()[0]!);
    await bob.says(/^Invite link/);
    await bob.type(`${link}\r`);
    await bob.says(/No one else is here yet/);
    await bob.type("/quit\r");
    await bob.givesBack();
    const { status, stdout } = await scripted;
    const events: Event[] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(status, 1);
    const rooms = events.filter(({ event }) => event === "room") as Event<"room">[];
    assertEquals(rooms.map(({ tag }) => tag).sort(), [tag, other].sort());
    assertEquals(as("error", events.at(-1)).code, "several-rooms");
  },
);

networkTest("malformed packets and expensive ones interrupt no conversation", async () => {
  await using scene = await Scene.open();
  const { hana } = scene;
  const [one, two, three] = scene.machines;
  const { wrapper } = two;
  const address = `${one.address}:${hana.port}`;
  await using bob = await hana.join(["--name", "bea", "--json"], { address, wrapper });
  const [command, ...args] = three.wrapper([Deno.execPath(), "eval", FLOOD]);
  await using flood = new Deno.Command(command!, { args, stdout: "piped" }).spawn();
  const said = flood.stdout.getReader();
  await said.read();
  let floods = true;
  void said.read().then(() => floods = false);
  await bob.say("still here");
  await hana.hears("bea", 1);
  assert(floods, "only behind the flood");
});

networkTest("scan does not list a room that has ended", async () => {
  await using scene = await Scene.open();
  const { hana, tag } = scene;
  const [one, two] = scene.machines;
  await using rita = await host(one, "--relay-only");
  await using eve = terminal(two, "join");
  await eve.says(/^ {2}2 {2}/);
  rita.signal("SIGTERM");
  await rita.ends(0);
  await using bob = terminal(two, "join");
  await bob.showsAll(
    "Rooms on this network:",
    `  1  ${one.address}:${hana.port} (tag ${tag}) "movie night"`,
    "A digit joins, q quits. By address: lanchat join ADDRESS",
  );
});

networkTest("a member that joined by address finds its host at a new one", async () => {
  await using scene = await Scene.open();
  const { hana } = scene;
  const [one, two] = scene.machines;
  const { wrapper } = two;
  const address = `${one.address}:${hana.port}`;
  await using bob = await hana.join(["--name", "bob", "--json"], { address, permissions, wrapper });
  await sh(one, "ip address flush dev eth0 scope global; ip address add 10.77.0.99/24 dev eth0");
  // Without it the member would notice after 40 s of silence.
  await sh(
    two,
    `nft add table inet gone; nft "add chain inet gone output { type filter hook output priority 0; }"
    nft add rule inet gone output ip daddr ${one.address} tcp dport ${hana.port} reject with tcp reset`,
  );
  await bob.say("still here");
  const back = await bob.event("reconnected");
  assertMatch(back.address!, /^(?:10\.77\.0\.99|\[fe80:.*%eth0\]):\d+$/);
  assertEquals(await hana.hears("bob", 1), ["still here"]);
}, ["nft"]);

networkTest(
  "interfaces go away and come back, and the host is found at its new address",
  async () => {
    await using scene = await Scene.open();
    const [one, two] = scene.machines;
    await using bob = terminal(two, "join", "--name", "bob");
    await bob.says(new RegExp(`${one.address}:`));
    const addresses = [[one, "10.77.0.99"], [two, two.address]] as const;
    await Promise.all(addresses.map(async ([machine, address]) => {
      await sh(machine, "ip link set eth0 down; ip address flush dev eth0");
      await sh(machine, CLOSED);
      await sh(machine, `ip address add ${address}/24 dev eth0; ip link set eth0 up`);
    }));
    await bob.says(/10\.77\.0\.99:\d+ \(tag \w+\) "movie night"/);
    await bob.type("1");
    await bob.says(/You are bob/);
    await bob.type("/quit\r");
    await bob.givesBack();
  },
);

networkTest("avahi sees a room, and resolves it over IPv4 and IPv6", async () => {
  await using scene = await Scene.open();
  const { hana, tag } = scene;
  const [, , three] = scene.machines;
  await using avahi = await Avahi.start(three);
  const resolved = await avahi.browse("_lanchat._tcp");
  for (const line of Object.values(resolved)) {
    const [, link, , instance, , , target, address, port, txt] = line.split(";");
    assertEquals(link, "eth0");
    assertMatch(instance!, new RegExp(`^lanchat-${tag}-[\\da-f]{8}$`));
    assertEquals(target, `${instance}.local`);
    assertMatch(address!, /^10\.77\.0\.1$|^fe80::/);
    assertEquals(Number(port), hana.port);
    const strings = ["v=1", `tag=${tag}`, "invite=0", "name=movie night"];
    for (const string of strings) assert(txt!.includes(`"${string}"`), txt);
  }
}, AVAHI);

networkTest("join detects a host announced under the tag of another", async () => {
  await using scene = await Scene.open();
  const { hana, tag } = scene;
  const [, two, three] = scene.machines;
  await using avahi = await Avahi.start(three);
  hana.signal("SIGTERM");
  await hana.ends(0);
  await using impostor = await host(three, "--no-announce");
  await using _lie = await avahi.publish({
    name: "Movie-Night",
    port: impostor.port,
    txt: ["v=1", `tag=${tag}`, "invite=0", "name=movie night\x1b[2J"],
  });
  await using bob = terminal(two, "join", "--name", "bob");
  await bob.says(new RegExp(`^ {2}1 {2}.* \\(tag ${tag}`));
  await bob.type("1");
  await bob.says(new RegExp(`error: Cannot join: the list says tag ${tag}, but`));
  await bob.givesBack(3);
  assert(!impostor.events.some(({ event }) => event === "joined"));
}, AVAHI);

networkTest(
  "a host warns that mDNS is blocked, continues, and notices when it passes again",
  async () => {
    await using network = await Network.open(1);
    const [two] = network.machines as [Machine];
    const block = (hook: string): Promise<void> =>
      sh(
        two,
        `nft add table inet block; nft "add chain inet block ${hook} { type filter hook ${hook} priority 0; }"
    nft add rule inet block ${hook} udp dport 5353 drop`,
      );
    await block("input");
    const [error, closed] = await scan(two, 2);
    const { code, message } = as("error", error);
    assertEquals(code, "discovery-unavailable");
    assertMatch(message, /something blocks UDP port 5353/);
    assertEquals(closed, { event: "closed", reason: "failed" });
    await block("output");
    await using eve = await host(two, "--name", "eve");
    const warning = await eve.event("warning", ({ code }) => code === "discovery-unavailable");
    assertMatch(
      warning.message,
      /^This room is not announced .*: the network is down, or a fire/,
    );
    await using bob = await eve.join(["--name", "bob", "--json"], { wrapper: two.wrapper });
    await bob.say("hello");
    await eve.hears("bob", 1);

    await using who = terminal(two);
    await who.says(
      /^Cannot look for rooms on this network: the network is down, or a firewall or/,
    );
    await who.says(/^A digit joins, h hosts, q quits\./);
    await sh(two, "nft delete table inet block");
    await eve.event("announced"); // A query arrives again.
    await who.until("The list", ({ lines }) => lines[0] === "Rooms on this network:");
    await who.type("q");
    await who.givesBack();
  },
  ["nft"],
);

networkTest("scan and join work with only IPv6 link-local addresses", async () => {
  await using network = await Network.open(2);
  const [one, two] = network.machines as [Machine, Machine];
  for (const [i, machine] of [one, two].entries()) {
    // Without nodad an address is unusable for its first second or two.
    const add = `ip address add fe80::${i + 1}/64 dev eth0 nodad`;
    await sh(machine, `ip address flush dev eth0; ${add}`);
  }
  await using hana = await host(one, "--name", "hana");
  await using bob = terminal(two, "join", "--name", "bob");
  await bob.says(/^ {2}1 {2}\[fe80::[\da-f:]+%eth0\]:\d+ \(tag \w+\)$/);
  await bob.type("1");
  await bob.says(/You are bob/);
  await bob.type("/quit\r");
  await bob.givesBack();
  // A search without an announcement finds no room.
  hana.signal("SIGINT");
  await hana.ends(0);
  const events = await scan(two, 1);
  assertEquals(events.map((event) => "code" in event ? event.code : event.event), [
    "no-room",
    "closed",
  ]);
});
