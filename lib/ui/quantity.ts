/** Sizes and times as people read them. */

const UNITS = ["kB", "MB", "GB", "TB"];

/** Formats a number of bytes: `812 bytes`, `3.2 MB`. The units are powers of 1000, as those of `--max-file`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  let value = bytes / 1000;
  let unit = 0;
  // Beyond this, the rounded value would have four digits.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** Formats a time that is left: `34 s`, `5 min`, `2 h 10 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 100) return `${whole} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Returns how much of a whole is done, in whole percent; 100 only where all is. */
export function percentOf(done: number, whole: number): number {
  return whole === 0 ? 100 : Math.min(100, Math.floor(100 * done / whole));
}
