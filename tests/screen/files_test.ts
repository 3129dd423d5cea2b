/** Offers and transfers on the screen of a person. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { emptyDirectory, HostProgram } from "../support/program.ts";
import { type Pty, type PtyOptions, unwrapped } from "../support/pty.ts";
import { terminalTest } from "../support/tools.ts";
import { memberAtTerminal } from "./people.ts";

const PERMISSIONS = ["--allow-net", "--allow-env", "--allow-read", "--allow-write"];

/** Makes a file without contents. @returns Its path. */
async function makeFile(name: string, size: number): Promise<string> {
  const path = `${emptyDirectory()}/${name}`;
  Deno.writeFileSync(path, new Uint8Array());
  await Deno.truncate(path, size);
  return path;
}

/** Starts ada in a window of a width, with a download folder. */
async function adaIn(
  hana: HostProgram,
  columns: number,
  options: PtyOptions = {},
): Promise<{ ada: Pty; folder: string }> {
  const folder = `${emptyDirectory()}/in`;
  const args = ["--download-dir", folder];
  const all = { columns, permissions: PERMISSIONS, args, ...options };
  return { ada: await memberAtTerminal(hana, "ada", all), folder };
}

/** The lines of the screen, each in one row. */
function text(ada: Pty): string {
  return unwrapped(ada.lines).join("\n");
}

/** The lines without blanks: a path is one word, which a narrow window cuts anywhere. */
function squeezed(ada: Pty): string {
  return ada.lines.join("").replaceAll(/\s/g, "");
}

/** The row that tells how far transfers are; `undefined` without it. */
function transferRow(ada: Pty): string | undefined {
  return ada.screen.rows.findLast((row) => /^── .*(?:%|paused)/.test(row));
}

for (const columns of [80, 40]) {
  terminalTest(
    `${columns} columns show an offer, how far it is in one row, and its end`,
    async () => {
      await using hana = await HostProgram.start(["--name", "hana", "--json"], {
        permissions: PERMISSIONS,
      });
      const { ada, folder } = await adaIn(hana, columns);
      await using _ada = ada;
      await hana.tell({
        do: "send-file",
        paths: [await makeFile("big.bin", 512 << 20)],
        to: "ada",
      });
      const advice = `--/accept1savesitin${folder},or/decline1.`;
      await ada.until("The offer", () => squeezed(ada).includes(advice));
      assert(
        text(ada).includes('-- hana (not verified) offers you "big.bin" (537 MB).'),
        text(ada),
      );
      await ada.type("/accept 1\r");
      await ada.until("Progress", () => /[1-9]\d?%/.test(transferRow(ada) ?? ""));
      await ada.type("half a line");
      await ada.until("The line", () => ada.lines.at(-1) === "> half a line");
      assertMatch(ada.screen.place!, /^── hana's room: 2 here$/);
      const rows = ada.screen.rows.filter((row) => row.startsWith("── "));
      assertEquals(rows, [transferRow(ada)!, ada.screen.place!]);
      assert(transferRow(ada)!.length <= columns);
      await ada.type("\x15/pause\r");
      await ada.until("The pause", () => transferRow(ada)?.includes("paused") === true);
      await ada.type("/cancel 1\r");
      await ada.until("The end", () => text(ada).includes('"big.bin": you canceled it'));
      assertEquals(transferRow(ada), undefined);

      await hana.tell({ do: "send-file", paths: [await makeFile("small.bin", 3_000_000)] });
      await ada.until("The offer", () => text(ada).includes("/decline 2"));
      await ada.type("/accept\r");
      const end = `--Receivedfromhana(3.0MB,hashmatches):${folder}/small.bin`;
      await ada.until("The end", () => squeezed(ada).includes(end) && ada.lines.at(-1) === ">");
      assertEquals(transferRow(ada), undefined);
      assertEquals(ada.screen.place, "── hana's room: 2 here");
      await ada.type("/transfers\r");
      await ada.until(
        "The list",
        () => text(ada).includes("There are no offers and no transfers."),
      );
    },
  );
}

terminalTest("/send completes a path, and says what became of the files", async () => {
  await using hana = await HostProgram.start(["--name", "hana", "--json"], {
    permissions: PERMISSIONS,
  });
  const path = await makeFile("my notes.txt", 1000);
  const { ada } = await adaIn(hana, 120);
  await using _ada = ada;
  await ada.type(`/send ${path.slice(0, -"my notes.txt".length)}my\t`);
  await ada.until("The path", () => ada.lines.join("").includes('my notes.txt"'));
  await ada.type("to ha\t\r");
  await ada.until(
    "The offer",
    () => text(ada).includes('You offer "my notes.txt" (1.0 kB) to hana.'),
  );
  await hana.event("offer");
  await hana.tell({ do: "decline-file" });
  await ada.until("The answer", () => text(ada).includes('"my notes.txt": hana declined it'));
  await ada.type(`/send ${path}\r`);
  await ada.until("The error", () => text(ada).includes("Cannot send"));
});

terminalTest("a person who leaves while files are under way is asked once", async () => {
  await using hana = await HostProgram.start(["--name", "hana", "--json"], {
    permissions: PERMISSIONS,
  });
  const { ada } = await adaIn(hana, 80, {});
  await using _ada = ada;
  await hana.tell({ do: "send-file", paths: [await makeFile("big.bin", 512 << 20)], to: "ada" });
  await ada.until("The offer", () => text(ada).includes("/decline 1"));
  await ada.type("/accept\r");
  await ada.until("Progress", () => transferRow(ada) !== undefined);
  await ada.type("/quit\r");
  await ada.until("The question", () => text(ada).includes('"big.bin" is still under way.'));
  await ada.type("/quit\r");
  await ada.givesBack();
  assert(text(ada).includes('"big.bin": you left before all of it was here'), text(ada));
});
