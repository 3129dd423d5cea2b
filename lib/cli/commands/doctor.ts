/**
 * `lanchat doctor` finds out why people cannot connect.
 *
 * @module
 */
import { DEFAULT_PORT, type HostPort, parseHostPort } from "../../address.ts";
import { Broker, call } from "../../broker/mod.ts";
import { isBrokerAddress } from "../../broker_address.ts";
import { systemClock } from "../../clock.ts";
import { EXIT, NetError } from "../../errors.ts";
import {
  checkMulticast,
  dial,
  listen,
  lookUp,
  ownInterfaces,
  roomAtBroker,
} from "../../net/mod.ts";
import { environmentVariable, isFullyGranted, type Variable } from "../../permission.ts";
import { KnownPeers, lookAtIdentity, peersPlace } from "../../store/mod.ts";
import { askHost } from "../ask_host.ts";
import { findBrokerAccess } from "../broker_access.ts";
import { checkUp, type Environment, type TerminalLook } from "../checkup.ts";
import { Interrupts } from "../../session/mod.ts";
import { refuseSurplus } from "../operands.ts";
import type { Parsed } from "../options.ts";
import { EventPrinter } from "../print.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** A room that no host has: not a hash of any room id that was made. */
const NO_ROOM = "a".repeat(16);

/** The real environment, without brokers. */
const ENVIRONMENT: Omit<Environment, "callBroker" | "reachBroker"> = {
  granted: isFullyGranted,
  interfaces: ownInterfaces,
  listen,
  dial,
  ask: askHost,
  multicast: checkMulticast,
  lookUp,
  identity: ({ identity, profile }) => lookAtIdentity({ file: identity, profile }),
  known: (file) => KnownPeers.open(peersPlace(file)),
  terminal: lookAtTerminal,
  now: () => systemClock.now(),
};

/** A parsed `lanchat doctor`. */
export type DoctorCommand = Parsed<"doctor"> & {
  /** The host that cannot be joined; without it, only this machine is checked. */
  readonly target: HostPort | undefined;
};

/** `lanchat doctor` finds out why people cannot reach each other; its status is a failure if a check fails. */
export const DOCTOR: SubcommandEntry<DoctorCommand> = {
  summary: "find connection problems",
  operand: "[HOST[:PORT]]",
  note: "Checks whether this machine can host; with HOST, whether it can join there.\n" +
    "Instead of HOST: a NATS server, or a room at one, as in nats://HOST:PORT/ROOM.",
  examples: ["lanchat doctor 192.168.1.5", "lanchat doctor ada.local --timeout 10"],
  operands([address, ...words]) {
    refuseSurplus("doctor", words);
    if (address === undefined) return { target: undefined };
    const isBroker = isBrokerAddress(address);
    return {
      target: isBroker ? roomAtBroker(address, false) : parseHostPort(address, DEFAULT_PORT),
    };
  },
  run: doctor,
};

async function doctor(command: DoctorCommand): Promise<number> {
  const interrupts = new Interrupts(() => Deno.exit(EXIT.INTERRUPTED));
  const interrupted = interrupts.first.then(() => "interrupted" as const);
  const printer = new EventPrinter(command.json);
  const checks = checkUp(command, { ...ENVIRONMENT, ...brokers(command) });
  let status: number = EXIT.OK;
  try {
    while (true) {
      const next = await Promise.race([checks.next(), interrupted]);
      if (next === "interrupted") {
        await printer.close("signal");
        return EXIT.INTERRUPTED;
      }
      if (next.done) return await printer.close("done") || status;
      if (next.value.ok === false) status = EXIT.FAILURE;
      if (!await printer.print(next.value)) return EXIT.FAILURE;
    }
  } catch (error) {
    return await printer.fail(error);
  } finally {
    interrupts.close();
  }
}

/** What the checks need of brokers. */
function brokers(command: DoctorCommand): Pick<Environment, "callBroker" | "reachBroker"> {
  const callBroker: Environment["callBroker"] = async (address, room, timeoutMs) =>
    await new Broker(address, await findBrokerAccess(command)).call(room, { timeoutMs });
  return {
    callBroker,
    reachBroker: async (address, room = NO_ROOM, timeoutMs) => {
      const bus = await new Broker(address, await findBrokerAccess(command)).connect({ timeoutMs });
      try {
        (await call(bus, room, { timeoutMs })).close();
      } catch (error) {
        if (!(error instanceof NetError) || error.code !== "connection-refused") throw error;
      }
    },
  };
}

function lookAtTerminal(): TerminalLook {
  const isTerminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const locale: readonly Variable[] = ["LC_ALL", "LC_CTYPE", "LANG"];
  return {
    isTerminal,
    ...isTerminal && { size: Deno.consoleSize() },
    colors: !Deno.noColor,
    type: environmentVariable("TERM"),
    locale: locale.map(environmentVariable).find(Boolean),
  };
}
