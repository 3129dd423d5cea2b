/**
 * A private network for a test: each machine is a network namespace, and this process is the wire between
 * them, which loses, delays and reorders packets. The machines' links are TAP devices, so that nothing
 * but `/dev/net/tun` and `ip` is needed of the system: a kernel without netem does as well.
 *
 * @module
 */
import { seededNumbers } from "../support/faults.ts";
import { missing, testUnless } from "../support/tools.ts";

/** Why there can be no such network here; `undefined` where there can. */
export const OBSTACLE: string | undefined = obstacle();

/** A test on machines of its own, for which it needs programs besides. */
export function networkTest(
  name: string,
  fn: () => Promise<void>,
  programs: readonly string[] = [],
): void {
  testUnless(OBSTACLE ?? missing(...programs), name, fn);
}

/** Faults of the wire for the frames of each machine. */
export interface Weather {
  /** Share of the frames that are lost, 0 to 1. */
  readonly loss?: number;
  /** How long a frame takes, in milliseconds. */
  readonly delayMs?: number;
  /** How much longer or shorter it may take, in milliseconds: one may overtake another. */
  readonly jitterMs?: number;
  /** Share of the frames that overtake those before them as they are not delayed, 0 to 1. */
  readonly reorder?: number;
  /** The longest frame that passes, in bytes: longer ones are lost without a word. */
  readonly maxBytes?: number;
}

/** The longest frame: an MTU of 1,500 bytes and an Ethernet header with a VLAN tag. */
const MAX_FRAME_BYTES = 1518;

const O_RDWR = 2;
const O_NONBLOCK = 0x800;
const TUNSETIFF = 0x400454can;
const TUNSETCARRIER = 0x400454e2n;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const POLLIN = 1;

/** Bytes of the kernel's `struct ifreq`, and where its flags are in it. */
const IFREQ_BYTES = 40;
const IFREQ_FLAGS_AT = 16;

/** Bytes of `struct pollfd`, and where its events are in it. */
const POLLFD_BYTES = 8;
const POLLFD_EVENTS_AT = 4;

/** How long the wire waits for frames before it looks whether it is to end, in milliseconds. */
const POLL_MS = 50;

const LIBC = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
} as const;

type Libc = Deno.DynamicLibrary<typeof LIBC>;

/** One machine of a network. */
export interface Machine {
  /** Its IP address. */
  readonly address: string;
  /** Starts a command on it: for `ProgramOptions`. */
  readonly wrapper: (command: readonly string[]) => readonly string[];
  /** Pulls its cable out. */
  pull(): void;
  /** Plugs it in again. */
  plug(): void;
}

interface Port extends Machine {
  readonly fd: number;
  plugged: boolean;
}

/** Machines, and the wire between them. */
export class Network implements AsyncDisposable {
  /** The machines, in the order of their names. */
  readonly machines: readonly Machine[];
  /** How many frames passed, were lost, and overtook others. */
  readonly frames: { passed: number; lost: number; reordered: number } = {
    passed: 0,
    lost: 0,
    reordered: 0,
  };
  readonly #libc: Libc;
  readonly #ports: readonly Port[];
  readonly #namespaces: readonly string[];
  readonly #weather: Weather;
  readonly #random = seededNumbers(1);
  readonly #underWay = new Set<ReturnType<typeof setTimeout>>();
  #open = true;
  readonly #carrying: Promise<void>;

  private constructor(
    libc: Libc,
    ports: readonly Port[],
    namespaces: readonly string[],
    weather: Weather,
  ) {
    this.#libc = libc;
    this.#ports = this.machines = ports;
    this.#namespaces = namespaces;
    this.#weather = weather;
    this.#carrying = this.#carry();
  }

  /** Sets a network up. @param count How many machines it has. */
  static async open(count: number, weather: Weather = {}): Promise<Network> {
    const libc = Deno.dlopen("libc.so.6", LIBC);
    // Test files that run in parallel share a process.
    const id = crypto.randomUUID().slice(0, 8);
    const ports: Port[] = [];
    const namespaces: string[] = [];
    try {
      for (let number = 1; number <= count; number++) {
        const namespace = `lanchat-${id}-${number}`;
        await ip("netns", "add", namespace);
        namespaces.push(namespace);
        ports.push(await addPort(libc, namespace, `lc${id}-${number}`, number));
      }
    } catch (error) {
      await remove(libc, ports, namespaces);
      throw error;
    }
    return new Network(libc, ports, namespaces, weather);
  }

  /** Takes it down, with all processes on its machines. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#open = false;
    await this.#carrying;
    for (const timer of this.#underWay) clearTimeout(timer);
    await remove(this.#libc, this.#ports, this.#namespaces);
  }

  async #carry(): Promise<void> {
    const polled = new Uint8Array(this.#ports.length * POLLFD_BYTES);
    const view = new DataView(polled.buffer);
    this.#ports.forEach(({ fd }, i) => {
      view.setInt32(i * POLLFD_BYTES, fd, true);
      view.setInt16(i * POLLFD_BYTES + POLLFD_EVENTS_AT, POLLIN, true);
    });
    const { poll, read } = this.#libc.symbols;
    const buffer = new Uint8Array(MAX_FRAME_BYTES);
    while (this.#open) {
      await poll(polled, BigInt(this.#ports.length), POLL_MS);
      for (const port of this.#ports) {
        while (true) {
          const length = Number(read(port.fd, buffer, BigInt(buffer.length)));
          if (length <= 0) break;
          this.#send(port, buffer.slice(0, length));
        }
      }
    }
  }

  /** A frame leaves a machine. */
  #send(from: Port, frame: Uint8Array<ArrayBuffer>): void {
    const { delayMs = 0, jitterMs = 0, loss = 0, maxBytes = Infinity, reorder = 0 } = this.#weather;
    if (!from.plugged || frame.length > maxBytes || this.#random() < loss) {
      this.frames.lost++;
      return;
    }
    const overtakes = this.#random() < reorder;
    if (overtakes) this.frames.reordered++;
    const ms = overtakes ? 0 : delayMs + (2 * this.#random() - 1) * jitterMs;
    if (ms <= 0) return this.#arrive(from, frame);
    const timer = setTimeout(() => {
      this.#underWay.delete(timer);
      this.#arrive(from, frame);
    }, ms);
    this.#underWay.add(timer);
  }

  #arrive(from: Port, frame: Uint8Array<ArrayBuffer>): void {
    this.frames.passed++;
    for (const { fd, plugged } of this.#ports) {
      if (!plugged || fd === from.fd) continue;
      this.#libc.symbols.write(fd, frame, BigInt(frame.length));
    }
  }
}

/** Makes a TAP device, and puts it into a namespace before it is up. */
async function addPort(
  libc: Libc,
  namespace: string,
  device: string,
  number: number,
): Promise<Port> {
  const { close, ioctl, open } = libc.symbols;
  const fd = open(new TextEncoder().encode("/dev/net/tun\0"), O_RDWR | O_NONBLOCK);
  if (fd < 0) throw new Error("Cannot open /dev/net/tun");
  const address = `10.77.0.${number}`;
  try {
    const request = new Uint8Array(IFREQ_BYTES);
    request.set(new TextEncoder().encode(device));
    new DataView(request.buffer).setUint16(IFREQ_FLAGS_AT, IFF_TAP | IFF_NO_PI, true);
    if (ioctl(fd, TUNSETIFF, request) < 0) throw new Error("Cannot make a TAP device");
    await ip("link", "set", device, "netns", namespace);
    await ip("-n", namespace, "link", "set", device, "name", "eth0");
    await ip("-n", namespace, "address", "add", `${address}/24`, "dev", "eth0");
    await ip("-n", namespace, "link", "set", "lo", "up");
    await ip("-n", namespace, "link", "set", "eth0", "up");
  } catch (error) {
    close(fd);
    throw error;
  }
  const port: Port = {
    fd,
    address,
    plugged: true,
    wrapper: (command) => ["ip", "netns", "exec", namespace, ...command],
    pull: () => carrier(false),
    plug: () => carrier(true),
  };
  function carrier(on: boolean): void {
    port.plugged = on;
    const failed = ioctl(fd, TUNSETCARRIER, new Uint8Array(new Int32Array([on ? 1 : 0]).buffer));
    if (failed !== 0) throw new Error("Cannot pull or plug the cable");
  }
  return port;
}

async function remove(
  libc: Libc,
  ports: readonly Port[],
  namespaces: readonly string[],
): Promise<void> {
  for (const { fd } of ports) libc.symbols.close(fd); // This removes its device as well.
  libc.close();
  for (const namespace of namespaces) await ip("netns", "delete", namespace);
}

/** Runs ip(8). */
export async function ip(...args: readonly string[]): Promise<void> {
  const { stderr, success } = await new Deno.Command("ip", { args: [...args] }).output();
  if (!success) throw new Error(`ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

function obstacle(): string | undefined {
  const tools = missing("ip");
  if (tools !== undefined) return tools;
  if (Deno.uid() !== 0) return "only root makes network namespaces";
  try {
    Deno.statSync("/dev/net/tun");
    const { success } = new Deno.Command("ip", { args: ["netns", "list"] }).outputSync();
    return success ? undefined : "ip makes no network namespaces here";
  } catch (error) {
    return `something is missing: ${(error as Error).message}`;
  }
}
