/**
 * How much of the program one message runs through: the files and functions of lib/ that run at the sender, at
 * the host (which relays it and is a member too) and at another member, from the first key to the last mark.
 *
 * V8 counts how often each function is entered or resumed, in three processes that run on 127.0.0.1. A function
 * is on the path if it runs more often in each window with a message than in any window without one. What an
 * option touches cannot be counted so: the files are those in which its name occurs.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { Member } from "./member.ts";

/**
 * Length of a window, in milliseconds: the last mark of a message is shown within it. Two are no whole number of
 * seconds, or a timer of one second could run more often in each window of one kind.
 */
const WINDOW_MS = 2700;
const WARM_UP_WINDOWS = 3;
const ROUNDS = 5;

/** Options that are followed by their names, which nothing else has. */
const OPTIONS = ["accept-host", "give-up-after", "keep-seat", "max-rate", "until-delivered"];

const GATE = new URL("gate.ts", import.meta.url).pathname;
const LIB = new URL("../lib/", import.meta.url).href;

/** How the program runs in each mode, and how a text is entered. */
const MODES = {
  terminal: {
    shell: ["script", "-O", "/dev/null", "-qec"],
    first: "stty cols 80 rows 24;",
    options: [],
    line: (text: string) => `${text}\r`,
  },
  plain: {
    shell: ["sh", "-c"],
    first: "exec 2>&1;",
    options: [],
    line: (text: string) => `${text}\n`,
  },
  json: {
    shell: ["sh", "-c"],
    first: "exec 2>&1;",
    options: ["--json"],
    line: (text: string) => `{"say":"${text}"}\n`,
  },
} as const;

type Mode = typeof MODES[keyof typeof MODES];

/** The part of V8's precise coverage that is read. */
interface Coverage {
  readonly result: readonly {
    readonly scriptId: string;
    readonly url: string;
    readonly functions: readonly {
      readonly functionName: string;
      readonly ranges: readonly { startOffset: number; endOffset: number; count: number }[];
    }[];
  }[];
}

/** Calls of functions; a function is `FILE OFFSET NAME`, so that functions sort by their place. */
type Calls = Map<string, number>;

/** A running program whose calls are counted. */
class CountedMember {
  readonly member: Member;
  readonly #inspector: WebSocket;
  readonly #answers: ((result: never) => void)[] = [];
  readonly #sources = new Map<string, string>();

  private constructor(member: Member, inspector: WebSocket) {
    this.member = member;
    this.#inspector = inspector;
    inspector.onmessage = ({ data }) => {
      const { id, result } = JSON.parse(data);
      this.#answers[id]?.(result as never);
    };
  }

  /** Starts the program, once its calls are counted: V8 counts no resumption of functions that ran before. */
  static async start({ shell, first, options }: Mode, ...words: string[]): Promise<CountedMember> {
    const [command, ...shellOptions] = shell;
    const flags = ["--inspect=127.0.0.1:0", `--preload=${GATE}`];
    const member = await Member.start(command, shellOptions, [...words, ...options], first, flags);
    const [, url] = await member.shows(/(ws:\S+)\s/);
    const inspector = new WebSocket(url!);
    await new Promise((resolve) => inspector.onopen = resolve);
    const counted = new CountedMember(member, inspector);
    await counted.#ask("Profiler.enable");
    await counted.#ask("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    await counted.#ask("Debugger.enable");
    await counted.#ask("Runtime.evaluate", { expression: "isOpen = true" });
    return counted;
  }

  /** Returns the calls since it was last called. */
  async calls(): Promise<Calls> {
    const { result } = await this.#ask<Coverage>("Profiler.takePreciseCoverage");
    const calls: Calls = new Map();
    for (const { scriptId, url, functions } of result) {
      if (!url.startsWith(LIB)) continue;
      const file = url.slice(LIB.length);
      const source = await this.#source(scriptId);
      for (const { functionName, ranges } of functions) {
        const { startOffset: offset, endOffset: end } = ranges[0]!;
        const count = Math.max(...ranges.map((range) => range.count));
        // "<...>" are the initializers of fields, which are no functions of the source.
        if (count === 0 || functionName.startsWith("<")) continue;
        const name = describe(functionName, source, offset, end);
        calls.set(`${file} ${String(offset).padStart(6, "0")} ${name}`, count);
      }
    }
    return calls;
  }

  /** Ends the program, which would not end while the inspector is connected. */
  async end(): Promise<void> {
    this.#inspector.close();
    await this.member.end();
  }

  async #source(scriptId: string): Promise<string> {
    const source = this.#sources.get(scriptId) ??
      (await this.#ask<{ scriptSource: string }>("Debugger.getScriptSource", { scriptId }))
        .scriptSource;
    this.#sources.set(scriptId, source);
    return source;
  }

  #ask<T>(method: string, params = {}): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const id = this.#answers.push(resolve) - 1;
    this.#inspector.send(JSON.stringify({ id, method, params }));
    return promise;
  }
}

/** Names a function by its class and its name, or by the start of its text if it has no name. */
function describe(name: string, source: string, offset: number, end: number): string {
  const above = source.slice(0, offset);
  const type = [...above.matchAll(/^(?:\/?[* ].*\*\/ )?(?:export )?(?:abstract )?class (\w+)/gm)]
    .at(-1);
  const isMember = type !== undefined && !above.slice(type.index).includes("\n}\n");
  const [text] = source.slice(offset, end).split("\n");
  return `${isMember ? `${type[1]}.` : ""}${name || `(${text!.slice(0, 60)})`}`;
}

/** Returns the functions that run more often in each window with a message than in any idle one. */
function onPath(messages: readonly Calls[], idle: readonly Calls[]): string[] {
  const most = (func: string): number => Math.max(...idle.map((calls) => calls.get(func) ?? 0));
  return [...messages[0]!.keys()].filter((func) =>
    messages.every((calls) => (calls.get(func) ?? 0) > most(func))
  );
}

/** Returns the path of a message, for each role. */
async function measure(mode: Mode): Promise<Record<string, string[]>> {
  const host = await CountedMember.start(mode, "serve", "--host", "127.0.0.1", "--port", "0");
  const [, port] = await host.member.shows(/127\.0\.0\.1:(\d+)\//);
  const join = async (name: string): Promise<CountedMember> => {
    const joining = await CountedMember.start(mode, "join", `127.0.0.1:${port}`, "--name", name);
    await host.member.shows(name);
    return joining;
  };
  const roles = { sender: await join("sender"), host, receiver: await join("receiver") };
  const members = Object.values(roles);
  const window = async (text = ""): Promise<Calls[]> => {
    const end = new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
    if (text !== "") {
      await roles.sender.member.type(mode.line(text));
      await Promise.all([host, roles.receiver].map(({ member }) => member.shows(text)));
    }
    await end;
    return await Promise.all(members.map((member) => member.calls()));
  };

  for (let i = 0; i < WARM_UP_WINDOWS; i++) await window(`warm-up ${i}`);
  const idle: Calls[][] = [];
  const messages: Calls[][] = [];
  for (let i = 0; i < ROUNDS; i++) {
    idle.push(await window());
    messages.push(await window(`message ${i}`));
  }
  await Promise.all(members.map((member) => member.end()));

  const path = (i: number): string[] =>
    onPath(messages.map((calls) => calls[i]!), idle.map((calls) => calls[i]!));
  return Object.fromEntries(Object.keys(roles).map((role, i) => [role, path(i)]));
}

/** Returns the files of lib/ in which an option occurs by its name, as typed or in camel case. */
function filesOf(option: string): string[] {
  const camelCase = option.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
  const pattern = new RegExp(`\\b(?:${option}|${camelCase})\\b`);
  const find = (folder: string): string[] =>
    [...Deno.readDirSync(new URL(folder, LIB))].flatMap(({ isDirectory, name }) => {
      if (isDirectory) return find(`${folder}${name}/`);
      return pattern.test(Deno.readTextFileSync(new URL(folder + name, LIB))) ? folder + name : [];
    });
  return find("").toSorted();
}

const { values: flags } = parseArgs({
  options: {
    mode: { type: "string", default: "plain" },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const roles = await measure(MODES[flags.mode as keyof typeof MODES]);
const all = [...new Set(Object.values(roles).flat())].toSorted();
const options: Record<string, string[]> = {};
for (const option of OPTIONS) options[option] = filesOf(option);
if (flags.json) {
  console.log(JSON.stringify({ mode: flags.mode, roles, all, options }));
} else {
  for (const [role, funcs] of Object.entries({ ...roles, all })) {
    const files = new Set(funcs.map(fileOf));
    console.log(`${role.padEnd(9)}${files.size} files, ${funcs.length} functions`);
  }
  for (const option of OPTIONS) console.log(`--${option}: ${options[option]!.join(", ")}`);
  if (flags.list) console.log(list());
}
Deno.exit();

function fileOf(func: string): string {
  return func.slice(0, func.indexOf(" "));
}

/** Lists the functions of all roles by file, each after the initials of the roles in which it runs. */
function list(): string {
  return [...Map.groupBy(all, fileOf)].flatMap(([file, funcs]) => [
    `lib/${file}`,
    ...funcs.map((func) => {
      const marks = Object.entries(roles).map(([role, path]) =>
        path.includes(func) ? role[0] : "-"
      );
      return `  ${marks.join("")} ${func.slice(file.length + 8)}`;
    }),
  ]).join("\n");
}
