import { type Event, HostProgram, Program } from "./program.ts";

/**
 * A man in the middle of a room of two, made of two real lanchats: to the victim it hosts a room under the
 * host's name, in the real room it is a member under the victim's, and it forwards the messages of both, each
 * sealed again. The messages do not reveal it.
 */
export class ManInTheMiddle implements AsyncDisposable {
  readonly #served: HostProgram;
  readonly #guests: Program[] = [];
  readonly #following: Promise<void>[] = [];

  private constructor(served: HostProgram, address: string) {
    this.#served = served;
    this.#following.push(follow(served, async (event) => {
      if (event.event === "joined") await this.#pose(event.member.name, address);
    }));
  }

  /**
   * Waits for a victim.
   *
   * @param host The name of the real host.
   * @param address Where that host is.
   */
  static async open(host: string, address: string): Promise<ManInTheMiddle> {
    return new ManInTheMiddle(await HostProgram.start(["--name", host, "--json"]), address);
  }

  /** The address that a victim joins. */
  get address(): string {
    return this.#served.address;
  }

  /** The port of it. */
  get port(): number {
    return this.#served.port;
  }

  /** The fingerprint that it has instead of the host's, 30 digits. */
  get fingerprint(): string {
    return this.#served.events.find((event) => event.event === "listening")!.fingerprint;
  }

  /** The names of its victims. */
  get victims(): string[] {
    return this.#served.events.flatMap((event) =>
      event.event === "joined" ? [event.member.name] : []
    );
  }

  /** Goes. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of [this.#served, ...this.#guests]) await program[Symbol.asyncDispose]();
    await Promise.all(this.#following);
  }

  /** Joins the real host in place of a victim. */
  async #pose(name: string, address: string): Promise<void> {
    const guest = new Program(["join", address, "--name", name, "--json"]);
    this.#guests.push(guest);
    await guest.ready();
    this.#following.push(passOn(this.#served, guest), passOn(guest, this.#served));
  }
}

/** Sends the messages that one lanchat receives through another. */
async function passOn(from: Program, to: Program): Promise<void> {
  await follow(from, async (event) => {
    if (event.event === "message") await to.say(event.text);
  });
}

/** Takes each event of a program until it ends. */
async function follow(program: Program, take: (event: Event) => Promise<void>): Promise<void> {
  let next = 0;
  while (await program.stdout.count(next + 1).then(() => true, () => false)) {
    await take(JSON.parse(program.stdout.lines[next++]!));
  }
}
