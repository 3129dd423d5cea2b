import { assertEquals } from "@std/assert";
import { HostProgram } from "../support/program.ts";
import { readQr } from "../support/qr.ts";
import { notice, said, told } from "./expected.ts";
import { memberAtTerminal } from "./people.ts";
import { terminalTest } from "../support/tools.ts";

terminalTest(
  "two screens show one safety number, and mark a verified member from then on",
  async () => {
    await using hana = await HostProgram.start(["--name", "hana", "--json"]);
    await using ada = await memberAtTerminal(hana, "ada", { columns: 100, rows: 50 });
    await hana.tell({ verify: "ada" });
    const { digits, fingerprint } = await hana.event("safety-number");
    const groups = digits.match(/\d{5}/g)!;
    // Hana's half is the one that ada does not have.
    const hanas = digits.replace(fingerprint, "").match(/\d{5}/g)!;

    await ada.type("/verify hana show\r");
    await ada.shows(">");
    await ada.says(/-- Safety number of you and hana:/);
    await ada.shows(">");
    const end = ada.lines.length - 1;
    assertEquals(ada.lines.slice(end - 4, end), [
      notice("Read all 12 groups to hana by voice, not in this chat."),
      notice("Safety number of you and hana:", false),
      ...[groups.slice(0, 6), groups.slice(6)].map((half) =>
        notice(`${half.join(" ")} (${half[0] === hanas[0] ? "hana" : "you"})`, false)
      ),
    ]);
    const code = ada.lines.slice(0, end - 4);
    assertEquals(readQr(code.slice(code.findIndex((line) => line.startsWith("█")))), digits);

    await ada.type("/verify hana\r");
    const ASKING = /^ +-- ((?:\d{5} |\?{5} )+)\(hana\)$/;
    await ada.says(/^ +-- .*\?{5}.*\(hana\)$/);
    const half = ada.lines.flatMap((line) => ASKING.exec(line)?.[1] ?? [])
      .map((row) => row.trim().split(" "))
      .find((row) => row.includes("?????"))!;
    assertEquals(half, hanas.map((group, i) => half[i] === "?????" ? "?????" : group));
    const missing = hanas.filter((_, i) => half[i] === "?????");
    assertEquals(missing.length, 4);
    await ada.type("/verify hana 12345 67890 12345 67890\r");
    await ada.says(/-- hint: Compare again\./);
    await hana.say("not verified");
    await ada.shows(said("hana", "not verified"), ">");
    await ada.type(`/verify hana ${missing.join(" ")}\r`);
    await ada.shows(
      notice("You have verified hana✓, and see the ✓ from now on."),
      notice("hana does not see that. To verify you, hana types: /verify ada", false),
      ">",
    );
    await hana.say("verified");
    await ada.type("hello\r");
    await hana.event("message");
    await ada.shows(said("hana✓", "verified"), told("ada", "hello"), ">");
  },
);
