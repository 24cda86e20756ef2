// A machine of the hospital's own, with OpenSSH's server: reached with credentials that the technician never sees; down, or
// with another key than the one that was signed, it is given nothing and both sides are told. Rows written into the
// database by hand open nothing.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Api, approved, asked, registered } from "../lib/api.mjs";
import { Demo, verifyJournal } from "../lib/demo.mjs";
import { Technician } from "../lib/ssh.mjs";
import { Sshd } from "../lib/sshd.mjs";

const TARGET = "serveur-images";

let demo;
let erwan;
let machine;
before(async () => {
  demo = await Demo.start();
  machine = await new Sshd().start();
  erwan = technician();
});
after(async () => {
  await demo?.stop();
  await machine?.stop();
});

const technician = () =>
  new Technician({ account: demo.person("erwan.tanguy"), key: demo.ready.ssh_key, relay: demo.ready.ssh });

/** What happened to an intervention, as the desk shows it. */
async function history(id) {
  const one = await new Api(demo, "desk", "beneficiary").must("GET", `/interventions/${id}`);
  return one.history.map((step) => `${step.act}: ${step.note}`).join("\n");
}

/** The details of the traces of one type, newest first. */
async function traced(type) {
  const found = await new Api(demo, "desk", "trace_controller").must("GET", `/traces?type=${type}&limit=100`);
  return found.rows.map((trace) => trace.detail ?? "").join("\n");
}

/** What a condition gives once it gives something. */
async function soon(what, condition) {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await condition();
    if (found) return found;
    await sleep(50);
  }
  throw new Error(`${what}: not in five seconds`);
}

/** The intervention on the machine. */
async function ours() {
  const { rows } = await new Api(demo, "desk", "on_call").must("GET", "/interventions");
  return rows.find((one) => one.equipment_name === TARGET).id;
}

/** Waits until the desk and the traces tell of a session of the intervention that ended so. */
async function told(id, end, detail) {
  await soon(`a session that ended by ${end}`, async () => {
    const { rows } = await new Api(demo, "desk", "on_call").must("GET", "/sessions");
    return rows.some((one) => one.intervention === id && one.end === end);
  });
  assert.match(await history(id), new RegExp(`alarm: ${end}`));
  assert.match(await traced("relay.alarm"), detail);
}

test("a real server is reached, with credentials that stay in the door", async () => {
  await registered(demo, TARGET, machine);
  await approved(demo, { equipment: TARGET });
  const ended = await erwan.run(TARGET, "echo $SSH_CONNECTION; exit 3");
  assert.equal(ended.code, 3, ended.stderr);
  erwan.opened = true;
  assert.match(ended.stdout.toString(), /^127\.0\.0\.1 /);
  const bytes = randomBytes(2_000_000);
  const sum = await erwan.run(TARGET, "sha256sum", { input: bytes });
  assert.equal(sum.stdout.toString().split(" ")[0], createHash("sha256").update(bytes).digest("hex"));
  const shown = JSON.stringify(await new Api(demo, "desk", "administrator").must("GET", "/targets"));
  assert.ok(shown.includes(TARGET) && !shown.includes("PRIVATE KEY"), "the secret is never given back");
});

test("a machine that is down: the technician, the desk and the trace are told so", async () => {
  await machine.stop();
  const ended = await erwan.run(TARGET, "true");
  assert.notEqual(ended.code, 0);
  assert.match(ended.stderr, /L’équipement ne répond pas/);
  await told(await ours(), "unreachable", /serveur-images: Connection refused/);
  await machine.start();
  assert.equal((await erwan.run(TARGET, "true")).code, 0, "once it is back it is reached again");
});

test("a machine with another key is given nothing, and all are told", async () => {
  await machine.stop();
  await machine.startWithAnotherKey();
  const ended = await erwan.run(TARGET, "true");
  assert.notEqual(ended.code, 0);
  assert.match(ended.stderr, /n’a pas montré la clé attendue/);
  await told(await ours(), "host_key", /serveur-images: another host key was shown: SHA256:/);
});

/** Runs one statement on the demonstration's database, as somebody who may write there would. */
function write(statement) {
  const script = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], timeout=10); assert d.execute(sys.argv[2]).rowcount == 1; d.commit()";
  execFileSync("python3", ["-c", script, join(demo.folder, "poterne.db"), statement]);
}

/** An identifier, as SQL writes its bytes. */
function blob(id) {
  const bits = [...id].map((letter) => "abcdefghijklmnopqrstuvwxyz234567".indexOf(letter).toString(2).padStart(5, "0"));
  const bytes = bits.join("").match(/.{8}/g).slice(0, 16);
  return `x'${bytes.map((byte) => Number.parseInt(byte, 2).toString(16).padStart(2, "0")).join("")}'`;
}

test("an approval copied by hand from another intervention opens nothing; the desk is told why", async () => {
  const given = await approved(demo, { equipment: "automate-pharmacie", untilMinutes: 30 });
  const wanted = await asked(demo, { equipment: "scanner-1", untilMinutes: 30 });
  write(
    "INSERT INTO intervention_signatures SELECT randomblob(length(nonce)), " +
      `${blob(wanted)}, kind, account_id, until_micros, released, at_micros, sealed FROM intervention_signatures ` +
      `WHERE intervention_id = ${blob(given)} AND kind = 'approve'`,
  );
  write(`UPDATE interventions SET state = 'planned' WHERE id = ${blob(wanted)}`);
  erwan = technician();
  const forged = await erwan.run("scanner-1", "true");
  assert.equal(forged.code, 255, "nobody comes in by it");
  const absent = await erwan.run("serveur-inconnu", "true");
  const sentence = (ended) => ended.stderr.split("\n").at(-2).replace(/^[^:]*: /, "");
  assert.equal(sentence(forged), sentence(absent), "a stranger learns nothing");
  assert.match(await history(wanted), /session_refused: an approval does not fit what stands here/);
});

test("started again, the demonstration keeps what was approved; on another desk's port it refuses to start", async () => {
  const id = await approved(demo, { equipment: "automate-pharmacie", untilMinutes: 30 });
  await demo.stop();
  const desk = demo.ready.desk;
  demo = await Demo.start({ data: demo.folder });
  assert.equal(demo.ready.desk, desk, "signatures are bound to the desk's origin");
  erwan = technician();
  const ended = await erwan.run("automate-pharmacie", "true");
  assert.equal(ended.code, 0, `${ended.stderr}\n${await history(id)}`);
  await demo.stop();
  const taken = createServer();
  await new Promise((done) => taken.listen(Number(new URL(desk).port), "127.0.0.1", done));
  await assert.rejects(Demo.start({ data: demo.folder }), /free it, or name another folder/);
  await new Promise((done) => taken.close(done));
  const verified = await verifyJournal(demo.folder);
  assert.equal(verified.code, 0, verified.stdout);
});
