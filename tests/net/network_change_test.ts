import { assertEquals } from "@std/assert";
import { networkChange } from "../../lib/net/mod.ts";
import { FakeClock } from "../support/clock.ts";
import { test } from "../support/test.ts";

/** A machine with addresses and a time that a test sets, and a watch on it. */
class Machine {
  readonly clock = new FakeClock();
  readonly abort = new AbortController();
  /** Addresses of the machine. */
  addresses = ["127.0.0.1", "192.0.2.7"];
  /** Whether the watch has seen a change. */
  changed = false;

  watch(): void {
    void networkChange(this.abort.signal, {
      clock: this.clock,
      interfaces: () => this.addresses.map(networkInterface),
    }).then(() => this.changed = true);
  }

  /** Advances the time, one second after the other. */
  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) this.clock.advance(1000);
    await Promise.resolve();
  }

  /** Sleeps: the time of day advances, the elapsed time does not. */
  sleep(ms: number): void {
    this.clock.set(this.clock.now() + ms);
  }
}

function networkInterface(address: string): Deno.NetworkInterfaceInfo {
  return {
    name: "eth0",
    family: address.includes(":") ? "IPv6" : "IPv4",
    address,
    netmask: "",
    scopeid: null,
    cidr: "",
    mac: "00:00:00:00:00:00",
  };
}

test("networkChange resolves within a second of an address that comes, goes or changes", async () => {
  for (
    const addresses of [
      ["127.0.0.1", "192.0.2.7", "fd00::7"],
      ["127.0.0.1"],
      ["127.0.0.1", "192.0.2.8"],
      [],
    ]
  ) {
    const machine = new Machine();
    machine.watch();
    await machine.pass(10);
    assertEquals(machine.changed, false);
    machine.addresses = addresses;
    await machine.pass(1);
    assertEquals(machine.changed, true, `${addresses}`);
    assertEquals(machine.clock.timers, 0);
  }
});

test("networkChange ignores a new order of the same addresses", async () => {
  const machine = new Machine();
  machine.watch();
  machine.addresses.reverse();
  await machine.pass(10);
  assertEquals(machine.changed, false);
  machine.abort.abort();
});

test("networkChange resolves when the machine has slept for over five seconds", async () => {
  const machine = new Machine();
  machine.watch();
  machine.sleep(5000);
  await machine.pass(10);
  assertEquals(machine.changed, false);
  machine.sleep(1);
  await machine.pass(1);
  assertEquals(machine.changed, true);
  assertEquals(machine.clock.timers, 0);
});

test("networkChange ignores a clock that is set back", async () => {
  const machine = new Machine();
  machine.watch();
  machine.sleep(-3_600_000);
  await machine.pass(10);
  assertEquals(machine.changed, false);
  machine.abort.abort();
});

test("networkChange leaves no timer after an abort, before or during the watch", async () => {
  const machine = new Machine();
  machine.watch();
  await machine.pass(3);
  assertEquals(machine.clock.timers, 1);
  machine.abort.abort();
  assertEquals(machine.clock.timers, 0);

  machine.addresses = [];
  machine.watch();
  assertEquals(machine.clock.timers, 0);
  await machine.pass(10);
  assertEquals(machine.changed, false);
});

test("networkChange watches this machine by default, and leaves nothing behind", async () => {
  const abort = new AbortController();
  const changed = networkChange(abort.signal);
  abort.abort();
  assertEquals(await Promise.race([changed, Promise.resolve("unchanged")]), "unchanged");
});

Deno.test({
  name: "networkChange notices a sleep without the permission to list addresses",
  permissions: { sys: false },
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    const clock = new FakeClock();
    let changed = false;
    void networkChange(new AbortController().signal, { clock }).then(() => changed = true);
    for (let i = 0; i < 10; i++) clock.advance(1000);
    await Promise.resolve();
    assertEquals(changed, false);
    clock.set(clock.now() + 60_000);
    clock.advance(1000);
    await Promise.resolve();
    assertEquals(changed, true);
  },
});
