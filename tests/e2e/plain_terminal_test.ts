import { assert } from "@std/assert";
import { HostProgram } from "../support/program.ts";
import { terminalTest } from "../support/tools.ts";

terminalTest("--plain writes lines to a terminal, without any escape sequence", async () => {
  const options = { terminal: true };
  await using host = await HostProgram.start(["--name", "hana", "--plain"], options);
  await using bob = await host.join(["--name", "bob", "--plain", "--no-notify"], options);
  await host.stdout.has(/bob joined/);
  await bob.write("hello\r");
  await host.stdout.has(/bob: hello\r?\n/);
  await host.write("hi bob\r");
  await bob.stdout.has(/hana: hi bob\r?\n/);
  for (const { stdout } of [host, bob]) assert(!stdout.text.includes("\x1b"), stdout.text);
});
