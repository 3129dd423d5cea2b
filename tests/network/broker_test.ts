import { assertEquals } from "@std/assert";
import { NatsServer, NO_NATS } from "../support/nats_server.ts";
import { Program } from "../support/program.ts";
import { missing, testUnless } from "../support/tools.ts";
import { Network, OBSTACLE } from "./netns.ts";

testUnless(
  NO_NATS ?? OBSTACLE ?? missing("sysctl"),
  "a member whom the broker cuts off because it reads too slowly comes back, and has each line once, in order",
  async () => {
    await using network = await Network.open(1);
    const { wrapper } = network.machines[0]!;
    // With the usual ones the system would take all that a member may be sent at once.
    for (const buffers of ["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"]) {
      const [sysctl, ...args] = wrapper(["sysctl", "-qw", `${buffers}=4096 16384 16384`]);
      assertEquals((await new Deno.Command(sysctl!, { args }).output()).code, 0);
    }
    await using server = await NatsServer.start(
      'write_deadline: "100ms"\nmax_payload: 65536\nmax_pending: 131072',
      wrapper,
    );
    const local = ["--json", "--port", "0", "--host", "127.0.0.1", "--no-announce"];
    await using host = new Program(
      ["serve", "--name", "ada", ...local, "--via", `nats://${server.address}`],
      { wrapper },
    );
    const { via } = await host.event("invite");
    const joining = (name: string): Program =>
      new Program(["join", via!, "--name", name, "--json"], { wrapper });
    await using bob = await joining("bob").ready();
    await using cyd = await joining("cyd").ready();
    await host.event("joined", ({ member }) => member.name === "cyd");
    await bob.event("joined", ({ member }) => member.name === "cyd");

    bob.signal("SIGSTOP");
    const lines = (name: string): string[] =>
      Array.from({ length: 500 }, (_, i) => `${name} ${i} ${"x".repeat(1000)}`);
    await Promise.all([host.say(...lines("ada")), cyd.say(...lines("cyd"))]);
    await server.says(/Slow Consumer Detected/);
    await host.event("lost", ({ member }) => member.name === "bob");
    assertEquals(await cyd.hears("ada", 500), lines("ada"));
    bob.signal("SIGCONT");
    await bob.event("disconnected", ({ message }) => message.includes("broker"));
    await bob.event("reconnected");
    for (const name of ["ada", "cyd"]) assertEquals(await bob.hears(name, 500), lines(name));
    await bob.say("that was all");
    await host.hears("bob", 1);
    for (const name of ["ada", "cyd"]) assertEquals(bob.heard(name).length, 500);
  },
);
