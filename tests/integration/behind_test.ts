import { assertEquals } from "@std/assert";
import { Gate, hallTest, WholePipeline } from "../support/whole_pipeline.ts";

hallTest("a member sees which member lacks its message, until that one has it", async () => {
  const pipeline = await WholePipeline.open();
  const host = await pipeline.sit();
  const gate = new Gate();
  const ada = await pipeline.join("ada", { through: gate.through });
  await host.event("joined");
  gate.shut();
  const { delivered } = await host.room.say("are you there?");
  assertEquals((await host.room.who()).map(({ behind, name }) => [name, behind]), [["ada", true]]);
  gate.open();
  await ada.texts.next();
  assertEquals(await delivered, { away: [], left: [] });
  assertEquals((await host.room.who()).map(({ behind, name }) => [name, behind]), [[
    "ada",
    undefined,
  ]]);
  await pipeline.close();
});
