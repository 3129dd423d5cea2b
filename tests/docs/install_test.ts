/** docs/INSTALL.md and docs/TROUBLESHOOTING.md agree with the install scripts and with lanchat. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DEFAULT_PORT } from "../../lib/address.ts";
import { RELEASES } from "../../release/publisher.ts";
import { test } from "../support/test.ts";
import { read, spansOf } from "./documents.ts";

const SPANS = spansOf(read("docs/INSTALL.md"));

const SHELL = read("install.sh");

const POWERSHELL = read("install.ps1");

test("docs/INSTALL.md names only options and places that the install scripts have", () => {
  const ofShell = SPANS.filter((span) => span.includes("install.sh"))
    .flatMap((span) => span.match(/ --[a-z]+/g) ?? []).map((option) => option.trim());
  assert(ofShell.length > 2);
  for (const option of ofShell) assertStringIncludes(SHELL, option);
  const ofPowerShell = SPANS.filter((span) => span.includes("install.ps1"))
    .flatMap((span) => span.match(/ -[A-Z][a-z]+/g) ?? []).map((option) => option.slice(2));
  assert(ofPowerShell.length > 2);
  for (const option of ofPowerShell) assertStringIncludes(POWERSHELL, `]$${option}`);
  assert(SPANS.includes("~/.local/bin") && SHELL.includes("prefix=$HOME/.local\n"));
  const place = String.raw`\Programs\lanchat`;
  assert(SPANS.includes(`%LOCALAPPDATA%${place}`));
  for (const text of [POWERSHELL, read("docs/TROUBLESHOOTING.md")]) {
    assertStringIncludes(text, `$env:LOCALAPPDATA${place}`);
  }
});

test("README.md has the lines of docs/INSTALL.md for each system", () => {
  const lines = (path: string): string[] =>
    [...read(path).matchAll(/^\| [^|]+ \| (`(?:curl|irm|brew|scoop|sudo apt|yay) .*?[^\\]`)/gm)]
      .map(([, line]) => line!).filter((line) => !line.includes("…"));
  assertEquals(lines("README.md").length, 6);
  assertEquals(lines("README.md"), lines("docs/INSTALL.md"));
});

test("the documents download from where releases are", () => {
  for (const path of ["README.md", "docs/INSTALL.md"]) {
    const urls = spansOf(read(path)).flatMap((span) =>
      span.match(/https:\/\/github\.com\S+/g) ?? []
    );
    const names = urls.map((url) => url.replace(`${RELEASES}/latest/download/`, "")).sort();
    const files = ["install.ps1", "install.sh", "lanchat.json"];
    assertEquals(names, files.slice(0, names.length));
  }
});

test("docs/TROUBLESHOOTING.md opens the ports of lanchat", () => {
  const section = read("docs/TROUBLESHOOTING.md").split(/^## /m)
    .find((part) => part.startsWith("Firewalls\n"))!;
  const ports = section.match(/\b\d{4,5}\b/g)!.map(Number);
  const [, discovery] = /^const PORT = (\d+);$/m.exec(read("lib/net/multicast.ts"))!;
  assertEquals(new Set(ports), new Set([DEFAULT_PORT, Number(discovery)]));
});
