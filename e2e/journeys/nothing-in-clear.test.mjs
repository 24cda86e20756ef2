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
import { hospitalResources } from "../lib/hospital.mjs";
import { Needles, formsOfBytes, formsOfText } from "../lib/needles.mjs";
import { documentsOf, recordsOf, resultsOf } from "../lib/pages.mjs";
import { Technician } from "../lib/ssh.mjs";

const READERS = [CAMILLE, MARCEL, SOPHIE, HELENE];
/** Typed and shown in a technician's terminal. */
const TYPED = "aiguille-frappee-7c41e09b";
/** Part of the file that he sends. */
const SENT = "aiguille-deposee-2f8d6a53";
/** The demonstration's own memory (passwords, its authority, the technician's key) lies here; production has no such folder. */
const MEMORY = "demo";
const MASTER = join("keys", "master.key");
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
  const all = new Needles();
  for (const one of demo.ready.accounts) {
    all.text(`the login of ${one.role} ${one.login}`, one.login);
    all.text(`the password of ${one.login}`, one.password);
    all.text(`the second factor of ${one.login}`, one.totp_secret);
    all.bytes(`the second factor's bytes of ${one.login}`, base32(one.totp_secret));
  }
  all.text("a password that was tried", "pas le bon secret");
  for (const { login, ins } of demo.ready.patients) all.text(`the INS of ${login}`, ins);
  for (const [role, token] of Object.entries(demo.ready.tokens)) all.text(`the token of ${role}`, token);
  const key = readFileSync(demo.ready.ssh_key, "utf8").split("\n").filter((line) => line && !line.startsWith("-----"));
  // The first lines of an OpenSSH key say the same for everybody; the private half, 32 bytes, comes in the second half.
  for (const line of key.slice(key.length >> 1).filter((one) => one.length > 40)) all.text("a line of the technician's private key", line);
  const raw = Buffer.from(key.join(""), "base64");
  const half = raw.lastIndexOf(Buffer.from([0, 0, 0, 64])) + 4;
  all.bytes("the technician's private key", raw.subarray(half, half + 32));
  const master = readFileSync(join(demo.folder, MASTER));
  all.bytes("the master key's file", master.subarray(0, 24));
  all.text("what was typed", TYPED);
  all.text("what was sent", SENT);
  const people = { names: 0, numbers: 0, texts: 0 };
  for (const resource of hospitalResources()) {
    if (resource.resourceType === "Patient") {
      const [{ family, given }] = resource.name;
      all.text("a patient's family name", family);
      all.text("a patient's names", `${given.join(" ")} ${family}`);
      people.names += 1;
      for (const { value } of resource.identifier ?? []) {
        all.text("a patient's number", value);
        people.numbers += 1;
      }
    }
    if (resource.resourceType === "Binary") {
      // The middle of a file: its beginning is that of every PDF.
      const file = Buffer.from(resource.data, "base64");
      const part = file.subarray(file.length >> 1, (file.length >> 1) + 48);
      if (new Set(part).size > 16) all.bytes("a part of a document", part);
    }
    for (const text of texts(resource)) {
      all.text(`a text of a ${resource.resourceType}`, text);
      people.texts += 1;
    }
  }
  assert.ok(people.names > 10 && people.numbers > 10 && people.texts > 20, `the hospital was read: ${JSON.stringify(people)}`);
  return all;
}

/** The longer texts of a result or a document: titles, conclusions. */
function texts(resource) {
  const found = [resource.description, resource.conclusion, ...(resource.note ?? []).map((note) => note.text)];
  for (const { attachment } of resource.content ?? []) found.push(attachment?.title);
  return found.filter((text) => typeof text === "string" && text.length >= 12);
}

function base32(text) {
  const bits = [...text.replace(/=+$/, "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"));
  return Buffer.from(bits.join("").match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}

const skipped = (path) => path === MEMORY || path.startsWith(`${MEMORY}/`) || path === MASTER;

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
