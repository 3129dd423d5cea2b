/**
 * The cost of a terminal: the processor time of a shown message, and the time from a key to its echo.
 *
 * @module
 */
import { Member } from "./member.ts";
import { Program } from "./program.ts";
import { quantile, type Result } from "./report.ts";

const BURST = 20_000;
const SINGLES = 2000;
const KEYS = 300;

/** How many messages are on their way at once while keys are pressed. */
const BATCH = 100;

/** Narrow letters of which each is pressed once, so that its echo is distinct. */
const FIRST_KEY = 0x100;

const AIMS = { messageMs: 1, echoMs: 50 } as const;

/** Measures the program on a pseudo-terminal, against the same in a pipe. */
export async function measureTerminal(): Promise<Result[]> {
  const host = new Program(["serve", "--host", "127.0.0.1", "--port", "0"]);
  const { port } = await host.event("listening");
  await host.event("ready");
  const args = ["join", `127.0.0.1:${port}`];
  const pipe = await Member.start("sh", ["-c"], [...args, "--listen"]);
  const terminal = await Member.start(
    "script",
    ["-O", "/dev/null", "-qec"],
    args,
    "stty cols 80 rows 24;",
  );
  for (let i = 0; i < 2; i++) await host.event("joined");

  const members = [pipe, terminal];
  const burst = await costs(members, BURST, async () => {
    await host.write(says("burst", 0, BURST));
    await Promise.all(members.map((member) => member.shows(`burst ${BURST - 1}!`)));
  });
  await host.events("sent", BURST);
  const singles = await costs(members, SINGLES, async () => {
    for (let i = 0; i < SINGLES; i++) {
      await host.write(says("single", i, 1));
      await Promise.all(members.map((member) => member.shows(`single ${i}!`)));
    }
  });
  await host.events("sent", SINGLES);
  await pipe.end();
  const echoes = await pressKeys(terminal, host);
  await terminal.end();
  await host.quit();
  const echo = quantile(echoes, 0.5);
  return [
    {
      name: `processor time of a message in a terminal, of ${BURST} at once`,
      value: `${burst.terminal.toFixed(3)} ms, ${burst.ratio.toFixed(2)} times a pipe's`,
      ratio: AIMS.messageMs / burst.terminal,
    },
    {
      name: `processor time of a message in a terminal, of ${SINGLES} one after the other`,
      value: `${singles.terminal.toFixed(3)} ms, ${singles.ratio.toFixed(2)} times a pipe's`,
      ratio: AIMS.messageMs / singles.terminal,
    },
    {
      name: `key to echo while messages arrive, median of ${KEYS}`,
      value: `${echo.toFixed(1)} ms`,
      ratio: AIMS.echoMs / echo,
    },
    {
      name: "key to echo while messages arrive, 99th percentile",
      value: `${quantile(echoes, 0.99).toFixed(1)} ms`,
    },
  ];
}

/** The cost of a message in a terminal, in milliseconds, and as a ratio to a pipe. */
async function costs(
  members: readonly Member[],
  messages: number,
  show: () => Promise<void>,
): Promise<{ terminal: number; ratio: number }> {
  const before = members.map((member) => member.processorMs());
  await show();
  const [pipe, terminal] = members.map((member, i) => member.processorMs() - before[i]!);
  return { terminal: terminal! / messages, ratio: terminal! / pipe! };
}

/** Presses one key after the other while as many messages arrive as can. @returns The times, in milliseconds. */
async function pressKeys(terminal: Member, host: Program): Promise<number[]> {
  const pressed = new AbortController();
  const talking = talk(host, pressed.signal);
  const times: number[] = [];
  for (let i = 0; i < KEYS; i++) {
    const key = String.fromCharCode(FIRST_KEY + i);
    const start = performance.now();
    await terminal.type(key);
    await terminal.shows(key);
    times.push(performance.now() - start);
  }
  pressed.abort();
  await talking;
  return times;
}

async function talk(host: Program, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await host.write(says("noise", 0, BATCH));
    await host.events("sent", BATCH);
  }
}

function says(word: string, first: number, count: number): string {
  return Array.from({ length: count }, (_, i) => `{"say":"${word} ${first + i}!"}\n`).join("");
}
