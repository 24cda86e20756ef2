#!/usr/bin/env node
// Memory of a node whose own journal holds ten million events, release build: a demonstration is made, a year of made-up
// events goes into its journal, and it starts again. Resident memory is sampled from the start on (it reads its journal to
// recover, then for retention, for the probes, and to make the index), then while the traces are searched. About 5 GB of disk.
//
//   node bench/node-memory.mjs [EVENTS]        (default: 10000000)
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { report, useReleaseBuild } from "./lib.mjs";

const MEGABYTES_AIM = 200;
/** The index of ten million is made in about a minute and a half; each probe has looked at the journal once by then. */
const MINUTES_MAX = 15;

useReleaseBuild();
const { Demo } = await import("../e2e/lib/demo.mjs");
const { Api } = await import("../e2e/lib/api.mjs");
const events = Number(process.argv[2] ?? 10_000_000);

const first = await Demo.start();
await first.stop();
const words = ["bench", "--locked", "--quiet", "-p", "poterne", "-p", "journal", "--bench", "search", "--"];
const plan = ["--folder", first.folder, "--events", String(events), "generate"];
execFileSync("cargo", [...words, ...plan], { cwd: resolve(import.meta.dirname, ".."), stdio: ["ignore", 1, 2] });

const demo = await Demo.start({ data: first.folder });
console.log(`ready in ${demo.readySeconds.toFixed(1)} s`);
const highest = (of) => Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${of.pid}/status`, "utf8"))[1]) / 1024;
report("highest resident memory until ready", highest(demo), "MB", MEGABYTES_AIM);
const traces = new Api(demo, "desk", "trace_controller");
const began = performance.now();
let found;
while (performance.now() - began < MINUTES_MAX * 60_000) {
  found = await traces.ask("GET", "/traces?limit=50");
  if (found.status === 200) break;
  await sleep(2000);
}
if (found.status !== 200) throw new Error(`the index is not made: ${found.status}`);
console.log(`searched ${((performance.now() - began) / 1000).toFixed(0)} s after it was ready`);
report("resident memory, index made", demo.residentMegabytes(), "MB", MEGABYTES_AIM);
// The made-up events are of another establishment, whose traces nobody here is shown: they are looked through all the same.
for (const query of ["type=record", "ip=192.0.2.7", "outcome=refused", "q=scanner", "author=system.node"]) {
  for (let page = 0, before = ""; page < 5; page += 1) {
    const rows = await traces.must("GET", `/traces?limit=100&${query}${before}`);
    if (!rows.next) break;
    before = `&before=${encodeURIComponent(rows.next)}`;
  }
  await traces.must("GET", `/traces/counts?${query}`);
}
report("resident memory, after searches", demo.residentMegabytes(), "MB", MEGABYTES_AIM);
// Every probe looks at the journal, the first of them once whole.
await sleep(60_000);
report("resident memory, a minute later", demo.residentMegabytes(), "MB", MEGABYTES_AIM);
report("highest resident memory, index made from nothing", highest(demo), "MB", MEGABYTES_AIM);
await demo.stop();

const again = await Demo.start({ data: first.folder });
await sleep(120_000);
report("resident memory, started again", again.residentMegabytes(), "MB", MEGABYTES_AIM);
report("highest resident memory, started again", highest(again), "MB", MEGABYTES_AIM);
await again.stop();
