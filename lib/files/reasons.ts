/**
 * Why a transfer ends: the reasons of the wire, and the codes and messages that a person sees.
 *
 * @module
 */
import type { Code } from "../errors.ts";
import { StopReason, WithdrawReason } from "../wire/mod.ts";

/** Why a receiver stopped, as code and message. @param name The receiver's. */
export function stopped(reason: number, name: string): [Code, string] {
  switch (reason) {
    case StopReason.CANCELED:
      return ["file-canceled", `${name} canceled it`];
    case StopReason.DISK_FULL:
      return ["disk-full", `${name} has no room for it`];
    case StopReason.CANNOT_WRITE:
      return ["download-unwritable", `${name} cannot save it`];
    case StopReason.TOO_LARGE:
      return ["file-too-large", `it is too large for ${name}`];
    case StopReason.BAD_CONTENTS:
      return ["file-damaged", `it did not reach ${name} undamaged`];
    default:
      return ["file-unfinished", `${name} stopped receiving it`];
  }
}

/** Why a sender withdrew its offer, as code and message. @param name The sender's. */
export function withdrawn(reason: number, name: string): [Code, string] {
  switch (reason) {
    case WithdrawReason.CANCELED:
      return ["file-canceled", `${name} canceled it`];
    case WithdrawReason.FILE_CHANGED:
      return ["file-changed", `${name} changed it`];
    default:
      return ["file-gone", `${name} no longer has it`];
  }
}

/** The reason for the receivers that a transfer of this member ends with a code. */
export function withdrawReason(code: Code): number {
  switch (code) {
    case "file-canceled":
      return WithdrawReason.CANCELED;
    case "file-changed":
      return WithdrawReason.FILE_CHANGED;
    default:
      return WithdrawReason.CANNOT_READ;
  }
}
