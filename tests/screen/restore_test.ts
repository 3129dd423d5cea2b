import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { BINARY, emptyDirectory, HostProgram } from "../support/program.ts";
import { Pty, type PtyOptions, SHELL_PROMPT } from "../support/pty.ts";
import { notice, rule, said, typed, wrapped } from "./expected.ts";
import { hostAtTerminal, memberAtTerminal, scriptIn } from "./people.ts";
import { terminalTest } from "../support/tools.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const CTRL_U = "\x15";
const CTRL_Z = "\x1a";

const PAUSE_LINE = "Press Ctrl-Z again to pause, Enter to go on.";

/** The program with faults. */
const FAULTY = fileURLToPath(new URL("../support/faulty.ts", import.meta.url));

/** A typed line that is longer than a row. */
const LINE = "a line that is longer than a row ".repeat(3).trim();

/** A shell that runs `fg` at Enter once the program has stopped. */
const FOREGROUND: PtyOptions["script"] = (command, note) =>
  [command, note("paused"), `printf '\\n${SHELL_PROMPT}'; read enter; fg %1 >/dev/null`].join("\n");

/** The same after `bg`, at which the program stops again. */
const BACKGROUND: PtyOptions["script"] = (command, note) =>
  [
    "modes=$(stty -g)",
    command,
    "stty $modes",
    "bg %1 >/dev/null; wait %1",
    note("paused"),
    `printf '\\n${SHELL_PROMPT}'; read enter; fg %1 >/dev/null`,
  ].join("\n");

/** Starts a host and types a line. */
async function begun(options: PtyOptions = {}): Promise<Pty> {
  const pty = await hostAtTerminal("ada", options);
  try {
    await pty.type(LINE);
    await pty.shows(...typed(options.columns ?? 80, LINE));
    return pty;
  } catch (error) {
    await pty[Symbol.asyncDispose]();
    throw error;
  }
}

/** The row of the place while a member at the end of its room has typed something. */
const LEAVE_LINE = "── Press Enter to leave.";

/** Waits for the end of the room, and presses Enter. */
async function leavesAtEnter(pty: Pty): Promise<void> {
  await pty.until("The end of the room", () => pty.screen.place === LEAVE_LINE);
  await pty.type("\r");
}

/** The rows that keep the typed line. */
function notSent(columns: number): string[] {
  return wrapped(columns, notice(`Not sent: ${LINE}`));
}

/** The ways to quit. */
const WAYS: Readonly<Record<string, (pty: Pty) => unknown>> = {
  "/quit": (pty) => pty.type(`${CTRL_U}/quit\r`),
  "Ctrl-C": (pty) => pty.type(CTRL_C),
  "Ctrl-D": (pty) => pty.type(`${CTRL_U}${CTRL_D}`),
  "SIGINT": (pty) => pty.signal("SIGINT"),
  "SIGTERM": (pty) => pty.signal("SIGTERM"),
  "SIGHUP": (pty) => pty.signal("SIGHUP"),
};

for (const [way, leave] of Object.entries(WAYS)) {
  terminalTest(`${way} restores the terminal and keeps the screen readable`, async () => {
    for (const [columns, rows] of [[80, 24], [40, 10]] as const) {
      await using pty = await begun({ columns, rows });
      const shown = pty.lines.slice(0, -typed(columns, LINE).length);
      await leave(pty);
      await pty.givesBack();
      assertEquals(pty.lines, [...shown, SHELL_PROMPT]);
    }
  });
}

/** Signals that end a program, though they are not meant for that. */
const STRAY: readonly Deno.Signal[] = [
  "SIGQUIT",
  "SIGALRM",
  "SIGUSR2",
  "SIGVTALRM",
  "SIGPROF",
  "SIGXCPU",
];

for (const signal of STRAY) {
  terminalTest(`${signal} restores the terminal`, async () => {
    await using pty = await begun();
    pty.signal(signal);
    await pty.givesBack();
  });
}

terminalTest("SIGINT after SIGTERM restores the terminal", async () => {
  await using ada = await begun();
  await using carl = await scriptIn(ada, "carl");
  await using dora = await scriptIn(ada, "dora");
  carl.signal("SIGSTOP"); // The room's end waits for it.
  ada.signal("SIGTERM");
  await dora.event("closed");
  ada.signal("SIGINT");
  await ada.givesBack(130);
});

terminalTest("the end of the host restores the terminal", async () => {
  await using hana = await HostProgram.start(["--name", "hana", "--json"]);
  await using ada = await memberAtTerminal(hana, "ada");
  await ada.type(LINE);
  await ada.shows(...typed(80, LINE));
  await hana.tell({ do: "quit" });
  await leavesAtEnter(ada);
  await ada.givesBack();
  const closed = notice("The host closed the room. lanchat ends.");
  const left = [notice("hana left"), closed, ...notSent(80)];
  assertEquals(ada.lines.slice(-left.length - 1), [...left, SHELL_PROMPT]);
});

terminalTest("nothing of a line that is typed at the room's end gets into the shell", async () => {
  const readingShell: PtyOptions["script"] = (command, note) =>
    [command, note("after"), `printf '${SHELL_PROMPT}'; read line; echo "read: $line"`].join("\n");
  await using hana = await HostProgram.start(["--name", "hana", "--json"]);
  await using ada = await memberAtTerminal(hana, "ada", { script: readingShell });
  await ada.type("one ");
  await ada.shows("> one");
  await hana.tell({ do: "kick", name: "ada" });
  await ada.until("The prompt", () => ada.screen.place === LEAVE_LINE);
  await ada.type("two; three\r");
  await ada.says(/Not sent: one two; three$/);
  await ada.shows(SHELL_PROMPT);
  await ada.type("four\n");
  await ada.says(/^read: four$/);
});

terminalTest("a signal ends the wait for Enter", async () => {
  await using hana = await HostProgram.start(["--name", "hana", "--json"]);
  await using ada = await memberAtTerminal(hana, "ada");
  await ada.type(LINE);
  await ada.shows(...typed(80, LINE));
  await hana.tell({ do: "quit" });
  await ada.until("The prompt", () => ada.screen.place === LEAVE_LINE);
  ada.signal("SIGTERM");
  await ada.givesBack();
  assertEquals(ada.lines.slice(-notSent(80).length - 1), [...notSent(80), SHELL_PROMPT]);
});

terminalTest(
  "a lost connection restores the terminal with --no-reconnect",
  async () => {
    await using hana = await HostProgram.start(["--name", "hana", "--json"]);
    await using ada = await memberAtTerminal(hana, "ada", { args: ["--no-reconnect"] });
    await ada.type(LINE);
    await ada.shows(...typed(80, LINE));
    hana.signal("SIGKILL");
    await leavesAtEnter(ada);
    await ada.givesBack(1);
    assertEquals(ada.lines.slice(-notSent(80).length - 1), [...notSent(80), SHELL_PROMPT]);
  },
);

if (BINARY === undefined) {
  terminalTest(
    "an uncaught error restores the terminal before it is shown",
    async () => {
      for (const signal of ["SIGUSR1", "SIGUSR2"] as const) {
        await using pty = await begun({ main: FAULTY });
        const shown = pty.lines.slice(0, -typed(80, LINE).length);
        pty.signal(signal);
        await pty.givesBack(1);
        shown.push(...notSent(80));
        assertEquals(pty.lines.slice(0, shown.length), shown);
        assertMatch(pty.lines[shown.length]!, /^error: Uncaught .*Error: faulty$/);
      }
    },
  );
}

if (BINARY === undefined) {
  terminalTest("the line stays whole if Deno fails to open its debugger", async () => {
    await using ada = await begun({ columns: 100 });
    const said = /^Failed to start inspector server: .*"127\.0\.0\.1:9229"$/;
    // Deno ignores the signal for half a second after its start.
    while (!ada.lines.some((row) => said.test(row))) {
      const { length } = ada.written;
      ada.signal("SIGUSR1");
      await ada.until(
        "The line, drawn again",
        () => ada.written.slice(length).includes(`> ${LINE}`),
      );
    }
    await ada.shows(...typed(100, LINE));
    assertEquals(ada.lines.filter((row) => row.startsWith("> ")).length, 1);
    await ada.type(CTRL_C);
    await ada.givesBack();
  });
}

/** Whether a process has ended, and closed its files: it may not be waited for yet. */
async function hasEnded(pid: number): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => ") Z ");
  return stat.includes(") Z ");
}

terminalTest("a terminal with a broken output is restored", async () => {
  await using hana = await HostProgram.start(["--name", "hana", "--json"]);
  const directory = emptyDirectory();
  const elsewhere: PtyOptions["script"] = (command) =>
    [
      `script -qfc "tty >${directory}/tty; exec tail --pid=$$ -f /dev/null" /dev/null </dev/null >/dev/null &`,
      `echo $! >${directory}/pid; until test -s ${directory}/tty; do :; done`,
      `${command} >"$(cat ${directory}/tty)"`,
    ].join("\n");
  const args = ["join", hana.address, "--name", "ada"];
  await using ada = new Pty(args, { script: elsewhere });
  await hana.event("joined");
  const terminal = Number(Deno.readTextFileSync(`${directory}/pid`));
  Deno.kill(terminal, "SIGKILL");
  while (!await hasEnded(terminal));
  await hana.say("Only a write shows that the output is broken.");
  assertEquals(await ada.status(), 1);
  assertEquals(ada.modes("after"), ada.modes("before"));
  await hana.event("left", ({ reason }) => reason === "left");
});

terminalTest("a closed window ends the program in order", async () => {
  await using hana = await HostProgram.start(["--name", "hana", "--json"]);
  await using ada = await memberAtTerminal(hana, "ada");
  await ada.type(LINE);
  await ada.shows(...typed(80, LINE));
  ada.hangUp();
  await hana.event("left", ({ reason }) => reason === "left");
});

terminalTest(
  "Ctrl-Z pauses the program, and fg shows the line and the messages since",
  async () => {
    for (const [columns, rows] of [[80, 24], [40, 10]] as const) {
      await using ada = await begun({ columns, rows, script: FOREGROUND });
      await using bob = await scriptIn(ada, "bob");
      await ada.says(/-- bob joined/);
      const shown = ada.lines.slice(0, -typed(columns, LINE).length);
      await ada.type(CTRL_Z);
      await ada.shows(...shown, ...wrapped(columns, PAUSE_LINE), "");
      await ada.type(CTRL_Z);
      await ada.shows("^Z", SHELL_PROMPT);
      ada.assertRestored("paused");
      await bob.say("are you there?");
      await ada.resize(columns + 10, rows);
      await ada.type("\n");
      await ada.shows(
        rule(columns + 10),
        said("bob", "are you there?"),
        ...typed(columns + 10, LINE),
      );
      await ada.type("!\r");
      await bob.event("message", ({ text }) => text === `${LINE}!`);
      await ada.type(CTRL_C);
      await ada.givesBack();
    }
  },
);

terminalTest(
  "Enter continues after a mistaken Ctrl-Z, without the line typed since",
  async () => {
    await using ada = await begun();
    await using bob = await scriptIn(ada, "bob");
    await ada.type(CTRL_Z);
    await ada.shows(PAUSE_LINE, "");
    await bob.say("hello");
    await ada.shows(PAUSE_LINE, rule(80), said("bob", "hello"), "");
    await ada.type("fg\n");
    await ada.shows("fg", ...typed(80, LINE));
    assertEquals(ada.screen.marksPastes, true);
    await ada.type("!\r");
    await bob.event("message", ({ text }) => text === `${LINE}!`);
    await ada.type(CTRL_Z);
    await ada.shows(PAUSE_LINE, "");
    await ada.type(CTRL_C);
    await ada.givesBack();
  },
);

terminalTest("SIGCONT redraws the line", async () => {
  await using ada = await begun({ script: FOREGROUND });
  ada.signal("SIGSTOP");
  await ada.shows(SHELL_PROMPT);
  assertNotEquals(ada.modes("paused"), ada.modes("before")); // A program cannot prevent this.
  await ada.type("\n");
  await ada.shows(...typed(80, LINE));
  await ada.type(CTRL_C);
  await ada.givesBack();
});

terminalTest("a program in the background stops again and writes nothing", async () => {
  await using ada = await begun({ script: BACKGROUND });
  await using bob = await scriptIn(ada, "bob");
  await ada.says(/-- bob joined/);
  const shown = ada.lines;
  ada.signal("SIGSTOP");
  await bob.say("are you there?");
  await ada.shows(...shown, SHELL_PROMPT);
  assertEquals(ada.modes("paused"), ada.modes("before"));
  await ada.type("\n");
  await ada.shows(rule(80), said("bob", "are you there?"), ...typed(80, LINE));
  await ada.type(CTRL_C);
  await ada.givesBack();
});
