/** QR codes for a terminal. */
import encodeQR from "qr";

/** Width of the light margin, in modules: ISO/IEC 18004 asks for four, cameras accept two. */
const MARGIN = 2;

/**
 * Draws a text as a QR code (ISO/IEC 18004), two rows of modules in each line.
 *
 * @returns Lines of one width, of the block, the two half blocks and the space. Blocks are light, so the
 * lines are shown light on dark in every terminal with colors: see {@linkcode Theme.qr}.
 */
export function qrLines(text: string): string[] {
  return encodeQR(text, "ascii", { border: MARGIN, ecc: "low" }).trimEnd().split("\n");
}

/** Draws a QR code that fits in a row. @returns `undefined` if it is wider than `columns`. */
export function fittingQrLines(text: string, columns: number): string[] | undefined {
  const lines = qrLines(text);
  return lines[0]!.length <= columns ? lines : undefined;
}

/** Says that a QR code does not fit. */
export const TOO_NARROW = "The window is too narrow for the QR code.";
