import type { Target } from "./target.ts";
import { brokerTargets } from "./targets/broker.ts";
import { channelTargets } from "./targets/channel.ts";
import { fileTargets } from "./targets/files.ts";
import { handshakeTargets } from "./targets/handshake.ts";
import { netTargets } from "./targets/net.ts";
import { personTargets } from "./targets/person.ts";
import { roomTargets } from "./targets/room.ts";
import { wireTargets } from "./targets/wire.ts";

/** Everything that takes bytes from outside. */
export const TARGETS: readonly Target[] = [
  ...wireTargets,
  ...handshakeTargets,
  ...channelTargets,
  ...roomTargets,
  ...fileTargets,
  ...netTargets,
  ...brokerTargets,
  ...personTargets,
];
