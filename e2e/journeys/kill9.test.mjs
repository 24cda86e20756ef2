// The door is killed without warning, many times, while people sign in and read: after each restart the journal
// verifies, and it holds at least one entry for each answer that somebody received.
// Runs alone: it kills within so many milliseconds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CAMILLE, MARCEL, YANN } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo, temporaryFolder, verifyJournal } from "../lib/demo.mjs";
import { documentsOf, record, resultsOf } from "../lib/pages.mjs";

const ROUNDS = 5;
const LIFE_MS_MIN = 300;
const LIFE_MS_MAX = 2500;
const READERS = [CAMILLE, MARCEL, YANN];

/** Reads until the door dies; counts the health data that arrived whole. */
async function readUntilDeath(reader, demo) {
  try {
    if (!(await stillSignedIn(reader, demo))) {
      reader.client?.close();
      reader.client = new Client(demo);
      await reader.client.signIn(reader.account);
      reader.acknowledged += 1;
    }
    const page = await reader.client.get(record(reader.client, await reader.client.home()));
    assert.equal(page.status, 200);
    reader.acknowledged += 1;
    const objects = [...resultsOf(reader.client, page), ...documentsOf(reader.client, page)];
    for (let i = 0; ; i = (i + 1) % objects.length) {
      const { status } = await reader.client.get(objects[i]);
      assert.equal(status, 200, objects[i]);
      reader.acknowledged += 1;
    }
  } catch (error) {
    if (!["ECONNRESET", "ECONNREFUSED", "EPIPE"].includes(error.code)) throw error;
  }
}

/** A session outlives the process that opened it: the cookie is tried again on the new one. */
async function stillSignedIn(reader, demo) {
  if (!reader.client) return false;
  const again = new Client(demo);
  again.cookies = reader.client.cookies;
  reader.client.close();
  reader.client = again;
  return again.isSignedIn();
}

test("kill -9 at any moment loses nothing acknowledged", async () => {
  const data = temporaryFolder("kill9");
  let entries = 0;
  let readers;
  let kept = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const demo = await Demo.start({ data });
    readers ??= READERS.map((login) => ({ account: demo.person(login), acknowledged: 0 }));
    for (const reader of readers) reader.acknowledged = 0;
    if (round > 0) kept += (await stillSignedIn(readers[0], demo)) ? 1 : 0;
    const reading = Promise.allSettled(readers.map((reader) => readUntilDeath(reader, demo)));
    // The first round signs everybody in; a life is counted from there on.
    const life = (round === 0 ? 3000 : 0) + LIFE_MS_MIN + Math.random() * (LIFE_MS_MAX - LIFE_MS_MIN);
    await sleep(life);
    await demo.kill9();
    for (const outcome of await reading) if (outcome.status === "rejected") throw outcome.reason;

    // A restart recovers what was under way; a clean stop then leaves the folder at rest.
    const recovered = await Demo.start({ data });
    await recovered.stop();
    const report = await verifyJournal(data);
    const acknowledged = readers.reduce((sum, reader) => sum + reader.acknowledged, 0);
    console.log(`# round ${round + 1}: ${acknowledged} answers in ${Math.round(life)} ms, ${report.entries} entries`);
    assert.equal(report.ok, true, `round ${round + 1}: ${JSON.stringify(report)}`);
    assert.equal(report.code, 0);
    assert.equal(report.intents_open, 0, "every intent has its outcome");
    assert.ok(
      report.entries >= entries + acknowledged,
      `round ${round + 1}: ${entries} entries before, ${acknowledged} answers, ${report.entries} entries after`,
    );
    entries = report.entries;
  }
  for (const reader of readers) reader.client?.close();
  assert.ok(kept > 0, "no session outlived a kill");
});
