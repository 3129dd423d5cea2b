/**
 * Another implementation of DNS-SD on a machine of the test's network: an avahi-daemon with a D-Bus and a
 * /run of its own, separate from the system's.
 *
 * @module
 */
import { emptyDirectory, Output } from "../support/program.ts";
import type { Machine } from "./netns.ts";

/** The published form of a DNS-SD service. */
export interface Publication {
  readonly name: string;
  readonly port: number;
  readonly txt: readonly string[];
}

/** An avahi-daemon. */
export class Avahi implements AsyncDisposable {
  readonly #machine: Machine;
  readonly #env: Readonly<Record<string, string>>;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    machine: Machine,
    env: Readonly<Record<string, string>>,
    stack: AsyncDisposableStack,
  ) {
    this.#machine = machine;
    this.#env = env;
    this.#stack = stack;
  }

  /** Starts one, and waits until it is there for others. */
  static async start(machine: Machine): Promise<Avahi> {
    await using stack = new AsyncDisposableStack();
    const directory = emptyDirectory();
    const bus = `${directory}/bus`;
    const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${bus}` };
    Deno.writeTextFileSync(
      `${directory}/dbus.conf`,
      `<busconfig><type>system</type><listen>unix:path=${bus}</listen><auth>EXTERNAL</auth>
      <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/>
      <allow own="*"/><allow user="*"/></policy></busconfig>`,
    );
    Deno.writeTextFileSync(
      `${directory}/avahi.conf`,
      "[server]\nhost-name=another\nuse-ipv4=yes\nuse-ipv6=yes\n[wide-area]\nenable-wide-area=no\n",
    );
    const config = `--config-file=${directory}/dbus.conf`;
    const dbus = stack.use(
      new Tool(["dbus-daemon", config, "--nofork", "--nopidfile", "--print-address=1"], {}),
    );
    await dbus.stdout.line(/^unix:/);
    const daemon = `mount -t tmpfs none /run && mkdir /run/avahi-daemon && exec avahi-daemon ` +
      `--no-drop-root --no-chroot --no-rlimits -f ${directory}/avahi.conf`;
    const avahi = stack.use(
      new Tool(machine.wrapper(["unshare", "-m", "sh", "-c", daemon]), env),
    );
    await avahi.stderr.has(/Server startup complete/);
    return new Avahi(machine, env, stack.move());
  }

  /** Publishes a service until it is disposed of. */
  async publish({ name, port, txt }: Publication): Promise<AsyncDisposable> {
    const command = ["avahi-publish", "-s", name, "_lanchat._tcp", `${port}`, ...txt];
    await using stack = new AsyncDisposableStack();
    const tool = stack.use(new Tool(this.#machine.wrapper(command), this.#env));
    await tool.stderr.has(/Established/);
    return stack.move();
  }

  /** Resolves a service over IPv4 and over IPv6: lines of `avahi-browse -rp`. */
  async browse(service: string): Promise<{ readonly IPv4: string; readonly IPv6: string }> {
    const command = this.#machine.wrapper(["avahi-browse", "-rp", service]);
    await using tool = new Tool(command, this.#env);
    const [IPv4, IPv6] = await Promise.all([
      tool.stdout.line(/^=;[^;]*;IPv4;/),
      tool.stdout.line(/^=;[^;]*;IPv6;/),
    ]);
    return { IPv4, IPv6 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** A command that runs until it is killed. */
class Tool implements AsyncDisposable {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly #child: Deno.ChildProcess;

  constructor([command, ...args]: readonly string[], env: Readonly<Record<string, string>>) {
    this.#child = new Deno.Command(command!, {
      args,
      env,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.stdout = new Output(this.#child.stdout, () => this.stderr.text);
    this.stderr = new Output(this.#child.stderr, () => this.stdout.text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await Promise.all([this.#child.status, this.stdout.drained, this.stderr.drained]);
  }
}
