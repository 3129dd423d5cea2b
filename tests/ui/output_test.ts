import { assertEquals } from "@std/assert";
import { MAX_UNWRITTEN, Output } from "../../lib/ui/output.ts";
import { test } from "../support/test.ts";
import { memoryStreams, Sink } from "./streams.ts";

const pipeClosed = (): never => {
  throw new Deno.errors.BrokenPipe("closed");
};

async function isPending(promise: Promise<void>): Promise<boolean> {
  let pending = true;
  promise.then(() => pending = false);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return pending;
}

test("Output joins the texts of one turn into one write", async () => {
  const { streams, stdout } = memoryStreams();
  const output = new Output(streams);
  for (let i = 0; i < 1000; i++) output.write(`${i}\n`);
  await output.close();
  assertEquals(stdout.writes, [Array.from({ length: 1000 }, (_, i) => `${i}\n`).join("")]);
});

test("Output is not broken by its close", async () => {
  const { streams } = memoryStreams();
  const output = new Output(streams);
  output.write("all");
  await output.close();
  assertEquals(await isPending(output.broken), true);
});

test("Output keeps the order across both streams", async () => {
  const order: string[] = [];
  const sink = (name: string): Sink => new Sink((text) => order.push(`${name}: ${text}`));
  const output = new Output({ stdout: sink("out").stream, stderr: sink("err").stream });
  output.write("1");
  output.write("2", "stderr");
  output.write("3", "stderr");
  output.write("4");
  await output.close();
  assertEquals(order, ["out: 1", "err: 23", "out: 4"]);
});

test("Output is writable while less than the maximum is unwritten", async () => {
  const blocked = Promise.withResolvers<void>();
  const output = new Output({
    stdout: new WritableStream({ write: () => blocked.promise }),
    stderr: new WritableStream(),
  });
  output.write("x".repeat(MAX_UNWRITTEN - 1));
  await output.writable();
  output.write("x");
  const writable = output.writable();
  assertEquals(await isPending(writable), true);
  blocked.resolve();
  await writable;
  await output.close();
});

test("Output reports a closed standard output and drops later texts", async () => {
  let writes = 0;
  const output = new Output({
    stdout: new WritableStream({ write: () => (writes++, pipeClosed()) }),
    stderr: new WritableStream(),
  });
  assertEquals(await isPending(output.broken), true);
  output.write("x".repeat(MAX_UNWRITTEN));
  await output.broken;
  output.write("y".repeat(MAX_UNWRITTEN));
  await output.writable();
  await output.close();
  assertEquals(writes, 1);
});

test("Output ends all waits if standard output breaks", async () => {
  const blocked = Promise.withResolvers<void>();
  const output = new Output({
    stdout: new WritableStream({ write: () => blocked.promise }),
    stderr: new WritableStream(),
  });
  output.write("first");
  await isPending(output.broken);
  output.write("x".repeat(MAX_UNWRITTEN), "stderr");
  output.write("x".repeat(MAX_UNWRITTEN));
  const writable = output.writable();
  blocked.reject(new Error("gone"));
  await writable;
  await output.close();
});

test("Output continues without standard error", async () => {
  const { streams, stdout } = memoryStreams();
  const output = new Output({ ...streams, stderr: new WritableStream({ write: pipeClosed }) });
  output.write("1", "stderr");
  output.write("2");
  output.write("3", "stderr");
  output.write("4");
  assertEquals(await isPending(output.broken), true);
  await output.close();
  assertEquals(stdout.text, "24");
});

test("Output.close releases the streams", async () => {
  const { streams } = memoryStreams();
  await new Output(streams).close();
  await new Output(streams).close();
});
