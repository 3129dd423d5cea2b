/**
 * Scripts that find lanchat on their path, as people's scripts do.
 *
 * @module
 */
import { commandLine, emptyDirectory, Program, type ProgramOptions } from "./program.ts";

/** The code blocks of a document in a language, in order. */
export function codeBlocks(document: string, language: string): string[] {
  const text = Deno.readTextFileSync(new URL(`../../docs/${document}`, import.meta.url));
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"));
  return [...blocks].map(([, code]) => code!);
}

/**
 * Starts a script.
 *
 * @param interpreter The program that runs it.
 * @param permissions Those of each lanchat that it starts.
 */
export function runScript(
  interpreter: string,
  script: string,
  args: readonly string[] = [],
  { env, permissions, ...options }: Omit<ProgramOptions, "wrapper"> = {},
): Program {
  const directory = emptyDirectory();
  const command = commandLine([], permissions).map((word) => `'${word}'`).join(" ");
  Deno.writeTextFileSync(`${directory}/lanchat`, `#!/bin/sh\nexec ${command} "$@"\n`, {
    mode: 0o755,
  });
  Deno.writeTextFileSync(`${directory}/script`, script);
  const path = `${directory}:${Deno.env.get("PATH")}`;
  return new Program([], {
    ...options,
    env: { ...env, PATH: path },
    wrapper: () => [interpreter, `${directory}/script`, ...args],
  });
}
