#!/usr/bin/env node
// Start-up of the demonstration, release build: time to the ready line, and resident memory when ready and after a
// patient's first visit. Aim: ready in 2 s, under 150 MB. Each run starts on an empty folder; the second time of each
// is a restart on the same one.
//
//   node bench/startup.mjs [RUNS]        (default: 7)
import { setTimeout as sleep } from "node:timers/promises";
import { median, report, spread, useReleaseBuild } from "./lib.mjs";

const READY_SECONDS_AIM = 2;
const RESIDENT_MEGABYTES_AIM = 150;

useReleaseBuild();
const { Demo } = await import("../e2e/lib/demo.mjs");
const { Client } = await import("../e2e/lib/client.mjs");
const { CAMILLE } = await import("../e2e/lib/cast.mjs");
const { record, resultsOf } = await import("../e2e/lib/pages.mjs");

const runs = Number(process.argv[2] ?? 7);
const figures = { first: [], again: [], idle: [], visited: [] };
for (let run = 0; run < runs; run++) {
  const demo = await Demo.start();
  figures.first.push(demo.readySeconds);
  await sleep(500);
  figures.idle.push(demo.residentMegabytes());
  const client = new Client(demo);
  await client.signIn(demo.person(CAMILLE));
  const page = await client.get(record(client, await client.home()));
  await client.get(resultsOf(client, page)[0]);
  figures.visited.push(demo.residentMegabytes());
  client.close();
  await demo.stop();
  const again = await Demo.start({ data: demo.folder });
  figures.again.push(again.readySeconds);
  await again.stop();
  console.error(`run ${run + 1}: ready in ${demo.readySeconds.toFixed(2)} s, again ${again.readySeconds.toFixed(2)} s`);
}
console.log(`medians of ${runs} runs`);
report("ready, empty folder", median(figures.first), "s", READY_SECONDS_AIM);
console.log(`  (${spread(figures.first)} s)`);
report("ready, same folder again", median(figures.again), "s", READY_SECONDS_AIM);
report("resident memory, ready", median(figures.idle), "MB", RESIDENT_MEGABYTES_AIM);
report("resident memory, after a visit", median(figures.visited), "MB", RESIDENT_MEGABYTES_AIM);
