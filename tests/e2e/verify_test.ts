import { assertEquals } from "@std/assert";
import { emptyDirectory, HostProgram } from "../support/program.ts";

/** Keeps an identity and its known peers in a directory. */
function keeping(directory: string): { args: string[]; permissions: string[] } {
  return {
    args: ["--identity", `${directory}/identity.json`, "--json"],
    permissions: ["--allow-net", `--allow-read=${directory}`, `--allow-write=${directory}`],
  };
}

Deno.test("both ends have one safety number, and a verified member stays verified in the next run", async () => {
  const [hanas, bobs] = [keeping(emptyDirectory()), keeping(emptyDirectory())];
  {
    await using host = await HostProgram.start(["--name", "hana", ...hanas.args], hanas);
    await using bob = await host.join(["--name", "bob", ...bobs.args], bobs);
    await host.tell({ verify: "bob" });
    await bob.tell({ verify: "hana" });
    const { asked = [], digits, fingerprint } = await host.event("safety-number");
    const seen = await bob.event("safety-number");
    assertEquals(seen.digits, digits);
    assertEquals([seen.fingerprint, fingerprint].sort().join(""), digits);
    for (const program of [host, bob]) await program.tell({ verify: true });
    assertEquals((await host.event("room-code")).digits, (await bob.event("room-code")).digits);

    await host.tell({ verify: "bob", digits: "12345 67890 12345 67890" });
    assertEquals((await host.event("error")).code, "wrong-digits");
    const groups = fingerprint.match(/\d{5}/g)!;
    await host.tell({ verify: "bob", digits: asked.map((place) => groups[place - 1]).join(" ") });
    assertEquals((await host.event("verified")).member.verified, true);
    await bob.say("hi");
    assertEquals((await host.event("message")).from.verified, true);
    host.signal("SIGTERM");
    await host.ends(0);
  }

  await using host = await HostProgram.start(["--name", "hana", ...hanas.args], hanas);
  await using mal = await host.join(["--name", "Bob", "--json"]);
  const { known, member, withheld } = await host.event("key-changed");
  assertEquals([member.name, known.verified, withheld], [`Bob#${member.tag}`, true, true]);
  await host.say("who are you?");
  assertEquals((await host.event("failed")).code, "key-withheld");
  await using bob = await host.join(["--name", "bob", ...bobs.args], bobs);
  const { member: verified } = await host.event("joined", ({ member }) => member.verified === true);
  assertEquals(verified.key, known.key);
  await host.say("hello bob");
  await bob.hears("hana", 1);
  await mal.say("it is me");
  await host.event("message", ({ text }) => text === "it is me");

  const { fingerprint } = await mal.event("ready");
  await host.tell({ do: "accept", digits: fingerprint });
  assertEquals((await host.event("accepted")).member, member);
  await host.say("hello both");
  assertEquals(await mal.hears("hana", 1), ["hello both"]);
  assertEquals(await bob.hears("hana", 2), ["hello bob", "hello both"]);
});
