import encodeQR from "qr";

/** Modules of the light margin on each side; ISO/IEC 18004 asks for four, cameras are content with two. */
const MARGIN = 2;

/**
 * Draws a text as a QR code (ISO/IEC 18004), two rows of modules in each line.
 *
 * @returns Lines of one width, of the block, the two half blocks and the space, where a block is light: to be
 * shown light on dark, whatever the colours of the terminal are. See {@linkcode Look.qr}.
 */
export function qrLines(text: string): string[] {
  return encodeQR(text, "ascii", { border: MARGIN }).trimEnd().split("\n");
}

/**
 * The same where it fits into a row.
 *
 * @param columns Characters of a row.
 * @returns `undefined` where it does not.
 */
export function fittingQrLines(text: string, columns: number): string[] | undefined {
  const lines = qrLines(text);
  return lines[0]!.length <= columns ? lines : undefined;
}

/** What to say where it does not fit. @param what It is the code of that. */
export function noQrSentence(what: string): string {
  return `The window is too narrow for the QR code of ${what}.`;
}
