/** Files between real programs that pause, or are killed in the middle. */
import { assertEquals } from "@std/assert";
import { emptyDirectory, HostProgram, Program } from "../support/program.ts";
import { join, makeFile, MIB, OPTIONS, room, underWay } from "../support/file_programs.ts";

Deno.test("a transfer is paused and continued by either side, and then whole", async () => {
  const { folder, hana } = await room();
  await using _hana = hana;
  await using bob = await join(hana, "bob");
  const { id, path } = await underWay(hana, bob);
  await hana.tell({ do: "pause-file" });
  await hana.event("progress", ({ paused }) => paused === true);
  await hana.tell({ do: "transfers" });
  const { transfers: [paused] } = await hana.event("transfers");
  assertEquals([paused?.id, paused?.state], [id, "paused"]);
  await hana.tell({ do: "resume-file" });
  await bob.tell({ do: "pause-file" });
  await bob.event("progress", ({ paused }) => paused === true);
  await bob.tell({ do: "resume-file" });
  const { paths } = await hana.event("received");
  assertEquals(paths, [`${folder}/large.bin`]);
  assertEquals(Deno.statSync(paths[0]!).size, Deno.statSync(path).size);
});

Deno.test("a receiver that is killed and comes back with its identity gets the rest without asking", async () => {
  const { hana } = await room();
  await using _hana = hana;
  const folder = emptyDirectory();
  const identity = `${emptyDirectory()}/identity.json`;
  const args = ["--identity", identity, "--download-dir", folder];
  const { path } = makeFile("large.bin", 0);
  await Deno.truncate(path, 320 * MIB);
  {
    await using bob = await join(hana, "bob", ...args);
    await hana.tell({ do: "send-file", paths: [path], to: "bob" });
    await bob.event("offer");
    await bob.tell({ do: "accept-file" });
    await bob.event("progress", ({ bytes }) => bytes > 16 * MIB);
    bob.signal("SIGKILL");
    await bob.exited();
  }
  await using bob = await join(hana, "bob", ...args);
  const offer = await bob.event("offer");
  assertEquals([offer.accepted, offer.name], [true, "large.bin"]);
  const { paths } = await bob.event("received");
  assertEquals(paths, [`${folder}/large.bin`]);
  assertEquals(Deno.statSync(paths[0]!).size, 320 * MIB);
  await hana.event("file-sent", ({ member }) => member.name === "bob");
});

Deno.test("a transfer goes on after its host was killed and restarted", async () => {
  const identity = `${emptyDirectory()}/identity.json`;
  const hosting = ["--relay-only", "--json", "--identity", identity];
  const first = await HostProgram.start(hosting, OPTIONS);
  const folder = emptyDirectory();
  await using bob = await join(first, "bob");
  const taking = ["--accept-from", "all", "--download-dir", folder];
  await using carol = await join(first, "carol", ...taking);
  const { path } = makeFile("large.bin", 0);
  await Deno.truncate(path, 320 * MIB);
  await bob.tell({ do: "send-file", paths: [path] });
  await carol.event("progress", ({ bytes }) => bytes > 16 * MIB);
  first.signal("SIGKILL");
  await first.exited();
  await using second = new Program(
    ["serve", "--host", "127.0.0.1", "--port", `${first.port}`, ...hosting],
    OPTIONS,
  );
  await second.event("listening");
  await carol.event("reconnected");
  const { paths } = await carol.event("received");
  assertEquals(Deno.statSync(paths[0]!).size, 320 * MIB);
  assertEquals((await bob.event("file-sent")).member.name, "carol");
  await first[Symbol.asyncDispose]();
});
