/**
 * Prints the notes of a release: `deno task release:notes v0.2.0`. The tag, deno.json and CHANGELOG.md must have the
 * same version.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };

const { version } = config;
const [tag] = Deno.args;
if (tag !== `v${version}`) throw new Error(`The tag of version ${version} is v${version}`);
const changelog = await Deno.readTextFile(new URL("../CHANGELOG.md", import.meta.url));
const section = changelog.split(/^## /m).find((part) => part.startsWith(`${version}\n`));
if (section === undefined) throw new Error(`CHANGELOG.md has no section "${version}"`);
// GitHub shows each line feed in notes as one, unlike in files.
console.log(section.slice(version.length).trim().replaceAll(/\n +(?!- )/g, " "));
