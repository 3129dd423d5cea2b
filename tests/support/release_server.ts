/**
 * A release on the loopback interface, laid out and signed as that of the workflow, with a key of its own.
 *
 * @module
 */
import { assert } from "@std/assert";
import { toHex } from "../../lib/bytes/mod.ts";
import { type Target, TARGETS } from "../../release/binary.ts";
import { emptyDirectory } from "./program.ts";

/** What the workflow signs for. */
const NAMESPACE = "lanchat-release";

/** Runs a program to its end. @returns What it printed. @throws {AssertionError} If it fails. */
export async function output(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<string> {
  const { stderr, stdout, success } = await new Deno.Command(program, {
    ...options,
    args: [...args],
  }).output();
  const decoder = new TextDecoder();
  assert(
    success,
    `${program} ${args.join(" ")}\n${decoder.decode(stdout)}${decoder.decode(stderr)}`,
  );
  return decoder.decode(stdout);
}

/** A key that signs releases. */
export class SigningKey {
  /** The file of the private half. */
  readonly file: string;
  /** The public half. */
  readonly publicKey: string;

  private constructor(file: string) {
    this.file = file;
    this.publicKey = Deno.readTextFileSync(`${file}.pub`).split(" ").slice(0, 2).join(" ");
  }

  /** Makes a key. */
  static async generate(): Promise<SigningKey> {
    const file = `${emptyDirectory()}/key`;
    await output("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
    return new SigningKey(file);
  }

  /** Signs bytes. */
  async sign(bytes: Uint8Array, namespace: string = NAMESPACE): Promise<Uint8Array> {
    const file = `${emptyDirectory()}/signed`;
    await Deno.writeFile(file, bytes);
    await output("ssh-keygen", ["-q", "-Y", "sign", "-f", this.file, "-n", namespace, file]);
    return await Deno.readFile(`${file}.sig`);
  }
}

/** The files of a release by their names. */
export type ReleaseFiles = Map<string, Uint8Array>;

/** Releases on a server, and what it was asked for. */
export class ReleaseServer implements AsyncDisposable {
  /** The paths that were asked for, below the address. */
  readonly asked: string[] = [];
  /** The version that is the latest one. */
  latest = "";
  /** A file of which only the first half comes. */
  cut = "";
  readonly #releases = new Map<string, ReleaseFiles>();
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Promise<void>>();
  readonly #serving = this.#serve();

  /** Where the releases are. */
  get address(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}/lanchat/releases`;
  }

  /** The files of a release, which may be changed. */
  files(version: string): ReleaseFiles {
    return this.#releases.get(version)!;
  }

  /** Adds a release, and makes it the latest one. */
  add(version: string, files: ReleaseFiles): void {
    this.#releases.set(version, files);
    this.latest = version;
  }

  /** Ends the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
    await Promise.all(this.#connections);
  }

  async #serve(): Promise<void> {
    for await (const connection of this.#listener) {
      const answering = this.#answer(connection).finally(() => this.#connections.delete(answering));
      this.#connections.add(answering);
    }
  }

  /** Answers one request. Deno's own server cannot cut an answer off. */
  async #answer(connection: Deno.Conn): Promise<void> {
    using _connection = connection;
    const buffer = new Uint8Array(4096);
    let request = "";
    while (!request.includes("\r\n\r\n")) {
      const count = await connection.read(buffer);
      if (count === null) return;
      request += new TextDecoder().decode(buffer.subarray(0, count));
    }
    const path = /^GET \/lanchat\/releases(\/\S+) /.exec(request)?.[1] ?? "";
    this.asked.push(path);
    const writer = connection.writable.getWriter();
    const head = (status: string, ...lines: string[]): Promise<void> => {
      const text = [`HTTP/1.1 ${status}`, ...lines, "Connection: close", "", ""].join("\r\n");
      return writer.write(new TextEncoder().encode(text));
    };
    const [, latest] = /^\/latest\/download\/(.+)$/.exec(path) ?? [];
    const [, version, name] = /^\/download\/v([^/]+)\/(.+)$/.exec(path) ?? [];
    const bytes = this.#releases.get(version ?? "")?.get(name ?? "");
    if (latest !== undefined) {
      const location = `${this.address}/download/v${this.latest}/${latest}`;
      await head("302 Found", `Location: ${location}`, "Content-Length: 0");
    } else if (bytes === undefined) await head("404 Not Found", "Content-Length: 0");
    else {
      await head("200 OK", `Content-Length: ${bytes.length}`);
      await writer.write(name === this.cut ? bytes.subarray(0, bytes.length / 2) : bytes);
    }
  }
}

/** A line of SHA256SUMS. */
export async function sumLine(name: string, bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
  return `${toHex(new Uint8Array(hash))}  ${name}\n`;
}

/** The documents of an archive that an installation has, too. */
const DOCUMENTS = [
  "completions/_lanchat",
  "completions/lanchat.bash",
  "completions/lanchat.fish",
  "lanchat.1",
];

/**
 * Makes the files of a release.
 *
 * @param program The script that stands in for the program of a target.
 */
export async function makeRelease(
  key: SigningKey,
  version: string,
  program: (target: Target) => string,
): Promise<ReleaseFiles> {
  const files: ReleaseFiles = new Map();
  let sums = "";
  for (const target of TARGETS.filter(({ name }) => !name.startsWith("windows"))) {
    const directory = emptyDirectory();
    const name = `lanchat-${version}-${target.name}`;
    await Deno.mkdir(`${directory}/${name}/completions`, { recursive: true });
    for (const path of DOCUMENTS) await Deno.writeTextFile(`${directory}/${name}/${path}`, path);
    await Deno.writeTextFile(`${directory}/${name}/lanchat`, program(target), { mode: 0o755 });
    const archive = `${name}.tar.gz`;
    await output("tar", ["-czf", archive, name], { cwd: directory });
    const bytes = await Deno.readFile(`${directory}/${archive}`);
    files.set(archive, bytes);
    sums += await sumLine(archive, bytes);
  }
  await signSums(key, files, sums);
  return files;
}

/** Writes and signs the checksums of a release. */
export async function signSums(
  key: SigningKey,
  files: ReleaseFiles,
  sums: string,
): Promise<void> {
  const bytes = new TextEncoder().encode(sums);
  files.set("SHA256SUMS", bytes);
  files.set("SHA256SUMS.sig", await key.sign(bytes));
}
