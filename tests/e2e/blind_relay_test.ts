import { assert, assertEquals } from "@std/assert";
import type { Direction } from "../support/faults.ts";
import { type Search, searchMemory, TextSearch } from "../support/memory.ts";
import { HostProgram, Program } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";
import { missing, testUnless } from "../support/tools.ts";

/** How often each text is said, so that none is missed because memory was used again. */
const TIMES = 200;

/** No Deno is smaller. */
const MIN_MEMORY_BYTES = 50_000_000;

/** Texts that are nowhere else: one that a byte a character holds, and one that it does not. */
function canaries(): string[] {
  return ["canary", "канарейка"].map((word) => `${word}-${crypto.randomUUID()}`);
}

/** Searches the memory of a process, stopped meanwhile. */
function search(pid: number, texts: readonly string[]): Search {
  Deno.kill(pid, "SIGSTOP");
  try {
    return searchMemory(pid, texts);
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
}

testUnless(
  missing(),
  "a relay has no text in its memory, nor in what it reads and writes",
  async () => {
    await using relay = await HostProgram.start(["--relay-only", "--json"]);
    await using links = new AsyncDisposableStack();
    const left = links.use(await Proxy.open(relay.port));
    const right = links.use(await Proxy.open(relay.port));
    await using one = await relay.join(["--name", "one", "--json"], { address: left.address });
    await using two = await relay.join(["--name", "two", "--json"], { address: right.address });
    await one.event("joined");
    const [toAll, toOne] = [canaries(), canaries()];
    const texts = [...toAll, ...toOne];
    for (let i = 0; i < TIMES; i++) {
      for (const text of toAll) await one.tell({ say: text });
      for (const text of toOne) await two.tell({ say: text, to: "one" });
    }
    await two.stdout.count(2 * TIMES, /"event":"message"/);
    await one.stdout.count(2 * TIMES, /"event":"message"/);

    const { bytes, found } = search(relay.pid, texts);
    assert(bytes > MIN_MEMORY_BYTES, `${bytes} bytes`);
    assertEquals(found, texts.map(() => 0));
    for (const member of [one, two]) {
      const { found } = search(member.pid, texts);
      assert(found.every((times) => times > 0), `${found}`);
    }

    for (const member of [one, two]) {
      await member.tell({ do: "quit" });
      await member.ends(0);
    }
    for (const link of [left, right]) {
      for (const direction of ["toHost", "toMember"] as Direction[]) {
        const wire = new TextSearch([...texts, "LANCHAT"]);
        for (const chunk of link.recorded[direction]) wire.push(chunk);
        assert(wire.bytes > TIMES * texts.length / 2 * texts[0]!.length, `${wire.bytes} bytes`);
        // The greeting proves that the search works.
        assertEquals(wire.found, [...texts.map(() => 0), 1]);
      }
    }
    const printed = new TextSearch(texts);
    printed.push(new TextEncoder().encode(relay.stdout.text + relay.stderr.text));
    assertEquals(printed.found, texts.map(() => 0));
  },
);

/** Names that are nowhere else: one that a byte a character holds, and one that it does not. */
function nameCanaries(): string[] {
  return ["name", "имя"].map((word) => `${word}-${crypto.randomUUID()}`);
}

testUnless(
  missing(),
  "a relay for invited people has no name in its memory, nor in what it reads and writes",
  async () => {
    await using relay = await HostProgram.start(["--relay-only", "--invite", "--json"]);
    await using links = new AsyncDisposableStack();
    const { link } = await relay.event("invite");
    const proxies: Proxy[] = [];
    const members: Program[] = [];
    const names: string[] = [];
    const enter = async (name: string): Promise<Program> => {
      const proxy = links.use(await Proxy.open(relay.port));
      proxies.push(proxy);
      const address = `//${proxy.address}/`;
      const program = links.use(new Program(["join", "-", "--name", name, "--json"]));
      await program.write(`${link.replace(/\/\/[^/]+\//, address)}\n`);
      names.push(name);
      members.push(program);
      return await program.ready();
    };
    for (const name of [...nameCanaries(), ...nameCanaries()]) await enter(name);
    for (const name of nameCanaries()) {
      names.push(name);
      await members[0]!.tell({ do: "nick", name });
      await members.at(-1)!.event("renamed", (event) => event.member.name === name);
    }

    const { bytes, found } = search(relay.pid, names);
    assert(bytes > MIN_MEMORY_BYTES, `${bytes} bytes`);
    assertEquals(found, names.map(() => 0));
    const known = search(members.at(-1)!.pid, names);
    assert(known.found.every((times) => times > 0), `${known.found}`);

    for (const member of members) {
      await member.tell({ do: "quit" });
      await member.ends(0);
    }
    for (const { recorded } of proxies) {
      for (const direction of ["toHost", "toMember"] as Direction[]) {
        const wire = new TextSearch([...names, "LANCHAT"]);
        for (const chunk of recorded[direction]) wire.push(chunk);
        assertEquals(wire.found, [...names.map(() => 0), 1]);
      }
    }
    const printed = new TextSearch(names);
    printed.push(new TextEncoder().encode(relay.stdout.text + relay.stderr.text));
    assertEquals(printed.found, names.map(() => 0));
  },
);
