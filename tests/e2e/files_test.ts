/** Files between real programs: to one, to the room, refused, canceled, from scripts, and without permissions. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  BINARY,
  emptyDirectory,
  type Event,
  HostProgram,
  Program,
  run,
} from "../support/program.ts";
import {
  assertSame,
  join,
  makeFile,
  MIB,
  OPTIONS,
  room,
  sending,
  underWay,
} from "../support/file_programs.ts";

Deno.test("a file goes to one member, who accepts it, and to no one else", async () => {
  const { folder, hana } = await room();
  await using _hana = hana;
  await using bob = await join(hana, "bob");
  await using carol = await join(hana, "carol");
  const { bytes, path } = makeFile("report.pdf", 3 * MIB + 17);
  await bob.tell({ do: "send-file", paths: [path], to: "hana" });
  const own = await bob.event("offer");
  assertEquals([own.to?.name, own.from, own.private], ["hana", undefined, true]);
  const offer = await hana.event("offer");
  assertEquals(
    [offer.from?.name, offer.name, offer.size, offer.count, offer.private, offer.directory],
    ["bob", "report.pdf", bytes.length, 1, true, folder],
  );
  await hana.tell({ do: "transfers" });
  const { transfers: [waiting] } = await hana.event("transfers");
  assertEquals([waiting?.id, waiting?.state, waiting?.bytes], [offer.id, "offered", 0]);
  await hana.tell({ do: "accept-file" });
  const received = await hana.event("received");
  assertEquals([received.paths, received.bytes], [[`${folder}/report.pdf`], bytes.length]);
  assertSame(received.paths[0]!, bytes);
  assertEquals((await bob.event("file-sent")).member.name, "hana");
  // The name is taken now.
  await bob.tell({ do: "send-file", paths: [path], to: "hana" });
  const again = await hana.event("offer", ({ id }) => id !== offer.id);
  await hana.tell({ do: "accept-file", id: again.id });
  const second = await hana.event("received", ({ id }) => id === again.id);
  assertEquals(second.paths, [`${folder}/report (2).pdf`]);
  assertEquals(carol.events.filter(({ event }) => event === "offer"), []);
});

Deno.test("a folder goes to the room: to those who accept it, and not to those who decline", async () => {
  const { folder, hana } = await room();
  await using _hana = hana;
  await using bob = await join(hana, "bob", "--download-dir", emptyDirectory());
  await using carol = await join(hana, "carol");
  const root = `${emptyDirectory()}/photos`;
  Deno.mkdirSync(`${root}/trip/empty`, { recursive: true });
  Deno.writeTextFileSync(`${root}/one.txt`, "one");
  Deno.writeTextFileSync(`${root}/trip/two.txt`, "two");
  Deno.writeTextFileSync(`${root}/trip/empty.txt`, "");
  Deno.symlinkSync("/etc/passwd", `${root}/link`);
  await carol.tell({ do: "send-file", paths: [root] });
  const skipped = await carol.event("warning", ({ code }) => code === "file-unreadable");
  assertMatch(skipped.message, /^Not sent: ".*\/photos\/link" \(it is a link\)$/);
  assertEquals((await hana.event("offer")).count, 3);
  await bob.event("offer");
  await bob.tell({ do: "decline-file" });
  await bob.event("file-failed", ({ code }) => code === "file-declined");
  const declined = await carol.event("file-failed");
  assertEquals([declined.code, declined.member?.name], ["file-declined", "bob"]);
  await hana.tell({ do: "accept-file" });
  assertEquals((await hana.event("received")).paths, [`${folder}/photos`]);
  assertEquals(Deno.readTextFileSync(`${folder}/photos/trip/two.txt`), "two");
  assertEquals(Deno.readTextFileSync(`${folder}/photos/trip/empty.txt`), "");
  assertEquals((await carol.event("file-sent")).member.name, "hana");
  // Everyone has answered: the offer has ended.
  await carol.tell({ do: "transfers" });
  assertEquals((await carol.event("transfers")).transfers, []);
});

for (const who of ["hana", "bob"]) {
  Deno.test(`a transfer that ${who} cancels ends on both sides, without the file's name`, async () => {
    const { folder, hana } = await room();
    await using _hana = hana;
    await using bob = await join(hana, "bob");
    const { id } = await underWay(hana, bob);
    if (who === "hana") await hana.tell({ do: "cancel-file", id });
    else await bob.tell({ do: "cancel-file", id: (await bob.event("offer")).id });
    for (const program of [hana, bob]) {
      assertEquals((await program.event("file-failed")).code, "file-canceled");
    }
    assertEquals([...Deno.readDirSync(folder)].filter(({ name }) => !name.endsWith(".part")), []);
  });
}

Deno.test("a wish about a transfer that there is not is an error", async () => {
  const { hana } = await room();
  await using _hana = hana;
  const wishes: [object, string][] = [
    [{ do: "accept-file" }, "There is no offer to accept"],
    [{ do: "decline-file", id: 3 }, "There is no offer number 3 to decline"],
    [{ do: "cancel-file", id: 1 }, "There is no transfer number 1 to cancel"],
    [{ do: "send-file", paths: ["/no/such/file"] }, "Cannot send files: no one else is here"],
  ];
  for (const [wish, message] of wishes) {
    await hana.tell(wish);
    await hana.event("error", (error) => error.message === message);
  }
  await using bob = await join(hana, "bob");
  await hana.tell({ do: "send-file", paths: ["/no/such/file"] });
  const { code, message } = await hana.event("error", ({ code }) => code === "file-unreadable");
  assertEquals([code, message.split(":")[0]], ["file-unreadable", 'Cannot send "/no/such/file"']);
  const { path } = makeFile("a.txt", 1);
  for (let i = 0; i < 2; i++) await bob.tell({ do: "send-file", paths: [path] });
  await hana.stdout.count(2, (line) => line.startsWith('{"event":"offer"'));
  await hana.tell({ do: "accept-file" });
  const several = await hana.event("error", ({ message }) => message.startsWith("Several"));
  assertEquals([several.message, several.hint], [
    "Several offers: 1, 2",
    "Add the number, as in /accept 1.",
  ]);
});

Deno.test("--accept-from takes files without asking, from everyone or from verified people", async () => {
  const { path, bytes } = makeFile("a.bin", 100_000);
  const { folder, hana } = await room("--accept-from", "all");
  await using _hana = hana;
  assertEquals((await run(sending(hana, path), OPTIONS)).status, 0);
  assertEquals((await hana.event("offer")).accepted, true);
  assertSame(`${folder}/a.bin`, bytes);

  const strict = await room("--accept-from", "verified");
  await using careful = strict.hana;
  await using bob = await join(careful, "bob");
  await bob.tell({ do: "send-file", paths: [path] });
  assertEquals((await careful.event("offer")).accepted, undefined);
});

Deno.test("--max-file refuses larger offers", async () => {
  const { path } = makeFile("a.bin", 1001);
  const { hana } = await room("--accept-from", "all", "--max-file", "1K");
  await using _hana = hana;
  const { status, stderr } = await run(sending(hana, path), OPTIONS);
  assertEquals(status, 1);
  assertMatch(stderr, /too large for hana/);
  assertEquals((await hana.event("file-failed")).code, "file-too-large");
});

Deno.test("lanchat send ends with 0 when --to has the files, and prints nothing on standard output", async () => {
  const { folder, hana } = await room("--accept-from", "all");
  await using _hana = hana;
  const [one, two] = [makeFile("one.bin", 2 * MIB), makeFile("two.bin", 0)];
  const args = sending(hana, one.path, two.path, "--to", "hana");
  const { status, stderr, stdout } = await run(args, OPTIONS);
  assertEquals([status, stdout], [0, ""], stderr);
  assertMatch(stderr, /You offer "one.bin" \(2 files, 2.1 MB\) to hana/);
  assertMatch(stderr, /hana has "one.bin"; the hash matches/);
  assertSame(`${folder}/one.bin`, one.bytes);
  assertSame(`${folder}/two.bin`, two.bytes);
});

Deno.test("lanchat send --json writes its events, and closed", async () => {
  const { hana } = await room("--accept-from", "all");
  await using _hana = hana;
  const { path } = makeFile("a.txt", 5);
  await using sender = new Program([...sending(hana, path), "--json"], OPTIONS);
  await sender.ends(0);
  const kinds = sender.events.map(({ event }) => event).filter((event) => event !== "warning");
  const always = kinds.filter((event) => event !== "progress");
  assertEquals(always, ["ready", "preparing", "offer", "file-sent", "closed"]);
  assertEquals((await sender.event("closed")).reason, "done");
});

Deno.test("a script that reaches the end of its input waits for its transfers", async () => {
  const { folder, hana } = await room();
  await using _hana = hana;
  await using bob = await join(hana, "bob");
  const { bytes, path } = makeFile("a.bin", 20 * MIB);
  await bob.tell({ do: "send-file", paths: [path] });
  await bob.endInput();
  const { id } = await hana.event("offer");
  await hana.tell({ do: "accept-file", id });
  await bob.ends(0);
  await hana.event("received");
  assertSame(`${folder}/a.bin`, bytes);
});

Deno.test("a signal ends a script that waits for its transfers at the end of its input", async () => {
  const { hana } = await room();
  await using _hana = hana;
  await using bob = await join(hana, "bob");
  await underWay(hana, bob);
  await bob.endInput();
  bob.signal("SIGTERM");
  await bob.ends(0);
  assertEquals((await bob.event("closed")).reason, "signal");
  assertEquals((await bob.event("file-failed")).code, "file-unfinished");
});

Deno.test("lanchat send sends standard input, under the name of --name-as", async () => {
  const { folder, hana } = await room("--accept-from", "all");
  await using _hana = hana;
  const { bytes } = makeFile("x", MIB + 5);
  const args = sending(hana, "-", "--name-as", "backup.tar", "--to", "hana");
  const { status, stderr } = await run(args, { ...OPTIONS, input: bytes });
  assertEquals(status, 0, stderr);
  assertEquals((await hana.event("offer")).size, undefined);
  assertSame(`${folder}/backup.tar`, bytes);
});

Deno.test("lanchat send ends with 1 if no one takes the files, and says why", async () => {
  const { hana } = await room();
  await using _hana = hana;
  const { path } = makeFile("a.txt", 5);
  const ends = async (pattern: RegExp, ...args: string[]): Promise<void> => {
    const { status, stderr } = await run(sending(hana, path, ...args), OPTIONS);
    assertEquals(status, 1, stderr);
    assertMatch(stderr, pattern);
  };
  await ends(/error: hana has not accepted the files/, "--to", "hana", "--timeout", "1");
  await ends(/error: No one has accepted the files/, "--timeout", "1");
  await ends(/error: Cannot send to "eve"/, "--to", "eve");
  await using sender = new Program(sending(hana, path), OPTIONS);
  const offers = (event: Event): boolean => event.event === "offer";
  const offer = await hana.event("offer", ({ id }) => id === 3);
  assert(hana.events.filter(offers).length === 3);
  await hana.tell({ do: "decline-file", id: offer.id });
  await sender.ends(1);
  assertMatch(sender.stderr.text, /"a.txt": hana declined it/);
});

Deno.test("lanchat send waits for --to with --wait, and ends with 1 in an empty room", async () => {
  await using relay = await HostProgram.start(["--relay-only", "--json"], OPTIONS);
  const { path, bytes } = makeFile("a.txt", 5);
  const { status, stderr } = await run(sending(relay, path), OPTIONS);
  assertEquals(status, 1);
  assertMatch(stderr, /no one else is here/);
  await using sender = new Program(sending(relay, path, "--to", "bob", "--wait", "60"), OPTIONS);
  await sender.ready();
  const folder = emptyDirectory();
  await using bob = await join(relay, "bob", "--accept-from", "all", "--download-dir", folder);
  await sender.ends(0);
  await bob.event("received");
  assertSame(`${folder}/a.txt`, bytes);
});

Deno.test("lanchat send ends with 1 at a signal, and the receiver hears of it", async () => {
  const { hana } = await room("--accept-from", "all");
  await using _hana = hana;
  const { path } = makeFile("large.bin", 0);
  await Deno.truncate(path, 1024 * MIB);
  await using sender = new Program(sending(hana, path), OPTIONS);
  await hana.event("progress", ({ bytes }) => bytes > 0);
  sender.signal("SIGINT");
  await sender.ends(1);
  assertMatch(sender.stderr.text, /"large.bin": you left before it was sent/);
  await hana.event("left");
});

Deno.test(
  "a sender without --allow-read, and a receiver without --allow-write, say which flag to add",
  {
    ignore: BINARY !== undefined,
  },
  async () => {
    const { path } = makeFile("a.txt", 5);
    const { hana } = await room("--accept-from", "all");
    await using _hana = hana;
    const reading = await run(sending(hana, path), { permissions: ["--allow-net"] });
    assertEquals(reading.status, 1);
    assertMatch(reading.stderr, /Cannot send ".*a.txt": --allow-read is missing/);
    assertMatch(reading.stderr, /Allow it: deno run --allow-read/);

    await using host = await HostProgram.start(
      ["--name", "hana", "--json", "--accept-from", "all", "--download-dir", emptyDirectory()],
      { permissions: ["--allow-net"] },
    );
    const { status } = await run(sending(host, path), OPTIONS);
    assertEquals(status, 1);
    assertEquals((await host.event("offer")).directory, undefined);
    const isDenied = ({ code }: Event<"warning">): boolean => code === "permission-denied";
    const { hint, message } = await host.event("warning", isDenied);
    assertEquals(hint, "Allow it: deno run --allow-read --allow-write …");
    assertMatch(message, /^Cannot save files in ".*": --allow-(?:read|write) is missing/);
  },
);

Deno.test("the permissions for one file and for the download folder are enough", async () => {
  const { bytes, path } = makeFile("a.txt", 5);
  const folder = `${emptyDirectory()}/in`;
  await using hana = await HostProgram.start(
    ["--name", "hana", "--json", "--accept-from", "all", "--download-dir", folder],
    { permissions: ["--allow-net", `--allow-read=${folder}`, `--allow-write=${folder}`] },
  );
  const permissions = ["--allow-net", `--allow-read=${path}`];
  const { status, stderr } = await run(sending(hana, path), { permissions });
  assertEquals(status, 0, stderr);
  assertSame(`${folder}/a.txt`, bytes);
});

Deno.test("offers of an ignored member are not shown, and those of a withheld one are refused with one warning", async () => {
  const { path } = makeFile("a.txt", 5);
  const { hana } = await room();
  await using _hana = hana;
  await using bob = await join(hana, "bob");
  await hana.tell({ do: "ignore", name: "bob" });
  await hana.event("ignoring");
  await bob.tell({ do: "send-file", paths: [path] });
  await bob.event("offer");
  await bob.say("after it");
  await bob.event("sent");

  await using carol = await join(hana, "carol");
  await carol.tell({ do: "lock" });
  await carol.event("locked");
  await using dave = await join(hana, "dave");
  for (let i = 0; i < 2; i++) await dave.tell({ do: "send-file", paths: [path] });
  const { message } = await carol.event("warning", ({ message }) => /^Refused/.test(message));
  assertEquals(message, "Refused files from dave: they can't read your messages");
  await dave.say("the end");
  await carol.hears("dave", 1);
  const refusals = carol.events.filter((event) =>
    event.event === "warning" && event.message.startsWith("Refused")
  );
  assertEquals(refusals.length, 1);
  assertEquals(carol.events.filter(({ event }) => event === "offer"), []);
  assertEquals(
    hana.events.flatMap((event) => event.event === "offer" ? [event.from?.name] : []),
    ["dave", "dave"],
  );
});
