/**
 * ngircd, an IRC server in C, under the same load: clear text, no ACKs, and lines as long as lanchat's frames.
 *
 * @module
 */
import { ENVELOPE_BYTES } from "./light_member.ts";
import type { Speaker } from "./load.ts";
import { type RawOptions, WINDOW } from "./raw_member.ts";

const READ_BYTES = 16_384;
const NEWLINE = 0x0a;

/** By which a text is shorter than an envelope, so that a line is as long as a frame. */
const PREFIX_BYTES = 15;

/** The server's reply after the names of a channel that a member has entered. */
const END_OF_NAMES = " 366 ";

/** A configuration without limits on what members send. */
export function ircConfiguration(port: number): string {
  return [
    ...[
      "[Global]",
      "Name = bench.example",
      "Info = bench",
      "Listen = 127.0.0.1",
      `Ports = ${port}`,
    ],
    "MotdPhrase = bench",
    ...["[Limits]", "MaxConnections = 0", "MaxConnectionsIP = 0", "MaxPenaltyTime = 0"],
    ...["PingTimeout = 3600", "[Options]", "DNS = no", "Ident = no", "PAM = no", ""],
  ].join("\n");
}

/** A member of a channel. */
export class IrcMember implements Speaker {
  readonly #conn: Deno.TcpConn;
  readonly #options: RawOptions;
  readonly #entered: PromiseWithResolvers<void> = Promise.withResolvers();
  #hasEntered = false;
  #text = "";
  #spoken = "";
  #sending: Promise<void> = Promise.resolve();

  private constructor(conn: Deno.TcpConn, options: RawOptions) {
    this.#conn = conn;
    this.#options = options;
    conn.setNoDelay();
  }

  /** Enters the channel. */
  static async enter(port: number, name: string, options: RawOptions): Promise<IrcMember> {
    const member = new IrcMember(await Deno.connect({ hostname: "127.0.0.1", port }), options);
    member.#spoken = `NICK ${name}\r\nUSER ${name} 0 * :${name}\r\nJOIN #bench\r\n`;
    member.flush();
    void member.#read();
    await member.#entered.promise;
    return member;
  }

  speak(): boolean {
    const { meter, readers } = this.#options;
    if (meter.spoken - meter.deliveries / readers >= WINDOW) return false;
    const time = `${performance.now()}`.padStart(ENVELOPE_BYTES - PREFIX_BYTES, "0");
    this.#spoken += `PRIVMSG #bench :${time}\r\n`;
    return true;
  }

  flush(): void {
    if (this.#spoken === "") return;
    const bytes = new TextEncoder().encode(this.#spoken);
    this.#spoken = "";
    this.#sending = this.#sending.then(() => this.#write(bytes));
  }

  /** Hangs up. */
  close(): void {
    this.#conn.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length;) {
      offset += await this.#conn.write(bytes.subarray(offset));
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    while (true) {
      const length = await this.#conn.read(buffer).catch(() => null);
      if (length === null) return;
      const bytes = buffer.subarray(0, length);
      this.#options.meter.bytes += length;
      if (this.#hasEntered && !this.#options.isSampled) this.#count(bytes);
      else this.#take(new TextDecoder().decode(bytes));
    }
  }

  /** Counts lines. */
  #count(bytes: Uint8Array): void {
    let lines = 0;
    for (let i = bytes.indexOf(NEWLINE); i >= 0; i = bytes.indexOf(NEWLINE, i + 1)) lines++;
    this.#options.meter.deliveries += lines;
    this.#options.meter.records += lines;
  }

  #take(text: string): void {
    const lines = (this.#text + text).split("\r\n");
    this.#text = lines.pop()!;
    for (const line of lines) {
      if (line.includes(END_OF_NAMES)) {
        this.#hasEntered = true;
        this.#entered.resolve();
      }
      if (!line.includes(" PRIVMSG ")) continue;
      const { latencies } = this.#options.meter;
      latencies.push(performance.now() - Number(line.slice(line.lastIndexOf(":") + 1)));
      this.#options.meter.deliveries++;
      this.#options.meter.records++;
    }
  }
}
