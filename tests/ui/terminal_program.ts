// A chat with an echo: what pseudo_terminal_test.ts runs.
import { chooseFrontEnd } from "../../lib/ui/mod.ts";
import { message } from "./members.ts";

const frontEnd = await chooseFrontEnd({
  json: false,
  typing: true,
  plain: Deno.args.includes("--plain"),
  notify: true,
});
for await (const input of frontEnd.input) {
  if (input.do === "quit") break;
  if (input.do !== "say") continue;
  if (input.text === "exit") Deno.exit(7);
  frontEnd.show(message("echo", input.text));
}
await frontEnd.close();
console.log("closed");
setInterval(() => {}, 1000); // until the terminal, restored, makes a signal of Ctrl-C
