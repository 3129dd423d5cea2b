/** The two ways through a proxy. */
export type Direction = "toHost" | "toMember";

/** A relay of TCP connections that records what passes and can hold it back. */
export class Proxy implements AsyncDisposable {
  /** All bytes that came, by direction, of all connections. */
  readonly recorded: Readonly<Record<Direction, Uint8Array[]>> = { toHost: [], toMember: [] };
  readonly #listener: Deno.TcpListener;
  readonly #connections: Deno.TcpConn[] = [];
  readonly #piping = new Set<Promise<void>>();
  readonly #held: Partial<Record<Direction, PromiseWithResolvers<void>>> = {};
  readonly #accepting: Promise<void>;
  readonly #flip: { direction: Direction; offset: number } | undefined;

  /**
   * Listens on a free port.
   *
   * @param port Where to connect to.
   * @param options `flip` alters one byte of each connection, counted from its first one.
   */
  constructor(port: number, options: { flip?: { direction: Direction; offset: number } } = {}) {
    this.#flip = options.flip;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accepting = this.#accept(port);
  }

  /** What a member joins. */
  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** How many bytes came in a direction. */
  bytes(direction: Direction): number {
    return this.recorded[direction].reduce((sum, { length }) => sum + length, 0);
  }

  /** Passes nothing more on. */
  hold(direction: Direction): void {
    this.#held[direction] ??= Promise.withResolvers();
  }

  /** Passes on what was held back, and all that follows. */
  release(direction: Direction): void {
    this.#held[direction]?.resolve();
    delete this.#held[direction];
  }

  /** Cuts every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    this.release("toHost");
    this.release("toMember");
    await this.#accepting;
    await Promise.all(this.#piping);
  }

  async #accept(port: number): Promise<void> {
    try {
      for await (const member of this.#listener) {
        const host = await Deno.connect({ hostname: "127.0.0.1", port });
        this.#connections.push(member, host);
        this.#start(this.#pipe(member, host, "toHost"));
        this.#start(this.#pipe(host, member, "toMember"));
      }
    } catch {
      // The listener was closed.
    }
  }

  #start(piping: Promise<void>): void {
    const done = piping.finally(() => this.#piping.delete(done));
    this.#piping.add(done);
  }

  async #pipe(from: Deno.TcpConn, to: Deno.TcpConn, direction: Direction): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let flipAt = this.#flip?.direction === direction ? this.#flip.offset : Infinity;
    try {
      for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
        this.recorded[direction].push(buffer.slice(0, n));
        if (flipAt >= 0 && flipAt < n) buffer[flipAt]! ^= 1;
        flipAt -= n;
        await this.#held[direction]?.promise;
        for (let sent = 0; sent < n;) sent += await to.write(buffer.subarray(sent, n));
      }
      await to.closeWrite();
    } catch {
      // One of the two was cut, and with it the other.
      close(from);
      close(to);
    }
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
