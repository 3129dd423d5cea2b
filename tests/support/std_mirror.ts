/**
 * A registry of JSR on loopback, which has the packages of `@std` as npm has them.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** The version of each package. */
const VERSION = "1.9.0";

/** An import of another package, which npm has in the folder beside. */
const OTHER_PACKAGE = /^((?:import|export|\}) .*?from )"\.\.\/(\w+)\/(\w+)\.js"/gm;

/** Serves the packages, and files that no module imports. */
export class StdMirror implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #packages: URL;

  /** Starts to serve. @param packages The directory of the packages, with a `/` at its end. */
  constructor(packages: URL) {
    this.#packages = packages;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      ({ url }) => this.#answer(new URL(url).pathname),
    );
  }

  /** Its address, as `JSR_URL` has it. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** Stops to serve. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #answer(path: string): Response {
    const [, name, rest] = /^\/@std\/(\w+)\/(.+)$/.exec(path) ?? [];
    if (name === undefined) return new Response(null, { status: 404 });
    if (rest === "meta.json") return Response.json({ versions: { [VERSION]: {} } });
    if (rest === `${VERSION}_meta.json`) return Response.json(this.#contents(name));
    return new Response(this.#source(name, rest!.slice(VERSION.length + 1)), {
      headers: { "content-type": "text/javascript" },
    });
  }

  /** The files of a package with their hashes, and the names under which it exports them. */
  #contents(name: string): unknown {
    const files = [...Deno.readDirSync(new URL(`${name}/`, this.#packages))]
      .filter(({ isFile }) => isFile).map(({ name }) => name);
    const manifest = files.map((file) => {
      const source = new TextEncoder().encode(this.#source(name, file));
      const checksum = `sha256-${createHash("sha256").update(source).digest("hex")}`;
      return [`/${file}`, { size: source.length, checksum }];
    });
    const exports = files.map((file) => [exportOf(file), `./${file}`]);
    return { manifest: Object.fromEntries(manifest), exports: Object.fromEntries(exports) };
  }

  #source(name: string, file: string): string {
    return Deno.readTextFileSync(new URL(`${name}/${file}`, this.#packages)).replaceAll(
      OTHER_PACKAGE,
      (_, start, other, module) => `${start}"jsr:@std/${other}@1/${module.replaceAll("_", "-")}"`,
    );
  }
}

function exportOf(file: string): string {
  return file === "mod.js" ? "." : `./${file.slice(0, -".js".length).replaceAll("_", "-")}`;
}
