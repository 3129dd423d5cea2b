import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { concat } from "../../lib/bytes/mod.ts";
import type { Direction, Fault, FaultKind, Plan } from "./faults.ts";

/** Bytes that may wait in one direction of a connection before no more is read. */
const MAX_WAITING_BYTES = 1 << 18;

/** Time between two pieces of a split chunk, in milliseconds: the other end reads each separately. */
const PIECE_MS = 1;

const HOSTNAME = "127.0.0.1";

/**
 * A relay of TCP connections that records the bytes, can hold them back, and applies the faults of a bad
 * network: as planned for each connection from its first byte, or on demand.
 *
 * @example A connection that breaks in the middle of the handshake, and a host that restarts at another port
 * ```ts ignore
 * await using proxy = await Proxy.open(host.port, (connection) =>
 *   connection === 0 ? [{ kind: "cut", direction: "toMember", at: 400 }] : []);
 * proxy.refuse();
 * proxy.cut();
 * proxy.target = restarted.port;
 * await proxy.admit();
 * ```
 */
export class Proxy implements AsyncDisposable {
  /** The port to which the next connections lead. */
  target: number;
  /** All bytes of all connections before any fault, by direction. */
  readonly recorded: Readonly<Record<Direction, Uint8Array[]>> = { toHost: [], toMember: [] };
  /** Occurrences of each fault. */
  readonly faults: Record<FaultKind, number> = {
    cut: 0,
    reset: 0,
    corrupt: 0,
    duplicate: 0,
    stall: 0,
    delay: 0,
    split: 0,
    coalesce: 0,
  };
  /** Where it listens. */
  port = 0;
  readonly #plan: Plan;
  readonly #links: Link[] = [];
  readonly #held: Partial<Record<Direction, PromiseWithResolvers<void>>> = {};
  #server: Server | undefined;

  private constructor(target: number, plan: Plan) {
    this.target = target;
    this.#plan = plan;
  }

  /**
   * Listens on a free port.
   *
   * @param target Where to connect to.
   * @param plan The faults of each connection.
   */
  static async open(target: number, plan: Plan = () => []): Promise<Proxy> {
    const proxy = new Proxy(target, plan);
    await proxy.admit();
    return proxy;
  }

  /** The address that members join. */
  get address(): string {
    return `${HOSTNAME}:${this.port}`;
  }

  /** Number of connections so far. */
  get connections(): number {
    return this.#links.length;
  }

  /** Number of bytes received in a direction. */
  bytes(direction: Direction): number {
    return this.recorded[direction].reduce((sum, { length }) => sum + length, 0);
  }

  /** Holds back all bytes of a direction. */
  hold(direction: Direction): void {
    this.#held[direction] ??= Promise.withResolvers();
  }

  /** Forwards the held bytes and all later ones. */
  release(direction: Direction): void {
    this.#held[direction]?.resolve();
    delete this.#held[direction];
  }

  /** Applies a fault to the open connections, or to one; if its place has passed, at the next byte. */
  inject(fault: Fault, connection?: number): void {
    for (const link of this.#chosen(connection)) link.inject(fault);
  }

  /** Closes the open connections, or one of them, at once. */
  cut(connection?: number): void {
    for (const link of this.#chosen(connection)) link.cut();
  }

  /** Resets the open connections, or one of them, at once. */
  reset(connection?: number): void {
    for (const link of this.#chosen(connection)) link.reset();
  }

  /** Refuses new connections; open ones stay open. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Accepts connections again, at the same address. */
  async admit(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (member) => {
      this.#connect(member);
    });
    this.#server.listen(this.port, HOSTNAME);
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Cuts every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server;
    const closed = server && once(server, "close");
    this.refuse();
    for (const link of this.#links) link.close();
    this.release("toHost");
    this.release("toMember");
    await Promise.all(this.#links.map(({ done }) => done));
    await closed;
  }

  #chosen(connection: number | undefined): readonly Link[] {
    const links = connection === undefined ? this.#links : [this.#links[connection]!];
    return links.filter(({ open }) => open);
  }

  #connect(member: Socket): void {
    const host = connect({ port: this.target, host: HOSTNAME, allowHalfOpen: true, noDelay: true });
    const faults = this.#plan(this.#links.length);
    const see = {
      chunk: (direction: Direction, chunk: Uint8Array) => void this.recorded[direction].push(chunk),
      fault: (kind: FaultKind) => void this.faults[kind]++,
      held: (direction: Direction) => this.#held[direction]?.promise,
    };
    this.#links.push(new Link({ member, host }, faults, see));
  }
}

/** The calls of a link to its proxy. */
interface Overseer {
  chunk(direction: Direction, chunk: Uint8Array): void;
  fault(kind: FaultKind): void;
  held(direction: Direction): Promise<void> | undefined;
}

/** One connection through the proxy. */
class Link {
  open = true;
  /** Resolves when both sockets are closed and no work is left. */
  readonly done: Promise<unknown>;
  readonly #sockets: readonly Socket[];
  readonly #see: Overseer;
  readonly #pipes: Readonly<Record<Direction, Pipe>>;
  readonly #wake = new Set<() => void>();

  constructor(
    { member, host }: { readonly member: Socket; readonly host: Socket },
    faults: readonly Fault[],
    see: Overseer,
  ) {
    this.#see = see;
    this.#sockets = [member, host];
    const closed = this.#sockets.map((socket) =>
      new Promise<void>((resolve) => {
        socket.on("error", () => {}); // It closes as well.
        socket.once("close", () => {
          if (this.open) this.close();
          resolve();
        });
      })
    );
    this.#pipes = {
      toHost: new Pipe(this, see, { direction: "toHost", from: member, to: host }),
      toMember: new Pipe(this, see, { direction: "toMember", from: host, to: member }),
    };
    for (const fault of faults) this.inject(fault);
    this.done = Promise.all([...closed, ...Object.values(this.#pipes).map((pipe) => pipe.run())]);
  }

  inject(fault: Fault): void {
    this.#pipes[fault.direction].inject(fault);
  }

  cut(): void {
    this.#see.fault("cut");
    this.close();
  }

  reset(): void {
    this.#see.fault("reset");
    this.#end((socket) => {
      if (socket.connecting) socket.once("connect", () => socket.resetAndDestroy());
      else socket.resetAndDestroy();
    });
  }

  close(): void {
    this.#end((socket) => socket.destroy());
  }

  #end(close: (socket: Socket) => void): void {
    this.open = false;
    this.#sockets.forEach(close);
    for (const wake of this.#wake) wake();
  }

  /** Waits, at longest until the connection is closed. */
  async sleep(ms: number): Promise<void> {
    if (!this.open || ms <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#wake.delete(resolve);
  }
}

/** One direction of a connection. */
class Pipe {
  readonly #link: Link;
  readonly #see: Overseer;
  readonly #direction: Direction;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: Fault[] = [];
  #offset = 0;
  /** Resolves when every byte due has been forwarded. */
  #passed: Promise<void> = Promise.resolve();
  #waitingBytes = 0;
  #delayMs = 0;
  #split = { until: 0, size: 0 };
  #coalesce = { until: 0, ms: 0 };
  #gathered: Uint8Array[] = [];
  #recent: Uint8Array = new Uint8Array();

  constructor(
    link: Link,
    see: Overseer,
    ends: { readonly direction: Direction; readonly from: Socket; readonly to: Socket },
  ) {
    this.#link = link;
    this.#see = see;
    this.#direction = ends.direction;
    this.#from = ends.from;
    this.#to = ends.to;
  }

  inject(fault: Fault): void {
    this.#faults.push(fault);
    this.#faults.sort((a, b) => a.at - b.at);
  }

  async run(): Promise<void> {
    try {
      for await (const chunk of this.#from.iterator({ destroyOnReturn: false })) {
        this.#see.chunk(this.#direction, Uint8Array.from(chunk));
        await this.#take(Uint8Array.from(chunk));
      }
      await this.#flush();
      this.#to.end();
    } catch {
      // One socket has closed, so the link closes the other.
      if (this.#link.open) this.#link.close();
    }
  }

  async #take(chunk: Uint8Array): Promise<void> {
    while (chunk.length > 0) {
      const fault = this.#faults[0];
      const before = Math.max(0, Math.min((fault?.at ?? Infinity) - this.#offset, chunk.length));
      if (before > 0) await this.#pass(chunk.subarray(0, before));
      chunk = chunk.subarray(before);
      if (fault === undefined || chunk.length === 0) break;
      this.#faults.shift();
      await this.#strike(fault, chunk);
    }
  }

  /** Applies the faults due before the next byte. */
  async #strike(fault: Fault, following: Uint8Array): Promise<void> {
    if (fault.kind === "cut" || fault.kind === "reset") {
      await this.#flush();
      this.#link[fault.kind]();
      throw new Error(fault.kind);
    }
    this.#see.fault(fault.kind);
    switch (fault.kind) {
      case "corrupt":
        following[0]! ^= 1;
        break;
      case "duplicate":
        this.#send(this.#recent.slice(-fault.length));
        break;
      case "stall":
        await this.#flush();
        await this.#link.sleep(fault.ms);
        break;
      case "delay":
        this.#delayMs = fault.ms;
        break;
      case "split":
        this.#split = { until: this.#offset + fault.length, size: fault.size };
        break;
      case "coalesce":
        this.#coalesce = { until: this.#offset + fault.length, ms: fault.ms };
        break;
    }
  }

  async #pass(bytes: Uint8Array): Promise<void> {
    const splitBytes = Math.min(this.#split.until - this.#offset, bytes.length);
    const gather = this.#offset < this.#coalesce.until;
    this.#offset += bytes.length;
    this.#recent = concat(this.#recent, bytes).slice(-MAX_WAITING_BYTES);
    if (gather) this.#gather(bytes);
    else if (splitBytes > 0) this.#sendPieces(bytes, splitBytes);
    else this.#send(bytes);
    if (this.#waitingBytes > (this.#delayMs > 0 || gather ? MAX_WAITING_BYTES : 0)) {
      await this.#passed;
    }
  }

  #gather(bytes: Uint8Array): void {
    this.#gathered.push(bytes);
    if (this.#gathered.length > 1) return;
    void this.#link.sleep(this.#coalesce.ms).then(() => this.#release());
  }

  #release(): void {
    const gathered = concat(...this.#gathered.splice(0));
    if (gathered.length > 0) this.#send(gathered);
  }

  /** Sends the first `length` bytes in pieces, and the rest unchanged. */
  #sendPieces(bytes: Uint8Array, length: number): void {
    for (let sent = 0; sent < bytes.length;) {
      const end = sent < length ? Math.min(sent + this.#split.size, length) : bytes.length;
      this.#send(bytes.subarray(sent, end), PIECE_MS);
      sent = end;
    }
  }

  /** Sends bytes when their delay is over, and at least `gapMs` after the bytes before them. */
  #send(bytes: Uint8Array, gapMs = 0): void {
    this.#release();
    const due = performance.now() + this.#delayMs;
    this.#waitingBytes += bytes.length;
    this.#passed = this.#passed.then(async () => {
      await this.#link.sleep(Math.max(gapMs, due - performance.now()));
      await this.#see.held(this.#direction);
      await new Promise<void>((resolve) => this.#to.write(bytes, () => resolve()));
      this.#waitingBytes -= bytes.length;
    });
  }

  /** Waits until every byte has been forwarded. */
  async #flush(): Promise<void> {
    this.#release();
    await this.#passed;
  }
}
