import { assertEquals, assertMatch } from "@std/assert";
import type { CheckEvent } from "../../lib/session_events.ts";
import { type Event, HostProgram, run } from "../support/program.ts";
import { type Machine, Network, networkTest } from "./netns.ts";

const ALL = ["--allow-net", "--allow-sys", "--allow-env", "--allow-read", "--allow-write"];

/** Runs a command on a machine. */
async function runOn({ wrapper }: Machine, ...command: string[]): Promise<void> {
  const [executable, ...args] = wrapper(command);
  const { stderr, success } = await new Deno.Command(executable!, { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** Has its firewall drop what goes out to multicast DNS, or what comes in. */
async function block(machine: Machine, hook: "output" | "input"): Promise<void> {
  await runOn(machine, "nft", "flush", "ruleset");
  await runOn(machine, "nft", "add", "table", "inet", "test");
  const chain = `add chain inet test drops { type filter hook ${hook} priority 0; }`;
  await runOn(machine, "nft", chain);
  await runOn(machine, "nft", "add rule inet test drops udp dport 5353 drop");
}

/** The doctor's result for each check on a machine. */
async function checkUp(
  { wrapper }: Machine,
  permissions: readonly string[],
  ...args: string[]
): Promise<{ status: number; checks: Record<string, CheckEvent> }> {
  const command = ["doctor", "--json", ...args];
  const { status, stderr, stdout } = await run(command, { permissions, wrapper });
  assertEquals(stderr, "");
  const checks: CheckEvent[] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  return { status, checks: Object.fromEntries(checks.map((check) => [check.check, check])) };
}

networkTest("doctor checks the machine under only --allow-net", async () => {
  await using network = await Network.open(1);
  const [machine] = network.machines as [Machine];
  await runOn(machine, "ip", "route", "add", "default", "dev", "eth0");
  const { checks, status } = await checkUp(machine, ["--allow-net"]);
  const verdicts = Object.entries(checks).map(([check, { ok }]) => [check, ok]);
  assertEquals(Object.fromEntries(verdicts), {
    permissions: null,
    addresses: true,
    port: true,
    multicast: true,
    terminal: null,
    identity: null,
    undefined: undefined, // The end.
  });
  assertEquals(status, 0);
});

networkTest("doctor tries all addresses, and finds those that a firewall drops", async () => {
  await using network = await Network.open(1);
  const [machine] = network.machines as [Machine];
  const { address, wrapper } = machine;
  await runOn(machine, "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1");
  await using host = await HostProgram.start(["--host", address, "--name", "ada", "--json"], {
    wrapper,
  });
  const own = ["--port", `${host.port}`];
  const well = await checkUp(machine, ALL, ...own);
  assertEquals(well.status, 0);
  assertMatch(well.checks.addresses!.saw, new RegExp(`^${address} \\(eth0\\)`));
  assertMatch(well.checks.port!.saw, new RegExp(`^lanchat hosts on ${host.port}.*at ${address}`));
  assertEquals(well.checks.multicast!.saw, "own multicast heard on eth0 (IPv4)");
  const blocked = [["output", /heard on eth0 \(IPv4: .*send/], ["input", /on eth0 \(IPv4\)$/]];
  for (const [hook, saw] of blocked as ["output" | "input", RegExp][]) {
    await block(machine, hook);
    const { checks, status } = await checkUp(machine, ALL, ...own, "--timeout", "1");
    assertEquals([status, checks.multicast!.ok], [1, false], hook);
    assertMatch(checks.multicast!.saw, saw);
    assertMatch(checks.multicast!.advice, /UDP port 5353/);
  }
}, ["nft", "sysctl"]);

networkTest("doctor tries multicast on a machine with only IPv6", async () => {
  await using network = await Network.open(1);
  const [machine] = network.machines as [Machine];
  await runOn(machine, "ip", "address", "flush", "dev", "eth0");
  await runOn(machine, "ip", "address", "add", "fe80::1/64", "dev", "eth0", "nodad");
  const { checks } = await checkUp(machine, ALL);
  assertEquals(checks.multicast!.saw, "own multicast heard on eth0 (IPv6)");
});

networkTest(
  "join and doctor tell a path that drops large packets from another program",
  async () => {
    await using network = await Network.open(2, { maxBytes: 1300 });
    const [server, machine] = network.machines as [Machine, Machine];
    const { wrapper } = server;
    await using host = await HostProgram.start(
      ["--host", server.address, "--name", "ada", "--json"],
      { wrapper },
    );
    const address = `${server.address}:${host.port}`;
    const [joined, { checks, status }] = await Promise.all([
      run(["join", address, "--json"], { wrapper: machine.wrapper }),
      checkUp(machine, ALL, address),
    ]);
    const events: Event[] = joined.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    const errors = events.flatMap((event) => event.event === "error" ? [event.code] : []);
    assertEquals([joined.status, errors], [1, ["handshake-stalled"]]);
    assertEquals([status, checks.connection!.ok, checks.lanchat!.ok], [1, true, false]);
    assertMatch(checks.lanchat!.advice, /MTU/);
  },
);
