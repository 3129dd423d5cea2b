import { EXIT } from "../../errors.ts";
import {
  checkMulticast,
  DEFAULT_PORT,
  dial,
  type HostPort,
  listen,
  lookUp,
  ownInterfaces,
  parseHostPort,
} from "../../net/mod.ts";
import { environmentVariable, isGranted } from "../../permission.ts";
import { KnownPeers, lookAtIdentity, peersPlace } from "../../store/mod.ts";
import { JsonFrontEnd, noticeLines } from "../../ui/mod.ts";
import type { CheckEvent, ClosedEvent, ProblemEvent } from "../../session_events.ts";
import { askHost } from "../ask_host.ts";
import { checkUp, type Environment, type TerminalLook } from "../checkup.ts";
import { Interrupts } from "../../session/mod.ts";
import { refuseSurplus } from "../operands.ts";
import type { Parsed } from "../options.ts";
import { print } from "../print.ts";
import type { SubcommandEntry } from "../subcommand.ts";
import { problem } from "../../session_events.ts";

/** What is really there. */
const SURROUNDINGS: Environment = {
  granted: (name) => isGranted({ name }),
  interfaces: ownInterfaces,
  listen,
  dial,
  ask: askHost,
  multicast: checkMulticast,
  lookUp,
  identity: ({ identity, profile }) => lookAtIdentity({ file: identity, profile }),
  known: (file) => KnownPeers.open(peersPlace(file)),
  terminal: lookAtTerminal,
  now: Date.now,
};

/** A parsed `lanchat doctor`. */
export type DoctorCommand = Parsed<"doctor"> & {
  /** The host that cannot be joined; without it, only this machine is checked. */
  readonly target: HostPort | undefined;
};

/** `lanchat doctor` finds out why people cannot reach each other; its status is a failure if a check fails. */
export const DOCTOR: SubcommandEntry<DoctorCommand> = {
  summary: "find out what keeps people apart",
  operand: "[HOST[:PORT]]",
  note: "HOST is what cannot be joined; without it only this machine is looked at.",
  examples: ["lanchat doctor 192.168.1.5", "lanchat doctor ada.local --timeout 10"],
  operands([address, ...words]) {
    refuseSurplus("doctor", words);
    return { target: address === undefined ? undefined : parseHostPort(address, DEFAULT_PORT) };
  },
  run: doctor,
};

async function doctor(command: DoctorCommand): Promise<number> {
  const interrupts = new Interrupts(() => Deno.exit(EXIT.INTERRUPTED));
  const interrupted = interrupts.first.then(() => "interrupted" as const);
  const show = command.json ? showAsJson() : showToPerson;
  const checks = checkUp(command, SURROUNDINGS);
  let status: number = EXIT.OK;
  try {
    while (true) {
      const next = await Promise.race([checks.next(), interrupted]);
      if (next === "interrupted") {
        await show({ event: "closed", reason: "signal" });
        return EXIT.INTERRUPTED;
      }
      if (next.done) break;
      if (next.value.ok === false) status = EXIT.FAILURE;
      if (!await show(next.value)) return EXIT.FAILURE;
    }
    return await show({ event: "closed", reason: "done" }) ? status : EXIT.FAILURE;
  } catch (error) {
    await show(problem(error));
    await show({ event: "closed", reason: "failed" });
    return EXIT.FAILURE;
  } finally {
    interrupts.close();
  }
}

/** Shows an event. @returns Whether that was possible. */
type Show = (event: CheckEvent | ProblemEvent | ClosedEvent) => Promise<boolean>;

const showToPerson: Show = (event) => print(noticeLines(event).map((line) => `${line}\n`).join(""));

function showAsJson(): Show {
  const frontEnd = new JsonFrontEnd();
  let broken = false;
  void frontEnd.broken.then(() => broken = true);
  return async (event) => {
    frontEnd.show(event);
    if (event.event === "closed") await frontEnd.close();
    return !broken;
  };
}

function lookAtTerminal(): TerminalLook {
  const isTerminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(environmentVariable).find(Boolean);
  return {
    isTerminal,
    ...isTerminal && { size: Deno.consoleSize() },
    colours: !Deno.noColor,
    type: environmentVariable("TERM"),
    locale,
  };
}
