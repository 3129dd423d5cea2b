import { assertEquals } from "@std/assert";
import { DebuggerBlock } from "../../lib/net/debugger.ts";
import { FakeClock } from "../support/clock.ts";
import { test } from "../support/test.ts";

/** A port that another program may hold, and the result of each attempt to open it. */
function port() {
  const seen: string[] = [];
  const state = { isUsed: false, seen };
  const bind = ({ hostname, port }: { hostname: string; port: number }): Deno.TcpListener => {
    seen.push(state.isUsed ? "in use" : `${hostname}:${port}`);
    if (state.isUsed) throw new Deno.errors.AddrInUse("Address already in use");
    const listener = { unref: () => {}, close: () => void seen.push("closed") };
    return listener as unknown as Deno.TcpListener;
  };
  return Object.assign(state, { bind });
}

test("DebuggerBlock holds the debugger's port until its disposal", () => {
  const { bind, seen } = port();
  const clock = new FakeClock();
  {
    using _ = new DebuggerBlock({ bind, clock });
    clock.advance(60_000);
    assertEquals(seen, ["127.0.0.1:9229"]);
  }
  assertEquals([seen, clock.timers], [["127.0.0.1:9229", "closed"], 0]);
});

test("DebuggerBlock takes over the port when another program releases it", () => {
  const used = port();
  used.isUsed = true;
  const clock = new FakeClock();
  {
    using _ = new DebuggerBlock({ bind: used.bind, clock });
    clock.advance(1000);
    used.isUsed = false;
    clock.advance(1000);
    assertEquals(used.seen, ["in use", "in use", "127.0.0.1:9229"]);
  }
  assertEquals([used.seen.at(-1), clock.timers], ["closed", 0]);
});

test("DebuggerBlock stops trying at its disposal", () => {
  const used = port();
  used.isUsed = true;
  const clock = new FakeClock();
  new DebuggerBlock({ bind: used.bind, clock })[Symbol.dispose]();
  assertEquals([used.seen, clock.timers], [["in use"], 0]);
});
