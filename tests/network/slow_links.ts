/**
 * Machines at the ends of slow links: each is a network namespace with a virtual cable to the first one, and tc limits
 * the rate in both directions. The queues of these links are long, as those of routers are.
 *
 * @module
 */
import { missing, testUnless } from "../support/tools.ts";
import { ip, OBSTACLE } from "./netns.ts";

/** The longest time that a packet waits in the queue of a link, in milliseconds. */
export const QUEUE_MS = 500;

/** A test on such machines. */
export function slowLinkTest(name: string, fn: () => Promise<void>): void {
  testUnless(OBSTACLE ?? missing("tc") ?? withoutLimit(), name, fn);
}

/** One machine. */
export interface SlowMachine {
  /** Starts a command on it. */
  readonly wrapper: (command: readonly string[]) => readonly string[];
  /** The address at which it reaches the first machine. */
  readonly hostAddress: string;
}

/** A first machine, and others with a link to it each. */
export class SlowLinks implements AsyncDisposable {
  /** The first machine, then the others. */
  readonly machines: readonly SlowMachine[];
  readonly #namespaces: readonly string[];

  private constructor(namespaces: readonly string[]) {
    this.#namespaces = namespaces;
    this.machines = namespaces.map((namespace, i) => ({
      wrapper: (command) => ["ip", "netns", "exec", namespace, ...command],
      hostAddress: address(i, 1),
    }));
  }

  /** Sets machines up. @param count Of those with a link to the first. @param mbit The rate of each link. */
  static async open(count: number, mbit: number): Promise<SlowLinks> {
    const id = crypto.randomUUID().slice(0, 8);
    const namespaces: string[] = [];
    try {
      for (let i = 0; i <= count; i++) {
        const namespace = `lanchat-${id}-slow-${i}`;
        await ip("netns", "add", namespace);
        namespaces.push(namespace);
        if (i > 0) await connect(namespaces[0]!, namespace, i, mbit);
      }
    } catch (error) {
      await remove(namespaces);
      throw error;
    }
    return new SlowLinks(namespaces);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await remove(this.#namespaces);
  }
}

function address(link: number, end: 1 | 2): string {
  return `10.78.${link}.${end}`;
}

async function connect(host: string, other: string, link: number, mbit: number): Promise<void> {
  const device = `link${link}`;
  await ip("-n", host, "link", "add", device, "type", "veth", "peer", "eth0", "netns", other);
  for (const [namespace, name, end] of [[host, device, 1], [other, "eth0", 2]] as const) {
    await ip("-n", namespace, "address", "add", `${address(link, end)}/24`, "dev", name);
    await ip("-n", namespace, "link", "set", name, "up");
    const limit = limitOf(mbit);
    await run("tc", "-n", namespace, "qdisc", "add", "dev", name, "root", ...limit);
  }
}

/** The arguments of tc for a rate. At least 4 ms of bytes go at once, or the timer of the kernel slows it down. */
function limitOf(mbit: number): string[] {
  const burst = Math.max(8192, mbit * 500);
  return ["tbf", "rate", `${mbit}mbit`, "burst", `${burst}`, "latency", `${QUEUE_MS}ms`];
}

async function run(program: string, ...args: readonly string[]): Promise<void> {
  const { stderr, success } = await new Deno.Command(program, { args: [...args] }).output();
  if (!success) {
    throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}

async function remove(namespaces: readonly string[]): Promise<void> {
  for (const namespace of namespaces) await ip("netns", "delete", namespace);
}

/** Why tc cannot limit a link here. */
function withoutLimit(): string | undefined {
  const namespace = `lanchat-${crypto.randomUUID().slice(0, 8)}-slow`;
  const succeeds = (program: string, ...args: string[]): boolean =>
    new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  const limits = succeeds("ip", "netns", "add", namespace) &&
    succeeds("tc", "-n", namespace, "qdisc", "add", "dev", "lo", "root", ...limitOf(10));
  succeeds("ip", "netns", "delete", namespace);
  return limits ? undefined : "tc limits no rate here";
}
