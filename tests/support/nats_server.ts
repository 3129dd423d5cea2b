/**
 * Real NATS servers on 127.0.0.1, each a process.
 *
 * @module
 */
import { within } from "./deadline.ts";
import { emptyDirectory, Output } from "./program.ts";
import { missing } from "./tools.ts";

/** Why a test cannot have a NATS server, and a certificate for it; `undefined` where it can. */
export const NO_NATS: string | undefined = missing("nats-server", "openssl");

/** A running NATS server; leaving its scope kills it. */
export class NatsServer implements AsyncDisposable {
  /** Its port for clients. */
  readonly port: number;
  /** Its port for the other servers of a cluster; 0 without a cluster. */
  readonly routePort: number;
  /** Its port for leaf nodes; 0 without them. */
  readonly leafPort: number;
  readonly #settings: string;
  #process: Running;

  private constructor(settings: string, process: Running) {
    this.#settings = settings;
    this.#process = process;
    this.port = process.portOf("client");
    this.routePort = process.portOf("route");
    this.leafPort = process.portOf("leafnode");
  }

  /**
   * Starts a server.
   *
   * @param settings More lines of its configuration; a port of -1 is a free one.
   * @param wrapper Wraps its command in another one.
   */
  static async start(settings = "", wrapper?: Wrapper): Promise<NatsServer> {
    return new NatsServer(settings, await Running.start(`port: -1\n${settings}`, wrapper));
  }

  /** Starts a cluster of servers, each with these settings. */
  static async cluster(count: number, settings = ""): Promise<NatsServer[]> {
    const servers: NatsServer[] = [];
    for (let i = 0; i < count; i++) {
      const routes = servers.map(({ routePort }) => `nats://127.0.0.1:${routePort}`);
      servers.push(
        await NatsServer.start(
          `${settings}
           cluster { name: test, listen: "127.0.0.1:-1", routes: [${routes.join()}] }`,
        ),
      );
    }
    const isRoute = (line: string): boolean => line.includes("Route connection created");
    for (const server of servers) await server.#process.log.count(count - 1, isRoute);
    return servers;
  }

  /** Its address. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Waits for a line of its log. */
  async says(pattern: RegExp): Promise<string> {
    return await this.#process.log.line(pattern);
  }

  /** Has it take other settings while it runs. */
  async reload(settings: string): Promise<void> {
    await this.#process.reload(`port: ${this.port}\n${settings}`);
  }

  /** The lines of its log. */
  get log(): readonly string[] {
    return this.#process.log.lines;
  }

  /** Kills it, as a power failure would. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  /** Starts it again, on the same ports. */
  async restart(): Promise<void> {
    const settings = this.#settings
      .replace(/(cluster[^}]*listen: "127\.0\.0\.1:)-1/, `$1${this.routePort}`)
      .replace(/(leafnodes[^}]*port: )-1/, `$1${this.leafPort}`);
    this.#process = await Running.start(`port: ${this.port}\n${settings}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Wraps a command in another one. */
type Wrapper = (command: readonly string[]) => readonly string[];

/** A process of a server. */
class Running {
  readonly log: Output;
  readonly #file: string;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, file: string) {
    this.#child = child;
    this.#file = file;
    this.log = new Output(child.stderr, () => this.log.text);
  }

  static async start(settings: string, wrapper: Wrapper = (same) => same): Promise<Running> {
    const file = `${emptyDirectory()}/nats.conf`;
    await write(file, settings);
    const [executable, ...args] = wrapper(["nats-server", "-c", file]);
    const command = new Deno.Command(executable!, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    });
    const running = new Running(command.spawn(), file);
    await running.log.line(/Server is ready/);
    if (/^ *cluster/m.test(settings)) await running.log.line(/for route connections/);
    return running;
  }

  get pid(): number {
    return this.#child.pid;
  }

  portOf(what: string): number {
    const pattern = new RegExp(`Listening for ${what} connections on .*:(\\d+)$`);
    const [port] = this.log.lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
    return Number(port ?? 0);
  }

  async reload(settings: string): Promise<void> {
    await write(this.#file, settings);
    const isReload = (line: string): boolean => line.includes("Reloaded server configuration");
    const before = this.log.lines.filter(isReload).length;
    this.#child.kill("SIGHUP");
    await this.log.count(before + 1, isReload);
  }

  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await within(this.#child.status, () => "The server did not end");
    await this.log.drained;
  }
}

async function write(file: string, settings: string): Promise<void> {
  await Deno.writeTextFile(file, `host: 127.0.0.1\n${settings}\n`);
}
