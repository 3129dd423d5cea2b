/**
 * lanchat on Windows, which Wine plays here: `deno task try:windows`. Wine is in a Debian of its own, because only a
 * newer one has a Wine that runs Deno.
 *
 * Only a real Windows shows how its console draws and reflows, that it sends Ctrl-Break and the event of its end (Wine does
 * not: a test calls the handlers as Windows would), the questions of its firewall and of SmartScreen, and who may read
 * the files below `%APPDATA%`.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exists } from "../docs/documents.ts";
import { Network, OBSTACLE } from "../network/netns.ts";
import { within } from "../support/deadline.ts";
import { emptyDirectory, HostProgram, type ProgramOptions, run } from "../support/program.ts";
import { Pty } from "../support/pty.ts";
import { missing, testUnless } from "../support/tools.ts";
import { cacheDirectory, type Foreign, PERMISSIONS, tryOut } from "./foreign.ts";

/** That Debian. */
const DEBIAN = join(cacheDirectory(), "trixie");

/** What Wine keeps of this Windows. */
const PREFIX = emptyDirectory();

/** Runs a command in that Debian, with its first arguments, which sees the files here under their own names. */
const INSIDE = `
mount --rbind /proc "$0/proc"
mount --rbind /dev "$0/dev"
for directory in "$1" "$2" "$3"; do
  mkdir -p "$0$directory"
  mount --bind "$directory" "$0$directory"
done
shift 3
exec chroot "$0" "$@"`;

/** The program that changes a console there. */
const CONSOLE = fileURLToPath(new URL("console.ts", import.meta.url));

/** The directories that it sees: of the sources, of what tests make, and of downloads. */
const SEEN = [Deno.cwd(), join(PREFIX, ".."), cacheDirectory()];

function inside(...command: readonly string[]): string[] {
  return ["unshare", "--mount", "sh", "-ec", INSIDE, DEBIAN, ...SEEN, ...command];
}

function windowsPath(file: string): string {
  return `Z:${file.replaceAll("/", "\\")}`;
}

/** Ends what Wine started for this Windows. */
function shutDown(): void {
  const [program, ...args] = inside("/usr/lib/wine/wineserver", "--kill");
  new Deno.Command(program!, { args, env: { WINEPREFIX: PREFIX } }).outputSync();
}

const SYSTEM: Foreign = {
  name: "Windows",
  npm: "@deno/win32-x64",
  program: "deno.exe",
  obstacle: missing("npm", "unshare", "chroot") ??
    (Deno.uid() === 0 ? undefined : "only root may do this") ??
    (exists(`${DEBIAN}/usr/lib/wine/wine64`)
      ? undefined
      : `Wine is missing: debootstrap --variant=minbase --include=wine64 trixie ${DEBIAN}`),
  emulate: (program, args) => inside("/usr/lib/wine/wine64", windowsPath(program), ...args),
  path: windowsPath,
  env: { WINEDEBUG: "-all", WINEPREFIX: PREFIX, XDG_RUNTIME_DIR: PREFIX },
};

/** A console there that a test changes, as a person does. */
class Console implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #opening = this.#open();

  /** What starts lanchat in this console. */
  async options(): Promise<ProgramOptions> {
    const { wrapper, ...options } = await there();
    const port = `${this.#listener.addr.port}`;
    const runs = ["run", "--no-check", "--allow-all", windowsPath(CONSOLE), port];
    return { ...options, wrapper: ([deno, ...args]) => wrapper!([deno!, ...runs, ...args]) };
  }

  /** Makes the window wider, narrower, higher or lower. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#act(`size ${columns} ${rows}`);
  }

  /** Lets Windows tell lanchat of an event, such as a key or the end of the console. */
  async raise(event: number): Promise<void> {
    await this.#act(`event ${event}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await (await this.#opening)?.answers.cancel();
  }

  async #open() {
    const connection = await this.#listener.accept().catch(() => undefined);
    if (connection === undefined) return undefined;
    const answers = connection.readable.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    return { answers: answers.getReader(), connection };
  }

  async #act(line: string): Promise<void> {
    const { answers, connection } = (await this.#opening)!;
    await connection.write(new TextEncoder().encode(`${line}\n`));
    const { value } = await within(answers.read(), () => `The console did not: ${line}`);
    assertEquals(value, line);
  }
}

if (SYSTEM.obstacle === undefined) addEventListener("unload", shutDown);
const there = tryOut(SYSTEM);

testUnless(SYSTEM.obstacle, "Windows: the screen follows the size of its window", async () => {
  await using terminal = new Console();
  await using host = await HostProgram.start(["--no-announce", "--json", "--name", "ada"]);
  await using bob = new Pty(["join", host.address, "--name", "bob"], await terminal.options());
  await bob.says(/You are bob/);
  await bob.type("one line in a wide window, two in a narrow one");
  await bob.says(/^> one line in a wide window, two in a narrow one$/);
  await terminal.resize(30, 20);
  await bob.says(/^> one line in a wide window, t$/);
  await bob.type("\x7f\x7f\x7fwindow\r");
  assertEquals(await host.hears("bob", 1), ["one line in a wide window, two in a narrow window"]);
});

for (const [name, event] of [["Ctrl-Break", 1], ["the end of its console", 2]] as const) {
  testUnless(SYSTEM.obstacle, `Windows: ${name} ends a room as a signal does`, async () => {
    await using terminal = new Console();
    const options = await terminal.options();
    await using host = await HostProgram.start(
      ["--no-announce", "--json", "--name", "ada"],
      options,
    );
    await using bob = await host.join(["--json", "--name", "bob"]);
    await terminal.raise(event);
    assertEquals(await bob.event("closed"), { event: "closed", reason: "host-closed" });
    assertEquals(await host.event("closed"), { event: "closed", reason: "signal" });
    await host.ends(0);
  });
}

testUnless(
  SYSTEM.obstacle ?? OBSTACLE,
  "Windows: a room is found there, and one there from here",
  async () => {
    await using network = await Network.open(2);
    const [linux, windows] = network.machines;
    const { wrapper, ...options } = await there();
    const prefix = emptyDirectory();
    const here = { permissions: PERMISSIONS, wrapper: linux!.wrapper };
    // The process that has all sockets of Wine is on the network on which it was started.
    const away: ProgramOptions = {
      ...options,
      env: { ...options.env, WINEPREFIX: prefix, XDG_RUNTIME_DIR: prefix },
      wrapper: (command) => windows!.wrapper(wrapper!(command)),
    };
    for (const [hosting, looking] of [[here, away], [away, here]] as const) {
      await using host = await HostProgram.start(["--host", "::", "--json"], hosting);
      const { addresses, port } = await host.event("listening");
      const { stdout } = await run(["scan", "--timeout", "8", "--json"], looking);
      const room = JSON.parse(stdout.split("\n")[0]!);
      assertEquals(
        [room.event, room.addresses[0], room.port],
        ["room", addresses[0], port],
        stdout,
      );
      const linkLocal = room.addresses.at(-1);
      assertMatch(linkLocal, looking === away ? /^fe80:.*%\d+$/ : /^fe80:.*%eth0$/);
      const doctor = await run(["doctor", `[${linkLocal}]:${port}`, "--timeout", "60"], looking);
      assertStringIncludes(doctor.stdout, "takes connections");
      await host.tell({ do: "quit" });
      await host.ends(0);
    }
  },
);
