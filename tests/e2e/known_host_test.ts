import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromBase64Url } from "../../lib/bytes/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import { emptyDirectory, type Event, HostProgram, Program } from "../support/program.ts";

/** The permissions to keep known peers. */
const permissions = ["--allow-net", "--allow-read", "--allow-write", "--allow-env"];

Deno.test("join refuses another host at the address of a known one unless the user accepts it", async () => {
  const home = emptyDirectory();
  const bob = ["--identity", `${home}/bob.json`, "--name", "bob", "--json"];
  let port: number;

  /** Joins and leaves at once. @returns What was said of the host, and warned of it. */
  const visit = async (host: HostProgram): Promise<[Event<"ready">["host"], string[]]> => {
    await using member = await host.join(bob, { permissions });
    await member.tell({ do: "quit" });
    await member.ends(0);
    const warnings = member.events.flatMap((one) => one.event === "warning" ? [one.message] : []);
    return [(await member.event("ready")).host, warnings];
  };
  {
    await using ada = await HostProgram.start(["--json"]);
    port = ada.port;
    const [first, firstWarnings] = await visit(ada);
    assertEquals([first.known, first.verified], [false, false]);
    assertMatch(firstWarnings.join(), /first contact/);
    const [second, secondWarnings] = await visit(ada);
    assertEquals([second.known, second.verified], [true, false]);
    assertEquals(secondWarnings, []);
    assertEquals(second.key, first.key);
  }
  const listening = ["serve", "--host", "127.0.0.1", "--port", `${port}`, "--json"];
  await using eve = new Program(listening, { permissions: ["--allow-net"] });
  const { fingerprint } = await eve.event("listening");
  const joining = ["join", `127.0.0.1:${port}`, ...bob];
  {
    await using member = new Program(joining, { permissions });
    await member.ends(3);
    const [error, ...others] = member.events as Event<"error">[];
    assertEquals([error!.code, others], ["host-key-changed", []]);
    const digits = fingerprint.match(/.{5}/g)!.join(" ");
    assert(error!.message.includes(`${digits} now`), error!.message);
    assert(error!.hint?.includes(`--accept-host "${digits}"`), error!.hint);
  }
  assertEquals(eve.events.filter(({ event }) => event === "joined"), []);

  await using member = new Program([...joining, "--accept-host", fingerprint], { permissions });
  const { host } = await member.event("ready");
  await member.tell({ do: "quit" });
  await member.ends(0);
  assertEquals([host.known, host.verified], [false, false]);
  const known = await KnownPeers.open(`${home}/bob.peers.jsonl`);
  assertEquals(known.hostAt(`127.0.0.1:${port}`)?.key, fromBase64Url(host.key));
});
