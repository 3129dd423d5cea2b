/** Every command of docs/SCRIPTS.md, and the one of docs/JSON.md, as a reader copies them. */
import { assertEquals, assertMatch } from "@std/assert";
import { emptyDirectory, HostProgram, type Program } from "../support/program.ts";
import { codeBlocks, runScript } from "../support/shell.ts";
import { missing, testUnless } from "../support/tools.ts";

/** What a command of the document does beside the host ada. */
interface Example {
  /** A part of the command. */
  readonly part: string;
  /** Files and folders that it sends; a folder ends with a slash. */
  readonly files?: readonly string[];
  /** What is expected of it; it is in a directory of its own. */
  readonly expect: (script: Program, host: HostProgram, directory: string) => Promise<void>;
}

/** Expects texts from a member, after which the command ends by itself. */
function says(name: string, text: RegExp): Example["expect"] {
  return async (script, host) => {
    await script.ends(0);
    const { text: said } = await host.event("message", ({ from }) => from.name === name);
    assertMatch(said, text);
  };
}

/** Ends the room, and with it a command. */
async function endsWith(script: Program, host: HostProgram): Promise<void> {
  host.signal("SIGTERM");
  await script.ends(0);
}

/** Accepts the first offer at the host. */
async function accept(host: HostProgram): Promise<void> {
  await host.event("offer");
  await host.tell({ do: "accept-file" });
}

/** The paths of all files in a folder, ascending. */
function readAll(folder: string, before = ""): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ isDirectory, name }) =>
    isDirectory ? readAll(`${folder}/${name}`, `${before}${name}/`) : [before + name]
  ).sort();
}

/** Makes a file, or a folder with one file. */
function make(path: string): void {
  if (path.endsWith("/")) Deno.mkdirSync(path);
  Deno.writeTextFileSync(path.endsWith("/") ? `${path}a` : path, "contents");
}

/** The processes that a script waits for. */
function childrenOf(pid: number): number[] {
  const pids = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
  return pids.trim().split(" ").map(Number);
}

const EXAMPLES: readonly Example[] = [
  { part: "the build is green", expect: says("ci", /^the build is green$/) },
  { part: "uptime", expect: says("ci", /load average/) },
  {
    part: "your backup failed",
    async expect(script, host) {
      await script.ends(0);
      const { private: isPrivate, text } = await host.event("message");
      assertEquals([text, isPrivate], ["your backup failed", true]);
    },
  },
  {
    part: "send report.pdf",
    files: ["report.pdf", "photos/"],
    async expect(script, host, directory) {
      await accept(host);
      await script.ends(0);
      assertEquals(readAll(`${directory}/in`), ["photos/a", "report.pdf"]);
    },
  },
  {
    part: "tar c src",
    files: ["src/"],
    async expect(script, host, directory) {
      await accept(host);
      await script.ends(0);
      assertEquals(readAll(`${directory}/in`), ["src.tar"]);
    },
  },
  {
    part: "--name inbox",
    files: ["a.txt"],
    async expect(script, host, directory) {
      await host.event("joined");
      await host.tell({ do: "send-file", paths: [`${directory}/a.txt`] });
      await host.event("file-sent");
      await endsWith(script, host);
      assertEquals(readAll(`${directory}/incoming`), ["a.txt"]);
    },
  },
  {
    part: "--until-delivered",
    async expect(script, host) {
      await says("ops", /^restart in 5 minutes$/)(script, host, "");
      assertEquals(script.stdout.text, "");
    },
  },
  {
    part: "--name archive",
    async expect(script, host, directory) {
      await host.event("joined");
      await host.tell({ say: "one\ntwo" });
      await host.tell({ say: "psst", to: "archive" });
      await host.tell({ do: "who" });
      await host.event("members");
      await endsWith(script, host);
      assertEquals(
        Deno.readTextFileSync(`${directory}/room.txt`),
        "ada: one\\ntwo\nada (private): psst\n",
      );
      assertEquals(script.stderr.text, "");
    },
  },
  {
    part: "--name watcher",
    async expect(script, host) {
      await host.event("joined");
      await host.tell({ say: "do not deploy" });
      await host.tell({ say: "deploy" });
      await script.stdout.line(/^deploying$/);
      await endsWith(script, host);
      assertEquals(script.stdout.lines, ["deploying"]);
    },
  },
  {
    part: "--relay-only",
    async expect(script) {
      await script.stdout.line(/^port \d+$/);
      for (const pid of childrenOf(script.pid)) Deno.kill(pid, "SIGTERM");
      await script.status();
    },
  },
  { part: "invite.txt", expect: says("ci", /^hello$/) },
  { part: "--host-key", expect: says("ci", /^hello$/) },
  { part: "--no-config", expect: says("ci", /^hello$/) },
  {
    part: ">> texts",
    async expect(script, host, directory) {
      await host.event("joined");
      await host.tell({ say: "only the text" });
      await host.tell({ do: "who" });
      await host.event("members");
      await endsWith(script, host);
      assertEquals(Deno.readTextFileSync(`${directory}/texts`), "only the text\n");
    },
  },
];

const COMMANDS = [...codeBlocks("SCRIPTS.md", "sh"), ...codeBlocks("JSON.md", "sh")];

Deno.test("docs/SCRIPTS.md and docs/JSON.md have only commands that a test runs", () => {
  const counts = COMMANDS.map((code) => EXAMPLES.filter(({ part }) => code.includes(part)).length);
  assertEquals(counts, COMMANDS.map(() => 1));
  assertEquals(COMMANDS.length, EXAMPLES.length);
});

for (const { expect, files = [], part } of EXAMPLES) {
  testUnless(
    missing("bash", "jq", "uptime"),
    `the command with ${part} does what its document says`,
    async () => {
      const directory = emptyDirectory();
      for (const name of files) make(`${directory}/${name}`);
      const disk = files.length > 0 ? ["--allow-read", "--allow-write"] : [];
      const args = ["--name", "ada", "--json", "--download-dir", `${directory}/in`];
      await using host = await HostProgram.start(args, { permissions: ["--allow-net", ...disk] });
      const { fingerprint } = await host.event("listening");
      const { link } = await host.event("invite");
      Deno.writeTextFileSync(`${directory}/invite.txt`, `${link}\n`);
      const code = COMMANDS.find((code) => code.includes(part))!
        .replace(/192\.168\.1\.5|192\.0\.2\.2/, host.address)
        .replace("29901 99456 56407 44777 73695 56115", fingerprint);
      await using script = runScript("bash", `cd '${directory}'\n${code}`, [], {
        permissions: ["--allow-net", "--allow-env=LANCHAT_INVITE", ...disk],
      });
      await expect(script, host, directory);
    },
  );
}
