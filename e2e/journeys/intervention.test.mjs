// A technician reaches the demonstration's machine with OpenSSH; staff approve, watch in the traces, cut.
// Runs alone: a cut has a second.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Api, approved, asked } from "../lib/api.mjs";
import { Demo, verifyJournal } from "../lib/demo.mjs";
import { Technician, shows } from "../lib/ssh.mjs";
import { Stalls } from "../lib/stalls.mjs";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

let demo;
let erwan;
let passed;
before(async () => {
  demo = await Demo.start();
  erwan = new Technician({ account: demo.person("erwan.tanguy"), key: demo.ready.ssh_key, relay: demo.ready.ssh });
});
after(() => demo?.stop());

test("without an approved intervention in its window, nobody passes", async () => {
  await asked(demo);
  await approved(demo, { fromMinutes: 2 });
  const early = await erwan.run("scanner-1", "true");
  assert.equal(early.code, 255, "one is not approved, the other begins in two minutes");
  const elsewhere = await erwan.run("serveur-inconnu", "true");
  const sentence = (ended) => ended.stderr.split("\n").at(-2).replace(/^[^:]*: /, "");
  assert.equal(sentence(elsewhere), sentence(early), "one sentence for every reason");
});

test("in the window he works: commands, statuses, files", async () => {
  await approved(demo);
  const hello = await erwan.run("scanner-1", ["echo", "bonjour"]);
  erwan.opened = true;
  assert.deepEqual([hello.code, hello.stdout.toString()], [0, "bonjour\n"], hello.stderr);
  assert.equal((await erwan.run("scanner-1", "exit 7")).code, 7);
  assert.equal((await erwan.run("scanner-1", "false", { login: erwan.at("scanner-1", ":") })).code, 1);

  const from = join(erwan.folder, "from.bin");
  const to = join(erwan.folder, "to.bin");
  writeFileSync(from, randomBytes(3_000_000));
  const put = await erwan.put("scanner-1", from, "/essai.bin");
  assert.equal(put.code, 0, put.stderr);
  const got = await erwan.sftp("scanner-1", `ls -l\nget essai.bin ${to}\n`);
  assert.equal(got.code, 0, got.stderr);
  assert.equal(sha256(readFileSync(to)), sha256(readFileSync(from)));
  passed = sha256(readFileSync(from));
});

test("staff see which files passed, whole or not, and which names changed", async () => {
  const lines = ["-rename essai.bin essai-2.bin", "-rm absente.bin", ""];
  await erwan.sftp("scanner-1", lines.join("\n"));
  const desk = new Api(demo, "desk", "on_call");
  const acts = async () => {
    const { rows } = await desk.must("GET", "/sessions");
    const sessions = await Promise.all(rows.slice(0, 5).map((one) => desk.must("GET", `/sessions/${one.id}`)));
    return sessions.flatMap((one) => one.channels).flatMap((one) => one.files);
  };
  let files = [];
  for (let tries = 0; tries < 50; tries += 1) {
    files = await acts();
    if (files.some((one) => one.path.includes("absente")) && files.some((one) => one.verb === "written")) break;
    await sleep(100);
  }
  const found = (verb, name) => files.find((one) => one.verb === verb && one.path.endsWith(name));
  assert.equal(found("written", "essai.bin")?.sha256_in, passed, JSON.stringify(files));
  assert.equal(found("read", "essai.bin")?.sha256_out, passed);
  assert.equal(found("removed", "absente.bin")?.end, "refused");
  const renamed = found("renamed", "/essai.bin");
  assert.deepEqual([renamed?.to.endsWith("/essai-2.bin"), renamed?.end], [true, "refused"], "the machine renames nothing");
});

test("a hundred uploads of random bytes arrive whole, from the first byte", async () => {
  const first = [0x03, 0x04, 0x00, 0x7f, 0x7e, 0x1a, 0xff];
  for (let n = 0; n < 100; n += 1) {
    const bytes = randomBytes(1 + Math.floor(Math.random() * 60_000));
    bytes[0] = first[n % first.length];
    const sent = await erwan.run("scanner-1", "cat > montee.bin", { input: bytes });
    assert.equal(sent.code, 0, `upload ${n}: ${sent.stderr}`);
    const there = await erwan.run("scanner-1", "sha256sum montee.bin");
    assert.equal(there.stdout.toString().split(" ")[0], sha256(bytes), `upload ${n}, ${bytes.length} bytes`);
  }
});

test("forwarding is refused", async () => {
  const forward = await erwan.run("scanner-1", "true", { flags: ["-W", "127.0.0.1:22"] });
  assert.notEqual(forward.code, 0);
});

test("staff see the session and cut it within a second; he does not come back", async () => {
  const shell = await erwan.shell("scanner-1");
  shell.stdin.write("etat\r");
  await shows(shell, "console de maintenance");
  const watch = new Api(demo, "desk", "on_call");
  // The newest comes first. One of those before it may still be written as live: its end is not his.
  const [live] = (await watch.must("GET", "/sessions")).rows;
  assert.ok(live?.live, "the session is in the list");
  const stalls = await Stalls.watch(erwan.folder);
  const began = performance.now();
  const cut = await watch.ask("POST", `/sessions/${live.id}/cut`, { reason: "essai" });
  assert.ok(cut.status < 300, JSON.stringify(cut.body));
  const ended = await shell.ended;
  const took = performance.now() - began;
  const stalled = await stalls.most();
  assert.ok(took - stalled < 1000, `${took} ms, of which the disk kept everybody waiting ${stalled} ms`);
  assert.ok(ended.stdout.toString().includes("console de maintenance"), ended.stdout.toString());
  erwan.opened = false;
  const again = await erwan.run("scanner-1", "true");
  assert.equal(again.code, 255);
  assert.match(again.stderr, /Cette session n.est pas possible/, "his code was right");

  // It is there once its last piece is sealed.
  let recording;
  for (let tries = 0; tries < 50 && recording?.status !== 200; tries += 1) {
    if (recording) await sleep(100);
    recording = await watch.ask("GET", `/sessions/${live.id}/recording?channel=1`);
  }
  assert.equal(recording.status, 200, JSON.stringify(recording.body).slice(0, 300));
  assert.ok(String(recording.body).includes("console de maintenance"));
});

test("the traces name him, his address, his commands; the journal is whole", async () => {
  const traces = new Api(demo, "desk", "trace_controller");
  const of = async (type) => (await traces.must("GET", `/traces?type=${type}&limit=100`)).rows;
  const opened = await of("relay.opened");
  assert.ok(opened.length > 0);
  assert.ok(opened.every((trace) => trace.address && trace.author.startsWith("account:")));
  const commands = await of("relay.command");
  assert.ok(commands.some((trace) => (trace.detail ?? "").includes("montee.bin")), "commands are there");
  const files = (await of("relay.file")).map((trace) => trace.detail);
  assert.ok(files.some((detail) => detail.includes("written done") && detail.includes(passed) && detail.endsWith("/essai.bin")));
  assert.ok(files.some((detail) => detail.includes("read done") && detail.includes(passed)), files.join("\n"));
  assert.ok((await of("relay.cut")).length > 0);
  const denied = await new Api(demo, "desk", "administrator").ask("GET", "/traces");
  assert.equal(denied.status, 404, "absent and forbidden are alike");
  await demo.stop();
  const verified = await verifyJournal(demo.folder);
  assert.equal(verified.code, 0, verified.stdout);
});
