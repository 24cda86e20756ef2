// A technician on his first day at the suppliers' door, without JavaScript and without anybody's help: his key, his
// request, the answer, and the command that the page shows, typed as it stands into OpenSSH.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Api } from "../lib/api.mjs";
import { openBrowser, Visitor } from "../lib/browser.mjs";
import { KARIM } from "../lib/cast.mjs";
import { Demo, temporaryFolder } from "../lib/demo.mjs";
import { Technician } from "../lib/ssh.mjs";

const TARGET = "scanner-1";
const PURPOSE = "Étalonnage annuel de la tête de mesure";

let demo;
let browser;
let karim;
let hospital;
let key;
let ssh;
let id;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
  karim = await Visitor.open(browser, demo, { door: "suppliers", javaScript: false });
  hospital = new Api(demo, "desk", "beneficiary");
  key = join(temporaryFolder("key"), "id_ed25519");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "poste de Karim", "-f", key]);
  ssh = new Technician({ account: demo.person(KARIM), key, relay: demo.ready.ssh });
  await karim.signIn(demo.person(KARIM));
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** What can be read on the page. */
const read = () => karim.page.getByRole("main").innerText();

/** The page says this, under a key of the language files. */
async function says(sentence) {
  assert.match(await read(), karim.says(sentence));
}

/** The command on the page, as it stands. */
async function command() {
  return (await karim.page.locator(".command-line code").innerText()).trim();
}

/** Types a command into a terminal, then what is written in the session; resolves at the end. */
async function typed(line, input) {
  const [program, ...words] = line.split(" ");
  assert.equal(program, "ssh");
  // Beside what is shown: which key file, no files of this computer's user, and a terminal although there is none.
  const child = await ssh.start(program, [...ssh.options(), "-tt", ...words]);
  child.stdin.write(input);
  return child.ended;
}

/** He is known, and does not pass. */
function assertRefused(ended) {
  assert.equal(ended.code, 255);
  assert.match(`${ended.stdout}${ended.stderr}`, /Cette session n.est pas possible/);
  assert.equal(ended.stdout.toString().includes("console"), false);
}

/** From the home page to the form, with the machine chosen and the purpose said; the rest is as the page proposes. */
async function fillRequest() {
  await karim.go("/");
  await karim.page.getByRole("main").getByRole("link", { name: karim.says("suppliers.home.request") }).click();
  await karim.assertHeading("suppliers.request.title");
  const equipment = karim.page.getByLabel(karim.says("intervention.field.equipment"));
  const option = equipment.getByRole("option").filter({ hasText: TARGET });
  await equipment.selectOption(await option.getAttribute("value"));
  await karim.page.getByLabel(karim.says("intervention.field.purpose")).fill(PURPOSE);
}

/** Sends it; gives the identifier of what is asked for. */
async function send() {
  await karim.button("suppliers.request.send").click();
  await karim.assertHeading("suppliers.item.title");
  await says("suppliers.item.sent");
  return new URL(karim.page.url()).pathname.split("/").pop();
}

test("the first page says what he lacks, and where to put it right", async () => {
  await says("suppliers.home.no_key");
  await karim.page.getByRole("link", { name: karim.says("suppliers.home.add_key") }).click();
  await karim.assertHeading("means.title");
  // The wrong half of the pair: refused, told, and not shown again.
  const field = karim.page.getByLabel(karim.says("means.key"));
  await field.fill(readFileSync(key, "utf8"));
  await karim.button("means.key_add").click();
  await says("means.wrong.private");
  assert.ok(!(await karim.page.content()).includes("PRIVATE KEY"), "a private key is not sent back");
  await field.fill(readFileSync(`${key}.pub`, "utf8"));
  await karim.button("means.key_add").click();
  await says("means.done.key_added");
  const fingerprint = execFileSync("ssh-keygen", ["-l", "-f", key], { encoding: "utf8" }).split(" ")[1];
  assert.ok((await read()).includes(fingerprint), "the fingerprint is the one that his own computer shows");
  assert.ok((await read()).includes("poste de Karim"));
});

test("he asks; a mistake is told beside what he typed, and nothing is lost", async () => {
  await fillRequest();
  const from = karim.page.getByLabel(karim.says("suppliers.request.from"));
  const until = karim.page.getByLabel(karim.says("suppliers.request.until"));
  const end = await until.inputValue();
  await until.fill(`2020${(await from.inputValue()).slice(4)}`);
  await karim.button("suppliers.request.send").click();
  await says("suppliers.request.wrong");
  assert.equal(await karim.page.getByLabel(karim.says("intervention.field.purpose")).inputValue(), PURPOSE);
  await until.fill(end);
  id = await send();
  await says("intervention.state.waiting");
  assert.ok((await read()).includes(PURPOSE));
  assert.equal(await karim.page.locator(".command-line").count(), 0, "no command before it serves");
});

test("until the hospital answers, the home page says to wait and the relay says no", async () => {
  await karim.go("/");
  await says("suppliers.home.waiting");
  assert.match(await read(), new RegExp(TARGET));
  assertRefused(await ssh.run(TARGET, ""));
});

test("approved, the page shows the command; typed as it stands, it works", async () => {
  await hospital.must("POST", `/interventions/${id}/approve`, {});
  await karim.go("/");
  await says("suppliers.home.now");
  const atHome = await command();
  await karim.page.getByRole("link", { name: TARGET }).first().click();
  assert.equal(await command(), atHome);
  assert.equal(atHome.startsWith(`ssh ${KARIM}%${TARGET}@`), true, atHome);
  await says("suppliers.command.then");
  await says("suppliers.command.host_key");
  const [, shown] = /(SHA256:\S+)/.exec(await karim.page.locator(".command-block .fingerprint").innerText());
  const [host, port] = demo.ready.ssh.split(":");
  const keys = execFileSync("ssh-keyscan", ["-t", "ed25519", "-p", port, host], { stdio: ["ignore", "pipe", "ignore"] });
  const listed = execFileSync("ssh-keygen", ["-lf", "-"], { input: keys }).toString();
  assert.equal(listed.split(" ")[1], shown, "the gateway's key is the one that the page names");
  const ended = await typed(atHome, "etat\rexit 3\r");
  ssh.opened = true;
  assert.equal(ended.code, 3, ended.stderr);
  assert.match(ended.stdout.toString(), /console de maintenance[\s\S]*prochaine calibration/);
  await karim.page.reload();
  await says("intervention.state.open");
  await says("intervention.step.opened");
});

test("he says that he is done: the command goes, and the relay refuses him again", async () => {
  const line = await command();
  await karim.page.locator("summary").filter({ hasText: karim.says("suppliers.item.close") }).click();
  await says("suppliers.item.close_warning");
  await karim.button("suppliers.item.close_sure").click();
  await says("intervention.state.closed");
  await says("suppliers.next.closed");
  assert.equal(await karim.page.locator(".command-line").count(), 0);
  ssh.opened = false;
  assertRefused(await typed(line, "etat\r"));
});

test("what is refused says why; what he takes back is his to ask again", async () => {
  await fillRequest();
  const refused = await send();
  await hospital.must("POST", `/interventions/${refused}/refuse`, { reason: "Le scanner sert toute la journée" });
  await karim.page.reload();
  await says("suppliers.next.refused");
  assert.ok((await read()).includes("Le scanner sert toute la journée"));
  await karim.link("suppliers.item.again").click();
  await karim.assertHeading("suppliers.request.title");
  assert.equal(await karim.page.getByLabel(karim.says("intervention.field.purpose")).inputValue(), PURPOSE);
  await send();
  await karim.page.locator("summary").filter({ hasText: karim.says("suppliers.item.withdraw") }).click();
  await karim.button("suppliers.item.withdraw_sure").click();
  await says("suppliers.next.withdrawn");
  karim.assertQuiet();
});
