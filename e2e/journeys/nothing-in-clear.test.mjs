// Somebody signed in, records were read, documents opened, a technician worked by SSH, traces were searched: then
// every byte of the data folder is searched for names, identifiers, passwords, secrets, keys and texts, in each usual form.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Api, approved } from "../lib/api.mjs";
import { CAMILLE, ERWAN, HELENE, MARCEL, SOPHIE } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo, temporaryFolder } from "../lib/demo.mjs";
import { Needles, formsOfBytes, formsOfText } from "../lib/needles.mjs";
import { documentsOf, recordsOf, resultsOf } from "../lib/pages.mjs";
import { MEMORY, secretsOf, skipped } from "../lib/secrets.mjs";
import { Technician } from "../lib/ssh.mjs";

const READERS = [CAMILLE, MARCEL, SOPHIE, HELENE];
/** Typed and shown in a technician's terminal. */
const TYPED = "aiguille-frappee-7c41e09b";
/** Part of the file that he sends. */
const SENT = "aiguille-deposee-2f8d6a53";
const REALLY_READ_BYTES_MIN = 1024 * 1024;

let demo;
const patients = new Set();
before(async () => {
  demo = await Demo.start();
});
after(async () => {
  if (demo?.alive) await demo.stop();
});

/** Signs in and reads the first records with some of what they hold; gives the texts of the pages. */
async function reads(login) {
  const client = new Client(demo);
  await client.signIn(demo.person(login));
  let opened = 0;
  for (const path of recordsOf(client, await client.home()).slice(0, 3)) {
    patients.add(/records\/([^/?]+)/.exec(path)[1]);
    const page = await client.get(path);
    for (const one of [...resultsOf(client, page).slice(0, 3), ...documentsOf(client, page).slice(0, 3)]) {
      const answer = await client.get(one);
      if (answer.status === 200) opened += 1;
      const sheet = client.links(answer, /\/(content|sheet|file|pdf)\b/)[0];
      if (sheet) await client.get(sheet);
    }
  }
  client.close();
  assert.ok(opened > 0, `${login} read nothing`);
}

/** What a person does that would leave traces of himself. */
async function work() {
  for (const login of READERS) await reads(login);
  const failing = new Client(demo);
  const welcome = await failing.get("/fr/");
  await failing.submit(welcome, "/fr/session", { username: demo.person(CAMILLE).login, "current-password": "pas le bon secret" });
  failing.close();

  await approved(demo);
  const erwan = new Technician({ account: demo.person(ERWAN), key: demo.ready.ssh_key, relay: demo.ready.ssh });
  const sent = await erwan.run("scanner-1", "cat > aiguille.txt", { input: `${SENT}\n`.repeat(50) });
  assert.equal(sent.code, 0, sent.stderr);
  erwan.opened = true;
  const shell = await erwan.shell("scanner-1");
  shell.stdin.write(`${TYPED}\rcat aiguille.txt\rexit\r`);
  const { stdout } = await shell.ended;
  assert.match(stdout.toString(), new RegExp(TYPED), "the terminal showed what was typed");

  const controller = new Api(demo, "desk", "trace_controller");
  // What is searched for goes into the trace of the search.
  await controller.must("GET", `/traces?q=${encodeURIComponent(CAMILLE)}`);
  const searched = await controller.must("GET", "/traces?type=traces");
  assert.ok(searched.rows.length > 0, "the search left its trace");
}

/** All that must not be there. */
function needles() {
  const all = secretsOf(demo);
  all.text("a password that was tried", "pas le bon secret");
  all.text("what was typed", TYPED);
  all.text("what was sent", SENT);
  return all;
}

test("the data folder tells nothing to whoever has it without its keys", async () => {
  await work();
  const all = needles();
  // Once as it is under way, with the database's own log; once at rest.
  const busy = all.inFolder(demo.folder, skipped);
  await demo.stop();
  const quiet = all.inFolder(demo.folder, skipped);
  console.log(`# ${all.count} needles in ${busy.bytes} and ${quiet.bytes} bytes`);
  assert.deepEqual(busy.found, []);
  assert.deepEqual(quiet.found, []);
  assert.ok(quiet.bytes > REALLY_READ_BYTES_MIN, "the folder was read");
  for (const place of ["poterne.db", "journal/demo/checkpoint", "recordings"]) {
    const there = readdirSync(demo.folder, { recursive: true }).some((path) => path.startsWith(place));
    assert.ok(there, `${place} is there to be searched`);
  }
  // The journal names patients under seal only: not even by Poterne's own identifier.
  const sealed = new Needles();
  for (const patient of patients) {
    sealed.text("a patient's identifier", patient);
    const hex = patient.replace(/-/g, "");
    if (/^[0-9a-f]{32}$/i.test(hex)) sealed.bytes("a patient's identifier's bytes", Buffer.from(hex, "hex"));
  }
  assert.ok(sealed.count > 2, "patients were read");
  assert.deepEqual(sealed.inFolder(join(demo.folder, "journal")).found, []);
});

test("the search finds what is there", () => {
  const all = needles();
  // In the demonstration's own memory passwords and secrets are in clear, and found.
  const memory = all.inFolder(join(demo.folder, MEMORY)).found.join("\n");
  for (const one of demo.ready.accounts.slice(0, 5)) {
    assert.ok(memory.includes(`the password of ${one.login} in memory.json`), `the password of ${one.login}`);
    assert.ok(memory.includes(`the second factor of ${one.login} in memory.json`), `the second factor of ${one.login}`);
  }
  assert.match(memory, /a line of the technician's private key in /);

  // Planted in a copy of the database, in each form and at any place, each is found.
  const folder = temporaryFolder("planted");
  const planted = new Needles();
  planted.text("planted", "Éléonore Test-Aiguille");
  const copy = join(folder, "poterne.db");
  copyFileSync(join(demo.folder, "poterne.db"), copy);
  assert.deepEqual(planted.inFolder(folder).found, []);
  const clean = readFileSync(copy);
  const carriers = [
    ...formsOfText("Éléonore Test-Aiguille"),
    ...formsOfBytes(Buffer.from("x Éléonore Test-Aiguille y")),
    Buffer.from(Buffer.from("{\"nom\":\"éléonore test-aiguille\"}").toString("base64")),
    Buffer.from("ELEONORE TEST-AIGUILLE", "utf16le"),
    Buffer.from("?q=%C3%89l%C3%A9onore%20Test-Aiguille&x"),
  ];
  for (const [number, carrier] of carriers.entries()) {
    const at = (clean.length * (number + 1)) / (carriers.length + 2);
    const bytes = Buffer.concat([clean.subarray(0, at), carrier, clean.subarray(at)]);
    writeFileSync(copy, bytes);
    assert.equal(planted.inFolder(folder).found.length, 1, `form ${number}: ${carrier.toString("latin1")}`);
  }
});
