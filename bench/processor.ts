/**
 * What the kernel knows of a process, on Linux.
 *
 * @module
 */

/** Linux counts processor time in these. */
const TICK_MS = 10;

/** The processor time that a process has taken so far, with all its threads, in milliseconds. */
export function processorMs(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory of a process, in KiB, now and at its highest. */
export function residentMemory(pid: number): { now: number; peak: number } {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return { now: field(status, "VmRSS"), peak: field(status, "VmHWM") };
}

/** How often the threads of a process were woken up so far. */
export function wakeUps(pid: number): number {
  const tasks = [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name);
  return tasks.reduce(
    (sum, task) =>
      sum +
      field(Deno.readTextFileSync(`/proc/${pid}/task/${task}/status`), "voluntary_ctxt_switches"),
    0,
  );
}

function field(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)![1]);
}
