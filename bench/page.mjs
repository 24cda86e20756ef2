#!/usr/bin/env node
// What a signed-in page costs the door in CPU, against a page of the same kit without session, policy and trace (the
// welcome page: TLS, routing, headers, template, nothing else), release build, in one interleaved run over one kept
// connection each. The SIS runs in the demonstration's process: where the page asks it, its share is in the figure. What
// session, policy and trace alone cost is bench/record-page's to say: the same page with and without them.
//
//   node bench/page.mjs [ROUNDS]        (default: 12 rounds of 400 requests of each)
import { cpuSeconds, median, useReleaseBuild } from "./lib.mjs";

const REQUESTS_PER_ROUND = 400;

useReleaseBuild();
const { Demo } = await import("../e2e/lib/demo.mjs");
const { Client } = await import("../e2e/lib/client.mjs");
const { CAMILLE } = await import("../e2e/lib/cast.mjs");
const { record, resultsOf } = await import("../e2e/lib/pages.mjs");

const words = process.argv.slice(2);
const rounds = Number(words.find((word) => /^\d+$/.test(word)) ?? 12);

const demo = await Demo.start();
const patient = new Client(demo);
const stranger = new Client(demo);
await patient.signIn(demo.person(CAMILLE));
const path = record(patient, await patient.home());
const result = resultsOf(patient, await patient.get(path))[0];

const pages = [
  ["welcome page (no session, policy or trace)", stranger, "/fr/"],
  ["own session (session, no health data)", patient, "/fr/session"],
  ["one result (session, policy, trace, SIS)", patient, result],
  ["the record (session, policy, trace, SIS)", patient, path],
];
const costs = pages.map(() => []);
const times = pages.map(() => []);
for (let round = -1; round < rounds; round++) {
  for (const [nth, [name, client, address]] of pages.entries()) {
    const before = cpuSeconds(demo.pid);
    for (let i = 0; i < REQUESTS_PER_ROUND; i++) {
      const { status, ms } = await client.get(address);
      if (status !== 200) throw new Error(`${name}: ${status}`);
      if (round >= 0) times[nth].push(ms);
    }
    // The first round warms up.
    if (round >= 0) costs[nth].push(((cpuSeconds(demo.pid) - before) / REQUESTS_PER_ROUND) * 1e6);
  }
}
const base = median(costs[0]);
console.log(`medians of ${rounds} rounds of ${REQUESTS_PER_ROUND}, SIS inside`);
for (const [nth, [name]] of pages.entries()) {
  const cost = median(costs[nth]);
  const line = `${cost.toFixed(0)} µs of CPU, ratio ${(cost / base).toFixed(2)}, answer in ${median(times[nth]).toFixed(2)} ms`;
  console.log(`${name}: ${line}`);
}
patient.close();
stranger.close();
await demo.stop();
