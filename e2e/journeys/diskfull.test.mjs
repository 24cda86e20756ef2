// The disk fills up: effects are refused and the page says so, signing out still works, nothing acknowledged is lost,
// and the door recovers by itself when space returns. The data folder is a small file system in a mount namespace.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { closeSync, cpSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CAMILLE, MARCEL, YANN } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo, temporaryFolder, verifyJournal } from "../lib/demo.mjs";
import { record, resultsOf } from "../lib/pages.mjs";
import { nextCode } from "../lib/totp.mjs";

const DISK_MEGABYTES = 96;
const RECOVERY_SECONDS_MAX = 15;

const permitted = spawnSync("unshare", ["-m", "true"]).status === 0;
const skip = permitted ? false : "NOT TESTED: a full disk needs root (unshare -m)";
if (skip) console.error(skip);

/** A process that holds a mount namespace in which `folder` is a small disk. */
async function smallDisk(folder) {
  const script = `mount -t tmpfs -o size=${DISK_MEGABYTES}m none "$1" && echo mounted && exec sleep 600`;
  const child = spawn("unshare", ["-m", "sh", "-c", script, "sh", folder], { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => child.kill("SIGKILL"));
  await new Promise((done, failed) => {
    child.stdout.once("data", done);
    child.once("exit", () => failed(new Error("no small disk could be mounted")));
  });
  return child;
}

/** Writes until nothing more fits. */
function fill(path) {
  const file = openSync(path, "w");
  for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 4)) {
    const block = Buffer.alloc(size, 1);
    try {
      for (;;) if (writeSync(file, block) === 0) break;
    } catch (error) {
      if (error.code !== "ENOSPC") throw error;
    }
  }
  closeSync(file);
}

test("a full disk refuses, says so, and recovers", { skip }, async (context) => {
  const folder = temporaryFolder("disk");
  const disk = await smallDisk(folder);
  const outside = join(`/proc/${disk.pid}/root`, folder);
  const data = join(folder, "data");
  const wrap = ["nsenter", "--target", String(disk.pid), "--mount", "--"];
  const demo = await Demo.start({ data, wrap, root: `/proc/${disk.pid}/root` });
  context.after(async () => {
    if (demo.alive) await demo.kill9();
    disk.kill("SIGKILL");
  });

  const client = new Client(demo);
  await client.signIn(demo.person(CAMILLE));
  const path = record(client, await client.home());
  const result = resultsOf(client, await client.get(path))[0];
  assert.equal((await client.get(result)).status, 200, "before");
  const other = new Client(demo);
  await other.signIn(demo.person(MARCEL));

  const filler = join(outside, "filler");
  fill(filler);

  // What was preallocated may still take some reads; soon none may pass.
  let refused;
  for (let i = 0; i < 2000 && refused === undefined; i++) {
    const answer = await client.get(result);
    if (answer.status !== 200) refused = answer;
    else fill(join(outside, `filler-${i % 8}`));
  }
  assert.ok(refused, "a full disk refused nothing");
  assert.equal(refused.status, 503);
  assert.match(refused.text, /<h1/, "the refusal is a page");
  assert.doesNotMatch(refused.text, /ENOSPC|No space|sqlite|panick|os error/i, "a stranger is told no cause");
  const newcomer = new Client(demo);
  const welcome = await newcomer.get("/fr/");
  assert.equal(welcome.status, 200, "the welcome page needs no disk");
  const yann = demo.person(YANN);
  const filled = { username: yann.login, "current-password": yann.password };
  const second = await newcomer.submit(welcome, "/fr/session", filled);
  const code = { "one-time-code": await nextCode(yann.totp_secret) };
  const attempt = second.status === 503 ? second : await newcomer.submit(second, "/fr/session/code", code);
  assert.equal(attempt.status, 503, "signing in is an effect");
  assert.equal(newcomer.cookies.size, 0);
  newcomer.close();

  // Signing out never waits for the journal.
  const page = await other.get("/fr/session");
  const cookies = new Map(other.cookies);
  const left = await other.submit(page, "/session/end");
  assert.ok([200, 302, 303].includes(left.status), `signing out answered ${left.status}`);
  other.cookies = cookies;
  assert.equal(await other.isSignedIn(), false, "the session is over, with the old cookie too");
  other.close();

  rmSync(filler);
  for (let i = 0; i < 8; i++) rmSync(join(outside, `filler-${i}`), { force: true });
  const began = Date.now();
  let status;
  do {
    status = (await client.get(result)).status;
    if (status !== 200) await sleep(250);
  } while (status !== 200 && Date.now() - began < RECOVERY_SECONDS_MAX * 1000);
  assert.equal(status, 200, `not recovered ${RECOVERY_SECONDS_MAX} s after space returned`);
  client.close();

  await demo.stop();
  const copy = temporaryFolder("disk-copy");
  mkdirSync(join(copy, "data"), { recursive: true });
  cpSync(join(outside, "data"), join(copy, "data"), { recursive: true });
  const report = await verifyJournal(join(copy, "data"));
  assert.equal(report.ok, true, JSON.stringify(report));
});
