import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { hostAtTerminal } from "../screen/people.ts";
import { ManInTheMiddle } from "../support/mitm.ts";
import { BINARY, emptyDirectory, HostProgram, run } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";
import { Pty, unwrapped } from "../support/pty.ts";
import { terminalTest } from "../support/tools.ts";

/** Waits for a row of a terminal. @returns The match of the pattern's group. */
async function read(pty: Pty, pattern: RegExp): Promise<string> {
  await pty.says(pattern);
  return unwrapped(pty.lines).map((line) => pattern.exec(line)?.[1]).find((text) =>
    text !== undefined
  )!;
}

/** The rows below one that begins with a text, so many of them, as digits. */
async function digitsBelow(pty: Pty, heading: RegExp, rows: number): Promise<string> {
  const found = (): number => pty.lines.findIndex((line) => heading.test(line));
  await pty.until(`${rows} rows below ${heading}`, ({ lines }) => {
    return found() >= 0 && lines.length > found() + rows + 1;
  });
  return pty.lines.slice(found() + 1, found() + 1 + rows).join("").replaceAll(/\D/g, "");
}

const HEARD = (name: string, text: string): RegExp => new RegExp(`^00:00 ${name}: ${text}$`);

terminalTest(
  "a man in the middle changes every value that people compare, and nothing else",
  async () => {
    await using ada = await hostAtTerminal("ada", { columns: 100, rows: 50 });
    const address = await read(ada, / join (127\.0\.0\.1:\d+)/);
    await using man = await ManInTheMiddle.open("ada", address);
    await using bob = new Pty(["join", man.address, "--name", "bob"], { columns: 100, rows: 50 });
    await bob.says(/You are bob\. 1 other here: ada \(host\)\.$/);
    await ada.says(/bob joined/);
    await bob.type("hello ada\r");
    await ada.says(HEARD("bob", "hello ada"));
    await ada.type("hello bob\r");
    await bob.says(HEARD("ada", "hello bob"));

    const CODE = /oin code (\d{5} \d{5})/;
    assertNotEquals(await read(bob, CODE), await read(ada, CODE));

    await bob.type("/whois ada\r");
    const shown = await read(bob, /-- fingerprint ([\d ]{35})$/);
    assertEquals(shown.replaceAll(" ", ""), man.fingerprint);
    await ada.type("/fingerprint\r");
    assertNotEquals(shown, await read(ada, /Your fingerprint, and the room's: ([\d ]{35})$/));

    await bob.type("/verify ada show\r");
    await ada.type("/verify bob show\r");
    const [bobs, adas] = await Promise.all([
      digitsBelow(bob, /Safety number of you and ada:/, 2),
      digitsBelow(ada, /Safety number of you and bob:/, 2),
    ]);
    assertEquals([bobs.length, adas.length], [60, 60]);
    assertNotEquals(bobs, adas);
    const adasHalf = (await read(ada, /-- ([\d ]{35}) \(you\)$/)).split(" ");
    await bob.type("/verify ada\r");
    const half = (await read(bob, /-- ((?=.*\?)(?:\d{5} |\?{5} )+)\(ada\)$/)).trim().split(" ");
    const missing = adasHalf.filter((_, i) => half[i] === "?????");
    await bob.type(`/verify ada ${missing.join(" ")}\r`);
    await bob.says(/hint: Compare again\./);
  },
);

Deno.test("a man in the middle fails if the host is known, named, or in a link", async () => {
  const home = emptyDirectory();
  const permissions = ["--allow-net", "--allow-read", "--allow-write", "--allow-env"];
  const kept = { permissions, env: { HOME: home, XDG_CONFIG_HOME: home } };
  await using ada = await HostProgram.start(["--relay-only", "--json"]);
  const { fingerprint } = await ada.event("listening");
  const groups = (digits: string): string => digits.match(/\d{5}/g)!.join(" ");
  await using man = await ManInTheMiddle.open("ada", ada.address);
  await using proxy = await Proxy.open(ada.port);
  const join = ["join", proxy.address, "--name", "bob"];
  assertEquals((await run(join, kept)).status, 0);

  proxy.target = man.port;
  const known = await run(join, kept);
  assertEquals([known.status, known.stdout], [3, ""]);
  assertMatch(
    known.stderr,
    /^lanchat: error: The key of the host at .* has changed/m,
  );
  for (const digits of [`${groups(man.fingerprint)} now`, `${groups(fingerprint)} since`]) {
    assert(known.stderr.includes(digits), known.stderr);
  }
  assertMatch(known.stderr, /^lanchat: hint: .*if not, someone else answers there/m);

  if (BINARY === undefined) { // Whose permissions would let it send multicast.
    const local = ["--allow-net=127.0.0.1", ...permissions.slice(1)];
    const doctor = await run(["doctor", proxy.address], { ...kept, permissions: local });
    assertMatch(doctor.stdout, /^!! host: .*key of the host .* has changed/m);
  }

  const named = await run([...join, "--host-key", fingerprint]);
  assertEquals([named.status, named.stdout], [3, ""]);
  assertMatch(named.stderr, /^lanchat: error: .*host's key is not the expected one/m);
  assertMatch(named.stderr, /^lanchat: hint: Someone else may be answering there/m);

  await using exclusive = await HostProgram.start(["--relay-only", "--invite", "--json"]);
  for (
    const [host, status, error] of [
      [ada, 3, /^lanchat: error: .*host's key is not the expected one/m],
      [
        exclusive,
        1,
        /^lanchat: error: .*claims an open room, but the invite is for a closed one$/m,
      ],
    ] as const
  ) {
    const { link } = await host.event("invite");
    const there = link.replace(/:\d+\//, `:${proxy.port}/`);
    const invited = await run(["join", there, "--name", "bob"]);
    assertEquals([invited.status, invited.stdout], [status, ""]);
    assertMatch(invited.stderr, error);
  }
  assertEquals(man.victims, []);
});
