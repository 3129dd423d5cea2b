import { assert, assertEquals } from "@std/assert";
import { CloseReason } from "../../lib/wire/mod.ts";
import {
  hallTest,
  heard,
  type PipelineMember,
  sayAll,
  WholePipeline,
} from "../support/whole_pipeline.ts";

const LINES = 2500;

/** Number of lines held back until a member has left. */
const LAST_LINES = 500;

/** Long enough for a burst to last. */
const PADDING = ".".repeat(300);

function lines(name: string): string[] {
  return Array.from({ length: LINES }, (_, i) => `${name} says line ${i} ${PADDING}`);
}

hallTest(
  "5,000 messages of two senders reach all others once and in order while one leaves",
  async () => {
    const pipeline = await WholePipeline.open();
    const host = await pipeline.sit();
    const [ada, bob, carol, dave, eve] = await Promise.all(
      ["ada", "bob", "carol", "dave", "eve"].map((name) => pipeline.join(name)),
    ) as [PipelineMember, PipelineMember, PipelineMember, PipelineMember, PipelineMember];
    const talk = async (member: PipelineMember): Promise<void> => {
      const all = lines(member.name);
      const first = sayAll(member, all.slice(0, -LAST_LINES));
      await member.event("left");
      await Promise.all([first, sayAll(member, all.slice(-LAST_LINES))]);
    };

    const left = eve.texts.count(1000).then(() => eve.room.leave());
    await Promise.all([talk(ada), talk(bob), left]);
    const stay = [host, carol, dave];
    await Promise.all([
      ...stay.map(({ texts }) => texts.count(2 * LINES)),
      ...[ada, bob].map(({ texts }) => texts.count(LINES)),
      ...stay.map((member) => member.event("left")),
    ]);
    assertEquals(await eve.ran, CloseReason.LEAVING);

    await pipeline.close();
    for (const member of stay) {
      assertEquals(heard(member), { ada: lines("ada"), bob: lines("bob") });
    }
    assertEquals(heard(ada), { bob: lines("bob") });
    assertEquals(heard(bob), { ada: lines("ada") });
    for (const [name, texts] of Object.entries(heard(eve))) {
      assertEquals(texts, lines(name).slice(0, texts.length));
      assert(texts.length <= LINES - LAST_LINES, "who has left reads on");
    }
    const warnings = [...stay, ada, bob, eve].flatMap(({ events }) =>
      events.all.filter(({ event }) => event === "warning")
    );
    assertEquals(warnings, []);
  },
);
