import { assert, assertEquals } from "@std/assert";
import { HostProgram } from "../support/program.ts";
import { terminalTest } from "../support/tools.ts";
import { memberAtTerminal } from "./people.ts";

const QUESTIONS = 200;

/** The longest time for which a {@linkcode Load} runs if nothing ends it, in milliseconds. */
const LOAD_MS = 120_000;

/** Keeps processors busy while it is in scope: twice as many processes as there are processors. */
class Load implements AsyncDisposable {
  readonly #children = Array.from(
    { length: 2 * navigator.hardwareConcurrency },
    () =>
      new Deno.Command(Deno.execPath(), {
        args: ["eval", `const end = Date.now() + ${LOAD_MS}; while (Date.now() < end);`],
      }).spawn(),
  );

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(this.#children.map(({ status }) => status));
  }
}

/** The questions and answers among lines, in order. */
function dialog(lines: readonly string[]): string[] {
  return lines.flatMap((line) => /: ([qa]\d+)\b/.exec(line)?.slice(1) ?? []);
}

terminalTest(
  `all members see ${QUESTIONS} answers of a bot in one order, each below its question, under load`,
  async () => {
    await using hana = await HostProgram.start(["--name", "hana", "--json"]);
    await using bot = await hana.join(["--name", "bot", "--json"]);
    await using ada = await memberAtTerminal(hana, "ada");
    await using carol = await memberAtTerminal(hana, "carol");
    await using _load = new Load();
    for (let i = 1; i <= QUESTIONS; i++) {
      await ada.type(`q${i}\r`);
      await bot.hears("ada", i);
      await bot.say(`a${i}`);
    }
    await Promise.all([ada, carol].map((pty) => pty.says(new RegExp(`bot: a${QUESTIONS}$`))));
    const heard = hana.events.flatMap((event) =>
      event.event === "message" ? [`${event.from.name}: ${event.text}`] : []
    );
    const [asker, ...others] = [ada.lines, carol.lines, heard].map(dialog);
    assertEquals(asker!.length, 2 * QUESTIONS);
    for (let i = 1; i <= QUESTIONS; i++) {
      assert(asker!.indexOf(`q${i}`) < asker!.indexOf(`a${i}`), `question ${i}`);
    }
    for (const other of others) assertEquals(other, asker);
  },
);

terminalTest("an error appears after the answers to all earlier commands", async () => {
  await using hana = await HostProgram.start(["--name", "hana", "--json"]);
  await using ada = await memberAtTerminal(hana, "ada");
  const steps = [
    ["/verify hana", /\?{5}/],
    ["/nope1", /nope1/],
    ["/who", /hana.*tag/],
    ["/nope2", /nope2/],
    ["/away at lunch", /away: at lunch/],
    ["/msg nope3 x", /nope3/],
    ["/rekey", /keys/],
    ["/nope4", /nope4/],
  ] as const;
  await ada.type(steps.map(([line]) => `${line}\r`).join(""));
  await ada.says(/nope4/);
  const { lines } = ada;
  const places = steps.map(([, answer]) => lines.findIndex((line) => answer.test(line)));
  assertEquals(places, places.toSorted((a, b) => a - b), lines.join("\n"));
  assert(!places.includes(-1), lines.join("\n"));
});
