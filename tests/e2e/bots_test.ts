/** The bots at the beginning of docs/JSON.md, as a reader copies them. */
import { assert, assertEquals } from "@std/assert";
import { HostProgram } from "../support/program.ts";
import { codeBlocks, runScript } from "../support/shell.ts";
import { missing, testUnless } from "../support/tools.ts";

for (const [language, programs] of [["python", ["python3"]], ["bash", ["bash", "jq"]]] as const) {
  testUnless(
    missing(...programs),
    `the bot in ${language} of docs/JSON.md answers all, or one privately, and ends with its host`,
    async () => {
      const [code, ...others] = codeBlocks("JSON.md", language);
      assertEquals(others, []);
      assert(code!.trimEnd().split("\n").length <= 20, "a bot has at most 20 lines");
      await using host = await HostProgram.start(["--name", "hana", "--json"]);
      await using witness = await host.join(["--name", "witness", "--json"]);
      await using bot = runScript(programs[0], code!, [host.address]);
      await host.event("joined", ({ member }) => member.name === "echo");
      await host.tell({ say: 'no answer to this, "!echo " or not' });
      await host.tell({ say: '!echo héllo "you" \\ 你好' });
      await host.tell({ say: "!echo psst", to: "echo" });
      assertEquals(await host.hears("echo", 2), ['héllo "you" \\ 你好', "psst"]);
      const { private: isPrivate } = await host.event("message", ({ text }) => text === "psst");
      assertEquals(isPrivate, true);
      host.signal("SIGTERM");
      await bot.ends(0);
      await witness.ends(0);
      assertEquals(witness.heard("echo"), ['héllo "you" \\ 你好']);
    },
  );
}
