import { decodeMessage, encodeMessage } from "../../../lib/broker/message.ts";
import { formatBrokerAddress, parseBrokerAddress } from "../../../lib/broker_address.ts";
import { UsageError, WireError } from "../../../lib/errors.ts";
import { assertEquals } from "@std/assert";
import { assertCanonical, refusal, type Target } from "../target.ts";

/** A message through a broker, from anyone who may publish there. */
const message: Target = {
  name: "broker-message",
  runs: 2000,
  run(input): string {
    try {
      const decoded = decodeMessage(input);
      assertCanonical(encodeMessage(decoded), input);
      return `ok: kind ${decoded.kind}`;
    } catch (error) {
      return refusal(error, WireError);
    }
  },
};

/** The address of a broker, as a person types it: no part of its user is in the address that is shown. */
const address: Target = {
  name: "broker-address",
  runs: 500,
  run(input): string {
    try {
      const { room, user: _, ...broker } = parseBrokerAddress(new TextDecoder().decode(input));
      const shown = formatBrokerAddress(broker, room);
      const { room: same, ...others } = parseBrokerAddress(shown);
      assertEquals([others, same], [broker, room]);
      return `ok: ${broker.servers.length} servers, ${room === undefined ? "no room" : "a room"}`;
    } catch (error) {
      return refusal(error, UsageError).split(":")[0]!;
    }
  },
};

/** Parsers of what comes through a broker, and of its address. */
export const brokerTargets: readonly Target[] = [message, address];
