/** Every link between the documents leads to a file, and to a heading in it. */
import { assertEquals } from "@std/assert";
import { test } from "../support/test.ts";
import { DOCUMENTS, exists, read, withoutBlocks } from "./documents.ts";

/** The targets of links and pictures in a document that are not on the web. */
function targetsOf(path: string): string[] {
  return [...withoutBlocks(read(path)).matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)]
    .map(([, link, attribute]) => (link ?? attribute)!)
    .filter((target) => !/^https?:/.test(target));
}

/** Whether a target exists, as seen from a document. */
function leads(path: string, target: string): boolean {
  const [file, anchor] = target.split("#", 2);
  const found = file === "" ? path : new URL(file!, `file:///${path}`).pathname.slice(1);
  return exists(found) && (anchor === undefined || anchorsOf(read(found)).includes(anchor));
}

/** The anchors of the headings, as GitHub makes them, and those that the text sets. */
function anchorsOf(markdown: string): string[] {
  const text = withoutBlocks(markdown);
  const seen = new Map<string, number>();
  const ofHeadings = [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => {
    const anchor = heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
  return [...ofHeadings, ...[...text.matchAll(/<a id="([\w-]+)">/g)].map(([, id]) => id!)];
}

for (const path of DOCUMENTS) {
  test(`${path} links only to files and headings that exist`, () => {
    assertEquals(targetsOf(path).filter((target) => !leads(path, target)), []);
  });
}

test("docs/README.md lists every document", () => {
  const targets = targetsOf("docs/README.md").map((target) => `docs/${target}`);
  const documents = DOCUMENTS.filter((path) => path.startsWith("docs/"));
  assertEquals(documents.filter((path) => !targets.includes(path)), ["docs/README.md"]);
});

test("a link that leads nowhere is found", () => {
  const wrong = ["NOTHING.md", "#nothing", "../README.md#nothing"];
  const right = ["LOG.md", "#codes", "../README.md#lanchat", "lanchat.1"];
  assertEquals([...wrong, ...right].filter((target) => !leads("docs/JSON.md", target)), wrong);
});
