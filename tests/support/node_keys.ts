// The program with the key reader for Windows, where `Deno.stdin` loses characters.
const { build } = Deno;
const fake = (value: typeof Deno.build): void => void Object.assign(Deno, { build: value });
fake({ ...build, os: "windows" });
await import("../../lib/ui/console.ts");
fake(build);
Deno.stdin.read = () => Promise.reject(new Error("Keys are read from Deno.stdin"));

const { run } = await import("../../lib/cli/mod.ts");
Deno.exit(await run(Deno.args));
