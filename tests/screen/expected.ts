/**
 * How the screen looks: what the tests of this folder expect where the look is not what they are about.
 *
 * @module
 */
/** The rows of the line that is typed, narrow characters; where it fills them, the cursor is in one more. */
export function typed(columns: number, line: string): string[] {
  const rows = wrapped(columns, `> ${line}`);
  return (line.length + 2) % columns === 0 ? [...rows, ""] : rows;
}

/** The line of a message, own or another's. */
export function said(name: string, text: string): string {
  return `${name}: ${text}`;
}

/** The line of a private message that came. */
export function whispered(name: string, text: string): string {
  return `${name} (private): ${text}`;
}

/** The line of an own private message. */
export function whisperedTo(name: string, to: string, text: string): string {
  return `${name} to ${to} (private): ${text}`;
}

/** The line of an action. */
export function did(name: string, text: string): string {
  return `* ${name} ${text}`;
}

/** The line of a notice. */
export function notice(text: string): string {
  return text;
}

/** Ends what is shown at the beginning. */
export const READY_LINE: string = notice(
  "Type a message and press Enter; /help shows the commands.",
);

/** The rows that lines of narrow characters take. */
export function wrapped(columns: number, ...lines: readonly string[]): string[] {
  return lines.flatMap((line) =>
    Array.from(
      { length: Math.max(1, Math.ceil(line.length / columns)) },
      (_, row) => line.slice(row * columns, (row + 1) * columns).trimEnd(),
    )
  );
}

/** A test of the program on pseudo-terminals, which script(1) of Linux makes. */
export function screenTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: Deno.build.os !== "linux", fn });
}
