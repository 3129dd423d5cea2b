import { assertEquals } from "@std/assert";
import { emptyDirectory, HostProgram } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";
import { type Pty, unwrapped } from "../support/pty.ts";
import { did, said, told, typed, whispered, whisperedTo, wrapped } from "./expected.ts";
import { memberAtTerminal, type MemberOptions } from "./people.ts";
import { terminalTest } from "../support/tools.ts";

const LEFT = "\x1b[D";

/** A room with a member at a terminal and a script as host. */
interface Room {
  readonly hana: HostProgram;
  readonly ada: Pty;
  readonly columns: number;
  readonly rows: number;
  /** The rows of ada's screen after she joined, without the prompt. */
  readonly shown: readonly string[];
}

/** Runs a test in windows of two sizes. */
function roomTest(
  name: string,
  fn: (room: Room) => Promise<void>,
  options: MemberOptions & { readonly host?: string } = {},
): void {
  terminalTest(name, async () => {
    for (const [columns, rows] of [[80, 24], [40, 10]] as const) {
      await using hana = await HostProgram.start(["--name", options.host ?? "hana", "--json"]);
      await using ada = await memberAtTerminal(hana, "ada", { ...options, columns, rows });
      await fn({ hana, ada, columns, rows, shown: ada.lines.slice(0, -1) });
    }
  });
}

/** The bytes of a bracketed paste. */
function pasted(text: string): string {
  return `\x1b[200~${text.replaceAll("\n", "\r")}\x1b[201~`;
}

roomTest("the screen shows messages above the typed line", async (room) => {
  const { ada, columns, hana, shown } = room;
  const words = "this is typed while the other one goes on and on about something else".split(" ");
  const messages: string[] = [];
  let line = "";
  for (const [i, word] of words.entries()) {
    const text = `message ${i} `.padEnd(8 * i, "x").trim();
    messages.push(...wrapped(columns, said("hana", text)));
    line += `${word} `;
    await Promise.all([hana.say(text), ada.type(`${word} `)]);
    await ada.showsAll(...shown, ...messages, ...typed(columns, line));
  }
  await ada.type(`${LEFT.repeat(line.length)}${line[0]!.toUpperCase()}\x1b[C\x7f`);
  await ada.showsAll(...shown, ...messages, ...typed(columns, `T${line.slice(1)}`));
  assertEquals(ada.screen.cursor, [shown.length + messages.length, 3]);
  await ada.type("\r");
  const own = wrapped(columns, told("ada", `T${line.slice(1)}`));
  await ada.showsAll(...shown, ...messages, ...own, ">");
});

roomTest("the screen shows a paste of many lines as one message", async (room) => {
  const { ada, columns, hana, shown } = room;
  const lines = Array.from({ length: 50 }, (_, i) => `line ${i}`);
  await ada.type(`look: ${pasted(lines.join("\n"))}`);
  await ada.showsAll(...shown, ...typed(columns, "look: [paste 1: 50 lines]"));
  await ada.type(" !\r");
  const { text } = await hana.event("message");
  assertEquals(text, `look: ${lines.join("\n")} !`);
  await ada.showsAll(...shown, ...wrapped(columns, told("ada", text)), ">");
});

roomTest(
  "the screen keeps the line and its cursor in another width",
  async (room) => {
    const { ada, columns, hana, rows } = room;
    const line = "a line of two rows and more, with a cursor near its end ".repeat(2).trim();
    await hana.say("one");
    await ada.type(`${line}${LEFT.repeat(5)}`);
    await ada.shows(said("hana", "one"), ...typed(columns, line));
    let typing = line;
    for (const other of [columns - 13, columns + 27, 25, columns]) {
      await ada.resize(other, rows);
      await ada.shows(said("hana", "one"), ...typed(other, typing));
      await ada.type("+");
      typing = `${typing.slice(0, -5)}+${typing.slice(-5)}`;
      await ada.shows(said("hana", "one"), ...typed(other, typing));
    }
    await hana.say("two");
    await ada.shows(said("hana", "one"), said("hana", "two"), ...typed(columns, typing));
    await ada.type("\r");
    await hana.event("message", ({ text }) => text === typing);
  },
);

roomTest("the screen keeps the rows above a line higher than the window", async (room) => {
  const { ada, columns, hana, rows, shown } = room;
  const line = Array.from({ length: 500 }, (_, i) => i).join(" ");
  await ada.type(line);
  await ada.showsAll(...shown, ...typed(columns, line).slice(-rows));
  const above = [...shown];
  for (const text of ["one", "two"]) {
    await hana.say(text);
    above.push(said("hana", text));
    await ada.showsAll(...above, ...typed(columns, line).slice(-rows));
  }
  await ada.type("\x01-");
  await ada.showsAll(...above, ...typed(columns, `-${line}`).slice(0, rows));
  await ada.type("\x05!\r");
  await hana.event("message", ({ text }) => text === `-${line}!`);
  await ada.showsAll(...above, ...wrapped(columns, told("ada", `-${line}!`)), ">");
});

for (
  const text of [
    "日本語".repeat(30),
    "a" + "日本語".repeat(30),
    "👍🏽".repeat(25),
    "e\u0301日".repeat(30),
  ]
) {
  roomTest(
    `the screen keeps its rows with wide characters at the edge: ${text.slice(0, 4)}`,
    async (room) => {
      const { ada, columns, hana, shown } = room;
      await hana.say(text);
      const theirs = wrapped(columns, said("日本語 👍 é", text));
      await ada.showsAll(...shown, ...theirs, ">");
      await ada.type(text);
      await hana.say("x");
      const above = [...shown, ...theirs, said("日本語 👍 é", "x")];
      await ada.showsAll(...above, ...typed(columns, text));
      await ada.type("\x01-");
      await ada.showsAll(...above, ...typed(columns, `-${text}`));
      assertEquals(ada.screen.cursor, [above.length, 3]);
      await ada.type("\r");
      await ada.showsAll(...above, ...wrapped(columns, told("ada", `-${text}`)), ">");
    },
    { host: "日本語 👍 é" },
  );
}

const FAMILY = "👩‍👩‍👧‍👦";

for (const widths of ["code-points", "graphemes"] as const) {
  roomTest(
    `the screen keeps a line with joined emoji in a terminal that measures ${widths}`,
    async (room) => {
      const { ada, hana, shown } = room;
      const text = `a${FAMILY}❤️🇩🇪1️⃣`.repeat(8);
      await ada.type(text);
      await hana.say("one");
      await ada.until(
        "The line below the message",
        ({ lines }) =>
          lines.slice(0, shown.length + 1).join() === [...shown, said("hana", "one")].join() &&
          lines.slice(shown.length + 1).join("") === `> ${text}`,
      );
      await ada.type("\x7f\x01\x1b[C\x1b[3~");
      await ada.type("\r");
      const edited = `a${text.slice(`a${FAMILY}`.length, -"1️⃣".length)}`;
      await hana.event("message", (message) => message.text === edited);
    },
    { widths },
  );
}

roomTest("Alt-Enter and Ctrl-J break the typed line", async (room) => {
  const { ada, columns, hana, shown } = room;
  await ada.type("one\x1b\r");
  await ada.showsAll(...shown, "> one", "");
  await ada.type("two");
  await ada.showsAll(...shown, "> one", "  two");
  await ada.type("\n");
  await ada.showsAll(...shown, "> one", "  two", "");
  await ada.type("three\r");
  assertEquals((await hana.event("message")).text, "one\ntwo\nthree");
  await ada.showsAll(...shown, ...wrapped(columns, told("ada", "one\ntwo\nthree")), ">");
});

roomTest("Tab completes commands and names", async (room) => {
  const { ada, columns, hana, shown } = room;
  await ada.type("/wh\t");
  const commands = [...shown, "  /who  /whois"];
  await ada.showsAll(...commands, ...typed(columns, "/who"));
  await ada.type("\t\t");
  await ada.showsAll(...commands, ...typed(columns, "/whois"));
  await ada.type("\x15ha\thello");
  await ada.showsAll(...commands, ...typed(columns, "hana: hello"));
  await using _bob = await hana.join(["--name", "harry", "--json"]);
  await ada.says(/-- harry joined/);
  const joined = ada.lines.slice(0, -1);
  await ada.type("\x15/msg ha\t");
  await ada.showsAll(...joined, "  hana  harry", ...typed(columns, "/msg ha"));
  await ada.type("r\tpsst\r");
  await ada.showsAll(...joined, "  hana  harry", whisperedTo("ada", "harry", "psst"), ">");
});

roomTest("the screen shows the sender and the addressee of a private message", async (room) => {
  const { ada, columns, hana, shown } = room;
  await hana.tell({ say: "only for you", to: "ada" });
  await ada.showsAll(...shown, ...wrapped(columns, whispered("hana", "only for you")), ">");
  await ada.type("/reply and for you\r");
  await ada.showsAll(
    ...shown,
    ...wrapped(
      columns,
      whispered("hana", "only for you"),
      whisperedTo("ada", "hana", "and for you"),
    ),
    ">",
  );
  assertEquals((await hana.event("message")).private, true);
  await ada.type("/me waves\r");
  await ada.shows(did("ada", "waves"), ">");
});

terminalTest(
  "the screen shows two lines for a host that restarts, and keeps typed lines",
  async () => {
    for (const [columns, rows] of [[80, 24], [40, 10]] as const) {
      const directory = emptyDirectory();
      const options = {
        env: { HOME: directory, XDG_CONFIG_HOME: directory },
        permissions: ["--allow-net", "--allow-env", "--allow-read", "--allow-write"],
      };
      const args = ["--name", "hana", "--json"];
      await using before = await HostProgram.start(args, options);
      await using proxy = await Proxy.open(before.port);
      const { address } = proxy;
      await using ada = await memberAtTerminal(before, "ada", { address, columns, rows });
      const shown = ada.lines.slice(0, -1);
      await ada.type("half a");
      proxy.refuse();
      before.signal("SIGKILL");
      await before.exited();
      await ada.says(/-- Connection lost\./);
      await ada.type(" line\rand half another");
      await ada.until(
        "The typed line",
        ({ lines }) => lines.at(-1)!.endsWith("> and half another"),
      );
      await using after = await HostProgram.start(args, options);
      proxy.target = after.port;
      await proxy.admit();
      await after.event("message", ({ text }) => text === "half a line");
      await after.say("welcome back");
      await ada.says(/hana: welcome back$/);
      await ada.shows(...typed(columns, "and half another"));
      await ada.says(/ada: half a line ✓✓$/);
      const news = unwrapped(ada.lines.slice(shown.length)).join("\n");
      const count = (what: string): number => news.split(what).length - 1;
      assertEquals([count("Connection lost"), count("Reconnected")], [1, 1], news);
      assertEquals(count("keep typing."), 1, news);
      await ada.type("\r");
      await after.event("message", ({ text }) => text === "and half another");
      await ada.type("\x03");
      await ada.givesBack();
    }
  },
);

roomTest("the screen shows 2,000 messages in order and keeps the typed line", async (room) => {
  const { ada, columns, hana, shown } = room;
  const texts = Array.from({ length: 2000 }, (_, i) => `message ${i}`);
  const line = "this line is typed while two thousand messages arrive: ".repeat(2);
  const keys = [...line].map((key, i) => ({
    key,
    until: Math.floor(i * texts.length / line.length),
  }));
  let next = 0;
  for (const { key, until } of keys) {
    await Promise.all([hana.say(...texts.slice(next, until)), ada.type(key)]);
    next = until;
  }
  await hana.say(...texts.slice(next));
  const messages = texts.map((text) => said("hana", text));
  await ada.shows(messages.at(-1)!, ...typed(columns, line));
  assertEquals(ada.lines, [...shown, ...messages, ...typed(columns, line)]);
  await ada.type("\r");
  await hana.event("message", ({ text }) => text === line);
});
