import { assert, assertEquals } from "@std/assert";
import { ALL_OPTIONS, optionsOf, SUBCOMMANDS, typeOf } from "../../lib/cli/options.ts";
import { test } from "../support/test.ts";

test("optionsOf returns options with unique names and keys", () => {
  for (const subcommand of SUBCOMMANDS) {
    const options = optionsOf(subcommand);
    assertEquals(new Set(options.map(({ name }) => name)).size, options.length, subcommand);
    assertEquals(new Set(options.map(({ key }) => key)).size, options.length, subcommand);
  }
});

test("ALL_OPTIONS gives an option a value in all subcommands or in none", () => {
  for (const option of ALL_OPTIONS) {
    const others = ALL_OPTIONS.filter(({ name }) => name === option.name);
    const placeholders = new Set(others.map((other) => typeOf(other).placeholder));
    assertEquals(placeholders.size, 1, option.name);
  }
});

test("ALL_OPTIONS has defaults within bounds, and rules about options that there are", () => {
  const names = ALL_OPTIONS.map(({ name }) => name);
  for (const option of ALL_OPTIONS) {
    const { default: value, excludedBy, max = typeOf(option).max, min = 1, needs } = option;
    if (typeof value === "number") assert(value >= min && value <= max!, option.name);
    for (const rule of [excludedBy, needs]) assert(rule === undefined || names.includes(rule[0]));
  }
});
