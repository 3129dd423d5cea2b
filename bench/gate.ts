/**
 * Runs before the program: keeps it from starting until the inspector sets `isOpen`. (`--inspect-wait` only
 * waits until a debugger connects, so that coverage would start too late.)
 *
 * @module
 */
const gate = globalThis as { isOpen?: boolean };
while (gate.isOpen !== true) await new Promise((resolve) => setTimeout(resolve, 10));
