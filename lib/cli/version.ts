/**
 * The version of lanchat, and of what it was made.
 *
 * @module
 */
import build from "../../build.json" with { type: "json" };
import config from "../../deno.json" with { type: "json" };

/** The version. */
export const VERSION: string = config.version;

/** The version, the commit that a binary was compiled from (`source` otherwise), and the version of Deno, in one line. */
export function versionLine(): string {
  return `lanchat ${VERSION} (${build.commit}, Deno ${Deno.version.deno})`;
}
