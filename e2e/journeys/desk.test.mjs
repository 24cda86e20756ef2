// Somebody who answers for a machine, on a telephone: a passkey enrolled and confirmed, a request read and signed, a
// session watched, cut and seen again. The passkey is Chromium's own, the technician is OpenSSH.
// Runs alone: a cut has a second.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Api, asked } from "../lib/api.mjs";
import { Authenticator } from "../lib/authenticator.mjs";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { ERWAN, MAUD, NADIA } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";
import { Technician } from "../lib/ssh.mjs";

const TARGET = "scanner-1";
const LABEL = "téléphone de garde";
// What a hostile machine could send to whoever watches: a title, a clipboard, a cleared screen, markup.
const TRAP = '\x1b]0;titre vole\x07\x1b]52;c;cGllZ2U=\x07\x1b[2J\x1b[H<img src=x onerror="piege=1"><script>piege=2</script>\r\n';

let demo;
let browser;
let nadia;
let device;
let maud;
let erwan;
let id;
let session;
let shell;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
  erwan = new Technician({ account: demo.person(ERWAN), key: demo.ready.ssh_key, relay: demo.ready.ssh });
  nadia = await Visitor.open(browser, demo, { door: "desk", viewport: PHONE });
  device = await Authenticator.on(nadia.page);
  await nadia.signIn(demo.person(NADIA));
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** The fingerprint that a part of a page shows. */
async function fingerprint(visitor, part) {
  const label = part.getByText(visitor.says("desk.passkeys.fingerprint"), { exact: false }).last();
  return (await label.locator("xpath=ancestor-or-self::*[.//code][1]").locator("code").innerText()).trim();
}

/** Nobody has approved it. */
async function assertWaits(id) {
  const found = await new Api(demo, "desk", "beneficiary").must("GET", `/interventions/${id}`);
  assert.deepEqual([found.state, found.approvals], ["waiting", []]);
}

/** What the drawn screen says. */
const screen = (visitor) => visitor.page.locator("[data-screen]").innerText();

/** Waits until the drawn screen says this. */
async function shows(visitor, text) {
  await visitor.page.locator("[data-screen]").filter({ hasText: text }).waitFor();
}

/** Her home page, loaded again until it shows so many of these. */
async function reloadedUntil(found, many) {
  for (let tries = 0; tries < 50; tries += 1) {
    await nadia.go("/");
    if ((await found.count()) === many) return;
    await sleep(200);
  }
  assert.fail(`the home page never shows ${many}`);
}

/** Nothing but lines of text came of what the machine sent. */
async function assertInert(visitor) {
  const found = await visitor.page.evaluate(() => ({
    kinds: [...new Set([...document.querySelectorAll("[data-screen] *")].map((one) => one.localName))].sort(),
    classes: [...new Set([...document.querySelectorAll("[data-screen] *")].map((one) => one.className))].sort(),
    trap: typeof globalThis.piege,
    title: document.title,
  }));
  assert.deepEqual(found.kinds, ["div", "span"]);
  assert.deepEqual(found.classes, ["", "screen-cursor", "screen-row"]);
  assert.equal(found.trap, "undefined", "what a machine sends is never run");
  assert.ok(!found.title.includes("titre vole"), found.title);
}

test("a passkey is enrolled in the page, and signs nothing yet", async () => {
  await nadia.go("/means");
  await nadia.assertHeading("desk.means.title");
  await nadia.page.getByLabel(nadia.says("desk.means.label")).first().fill(LABEL);
  await nadia.button("desk.means.enrol").click();
  const row = nadia.page.getByRole("listitem").filter({ hasText: LABEL });
  await row.waitFor();
  assert.match(await row.innerText(), nadia.says("desk.means.not_vouched"));
  assert.equal((await device.credentials()).length, 1);

  id = await asked(demo, { purpose: "Remplacement du ventilateur 2", ticket: "BIO-2026-204" });
  await nadia.go(`/interventions/${id}`);
  await nadia.button("desk.intervention.approve").click();
  await nadia.page.getByText(nadia.says("desk.problem.signature")).waitFor();
  await assertWaits(id);
});

test("an administrator compares its fingerprint, and confirms it with his own passkey", async () => {
  maud = await Visitor.open(browser, demo, { door: "desk" });
  await (await Authenticator.on(maud.page)).holdDemonstrationsOf(demo, MAUD);
  await maud.signIn(demo.person(MAUD));
  await maud.link("desk.home.vouch").click();
  await maud.assertHeading("desk.passkeys.title");
  const waiting = maud.page.getByRole("listitem").filter({ hasText: LABEL });
  await waiting.getByRole("link", { name: maud.says("desk.passkeys.vouch") }).click();
  await maud.assertHeading("desk.passkeys.vouch_title");
  await nadia.go("/means");
  const own = nadia.page.getByRole("listitem").filter({ hasText: LABEL });
  assert.equal(await fingerprint(maud, maud.page.getByRole("main")), await fingerprint(nadia, own));
  await maud.button("desk.intervention.sign").click();
  await maud.assertHeading("desk.passkeys.title");
  const done = maud.page.getByRole("listitem").filter({ hasText: LABEL });
  assert.match(await done.innerText(), maud.says("desk.means.vouched"));
  maud.assertQuiet();
});

test("the terms on the page are those that are signed, and the door then opens", async () => {
  const before = await erwan.run(TARGET, "true");
  assert.equal(before.code, 255, "nothing is approved yet");
  await nadia.go("/");
  const card = nadia.page.getByRole("region", { name: nadia.says("desk.home.waiting") });
  await card.getByRole("link").first().click();
  await nadia.assertHeading("desk.intervention.title");
  const page = await nadia.page.getByRole("main").innerText();
  for (const told of ["Remplacement du ventilateur 2", "BIO-2026-204", "Erwan Tanguy", "Armor Imagerie", "SHA256:"]) {
    assert.ok(page.includes(told), `${told} is told before anybody signs`);
  }
  await nadia.page.getByText(nadia.says("desk.intervention.exact")).click();
  const exact = JSON.parse(await nadia.page.locator("pre.terms").innerText());
  const kept = await new Api(demo, "desk", "beneficiary").must("GET", `/interventions/${id}/terms?act=approve`);
  assert.deepEqual(exact.terms, kept.terms.terms, "a program reads the same");
  assert.deepEqual([exact.kind, exact.terms.id, exact.terms.equipment.name], ["approve", id, TARGET]);

  // A finger that is not hers signs nothing, and the page says so.
  await device.recognises(false);
  await nadia.button("desk.intervention.approve").click();
  await nadia.page.getByText(nadia.says("desk.problem.passkey")).waitFor();
  await device.recognises(true);
  await nadia.button("desk.intervention.approve").click();
  await nadia.page.getByText(nadia.says("intervention.state.planned")).first().waitFor();

  const worked = await erwan.run(TARGET, ["echo", "bonjour"]);
  erwan.opened = true;
  assert.deepEqual([worked.code, worked.stdout.toString()], [0, "bonjour\n"], worked.stderr);
});

test("she watches what he types; what the machine sends is text and nothing else", async () => {
  const sent = await erwan.run(TARGET, "cat > piege.txt", { input: TRAP });
  assert.equal(sent.code, 0, sent.stderr);
  const live = nadia.page.getByRole("region", { name: nadia.says("desk.home.live") }).getByRole("link");
  await reloadedUntil(live, 0);
  shell = await erwan.shell(TARGET);
  shell.stdin.write("etat\r");
  await reloadedUntil(live, 1);
  await live.click();
  await nadia.assertHeading("desk.session.title");
  session = new URL(nadia.page.url()).pathname;
  await shows(nadia, "console de maintenance");
  await shows(nadia, "prochaine calibration");
  shell.stdin.write("echo mesure en cours\r");
  await shows(nadia, "echo mesure en cours");
  shell.stdin.write("cat piege.txt\r");
  await shows(nadia, '<script>piege=2</script>');
  assert.ok((await screen(nadia)).includes('<img src=x onerror="piege=1">'), "markup is shown as it is written");
  await assertInert(nadia);
  await nadia.assertFits();
});

test("she cuts it in one press; he is out within a second, and stays out", async () => {
  const began = performance.now();
  const over = shell.ended.then((ended) => ({ ended, took: performance.now() - began }));
  await nadia.button("desk.intervention.cut_now").click();
  const { ended, took } = await over;
  assert.ok(took < 1000, `${took} ms`);
  assert.ok(ended.stdout.toString().includes("mesure en cours"), "what he had seen, he had seen");
  erwan.opened = false;
  const again = await erwan.run(TARGET, "true");
  assert.equal(again.code, 255, "he does not come back");
  assert.match(again.stderr, /Cette session n.est pas possible/, "his code was right");
});

test("the replay shows it again, as inert as it was", async () => {
  await nadia.page.goto(session);
  await nadia.page.getByText(nadia.says("relay.end.cut")).first().waitFor();
  await nadia.link("desk.session.replay").first().click();
  await nadia.assertHeading("desk.session.replay_of");
  await nadia.page.locator("[data-player]").waitFor();
  const view = nadia.page.locator("[data-screen]");
  await view.focus();
  await nadia.page.keyboard.press("End");
  await shows(nadia, "<script>piege=2</script>");
  await assertInert(nadia);
  await nadia.page.keyboard.press("Home");
  // Played at its own pace from the start: what came first is seen again.
  await nadia.button("desk.session.play").click();
  await shows(nadia, "prochaine calibration");
  await nadia.assertFits();
});

test("a refusal is told with its reason", async () => {
  const other = await asked(demo, { ticket: "BIO-2026-205" });
  await nadia.go(`/interventions/${other}`);
  await nadia.page.getByText(nadia.says("desk.intervention.refuse_title")).click();
  await nadia.page.getByLabel(nadia.says("desk.intervention.reason")).fill("Le scanner sert cet après-midi");
  await nadia.page.getByRole("button", { name: nadia.says("desk.intervention.refuse"), exact: true }).click();
  await nadia.page.getByText(nadia.says("intervention.state.refused")).first().waitFor();
  const told = await new Api(demo, "suppliers", "technician").must("GET", `/interventions/${other}`);
  assert.equal(told.state, "refused");
  assert.ok(JSON.stringify(told.history).includes("Le scanner sert cet après-midi"), JSON.stringify(told.history));
});

test("what is signed on one page opens nothing else, and not what has changed", async () => {
  const one = await asked(demo, { ticket: "BIO-2026-206" });
  const other = await asked(demo, { ticket: "BIO-2026-207" });
  await nadia.go(`/interventions/${one}`);
  // The page of one, sent for the other.
  await nadia.page.locator("form[data-passkey]").evaluate((form, [from, to]) => {
    form.action = form.action.replace(from, to);
  }, [one, other]);
  await nadia.button("desk.intervention.approve").click();
  await nadia.page.getByText(nadia.says("desk.problem.signature")).waitFor();

  // Meanwhile the machine's sheet is changed, and signed again.
  await nadia.go(`/interventions/${one}`);
  await changeSheet();
  await nadia.button("desk.intervention.approve").click();
  await nadia.page.getByText(nadia.says("desk.problem.title")).waitFor();
  await assertWaits(one);
  await assertWaits(other);
  // Read again, it is what it has become that she signs.
  assert.match(await nadia.page.locator("pre.terms").textContent(), /"account": "autre-compte"/);
  await nadia.button("desk.intervention.approve").click();
  await nadia.page.getByText(nadia.says("intervention.state.planned")).first().waitFor();
  nadia.assertQuiet();
});

/** The administrator changes the account that the machine is entered by, and signs the sheet. */
async function changeSheet() {
  await maud.go("/equipment");
  await maud.page.getByRole("link", { name: TARGET }).click();
  await maud.link("desk.equipment.change").click();
  await maud.page.getByLabel(maud.says("desk.equipment.account")).fill("autre-compte");
  await maud.button("desk.equipment.check").click();
  await maud.assertHeading("desk.equipment.sign_title");
  // Another login: the secret that is kept is not for it.
  assert.equal(await maud.page.getByLabel(maud.says("desk.equipment.secret_keep")).count(), 0);
  await maud.page.locator("#secret").fill("un autre mot de passe");
  await maud.button("desk.equipment.sign").click();
  await maud.page.getByRole("definition").filter({ hasText: "autre-compte" }).waitFor();
  await maud.page.getByText(maud.says("desk.equipment.signed")).first().waitFor();
}
