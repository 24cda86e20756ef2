// The disk breaks: its file system turns read-only while people work. Effects are refused, signing out and cutting are in
// force at once; once it is repaired and mounted again, all that was acknowledged is there, and the door serves.
// Runs alone: it takes a disk away.
import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Api, approved } from "../lib/api.mjs";
import { CAMILLE, ERWAN, MARCEL, YANN } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo, temporaryFolder, verifyJournal } from "../lib/demo.mjs";
import { BreakingDisk, skipBreaking } from "../lib/disk.mjs";
import { LOCKED_HERE, accountOf, officerOf, suspend } from "../lib/locking.mjs";
import { record, resultsOf } from "../lib/pages.mjs";
import { readings } from "../lib/readings.mjs";
import { Technician } from "../lib/ssh.mjs";

/** Readings before the disk breaks. */
const READ = 20;

/** A checkpoint as somebody else keeps it: no later one may contradict it. */
function keptCheckpoint(disk, data) {
  const kept = join(temporaryFolder("readonly-kept"), "checkpoint");
  cpSync(join(disk.root, data, "journal", "demo", "checkpoint"), kept);
  return kept;
}

/** The journal in the demonstration's folder verifies: with the database, whose markers are those of its acts, and against what was kept. */
async function verified(disk, data, kept) {
  const copy = join(temporaryFolder("readonly-copy"), "data");
  mkdirSync(copy);
  cpSync(join(disk.root, data), copy, { recursive: true });
  const against = kept.flatMap((file) => ["--checkpoint", file]);
  const report = await verifyJournal(copy, "--database", `sqlite:${join(copy, "poterne.db")}`, ...against);
  assert.equal(report.ok, true, JSON.stringify(report));
  return report;
}

test("a disk that turns read-only loses nothing acknowledged", { skip: skipBreaking }, async (context) => {
  const disk = await BreakingDisk.make(context);
  const data = join(disk.folder, "data");
  const start = () => Demo.start({ data, wrap: disk.wrap, root: disk.root });
  let demo = await start();
  context.after(async () => {
    if (demo.alive) await demo.kill9();
  });

  const client = new Client(demo);
  await client.signIn(demo.person(CAMILLE));
  const result = resultsOf(client, await client.get(record(client, await client.home())))[0];
  const other = new Client(demo);
  await other.signIn(demo.person(MARCEL));
  const officer = await officerOf(demo);
  const account = await accountOf(officer, YANN);
  const yann = new Client(demo);
  await yann.signIn(demo.person(YANN));
  const id = await approved(demo);
  const key = join(disk.root, disk.folder, relative(dirname(demo.folder), demo.ready.ssh_key));
  const erwan = new Technician({ account: demo.person(ERWAN), key, relay: demo.ready.ssh });
  const talking = await erwan.shell("scanner-1");
  let over = false;
  talking.ended.then(() => (over = true));
  const already = await readings(demo, result);
  for (let i = 0; i < READ; i += 1) assert.equal((await client.get(result)).status, 200, "before");
  const kept = [keptCheckpoint(disk, data)];

  disk.break();
  const refused = await client.get(result);
  assert.equal(refused.status, 503, "nothing is shown that cannot be written down");
  assert.match(refused.text, /<h1/, "the refusal is a page");
  assert.doesNotMatch(refused.text, /EROFS|read-only|os error|sqlite|panick/i, "a stranger is told no cause");

  // Signing out and cutting never wait for the disk.
  const page = await other.get("/fr/session");
  const cookies = new Map(other.cookies);
  const left = await other.submit(page, "/session/end");
  assert.ok([200, 302, 303].includes(left.status), `signing out answered ${left.status}`);
  other.cookies = cookies;
  assert.equal(await other.pageOfOwn(), 401, "the session is over, with the old cookie too");
  await new Api(demo, "desk", "beneficiary").ask("POST", `/interventions/${id}/cut`, { reason: "essai" });
  for (let tries = 0; tries < 200 && !over; tries += 1) await sleep(25);
  assert.ok(over, "the technician's session goes on");
  assert.equal((await client.get(result)).status, 503, "still");

  // Nor does locking an account: its holder is out at once.
  assert.equal(await yann.pageOfOwn(), 200);
  const told = await suspend(officer, account);
  assert.match(told.text, LOCKED_HERE, "and it is said that it could not be written down");
  assert.equal(await yann.pageOfOwn(), 401, "he is out");
  for (const one of [client, other, officer, yann]) one.close();

  await demo.kill9();
  disk.repair();
  demo = await start();
  assert.equal(await readings(demo, result), already + READ, "every reading that was shown is there, and once");
  const again = new Client(demo);
  await again.signIn(demo.person(CAMILLE));
  assert.equal((await again.get(result)).status, 200, "it serves again");
  again.close();
  await demo.stop();
  const report = await verified(disk, data, kept);
  assert.equal(report.intents_open, 0, "every act has its outcome");
});
