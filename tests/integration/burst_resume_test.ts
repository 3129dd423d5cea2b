import { assert, assertEquals } from "@std/assert";
import { type Fault, seededNumbers } from "../support/faults.ts";
import { hallTest } from "../support/whole_pipeline.ts";
import { Nonces } from "../support/nonces.ts";
import { RoomOverSockets, type SocketMember } from "../support/over_sockets.ts";
import { Proxy } from "../support/proxy.ts";
import { assertTexts, type TestMember } from "../support/rooms_in_memory.ts";

/** Connections that break, one after the other. */
const CUTS = 8;

/** Messages that are under way at once. */
const AT_ONCE = 20;

/** Sends texts until the end. @returns The texts. */
async function burst({ name, room }: TestMember, over: () => boolean): Promise<string[]> {
  const texts: string[] = [];
  while (!over()) {
    const next = Array.from({ length: AT_ONCE }, (_, i) => `${name} ${texts.length + i}`);
    texts.push(...next);
    await Promise.all(next.map((text) => room.say(text)));
  }
  return texts;
}

/** A member comes back as often as it is cut off. */
async function persist(
  sockets: RoomOverSockets,
  visitor: SocketMember,
  done: () => boolean,
): Promise<void> {
  while (!done()) {
    await visitor.ended;
    // A cut may hit the handshake, too; after the last planned one it succeeds.
    while (!done() && !await sockets.rejoin(visitor).then(() => true, () => false));
  }
}

for (const seed of [1, 2]) {
  hallTest(
    `Reconnecting during a burst neither loses nor doubles a message (${seed})`,
    async () => {
      using nonces = new Nonces();
      const sockets = await RoomOverSockets.open();
      const bob = await sockets.join("bob");
      // Bob dials without the proxy. Each of ada's connections breaks at another byte.
      const random = seededNumbers(seed);
      const cuts = Array.from({ length: CUTS }, (): Fault => ({
        kind: random() < 0.5 ? "cut" : "reset",
        direction: random() < 0.7 ? "toHost" : "toMember",
        at: 500 + Math.floor(random() * 6000),
      }));
      await using proxy = await Proxy.open(
        sockets.listener.port,
        (connection) => connection === 0 ? [] : cuts.slice(connection - 1, connection),
      );
      sockets.port = proxy.port;
      const ada = await sockets.join("ada");
      await bob.event("joined");
      const struck = (): number => proxy.faults.cut + proxy.faults.reset;
      let ended = false;
      const persisting = persist(sockets, ada, () => ended);
      proxy.cut();
      const said = await Promise.all(
        [ada, bob].map((member) => burst(member, () => struck() === 1 + CUTS)),
      );
      const [ofAda, ofBob] = said as [string[], string[]];
      await Promise.all([
        ada.texts.count(ofBob.length),
        bob.texts.count(ofAda.length),
        sockets.host.texts.count(ofAda.length + ofBob.length),
      ]);
      ended = true;
      await sockets.close();
      await persisting;
      assertTexts(ada, ofBob);
      assertTexts(bob, ofAda);
      for (const [name, texts] of [["ada", ofAda], ["bob", ofBob]] as const) {
        const heard = sockets.host.texts.all.filter((text) => text.startsWith(name));
        assertEquals(heard, texts, `of what ${name} told the host`);
      }
      for (const { events } of [ada, bob, sockets.host]) {
        assertEquals(events.all.filter(({ event }) => event === "gap" || event === "left"), []);
      }
      assert(ofAda.length > 0);
      assertEquals(nonces.repeated, []);
      assert(nonces.count > 100, `${nonces.count}`);
    },
  );
}
