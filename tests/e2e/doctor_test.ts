import { assertEquals, assertMatch } from "@std/assert";
import { AcceptStatus, encodeFrame, encodeM0 } from "../../lib/wire/mod.ts";
import type { CheckEvent } from "../../lib/session_events.ts";
import { answer, Impostor, sending } from "../support/impostor.ts";
import { BINARY, type Event, HostProgram, Program, run } from "../support/program.ts";
import { terminalTest } from "../support/tools.ts";

/** Long enough for a slow machine. */
const PATIENT = ["--timeout", "60"];

/** All but multicast: these machines are not the tests' own. */
const LOOPBACK = ["--allow-net=127.0.0.1"];

const M0 = encodeFrame(encodeM0({ invite: false, busy: false, challenge: new Uint8Array(32) }));

const VERSION_AT = 4 + 7;

/** A test on only the loopback interface; a compiled binary would reach further. */
function loopbackTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: BINARY !== undefined, fn });
}

/** Runs the doctor to its end. @returns The status, and the result of each check. */
async function checkUp(
  address: string,
): Promise<{ status: number; checks: Record<string, CheckEvent> }> {
  const { status, stderr, stdout } = await run(["doctor", address, ...PATIENT, "--json"], {
    permissions: LOOPBACK,
  });
  assertEquals(stderr, "");
  const events: Event[] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.pop(), { event: "closed", reason: "done" });
  const checks = events.filter((event): event is CheckEvent => event.event === "check");
  assertEquals(checks.length, events.length);
  return { status, checks: Object.fromEntries(checks.map((check) => [check.check, check])) };
}

loopbackTest("doctor asks a host for its identity, its admission and its time", async () => {
  await using host = await HostProgram.start(["--name", "ada", "--json"]);
  const { fingerprint, tag } = await host.event("listening");
  const { checks, status } = await checkUp(host.address);
  const { clock, connection, host: asked, lanchat } = checks;
  assertEquals(status, 0);
  assertEquals([connection!.ok, lanchat!.ok, asked!.ok, clock!.ok], [true, true, true, true]);
  const groups = fingerprint.match(/\d{5}/g)!.join(" ");
  assertEquals(asked!.saw, `tag ${tag}, fingerprint ${groups}`);
});

loopbackTest(
  "doctor prints one line for each check, with its finding and the next step",
  async () => {
    const unused = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = unused.addr;
    unused.close();
    const { status, stderr, stdout } = await run(["doctor", `127.0.0.1:${port}`], {
      permissions: LOOPBACK,
    });
    assertEquals([status, stderr], [1, ""]);
    const lines = stdout.trimEnd().split("\n");
    for (const line of lines) assertMatch(line, /^(?:(?:ok|!!|\?\?) [a-z]+: | {3})\S/);
    assertMatch(
      lines.at(-2)!,
      /^!! connection: Cannot connect to 127\.0\.0\.1:\d+: nothing listens/,
    );
    assertMatch(lines.at(-1)!, /^ {3}Check that 'lanchat serve' runs/);
  },
);

loopbackTest("doctor reports an answer from anything but an open lanchat", async () => {
  const otherVersion = M0.slice();
  otherVersion[VERSION_AT] = 9;
  const closed = encodeFrame(
    encodeM0({ invite: true, busy: false, challenge: new Uint8Array(32) }),
  );
  const write = (bytes: Uint8Array) => async (caller: Deno.TcpConn) =>
    void await caller.write(bytes);
  const echo = async (caller: Deno.TcpConn): Promise<void> => {
    await caller.readable.pipeTo(caller.writable).catch(() => {});
  };
  const cases = [
    ["an echo", echo, ["--timeout", "1"], false, /has not answered as lanchat does in 1 s/],
    [
      "a web server",
      write(new TextEncoder().encode("HTTP/1.1 400\r\n")),
      PATIENT,
      false,
      /is not lanchat/,
    ],
    [
      "another version",
      write(otherVersion),
      PATIENT,
      false,
      /^This lanchat is older: .* version 9 .*, not 1/,
    ],
    ["a room with an invite", write(closed), PATIENT, true, /invitation only/],
    ["a full room", sending(answer(AcceptStatus.ROOM_FULL)), PATIENT, false, /room is full/],
  ] as const;
  await Promise.all(cases.map(async ([what, respond, patience, ok, saw]) => {
    await using impostor = new Impostor(respond);
    const args = ["doctor", impostor.address, ...patience, "--json"];
    const { status, stdout } = await run(args, { permissions: LOOPBACK });
    const line = stdout.split("\n").find((line) => line.includes('"check":"lanchat"'))!;
    const check: CheckEvent = JSON.parse(line);
    assertEquals([check.ok, status], [ok, ok ? 0 : 1], `${what}: ${line}`);
    assertMatch(check.saw, saw, what);
  }));
});

loopbackTest("doctor finds a clock that is an hour off", async () => {
  await using impostor = new Impostor(
    sending(answer(AcceptStatus.OK, Date.now() - 3_600_000)),
  );
  const { checks, status } = await checkUp(impostor.address);
  assertEquals([status, checks.clock!.ok], [1, false]);
  assertMatch(checks.clock!.saw, /^60 min ahead of/);
});

if (BINARY === undefined) {
  terminalTest("doctor checks its terminal", async () => {
    const { stdout } = await run(["doctor"], {
      terminal: true,
      permissions: [...LOOPBACK, "--allow-env"],
      env: { LC_ALL: "C.UTF-8" },
    });
    assertMatch(stdout, /^ok terminal: xterm-256color, \d+ × \d+, .*C\.UTF-8\r$/m);
  });
}

loopbackTest("doctor ends at once at Ctrl-C", async () => {
  await using silent = new Impostor(() => {});
  await using doctor = new Program(["doctor", silent.address, "--json", "--timeout", "999"], {
    permissions: LOOPBACK,
  });
  await doctor.event("check", ({ check }) => check === "connection");
  doctor.signal("SIGINT");
  await doctor.ends(130);
  assertEquals(doctor.events.at(-1), { event: "closed", reason: "signal" });
});
