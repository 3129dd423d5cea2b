/**
 * Every benchmark, in one run on one machine: compare figures of one run only.
 *
 * @module
 */
import { measureBesideRaw } from "./beside_raw.ts";
import { measureFlood } from "./flood.ts";
import { measureLayers } from "./layers.ts";
import { table } from "./report.ts";
import { measureTerminal } from "./terminal.ts";
import { measureProgram } from "./whole.ts";

console.log(table("Beside raw TCP in Deno", "times raw", await measureBesideRaw()));
console.log(table("Layers", "times raw TCP", await measureLayers()));
console.log(table("Memory under bursts", "times better than its aim", await measureProgram()));
console.log(table("A flood", "times better than its aim", await measureFlood()));
console.log(table("A terminal", "times better than its aim", await measureTerminal()));
Deno.exit();
