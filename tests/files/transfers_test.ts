import { assertEquals } from "@std/assert";
import { FileRoom, testBytes } from "../support/file_room.ts";
import { test } from "../support/test.ts";

test("Transfers sends a file to one member, which has it under its name", async () => {
  await using room = new FileRoom();
  const ada = await room.enter("ada");
  const bob = await room.enter("bob");
  const bytes = testBytes(300_000);
  await ada.offers("notes.txt", bytes, bob);
  const id = await bob.accepts();
  const { event, from, ...received } = await bob.event("received");
  assertEquals([event, from.name], ["received", "ada"]);
  const directory = await Deno.realPath(bob.directory);
  assertEquals(received, { id, paths: [`${directory}/notes.txt`], bytes: 300_000 });
  assertEquals(await bob.read("notes.txt"), bytes);
  assertEquals(await bob.names(), ["notes.txt"]);
  assertEquals((await ada.event("file-sent")).member.name, "bob");
  assertEquals([ada.transfers.list(), bob.transfers.list()], [[], []]);
});
