/**
 * Prints the matrix of the release workflow: for each system the machine that tries its binary, the archive, and the
 * program in that archive.
 *
 * @module
 */
import { archiveName, packageName, programName, TARGETS } from "./binary.ts";

const include = TARGETS.map((target) => ({
  system: target.name,
  runner: target.runner,
  archive: archiveName(target),
  program: `${packageName(target)}/${programName(target)}`,
}));
console.log(JSON.stringify({ include }));
