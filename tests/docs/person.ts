/** People whose terminals are the pictures of the documents. */
import { toBase64 } from "../../lib/bytes/mod.ts";
import { seedToPkcs8 } from "../../lib/crypto/mod.ts";
import { emptyDirectory, Program } from "../support/program.ts";
import { Pty, type PtyOptions } from "../support/pty.ts";

const PERMISSIONS = ["--allow-net", "--allow-sys", "--allow-env", "--allow-read", "--allow-write"];

/** A person with a home directory and a fixed identity in it. */
export class Person {
  readonly #options: PtyOptions & { readonly env: Readonly<Record<string, string>> };

  /** @param seed Gives the identity. @param columns The width of their terminals. */
  constructor(seed: number, columns: number) {
    const home = emptyDirectory();
    const env = { HOME: home, XDG_CONFIG_HOME: home };
    this.#options = { columns, rows: 50, permissions: PERMISSIONS, env };
    const pkcs8 = toBase64(seedToPkcs8(new Uint8Array(32).fill(seed)));
    const identity = JSON.stringify({ type: "lanchat identity", version: 1, pkcs8 });
    Deno.mkdirSync(`${home}/lanchat`);
    Deno.writeTextFileSync(`${home}/lanchat/identity.json`, identity, { mode: 0o600 });
  }

  /** Where its files are, but for the folder `lanchat`. */
  get home(): string {
    return this.#options.env.HOME!;
  }

  /** Starts lanchat in a terminal. */
  start(...args: string[]): Pty {
    return new Pty(args, this.#options);
  }

  /** Hosts a room without a terminal. */
  async host(address: string): Promise<Program> {
    const [host, port] = address.split(":") as [string, string];
    const args = ["serve", "--relay-only", "--host", host, "--port", port, "--json"];
    const program = new Program(args, this.#options);
    await program.event("listening");
    return program;
  }

  /** Runs lanchat to its end. @returns The command, and what it showed. */
  async run(...args: string[]): Promise<string> {
    await using pty = this.start(...args);
    await pty.status();
    return [`$ lanchat ${args.join(" ")}`, ...pty.lines.slice(0, -1)].join("\n");
  }
}
